"""Debian's Apache with the configuration of the guide, in front of an application without any sign-in code."""

import asyncio
import json
import secrets
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.doc_examples.conftest import Street, signs_in
from tests.e2e.citizen_page import Citizen
from tests.e2e.raw_client import SOON, eventually
from tests.support.ports import LOOPBACK
from tests.support.program import Program, answers
from tests.support.programs import need

MODULES = Path("/usr/lib/apache2/modules")
LOADED = ("mpm_event", "authz_core", "authn_core", "authz_user", "auth_openidc", "proxy", "proxy_http")
APPLICATION = "http://127.0.0.1:9001"

AROUND = """
ServerRoot {folder}
ServerName localhost
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
LogLevel warn
Listen {loopback}:{port}
User www-data
Group www-data
Include {folder}/portico.conf
"""
"""What Debian's own files say around the guide's."""


class Application(BaseHTTPRequestHandler):
    """Answers with the headers that it was sent."""

    def do_GET(self) -> None:
        """Any address."""
        body = json.dumps(dict(self.headers.items())).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def application() -> Iterator[str]:
    """Base URL of the application."""
    server = ThreadingHTTPServer((LOOPBACK, 0), Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{LOOPBACK}:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
async def apache(street: Street, application: str, tmp_path: Path) -> AsyncIterator[str]:
    """Address of Apache, which is the service of the guide."""
    need(str(MODULES / "mod_auth_openidc.so"))
    street.laid_out("apache", tmp_path)
    ours, port = tmp_path / "portico.conf", street.ports["apache"]
    text = ours.read_text()
    assert APPLICATION in text
    ours.write_text(text.replace(APPLICATION, application))
    loaded = "".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so\n" for name in LOADED)
    main = tmp_path / "apache.conf"
    main.write_text(loaded + AROUND.format(folder=tmp_path, port=port, loopback=LOOPBACK))
    secret = (street.secrets / "permits-apache").read_text().strip()
    program = Program(
        [need("apache2"), "-D", "FOREGROUND", "-f", main],
        ready=lambda _: answers(port),
        env={"CLIENT_SECRET": secret, "CRYPTO_PASSPHRASE": secrets.token_urlsafe(32)},
    )
    await asyncio.to_thread(program.start)
    yield street.base("apache")
    await asyncio.to_thread(program.stop)


async def headers(citizen: Citizen, base: str) -> dict[str, str]:
    """Headers that the application receives when this person opens a page with a forged header."""
    await citizen.page.set_extra_http_headers({"OIDC_CLAIM_name": "Somebody Else"})
    answer = await citizen.page.goto(f"{base}/page")
    await citizen.page.set_extra_http_headers({})
    assert answer is not None
    received: dict[str, str] = await answer.json()
    return received


async def test_apache_signs_a_citizen_in_for_an_application_that_reads_who_it_is_from_headers(
    apache: str, citizen: Citizen
) -> None:
    await signs_in(citizen, f"{apache}/page")
    await citizen.page.wait_for_url(f"{apache}/page")
    received = await headers(citizen, apache)
    assert (received["OIDC_CLAIM_name"], received["OIDC_CLAIM_acr"]) == ("Amina Hughes", "substantial")

    await citizen.page.goto(f"{apache}/portico?logout={quote(f'{apache}/bye', safe='')}")
    await citizen.goes_back()
    await citizen.page.wait_for_url(f"{apache}/bye**")
    await citizen.page.goto(f"{apache}/page")
    await citizen.sees("How do you want to prove who you are?")


async def test_a_citizen_who_signs_out_at_the_broker_is_signed_out_behind_apache(
    street: Street, apache: str, citizen: Citizen
) -> None:
    await signs_in(citizen, f"{apache}/page", "ioan")
    await citizen.page.wait_for_url(f"{apache}/page")
    kept = {each["name"]: each["value"] for each in await citizen.page.context.cookies(apache)}
    await citizen.page.goto(f"{street.stage.issuer}/logout")
    await citizen.press("Sign out")

    async with httpx.AsyncClient(cookies=kept) as browser:

        async def sent_away() -> bool:
            return (await browser.get(f"{apache}/page")).status_code == 302

        await eventually(SOON, sent_away)

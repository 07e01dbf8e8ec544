"""The quick starts, run as they are printed: cut out of the guide, with nothing changed but ports."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from playwright.async_api import Request, expect

from tests.doc_examples.conftest import Street, proves, signs_in
from tests.doc_examples.guides import GUIDES, every_guide
from tests.e2e.citizen_page import Citizen
from tests.support.peers import NODE, PEERS
from tests.support.ports import free_port
from tests.support.program import Program, answers
from tests.support.programs import need

RUN = ("python", "javascript", "browser", "curl", "apache")


@asynccontextmanager
async def running(command: list[str | Path], port: int, folder: Path, env: Mapping[str, str]) -> AsyncIterator[Program]:
    """Runs a service's program until the block ends, in a thread, since it may call the broker before it listens."""
    program = Program(command, ready=lambda _: answers(port), folder=folder, env=env)
    await asyncio.to_thread(program.start)
    try:
        yield program
    finally:
        await asyncio.to_thread(program.stop)


async def page_json(citizen: Citizen, base: str) -> dict[str, Any]:
    """JSON of a service's page, once the citizen is back."""
    await citizen.page.wait_for_url(f"{base}/callback?**")
    content: dict[str, Any] = json.loads(await citizen.page.locator("body").inner_text())
    return content


async def test_the_service_of_the_python_guide_signs_a_citizen_in_explains_a_refusal_and_signs_out(
    street: Street, citizen: Citizen, tmp_path: Path
) -> None:
    street.laid_out("python", tmp_path)
    base = street.base("python")
    secret = (street.secrets / "permits-python").read_text().strip()
    command: list[str | Path] = [sys.executable, "service.py"]
    async with running(command, street.ports["python"], tmp_path, {"CLIENT_SECRET": secret}):
        await citizen.page.goto(f"{base}/sign-in")
        await citizen.press("Stop and go back to Parking permits")
        refused = await page_json(citizen, base)
        assert refused["error"] == "access_denied"
        await citizen.page.goto(refused["explained"])
        await citizen.reads("error=access_denied")
        await signs_in(citizen, f"{base}/sign-in")
        known = await page_json(citizen, base)
        assert (known["acr"], known["name"]) == ("substantial", "Amina Hughes")
        await citizen.page.goto(f"{base}/sign-out")
        await citizen.goes_back()
        await citizen.page.wait_for_url(f"{base}/**")
        await citizen.page.goto(f"{base}/sign-in")
        await citizen.sees("How do you want to prove who you are?")


async def test_the_service_of_the_javascript_guide_signs_a_citizen_in_and_the_browser_carries_no_parameters(
    street: Street, citizen: Citizen, tmp_path: Path
) -> None:
    street.laid_out("javascript", tmp_path)
    (tmp_path / "node_modules").symlink_to(PEERS / "node_modules")
    asked: list[str] = []

    def listen(request: Request) -> None:
        if request.url.startswith(f"{street.stage.issuer}/authorize"):
            asked.append(urlsplit(request.url).query)

    citizen.page.on("request", listen)
    key = street.secrets / "permits-js.pem"
    command: list[str | Path] = [NODE, "service.mjs"]
    async with running(command, street.ports["javascript"], tmp_path, {"CLIENT_KEY": str(key)}):
        await signs_in(citizen, f"{street.base('javascript')}/sign-in")
        known = await page_json(citizen, street.base("javascript"))
    assert (known["acr"], known["name"], known["token_type"]) == ("substantial", "Amina Hughes", "dpop")
    assert [set(parse_qs(query)) for query in asked] == [{"client_id", "request_uri"}]


async def test_the_page_of_the_browser_guide_signs_a_citizen_in_renews_and_signs_out_without_a_server(
    street: Street, citizen: Citizen, tmp_path: Path
) -> None:
    """oidc-client-ts in Chromium, from a page of another origin: CORS, PKCE, a bearer public client."""
    street.laid_out("browser", tmp_path)
    (tmp_path / "node_modules").symlink_to(PEERS / "node_modules")
    base, shown, issuer = street.base("browser"), citizen.page.locator("#told"), street.stage.issuer
    called: list[tuple[str, str]] = []

    def listen(request: Request) -> None:
        if request.url.startswith(issuer) and request.resource_type == "fetch":
            called.append((request.method, urlsplit(request.url).path))

    citizen.page.on("request", listen)
    port = street.ports["browser"]
    command: list[str | Path] = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    async with running(command, port, tmp_path, {}):
        await citizen.page.goto(base)
        await citizen.press("Sign in")
        await citizen.press("Stop and go back to Garden permits")
        await expect(shown).to_contain_text('"error":"access_denied"')
        await citizen.press("Sign in")
        await proves(citizen)
        await expect(shown).to_contain_text('"acr":"substantial","name":"Amina Hughes"')
        await citizen.press("Renew")
        await expect(shown).to_contain_text('"renewed":true')
        kept: str = await citizen.page.evaluate("JSON.stringify(sessionStorage)")
        user = next(json.loads(value) for value in json.loads(kept).values() if "access_token" in value)
        assert (user["token_type"], user["scope"]) == ("Bearer", "openid profile offline_access")
        await citizen.press("Sign out")
        await citizen.goes_back()
        await citizen.page.wait_for_url(f"{base}/**")
        await citizen.press("Sign in")
        await citizen.sees("How do you want to prove who you are?")
    paths = {"/.well-known/openid-configuration", "/token", "/userinfo", "/revoke"}
    assert {path for _, path in called} == paths
    async with httpx.AsyncClient(base_url=issuer) as caller:
        opened = await caller.get("/userinfo", headers={"Authorization": f"Bearer {user['access_token']}"})
        assert opened.status_code == 401


async def test_a_page_of_an_origin_that_is_not_registered_cannot_use_the_client_of_the_browser_guide(
    street: Street, citizen: Citizen, tmp_path: Path
) -> None:
    street.laid_out("browser", tmp_path)
    (tmp_path / "node_modules").symlink_to(PEERS / "node_modules")
    port = free_port()
    command: list[str | Path] = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    async with running(command, port, tmp_path, {}):
        await citizen.page.goto(f"http://localhost:{port}")
        outcome = await citizen.page.evaluate(
            "url => fetch(url).then(() => 'read', () => 'refused')",
            f"{street.stage.issuer}/.well-known/openid-configuration",
        )
    assert outcome == "refused"


async def test_the_script_of_the_shell_guide_signs_a_citizen_in_and_a_code_is_good_once(
    street: Street, citizen: Citizen, tmp_path: Path
) -> None:
    street.laid_out("curl", tmp_path)
    for program in ("curl", "openssl"):
        need(program)
    back: list[str] = []
    callback = f"{street.base('curl')}/callback"

    def listen(request: Request) -> None:
        if request.url.startswith(callback):
            back.append(request.url)

    citizen.page.on("request", listen)
    address, _ = await script(street, tmp_path, "begin")
    async with citizen.page.expect_event("requestfailed", lambda request: request.url.startswith(callback)):
        await signs_in(citizen, address.strip())
    [query] = [parse_qs(urlsplit(url).query) for url in {*back}]  # Chromium tries again by itself
    assert query["iss"] == [street.stage.issuer]
    assert query["state"] == [(tmp_path / "state").read_text()]
    person, _ = await script(street, tmp_path, "finish", query["code"][0])
    assert json.loads(person)["name"] == "Amina Hughes"
    _, complaint = await script(street, tmp_path, "finish", query["code"][0])
    assert "invalid_grant" in complaint


async def script(street: Street, folder: Path, *arguments: str) -> tuple[str, str]:
    """What the shell guide's script prints, and what it complains of."""
    env = {"PATH": "/usr/bin:/bin", "KEYS": str(street.secrets / "permits-curl")}
    pipe = asyncio.subprocess.PIPE
    run = await asyncio.create_subprocess_exec(
        "sh", "portico.sh", *arguments, cwd=folder, env=env, stdout=pipe, stderr=pipe
    )
    printed, complaint = await run.communicate()
    return printed.decode(), complaint.decode()


def test_a_guide_that_is_not_run_says_so_and_the_index_knows_each() -> None:
    index = (GUIDES / "README.md").read_text("utf-8")
    for each in every_guide():
        text = (GUIDES / f"{each.name}.md").read_text("utf-8")
        assert f"({each.name}.md)" in index
        assert ("The tests run this page as it stands" in text) is (each.name in RUN), each.name
        assert ("The tests do not run this page" in text) is (each.name not in RUN), each.name


def test_no_two_guides_register_the_same_service() -> None:
    names = [path for each in every_guide() for path in each.registrations]
    assert len(names) == len(set(names)) == len(every_guide())

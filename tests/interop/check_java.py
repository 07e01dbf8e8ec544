"""The kind `openid` against providers written in Java, unchanged; `make interop` fetches and runs them."""

import asyncio
import json
import re
import shutil
import tomllib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import httpx
import pytest

from broker.model.assurance import Level
from broker.platform.http_client import HttpClients, Timeouts
from broker.platform.system import real_system
from broker.provider import CallbackParameters
from broker.settings.providers import provider
from broker.settings.sources import Source
from providers import KINDS
from providers.openid import OpenIdConfig, build
from providers.openid.config_tables import UpstreamAuthentication
from tests.support.ports import LOOPBACK, free_port
from tests.support.program import Program, answers
from tests.unit.providers.citizen import answer, walk
from tests.unit.providers.contract import Counterpart, ProviderContract
from tests.unit.providers.stage import ASK, CALLBACK, CARD, by_secret, dependencies, free_address

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PATIENT = 600.0
"""Seconds in which Keycloak starts: it builds itself first."""

LIBRARIES = Path(__file__).parent / "java" / "lib"
LEVELS = {"loa1": Level.LOW, "loa2": Level.SUBSTANTIAL, "loa3": Level.HIGH}
CLAIMS = {"acr": "loa2", "given_name": "Amina", "family_name": "Hughes", "birthdate": "1987-04-12"}


@pytest.fixture(scope="module")
def navikt() -> Iterator[tuple[Program, str]]:
    """The mock server of NAV (Norway), and its issuer."""
    port = free_port()
    program = Program(
        ["java", "-cp", f"{LIBRARIES}/*", "no.nav.security.mock.oauth2.StandaloneMockOAuth2ServerKt"],
        ready=lambda _: answers(port),
        env={
            "SERVER_PORT": str(port),
            "SERVER_HOSTNAME": LOOPBACK,
            "JSON_CONFIG": json.dumps({"interactiveLogin": True}),
        },
    )
    yield program, f"http://{LOOPBACK}:{port}/registry"
    program.stop()


class TestNavikt(ProviderContract):
    """Several issuers in one, RS256, claims that the citizen types, no error of its own for a citizen who goes back."""

    @pytest.fixture
    async def counterpart(self, navikt: tuple[Program, str]) -> AsyncIterator[Counterpart]:
        program, issuer = navikt
        await asyncio.to_thread(program.start)
        outgoing = HttpClients(development=True, patience=Timeouts(connect=2, read=20, total=30))
        config = OpenIdConfig(
            issuer,
            "portico",
            LEVELS,
            algorithms=("RS256",),
            required_claims=("given_name", "birthdate"),
            **by_secret(UpstreamAuthentication.CLIENT_SECRET_BASIC),
        )
        on = dependencies(real_system(), outgoing)

        async def approve(url: str) -> CallbackParameters:
            return await walk(url, CALLBACK, {"username": "amina", "claims": json.dumps(CLAIMS)})

        async def refuse(_url: str) -> CallbackParameters:
            return CallbackParameters({"error": "access_denied"}, CALLBACK)

        async def stop() -> None:
            await asyncio.to_thread(program.stop)

        yield Counterpart(
            build(CARD, config, on),
            build(replace(CARD, max_level=Level.LOW), config, on),
            build(CARD, replace(config, issuer=free_address()), on),
            ASK,
            approve,
            refuse,
            stop,
            keeps_state_on_refusal=False,
            states=("s", "a.b_c-d~e", "x" * 300),
        )
        await outgoing.close()


KEYCLOAK_FILE = """
id = "eid"
kind = "openid"
names = { en = "Registry" }
needs = { en = "Your password" }
minutes = 1
max_level = "high"
[openid]
issuer = "http://127.0.0.1:{port}/realms/registry"
client_id = "portico"
authentication = "client_secret_basic"
secret_file = "secret.txt"
levels = { loa2 = "substantial", 1 = "substantial" }
algorithms = ["RS256"]
required_claims = ["given_name"]
"""


@pytest.fixture(scope="module")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, int]]:
    """Keycloak in its development mode, with a realm of one client and one person."""
    port, (home,) = free_port(), (Path(__file__).parent / "java" / "keycloak").glob("keycloak-*")
    place = tmp_path_factory.mktemp("keycloak") / "keycloak"
    shutil.copytree(home, place)
    (place / "data" / "import").mkdir(parents=True)
    shutil.copy(Path(__file__).parent / "java" / "registry-realm.json", place / "data" / "import")
    program = Program(
        [place / "bin" / "kc.sh", "start-dev", f"--http-port={port}", f"--http-host={LOOPBACK}", "--import-realm"],
        ready=lambda _: answers(port),
        env={"JAVA_OPTS_APPEND": "-Xmx512m"},
    )
    yield program, port
    program.stop()


async def sign_in(url: str) -> CallbackParameters:
    """Fills in Keycloak's form, whose address is in the page."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        page = await browser.get(url)
        found = re.search(r'action="([^"]+)"', page.text)
        assert found is not None, page.text[:500]
        form = {"username": "amina", "password": "open sesame", "credentialId": ""}
        # its cookies are marked Secure also on loopback, as browsers allow there
        cookies = "; ".join(line.partition(";")[0] for line in page.headers.get_list("set-cookie"))
        page = await browser.post(unescape(found[1]), data=form, headers={"Cookie": cookies})
        assert page.has_redirect_location, page.text[:500]
        return answer(page.headers["location"])


class TestKeycloak(ProviderContract):
    """A provider's file of ten lines and no code."""

    @pytest.fixture
    async def counterpart(self, keycloak: tuple[Program, int]) -> AsyncIterator[Counterpart]:
        program, port = keycloak
        await asyncio.to_thread(program.start, within=PATIENT)
        outgoing = HttpClients(development=True, patience=Timeouts(connect=2, read=20, total=30))
        table = tomllib.loads(KEYCLOAK_FILE.replace("{port}", str(port)))
        entry, problems = provider(Source("eid.toml", "", table, Path()), KINDS, development=True)
        assert entry is not None, problems
        on = dependencies(real_system(), outgoing)

        async def refuse(_url: str) -> CallbackParameters:
            return CallbackParameters({"error": "access_denied", "iss": entry.config.issuer}, CALLBACK)

        async def stop() -> None:
            await asyncio.to_thread(program.stop)

        yield Counterpart(
            build(entry.card, entry.config, on),
            build(replace(entry.card, max_level=Level.LOW), entry.config, on),
            build(entry.card, replace(entry.config, issuer=free_address()), on),
            replace(ASK, fresh=True),
            sign_in,
            refuse,
            stop,
            keeps_state_on_refusal=False,
        )
        await outgoing.close()

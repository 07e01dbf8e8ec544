"""The kind `openid` against providers written in Java, unchanged; `make interop` fetches and runs them."""

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from broker.crypto.jose import load_signing_key
from broker.model.assurance import Level
from broker.provider import CallbackParameters
from providers.openid import OpenIdConfig
from providers.openid.config_tables import UpstreamAuthentication
from tests.interop.documented import PATIENT, counterpart, documented
from tests.interop.visitor import come_back
from tests.support.ports import LOOPBACK, free_port
from tests.support.program import Program, answers
from tests.unit.providers.contract import Counterpart, ProviderContract
from tests.unit.providers.stage import CARD, PEM, by_secret

pytestmark = [pytest.mark.slow, pytest.mark.timeout(PATIENT + 300)]

HERE = Path(__file__).parent / "java"
QUICK_START = "-XX:TieredStopAtLevel=1"
"""The option that spares the CPU time of a Java program that lives for a minute: no optimising compiler."""
LEVELS = {"loa1": Level.LOW, "loa2": Level.SUBSTANTIAL, "loa3": Level.HIGH}
CLAIMS = {"acr": "loa2", "given_name": "Amina", "family_name": "Hughes", "birthdate": "1987-04-12"}


@pytest.fixture(scope="module")
def navikt() -> Iterator[tuple[Program, str]]:
    """The mock server of NAV (Norway), and its issuer."""
    port = free_port()
    program = Program(
        ["java", QUICK_START, "-cp", f"{HERE}/lib/*", "no.nav.security.mock.oauth2.StandaloneMockOAuth2ServerKt"],
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
        config = OpenIdConfig(
            issuer,
            "portico",
            LEVELS,
            algorithms=("RS256",),
            required_claims=("given_name", "birthdate"),
            **by_secret(UpstreamAuthentication.CLIENT_SECRET_BASIC),
        )

        async def approve(url: str) -> CallbackParameters:
            return await come_back(url, {"username": "amina", "claims": json.dumps(CLAIMS)})

        states = ("s", "a.b_c-d~e", "x" * 300)
        async with counterpart(CARD, config, program, approve, states=states) as other:
            yield other


@pytest.fixture(scope="module")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, str]]:
    """Keycloak in its development mode with a realm of one client and one person, and its issuer."""
    port, (home,) = free_port(), (HERE / "keycloak").glob("keycloak-*")
    place = tmp_path_factory.mktemp("keycloak") / "keycloak"
    shutil.copytree(home, place)
    imported = place / "data" / "import"
    imported.mkdir(parents=True)
    realm = json.loads((HERE / "registry-realm.json").read_text())
    jwks = json.dumps({"keys": [dict(load_signing_key(PEM, "ES256").jwk)]})
    realm["clients"][0]["attributes"]["jwks.string"] = jwks
    (imported / "registry-realm.json").write_text(json.dumps(realm))
    program = Program(
        [place / "bin" / "kc.sh", "start-dev", f"--http-port={port}", f"--http-host={LOOPBACK}", "--import-realm"],
        ready=lambda _: answers(port),
        env={"JAVA_OPTS_APPEND": QUICK_START},
    )
    yield program, f"http://{LOOPBACK}:{port}/realms/registry"
    program.stop()


class TestKeycloak(ProviderContract):
    """The file of docs/interop.md, private_key_jwt, and the consent page, at which the citizen can cancel."""

    @pytest.fixture
    async def counterpart(self, keycloak: tuple[Program, str]) -> AsyncIterator[Counterpart]:
        program, issuer = keycloak

        async def approve(url: str) -> CallbackParameters:
            return await come_back(url, {"username": "amina", "password": "open sesame"}, {"accept": "Yes"})

        async def refuse(url: str) -> CallbackParameters:
            # another person: Keycloak remembers who agreed
            return await come_back(url, {"username": "ioan", "password": "open sesame"}, {"cancel": "No"})

        entry = documented("keycloak.toml", issuer=issuer)
        differences = {"refuse": refuse, "keeps_state_on_refusal": True}
        async with counterpart(entry.card, entry.config, program, approve, **differences) as other:
            yield other

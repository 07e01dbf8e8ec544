"""The presets `spid` and `cie` against Italy's reference implementation, unchanged; `make interop` runs it."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from broker.model.identity import Identity
from broker.platform.http_client import HttpClients
from broker.platform.system import real_system
from broker.provider import CallbackParameters, EndsSessions, LogoutRedirect, ProviderFailureReason
from providers import ProviderDependencies
from providers.openid import build
from tests.interop.documented import PATIENT, counterpart, documented
from tests.interop.visitor import Visitor, come_back
from tests.support.ports import LOOPBACK, free_port
from tests.support.program import Program, answers
from tests.unit.providers.contract import STATE, Counterpart, ProviderContract, leave
from tests.unit.providers.presets.exchange import key_pem
from tests.unit.providers.stage import ASK, CALLBACK

pytestmark = [pytest.mark.slow, pytest.mark.timeout(PATIENT + 300)]

HERE = Path(__file__).parent / "spid"
LOGIN = {"username": "amina", "password": "apriti sesamo"}


def read(path: Path) -> bytes:
    """The broker's keys: RSA, one to sign and one to decrypt."""
    return key_pem("RSA", path.stem)


@pytest.fixture(scope="module", params=["spid", "cie"])
def scheme(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Program, str, str]]:
    """The provider with the rules of one scheme; its issuer; the name of the scheme."""
    port, name = free_port(), request.param
    issuer = f"http://{LOOPBACK}:{port}/oidc/op"
    entry = documented(f"{name}.toml", issuer=issuer)
    outgoing = HttpClients(development=True)
    registered = build(entry.card, entry.config, ProviderDependencies(outgoing, real_system(), read))
    program = Program(
        [HERE / ".venv" / "bin" / "python", HERE / "provider_site.py"],
        ready=lambda _: answers(port),
        env={
            "PORT": str(port),
            "FOLDER": str(tmp_path_factory.mktemp(name)),
            "PROFILE": name,
            "CLIENT_ID": entry.config.client_id,
            "CLIENT_JWKS": json.dumps(registered.jwks),
        },
    )
    yield program, issuer, name
    program.stop()


class TestSpidAndCie(ProviderContract):
    """The files of docs/interop.md: signed requests, two kinds of tokens, and userinfo signed inside encrypted."""

    @pytest.fixture
    async def counterpart(self, scheme: tuple[Program, str, str]) -> AsyncIterator[Counterpart]:
        program, issuer, name = scheme

        async def approve(url: str) -> CallbackParameters:
            return await come_back(url, LOGIN, {"agree": "true"})

        async def refuse(url: str) -> CallbackParameters:
            async with Visitor() as window:
                assert await window.open(url) is None
                link = re.search(r'href="([^"]*notconsent[^"]*)"', window.page.text)
                assert link is not None, window.page.text
                found = await window.open(urljoin(issuer, unescape(link[1])))
                assert found is not None
                return found

        entry = documented(f"{name}.toml", issuer=issuer)
        differences = {
            "ask": replace(ASK, state=STATE),
            "refuse": refuse,
            "keeps_state_on_refusal": True,
            "refusal": ProviderFailureReason.CANCELLED,
            "ends_sessions": False,
            "codes_work_once": False,
            "states": (STATE, "a1B2" * 8),
        }
        async with counterpart(entry.card, entry.config, program, approve, read, **differences) as other:
            yield other

    async def test_signing_out_revokes_the_access_token(
        self, counterpart: Counterpart, scheme: tuple[Program, str, str]
    ) -> None:
        departure = await leave(counterpart)
        identity = await counterpart.provider.complete(
            departure.provider_state, await counterpart.approve(departure.url)
        )
        assert isinstance(identity, Identity)
        assert isinstance(counterpart.provider, EndsSessions)
        parting = LogoutRedirect("state", CALLBACK, "it", identity.subject, access_token=identity.access_token)
        async with httpx.AsyncClient(
            trust_env=False, headers={"Authorization": f"Bearer {identity.access_token}"}
        ) as http:
            assert (await http.get(f"{scheme[1]}/userinfo")).status_code == 200
            assert await counterpart.provider.end_session(parting) is None
            assert (await http.get(f"{scheme[1]}/userinfo")).status_code == 403

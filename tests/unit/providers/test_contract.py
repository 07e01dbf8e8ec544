"""The kind `openid` against the contract, with three other sides: the simulator, and two that others wrote."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from broker.crypto.jose import load_signing_key
from broker.model.assurance import Level
from broker.platform.http_client import HttpClients
from broker.platform.system import System, real_system
from broker.provider import CallbackParameters, UpstreamRequest
from providers.openid import OpenIdConfig, build
from providers.openid.config_tables import UpstreamAuthentication
from tests.support.peers import Peer
from tests.unit.providers.citizen import walk
from tests.unit.providers.contract import Counterpart, ProviderContract
from tests.unit.providers.mock import MockProvider
from tests.unit.providers.stage import (
    ASK,
    CALLBACK,
    CARD,
    KEY_FILE,
    PATIENCE,
    PEM,
    by_secret,
    dependencies,
    free_address,
    stage,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def node() -> Iterator[Peer]:
    """npm's oidc-provider, which a test may stop."""
    jwks = {"keys": [dict(load_signing_key(PEM, "ES256").jwk)]}
    env = {"CLIENT_JWKS": json.dumps(jwks), "REDIRECT_URIS": json.dumps([CALLBACK])}
    node = Peer("provider.mjs", env=env)
    yield node
    node.stop()


@pytest.fixture(scope="module")
def mock() -> Iterator[MockProvider]:
    """PyPI's oidc-provider-mock, which a test may stop."""
    mock = MockProvider()
    yield mock
    mock.program.stop()


class TestTheSimulator(ProviderContract):
    """Ours, with private_key_jwt, acr and iss."""

    @pytest.fixture
    async def counterpart(self, system: System) -> AsyncIterator[Counterpart]:
        async with stage(system) as here:
            modest = build(replace(CARD, max_level=Level.LOW), _config(here.base), dependencies(system, here.outgoing))
            gone = build(CARD, replace(_config(here.base), issuer=free_address()), dependencies(system, here.outgoing))

            async def approve(url: str) -> CallbackParameters:
                return await walk(f"{url}&login_hint=persona%3Aamina", CALLBACK)

            async def refuse(url: str) -> CallbackParameters:
                return await walk(f"{url}&login_hint=outcome%3Acancelled", CALLBACK)

            yield Counterpart(here.provider, modest, gone, ASK, approve, refuse, here.stop)


def _config(base: str) -> OpenIdConfig:
    return OpenIdConfig(
        f"{base}/eid", "portico", {"eid:substantial": Level.SUBSTANTIAL, "eid:high": Level.HIGH}, key_file=KEY_FILE
    )


class TestOidcProviderOnNode(ProviderContract):
    """npm's oidc-provider: certified, with private_key_jwt, PKCE, acr, auth_time, iss, and claims at userinfo alone."""

    @pytest.fixture
    async def counterpart(self, node: Peer) -> AsyncIterator[Counterpart]:
        await asyncio.to_thread(node.start)
        outgoing = HttpClients(development=True, patience=PATIENCE)
        levels = {"peer:low": Level.LOW, "peer:substantial": Level.SUBSTANTIAL, "peer:high": Level.HIGH}
        config = OpenIdConfig(
            node.url,
            "portico",
            levels,
            key_file=KEY_FILE,
            acr_values={level: acr for acr, level in levels.items()},
            algorithms=("ES256",),
            required_claims=("given_name", "birthdate"),
        )
        on = dependencies(real_system(), outgoing)

        async def approve(url: str) -> CallbackParameters:
            return await walk(url, CALLBACK)

        async def refuse(url: str) -> CallbackParameters:
            return await walk(f"{url}&login_hint=outcome%3Acancelled", CALLBACK)

        async def stop() -> None:
            await asyncio.to_thread(node.stop)

        yield Counterpart(
            build(CARD, config, on),
            build(replace(CARD, max_level=Level.LOW), config, on),
            build(CARD, replace(config, issuer=free_address()), on),
            replace(ASK, fresh=True),
            approve,
            refuse,
            stop,
        )
        await outgoing.close()


class TestOidcProviderMock(ProviderContract):
    """PyPI's oidc-provider-mock: client_secret_basic, RS256, neither acr nor iss."""

    @pytest.fixture
    async def counterpart(self, mock: MockProvider) -> AsyncIterator[Counterpart]:
        await asyncio.to_thread(mock.program.start)
        outgoing = HttpClients(development=True, patience=PATIENCE)
        config = OpenIdConfig(
            mock.url,
            "portico",
            {},
            acr_missing=Level.LOW,
            algorithms=("RS256",),
            required_claims=("given_name",),
            **by_secret(UpstreamAuthentication.CLIENT_SECRET_BASIC),
        )
        on = dependencies(real_system(), outgoing)

        async def approve(url: str) -> CallbackParameters:
            return await walk(url, CALLBACK, {"sub": "amina"})

        async def refuse(url: str) -> CallbackParameters:
            return await walk(url, CALLBACK, {"action": "deny"})

        async def stop() -> None:
            await asyncio.to_thread(mock.program.stop)

        yield Counterpart(
            build(CARD, config, on),
            build(replace(CARD, max_level=Level.LOW), config, on),
            build(CARD, replace(config, issuer=free_address()), on),
            UpstreamRequest(Level.LOW, "s-0", CALLBACK, "en"),
            approve,
            refuse,
            stop,
            keeps_state_on_refusal=False,
        )
        await outgoing.close()

"""A provider of the kind `openid` and the simulator behind it, wired together for a test."""

import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from broker.crypto.jose import load_signing_key, new_signing_key_pem
from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.platform.http_client import HttpClients, Timeouts
from broker.platform.system import System
from broker.provider import ProviderFailure, ProviderFailureReason, ProviderInfo, UpstreamRedirect, UpstreamRequest
from providers import ProviderDependencies
from providers.openid import OpenIdConfig, OpenIdProvider, build
from providers.openid.config_tables import UpstreamAuthentication
from providers.simulator import Persona, SimulatedClient, SimulatorSettings, create, simulated_issuers
from providers.simulator.personas import EID
from tests.support.serving import serving
from tests.unit.providers.citizen import walk
from tests.unit.providers.serving import Host

CALLBACK = "https://broker.example/callback/eid"
CARD = ProviderInfo("eid", {"en": "National eID card"}, {"en": "Your card"}, 3, Level.HIGH)
ASK = UpstreamRequest(level=Level.SUBSTANTIAL, state="s-0", callback=CALLBACK, language="en")
KEY_FILE, SECRET_FILE = Path("key.pem"), Path("secret.txt")
PEM = new_signing_key_pem("ES256")
SECRET = "a-secret+of 30 characters/or so"
PATIENCE = Timeouts(connect=1, read=1.5, total=2)
LEVELS = {"eid:substantial": Level.SUBSTANTIAL, "eid:high": Level.HIGH}
CLIENT = SimulatedClient("portico", (CALLBACK,), jwks={"keys": [dict(load_signing_key(PEM, "ES256").jwk)]})


def config(issuer: str, **changes: Any) -> OpenIdConfig:
    """Settings of the simulated card at the broker."""
    usual = OpenIdConfig(
        issuer=issuer,
        client_id="portico",
        levels=LEVELS,
        key_file=KEY_FILE,
        scopes=("openid", "profile", "email", "address"),
        acr_values={Level.SUBSTANTIAL: "eid:substantial", Level.HIGH: "eid:high"},
        required_claims=("given_name", "family_name", "birthdate"),
        trust_framework="example_framework",
        organization="National Card Office",
        errors={
            "identity_not_verified": ProviderFailureReason.NOT_VERIFIED,
            "account_pending": ProviderFailureReason.PAUSED,
            "account_suspended": ProviderFailureReason.SUSPENDED,
            "too_many_requests": ProviderFailureReason.BUSY,
        },
    )
    return replace(usual, **changes)


def dependencies(system: System, outgoing: HttpClients) -> ProviderDependencies:
    """Dependencies of a provider in tests; its secret files are only names."""
    return ProviderDependencies(outgoing, system, lambda path: PEM if path == KEY_FILE else f"{SECRET}\n".encode())


@dataclass(slots=True)
class Stage:
    """The simulator, the provider that uses it, and the HTTP client between them."""

    base: str
    system: System
    outgoing: HttpClients
    app: Starlette
    provider: OpenIdProvider
    running: contextlib.AsyncExitStack

    async def depart(self, hint: str = "outcome:ok", **changes: Any) -> UpstreamRedirect:
        """A redirect whose login_hint selects the simulator's outcome."""
        departure = await self.provider.begin(replace(ASK, hint=hint, **changes))
        assert isinstance(departure, UpstreamRedirect), departure
        return departure

    async def sign_in(self, hint: str = "outcome:ok", **changes: Any) -> Identity | ProviderFailure:
        """A whole sign-in."""
        departure = await self.depart(hint, **changes)
        return await self.provider.complete(departure.provider_state, await walk(departure.url, CALLBACK))

    def another(self, **changes: Any) -> OpenIdProvider:
        """Another provider for the same simulated card, configured otherwise, with nothing in its caches."""
        made = build(CARD, config(f"{self.base}/eid", **changes), dependencies(self.system, self.outgoing))
        assert isinstance(made, OpenIdProvider)
        return made

    async def stop(self) -> None:
        """Stops the simulator if it has its own server; its port refuses connections."""
        await self.running.aclose()


@contextlib.asynccontextmanager
async def stage(
    system: System,
    host: Host | None = None,
    clients: Mapping[str, SimulatedClient] | None = None,
    settings: Mapping[str, Any] | None = None,
    **changes: Any,
) -> AsyncIterator[Stage]:
    """The simulator, and a provider for its simulated card. Without a host it starts a server."""
    alone = host is None
    host = host or Host()
    base = host.base
    issuers = simulated_issuers(clients or {"eid": CLIENT})
    app = create(
        SimulatorSettings(**{"base": base, "issuers": issuers, "development": True, "slow": 60.0, **(settings or {})}),
        system,
    )
    outgoing = HttpClients(development=True, patience=PATIENCE)
    async with contextlib.AsyncExitStack() as running:
        if alone:
            await running.enter_async_context(serving(host, host.socket))
        host.app = app
        provider = build(CARD, config(f"{base}/eid", **changes), dependencies(system, outgoing))
        assert isinstance(provider, OpenIdProvider)
        try:
            yield Stage(base, system, outgoing, app, provider, running)
        finally:
            await outgoing.close()


def free_address() -> str:
    """An address without a listener."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as sock:
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


def by_secret(method: UpstreamAuthentication) -> dict[str, Any]:
    """The configuration for a client secret in place of a key."""
    return {"authentication": method, "key_file": None, "secret_file": SECRET_FILE}


__all__ = [
    "ASK",
    "CALLBACK",
    "CARD",
    "CLIENT",
    "EID",
    "SECRET",
    "Persona",
    "Stage",
    "by_secret",
    "config",
    "dependencies",
    "free_address",
    "stage",
]  # fmt: skip

"""A provider of the kind `openid` and the simulator behind it, wired together for a test."""

import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from broker.ambient import Ambient
from broker.jose import load_signing_key, new_signing_key_pem
from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.outgoing import Outgoing, Patience
from broker.provider import Ask, Card, Departure, Failure, Reason
from providers import Ground
from providers.openid import OpenIdConfig, OpenIdProvider, build
from providers.openid.config import Authentication
from providers.simulator import Client, Persona, Settings, cast, create
from providers.simulator.cast import EID
from tests.providers.citizen import walk
from tests.providers.serving import Host, serving

CALLBACK = "https://broker.example/callback/eid"
CARD = Card("eid", {"en": "National eID card"}, {"en": "Your card"}, 3, Level.HIGH)
ASK = Ask(level=Level.SUBSTANTIAL, state="s-0", callback=CALLBACK, language="en")
KEY_FILE, SECRET_FILE = Path("key.pem"), Path("secret.txt")
PEM = new_signing_key_pem("ES256")
SECRET = "a-secret+of 30 characters/or so"
PATIENCE = Patience(connect=1, read=1.5, whole=2)
LEVELS = {"eid:substantial": Level.SUBSTANTIAL, "eid:high": Level.HIGH}
CLIENT = Client("portico", (CALLBACK,), jwks={"keys": [dict(load_signing_key(PEM, "ES256").jwk)]})


def config(issuer: str, **changes: Any) -> OpenIdConfig:
    """How the broker knows the simulated card."""
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
            "identity_not_verified": Reason.NOT_VERIFIED,
            "account_pending": Reason.PAUSED,
            "account_suspended": Reason.SUSPENDED,
            "too_many_requests": Reason.BUSY,
        },
    )
    return replace(usual, **changes)


def ground(ambient: Ambient, outgoing: Outgoing) -> Ground:
    """What a provider stands on in tests; its secret files are only names."""
    return Ground(outgoing, ambient, lambda path: PEM if path == KEY_FILE else f"{SECRET}\n".encode())


@dataclass(slots=True)
class Stage:
    """The simulator, the provider that speaks to it, and the one way out between them."""

    base: str
    ambient: Ambient
    outgoing: Outgoing
    app: Starlette
    provider: OpenIdProvider
    running: contextlib.AsyncExitStack

    async def depart(self, hint: str = "outcome:ok", **changes: Any) -> Departure:
        """A departure whose hint tells the simulator what to do."""
        departure = await self.provider.begin(replace(ASK, hint=hint, **changes))
        assert isinstance(departure, Departure), departure
        return departure

    async def sign_in(self, hint: str = "outcome:ok", **changes: Any) -> Identity | Failure:
        """A whole sign-in."""
        departure = await self.depart(hint, **changes)
        return await self.provider.complete(departure.note, await walk(departure.url, CALLBACK))

    def another(self, **changes: Any) -> OpenIdProvider:
        """Another provider for the same simulated card, configured otherwise, with nothing in its caches."""
        made = build(CARD, config(f"{self.base}/eid", **changes), ground(self.ambient, self.outgoing))
        assert isinstance(made, OpenIdProvider)
        return made

    async def stop(self) -> None:
        """Ends the simulator, if it has a server of its own; its port refuses connections."""
        await self.running.aclose()


@contextlib.asynccontextmanager
async def stage(
    ambient: Ambient,
    host: Host | None = None,
    clients: Mapping[str, Client] | None = None,
    settings: Mapping[str, Any] | None = None,
    **changes: Any,
) -> AsyncIterator[Stage]:
    """The simulator, and a provider for its simulated card. Without a host it has a server of its own to stop."""
    alone = host is None
    host = host or Host()
    base = host.base
    issuers = cast(clients or {"eid": CLIENT})
    app = create(
        Settings(**{"base": base, "issuers": issuers, "development": True, "slow": 60.0, **(settings or {})}), ambient
    )
    outgoing = Outgoing(development=True, patience=PATIENCE)
    async with contextlib.AsyncExitStack() as running:
        if alone:
            await running.enter_async_context(serving(host, host.socket))
        host.app = app
        provider = build(CARD, config(f"{base}/eid", **changes), ground(ambient, outgoing))
        assert isinstance(provider, OpenIdProvider)
        try:
            yield Stage(base, ambient, outgoing, app, provider, running)
        finally:
            await outgoing.close()


def free_address() -> str:
    """An address that nobody listens at."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as sock:
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


def by_secret(method: Authentication) -> dict[str, Any]:
    """The configuration for a client secret in place of a key."""
    return {"authentication": method, "key_file": None, "secret_file": SECRET_FILE}


__all__ = [
    "ASK", "CALLBACK", "CARD", "CLIENT", "EID", "SECRET", "Persona", "Stage", "by_secret", "config", "free_address",
    "ground", "stage",
]  # fmt: skip

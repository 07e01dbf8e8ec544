"""Logout tokens of a provider: which are accepted, and what the endpoint does with them."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from broker.actions.upstream_logout import UpstreamLogoutContext
from broker.crypto.jose import SigningKey, sign
from broker.model.audit import AuditEvent
from broker.model.identity import Identity
from broker.model.session import UpstreamLogout
from broker.normalize.identifiers import IdentifierForm
from broker.platform.system import System
from broker.provider import ProviderFailure
from broker.web.services.provider_endpoints import provider_routes
from providers.health_monitor import MonitoredProvider
from providers.openid.config_tables import LogoutConfig
from tests.unit.providers.wire import ISSUER, KEY, OTHER, Wire, compact

EVENT = {"http://schemas.openid.net/event/backchannel-logout": {}}
RECEIVES = LogoutConfig(backchannel=True)


def token(system: System, key: SigningKey = KEY, **said: object) -> str:
    """A logout token; a claim of None is left out."""
    now = int(system.now())
    claims = {
        "iss": ISSUER,
        "aud": "portico",
        "iat": now,
        "exp": now + 120,
        "jti": "j",
        "events": EVENT,
        "sub": "amina",
    }
    return sign(
        {name: value for name, value in {**claims, "events": EVENT, **said}.items() if value is not None},
        key,
        "logout+jwt",
    )


async def test_a_token_says_whose_session_ended_and_when(system: System) -> None:
    provider = Wire(system).provider(logout=RECEIVES)
    now = int(system.now())
    assert await provider.read_logout(token(system)) == UpstreamLogout(ISSUER, "amina", None, now)
    assert await provider.read_logout(token(system, sid="s-1", exp=None)) == UpstreamLogout(ISSUER, "amina", "s-1", now)
    formed = Wire(system).provider(logout=RECEIVES, subject_form=IdentifierForm.BRACES)
    assert await formed.read_logout(token(system, sub="{AB}")) == UpstreamLogout(ISSUER, "ab", None, now)


@pytest.mark.parametrize(
    "said",
    [
        *({name: None} for name in ("iss", "aud", "iat", "jti", "events", "sub")),
        *({"iss": "https://other.example"}, {"aud": "other"}, {"exp": 1}, {"iat": 1}, {"iat": 9e9}),
        *({"events": {}}, {"events": []}, {"events": {next(iter(EVENT)): 1}}, {"nonce": "n"}),
        *({"sid": 7}, {"sub": ""}, {"sub": 7}),
    ],
)
async def test_another_token_ends_nothing(system: System, said: dict[str, Any]) -> None:
    failure = await Wire(system).provider(logout=RECEIVES).read_logout(token(system, **said))
    assert isinstance(failure, ProviderFailure)
    assert (failure.fault, failure.outage) == ("logout_token", False)


async def test_a_token_that_the_provider_did_not_sign_ends_nothing(system: System) -> None:
    provider = Wire(system).provider(logout=RECEIVES)
    unsigned = compact({"alg": "none"}, {"iss": ISSUER}, b"x")
    for forged in (token(system, OTHER), unsigned, "no token", ""):
        assert isinstance(await provider.read_logout(forged), ProviderFailure)


async def test_a_session_of_the_provider_is_kept_with_the_identity(system: System) -> None:
    for sid, kept in (("s-1", "s-1"), (None, None), (7, None), ("x" * 300, None)):
        wire = Wire(system, claims={"sid": sid})
        identity = await wire.sign_in(wire.provider())
        assert isinstance(identity, Identity)
        assert identity.upstream_sid == kept


@dataclass
class Links:
    """Where sessions end."""

    ended: list[tuple[UpstreamLogout, AuditEvent]] = field(default_factory=list)

    async def end_proved(self, logout: UpstreamLogout, event: AuditEvent, _fan_out: object) -> int:
        self.ended.append((logout, event))
        return 1


@dataclass
class Registered:
    """A registered provider."""

    provider: Any


async def test_the_endpoint_ends_sessions_for_an_accepted_token_alone(system: System) -> None:
    links: Any = Links()
    providers: Any = {
        "card": Registered(MonitoredProvider(Wire(system).provider(logout=RECEIVES), system)),
        "silent": Registered(MonitoredProvider(Wire(system).provider(), system)),
    }
    context = UpstreamLogoutContext(providers, {}, links, system)
    app = Starlette(routes=provider_routes(context))
    good = token(system)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://broker.example") as provider:
        answers = [
            (await provider.post(f"/providers/{name}/backchannel-logout", data=form)).status_code
            for name, form in (
                ("card", {"logout_token": good}),
                ("card", {"logout_token": token(system, OTHER)}),
                ("card", {}),
                ("silent", {"logout_token": good}),
                ("nobody", {"logout_token": good}),
            )
        ]
    assert answers == [200, 400, 400, 400, 400]
    [(logout, event)] = links.ended
    assert (logout.subject, event.kind, event.provider) == ("amina", "session_ended", "card")
    assert event.details == {"why": "provider"}

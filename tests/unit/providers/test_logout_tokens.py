"""Logout tokens of a provider: which are accepted, and what the endpoint does with them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from broker.actions.upstream_logout import UpstreamLogoutContext
from broker.crypto.jose import SigningKey, sign
from broker.model.audit import AuditEvent
from broker.model.identity import Identity
from broker.model.session import EndedSession, UpstreamLogout
from broker.normalize.identifiers import IdentifierForm
from broker.platform.system import System
from broker.provider import ProviderFailure
from broker.web.services.provider_endpoints import provider_routes
from providers.monitored_provider import MonitoredProvider
from providers.openid.config_tables import AcceptedForm, IdTokenConfig, LogoutConfig
from tests.unit.providers.wire import ISSUER, KEY, OTHER, Wire, compact, encrypted

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
    said = UpstreamLogout(ISSUER, "amina", None, now, "j")
    assert await provider.read_logout(token(system)) == said
    assert await provider.read_logout(token(system, sid="s-1", exp=None)) == replace(said, sid="s-1")
    assert await provider.read_logout(token(system, sid="s-1", sub=None)) == replace(said, sid="s-1", subject=None)
    formed = Wire(system).provider(logout=RECEIVES, subject_form=IdentifierForm.BRACES)
    assert await formed.read_logout(token(system, sub="{AB}")) == replace(said, subject="ab")


async def test_a_provider_whose_subject_is_another_claim_ends_sessions_by_their_sid(system: System) -> None:
    provider, now = Wire(system).provider(logout=RECEIVES, subject_claim="pid"), int(system.now())
    assert await provider.read_logout(token(system, sid="s-1")) == UpstreamLogout(ISSUER, None, "s-1", now, "j")
    assert isinstance(await provider.read_logout(token(system)), ProviderFailure)


async def test_a_provider_that_encrypts_id_tokens_may_encrypt_logout_tokens(system: System) -> None:
    hidden = encrypted(token(system))
    nested = Wire(system).provider(
        logout=RECEIVES, id_token=IdTokenConfig(form=AcceptedForm.NESTED), encryption_key_files=(Path("enc.pem"),)
    )
    for given in (hidden, token(system)):
        assert isinstance(await nested.read_logout(given), UpstreamLogout)
    assert isinstance(await Wire(system).provider(logout=RECEIVES).read_logout(hidden), ProviderFailure)


@pytest.mark.parametrize(
    "said",
    [
        *({name: None} for name in ("iss", "aud", "iat", "jti", "events", "sub")),
        *({"jti": 7}, {"jti": ""}, {"jti": "x" * 300}, {"sid": ""}, {"sid": "x" * 300}),
        {"events": {"http://schemas.openid.net/event/foobar": {}}},
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
    other_algorithm = Wire(system).provider(logout=RECEIVES, algorithms=("RS256",))
    assert isinstance(await other_algorithm.read_logout(token(system)), ProviderFailure)


async def test_a_session_of_the_provider_is_kept_with_the_identity(system: System) -> None:
    for sid, kept in (("s-1", "s-1"), (None, None), (7, None), ("x" * 300, None)):
        wire = Wire(system, claims={"sid": sid})
        identity = await wire.sign_in(wire.provider())
        assert isinstance(identity, Identity)
        assert identity.upstream_sid == kept


@dataclass
class Logouts:
    """Where sessions end."""

    ended: list[tuple[UpstreamLogout, AuditEvent]] = field(default_factory=list)
    used: bool = False

    async def end(
        self, logout: UpstreamLogout, event: AuditEvent, _fan_out: object, _only: object = None
    ) -> Sequence[EndedSession] | None:
        if self.used:
            return None
        self.ended.append((logout, event))
        return [EndedSession("s", "account")]


@dataclass
class Registered:
    """A registered provider."""

    provider: Any


async def test_the_endpoint_ends_sessions_for_an_accepted_token_alone(
    system: System, caplog: pytest.LogCaptureFixture
) -> None:
    logouts: Any = Logouts()
    providers: Any = {
        "card": Registered(MonitoredProvider(Wire(system).provider(logout=RECEIVES), system)),
        "silent": Registered(MonitoredProvider(Wire(system).provider(), system)),
    }
    context = UpstreamLogoutContext("https://broker.example", providers, {}, logouts, system)
    app = Starlette(routes=provider_routes(context))
    good = token(system)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://broker.example") as provider:
        answers = [
            await provider.post(f"/providers/{name}/backchannel-logout", data=form)
            for name, form in (
                ("card", {"logout_token": good, "unknown": "is ignored (2.5)"}),
                ("card", {"logout_token": token(system, OTHER)}),
                ("card", {}),
                ("silent", {"logout_token": good}),
                ("nobody", {"logout_token": good}),
            )
        ]
        logouts.used = True
        with caplog.at_level("INFO", "portico.providers"):
            answers.append(await provider.post("/providers/card/backchannel-logout", data={"logout_token": good}))
    assert [one.status_code for one in answers] == [200, 400, 400, 400, 400, 400]
    assert {one.headers["cache-control"] for one in answers} == {"no-store"}
    assert all(one.json()["error"] == "invalid_request" for one in answers[1:])
    [record] = [vars(one) for one in caplog.records if one.message == "logout_token_refused"]
    assert (record["provider"], record["detail"]) == ("card", "logout token: its jti was used before")
    [(logout, event)] = logouts.ended
    assert (logout.subject, event.kind, event.provider) == ("amina", "session_ended", "card")
    assert event.details == {"why": "provider"}

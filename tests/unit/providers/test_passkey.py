"""The kind `passkey` against the contract, with a software authenticator, and what a passkey may lead to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from broker.crypto.passkeys import NewPasskey, PasskeyOwner, registration_options, verify_registration
from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.model.passkey import KeptIdentity, KnownPasskey, Passkey, credential_digest
from broker.platform.http_client import HttpClients
from broker.platform.system import System
from broker.provider import (
    CallbackParameters,
    FailureCause,
    ProviderFailure,
    ProviderFailureReason,
    ProviderInfo,
    UpstreamRedirect,
    UpstreamRequest,
)
from providers import KINDS, ProviderDependencies
from providers.kind import BrokerSite
from providers.passkey import PasskeyConfig, PasskeyProvider, build, check
from providers.passkey.preset import with_preset
from tests.support.authenticator import Authenticator
from tests.support.system import FakeClock
from tests.unit.providers.contract import Counterpart, ProviderContract

ISSUER = "https://login.broker.example"
CALLBACK = f"{ISSUER}/callback/passkey"
CARD = ProviderInfo("passkey", {"en": "Passkey"}, {"en": "A passkey"}, 1, Level.SUBSTANTIAL)
ASK = UpstreamRequest(Level.SUBSTANTIAL, "s-0", CALLBACK, "en")
R = ProviderFailureReason


@dataclass(slots=True)
class Registered:
    """Passkeys in memory."""

    passkeys: dict[str, KnownPasskey] = field(default_factory=dict)

    async def find(self, digest: str) -> KnownPasskey | None:
        return self.passkeys.get(digest)

    async def use(self, passkey: Passkey, sign_count: int, now: float) -> bool:
        known = self.passkeys[passkey.digest]
        if known.passkey.sign_count != passkey.sign_count:
            return False
        used = replace(known.passkey, sign_count=sign_count, used=now)
        self.passkeys[passkey.digest] = replace(known, passkey=used)
        return True

    async def take_up(self, _passkey: Passkey) -> KeptIdentity | None:
        return None


class Stage:
    """A provider, an authenticator with one registered passkey, and the identity to which it leads."""

    def __init__(self, system: System, *, synced: bool = True, site: BrokerSite | None = None) -> None:
        self.system = system
        self.stored = Registered()
        self.site = site or BrokerSite(ISSUER, "Broker")
        self.device = Authenticator(ISSUER, synced=synced)
        self.provider = self.made()
        terms = self.provider.passkey_terms
        assert terms is not None
        made = verify_registration(
            terms.party, b"c" * 32, self.device.create(registration_options(terms.party, b"c" * 32, OWNER))
        )
        assert isinstance(made, NewPasskey)
        digest = credential_digest(made.credential)
        now = system.now()
        self.passkey = Passkey(
            digest,
            made.credential,
            made.public_key,
            OWNER.handle,
            made.device_bound,
            "Mine",
            now,
            made.sign_count,
            owner="k",
        )
        identity = Identity(
            "bank", f"{ISSUER}/kept", "subject", Level.HIGH, ("pwd",), int(now) - 999, {"given_name": "Amina"}
        )
        self.kept = KeptIdentity("k", identity, now, now + 90 * 86_400)
        self.put()

    def put(self, **changes: Any) -> None:
        """Changes the kept identity."""
        self.stored.passkeys[self.passkey.digest] = KnownPasskey(self.passkey, replace(self.kept, **changes))

    def made(self, card: ProviderInfo = CARD, **settings: Any) -> PasskeyProvider:
        ground = ProviderDependencies(cast(HttpClients, None), self.system, site=self.site, passkeys=self.stored)
        return build(card, PasskeyConfig(**settings), ground)

    async def depart(self) -> UpstreamRedirect:
        departure = await self.provider.begin(ASK)
        assert isinstance(departure, UpstreamRedirect)
        return departure

    async def sign_in(self, **deviating: Any) -> Identity | ProviderFailure:
        departure = await self.depart()
        options: Mapping[str, Any] = self.provider.passkey_options(departure.provider_state)
        code = self.device.get(options, **deviating)
        return await self.provider.complete(departure.provider_state, CallbackParameters({"code": code}, CALLBACK))


OWNER = PasskeyOwner(b"owner-handle", "Amina")


@pytest.fixture
def stage(system: System) -> Stage:
    return Stage(system)


class TestPasskeys(ProviderContract):
    """The browser is the other side."""

    @pytest.fixture
    async def counterpart(self, system: System) -> Counterpart:
        here = Stage(system, synced=False)
        departures: dict[str, UpstreamRedirect] = {}
        begin = here.provider.begin

        async def remembering(ask: UpstreamRequest) -> UpstreamRedirect | ProviderFailure:
            departure = await begin(ask)
            if isinstance(departure, UpstreamRedirect):
                departures[departure.url] = departure
            return departure

        here.provider.begin = remembering  # type: ignore[method-assign]
        modest = here.made(replace(CARD, max_level=Level.LOW))
        modest.begin = remembering  # type: ignore[method-assign]

        async def approve(url: str) -> CallbackParameters:
            options: Mapping[str, Any] = here.provider.passkey_options(departures[url].provider_state)
            return said(url, code=here.device.get(options))

        async def refuse(url: str) -> CallbackParameters:
            return said(url, error="access_denied")

        async def leave() -> None:
            """There is no other side that could leave."""

        gone = build(CARD, PasskeyConfig(), replace(here_dependencies(here), passkeys=None))
        return Counterpart(here.provider, modest, gone, ASK, approve, refuse, leave, elsewhere=False)


def here_dependencies(stage: Stage) -> ProviderDependencies:
    return ProviderDependencies(cast(HttpClients, None), stage.system, site=stage.site, passkeys=stage.stored)


def said(url: str, **parameters: str) -> CallbackParameters:
    """What the form of the page posts."""
    return CallbackParameters({"state": parse_qs(urlsplit(url).query)["state"][0], **parameters}, CALLBACK)


@pytest.mark.parametrize(("synced", "amr"), [(True, ("user", "swk")), (False, ("user", "hwk"))])
async def test_a_passkey_signs_in_to_its_kept_identity_at_the_lower_level(
    system: System,
    clock: FakeClock,
    synced: bool,  # noqa: FBT001
    amr: tuple[str, ...],
) -> None:
    stage = Stage(system, synced=synced)
    clock.advance(60)
    identity = await stage.sign_in()
    assert identity == replace(
        stage.kept.identity,
        provider="passkey",
        source="bank",
        level=Level.SUBSTANTIAL,
        amr=amr,
        auth_time=int(clock.now()),
    )


async def test_an_unknown_passkey_and_one_whose_case_is_open_lead_nowhere(stage: Stage) -> None:
    known = stage.stored.passkeys.pop(stage.passkey.digest)
    assert _why(await stage.sign_in()) == (R.PASSKEY_UNUSABLE, "unknown")
    stage.stored.passkeys[stage.passkey.digest] = replace(known, kept=None)
    assert _why(await stage.sign_in()) == (R.PASSKEY_UNUSABLE, "not_ready")


async def test_a_frozen_identity_and_one_whose_time_is_over_are_not_used(stage: Stage, clock: FakeClock) -> None:
    stage.put(frozen=clock.now())
    assert _why(await stage.sign_in()) == (R.PASSKEY_UNUSABLE, "frozen")
    stage.put(expires=clock.now() + 1)
    assert isinstance(await stage.sign_in(), Identity)
    stage.put(expires=clock.now())
    assert _why(await stage.sign_in()) == (R.PASSKEY_UNUSABLE, "expired")


async def test_faults_of_the_browser_are_no_outage_and_name_their_word(stage: Stage) -> None:
    assert _why(await stage.sign_in(flags=0x01 | 0x08 | 0x10)) == (R.TOO_WEAK, "not_verified")
    assert _why(await stage.sign_in(user_handle=b"another")) == (R.UNSAFE, "other_person")
    assert _why(await stage.sign_in(client={"origin": "https://evil.example"})) == (R.UNSAFE, "other_ceremony")
    assert _why(await stage.sign_in(client={"crossOrigin": True})) == (R.UNSAFE, "other_ceremony")
    assert _why(await stage.sign_in(rp_id="evil.example")) == (R.UNSAFE, "signature")


async def test_of_two_answers_with_one_counter_one_is_taken(system: System) -> None:
    stage = Stage(system, synced=False)
    assert isinstance(await stage.sign_in(count=7), Identity)
    assert _why(await stage.sign_in(count=7)) == (R.UNSAFE, "copied")


async def test_the_page_is_at_the_broker_and_gets_options_for_any_passkey(stage: Stage) -> None:
    departure = await stage.depart()
    assert departure.url == f"{ISSUER}/passkey?state=s-0"
    options: Mapping[str, Any] = stage.provider.passkey_options(departure.provider_state)
    assert (options["rpId"], options["userVerification"]) == ("login.broker.example", "required")


def test_the_domain_of_passkeys_is_the_host_or_one_above_it(stage: Stage) -> None:
    for wanted in (None, "login.broker.example", "broker.example"):
        terms = stage.made(rp_id=wanted).passkey_terms
        assert terms is not None
        assert terms.party.id == (wanted or "login.broker.example")
    for wrong in ("example", "other.example", "roker.example", "a.login.broker.example", ""):
        if wrong:
            with pytest.raises(ValueError, match="rp_id"):
                stage.made(rp_id=wrong)


def test_the_default_time_is_no_longer_than_the_longest() -> None:
    assert check(PasskeyConfig(), development=False) == []
    [problem] = check(PasskeyConfig(keep=400 * 86_400), development=False)
    assert problem.path == "keep"


def test_the_preset_has_texts_in_every_language_and_no_environment_but_live() -> None:
    table = with_preset("passkey", "live", {"minutes": 2})
    assert (set(table["names"]), set(table["needs"]), table["minutes"]) == ({"en", "cy", "ar"}, {"en", "cy", "ar"}, 2)
    for name, environment in (("passkeys", "live"), ("passkey", "test")):
        with pytest.raises(LookupError):
            with_preset(name, environment, {})
    assert KINDS["passkey"].preset_names == ("passkey",)
    assert KINDS["passkey"].public_keys(PasskeyConfig()) == {"keys": []}


def _why(outcome: Identity | ProviderFailure) -> tuple[ProviderFailureReason, str]:
    assert isinstance(outcome, ProviderFailure), outcome
    assert outcome.cause is FailureCause.BROWSER
    assert not outcome.outage
    return outcome.reason, outcome.fault


@pytest.mark.parametrize(
    ("synced", "settings", "level"),
    [
        (False, {}, Level.HIGH),
        (True, {}, Level.SUBSTANTIAL),
        (True, {"synced_level": Level.HIGH}, Level.HIGH),
        (True, {"synced_level": Level.LOW}, Level.LOW),
    ],
)
async def test_a_passkey_that_may_be_on_several_devices_has_a_highest_level_of_its_own(
    system: System,
    settings: dict[str, Any],
    level: Level,
    *,
    synced: bool,
) -> None:
    here = Stage(system, synced=synced)
    here.provider = here.made(replace(CARD, max_level=Level.HIGH), **settings)
    identity = await here.sign_in()
    assert isinstance(identity, Identity)
    assert identity.level is level

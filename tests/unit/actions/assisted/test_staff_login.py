"""Staff login through the operator's own provider, and the re-authentication before a decision."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest

from broker.actions.assisted.staff_login import (
    ATTEMPT_LIFE,
    LoginFailure,
    LoginRecords,
    LoginRedirect,
    LoginResult,
    StaffDirectory,
    StaffLogin,
)
from broker.actions.attempt_log import AttemptLog
from broker.actions.people.directory import StaffPeople
from broker.model.assurance import Level
from broker.model.handle import sha256_hex
from broker.model.identity import Identity
from broker.model.staff import LoginPolicy, StaffSessionTimeouts
from broker.platform.system import System
from broker.provider import (
    CallbackParameters,
    FailureCause,
    ProviderFailure,
    ProviderFailureReason,
    ProviderHealth,
    ProviderInfo,
    UpstreamRedirect,
    UpstreamRequest,
)
from tests.support.tallies import Tallies
from tests.unit.actions.assisted.case_harness import ANN, BEN, Stage

pytestmark = pytest.mark.store

CALLBACK = "https://console.example/callback"


@dataclass(slots=True)
class StaffProvider:
    """A provider that returns the result set by the test, and records its requests."""

    clock: Any
    says: dict[str, Any] = field(default_factory=dict)
    asked: list[UpstreamRequest] = field(default_factory=list)
    down: bool = False

    @property
    def card(self) -> ProviderInfo:
        """Its card."""
        return ProviderInfo("staff", {"en": "Staff"}, {}, 1, Level.HIGH)

    async def begin(self, ask: UpstreamRequest) -> UpstreamRedirect | ProviderFailure:
        """Records the request."""
        self.asked.append(ask)
        return (
            ProviderFailure(ProviderFailureReason.UNAVAILABLE, "down", FailureCause.TRANSPORT)
            if self.down
            else UpstreamRedirect("https://idp.example/", {"n": ask.state})
        )

    def matches_callback(self, note: Mapping[str, Any], answer: CallbackParameters) -> bool:
        """An answer of another issuer is a stray one."""
        return answer.parameters.get("iss", "us") == "us" and note["n"] == answer.parameters["state"]

    async def complete(self, _note: Mapping[str, Any], _answer: CallbackParameters) -> Identity | ProviderFailure:
        """The outcome the test set."""
        if "failure" in self.says:
            return ProviderFailure(self.says["failure"], "as told", FailureCause.REPLY)
        said = {"subject": "sub-ann", "level": Level.HIGH, "amr": ("hwk", "user"), "auth_time": int(self.clock.now())}
        return Identity(provider="staff", issuer="https://idp.example", **(said | self.says))

    async def health(self) -> ProviderHealth:
        """Well."""
        return ProviderHealth(working=True)


@dataclass(frozen=True, slots=True)
class LoginHarness:
    """A staff login with its provider."""

    login: StaffLogin
    provider: StaffProvider
    stage: Stage

    async def leaves(self, then: str = "/", session: str | None = None) -> tuple[str, str]:
        """Sets out; gives the state and the browser's secret."""
        gone = await self.login.begin(then, session)
        assert isinstance(gone, LoginRedirect)
        return self.provider.asked[-1].state, gone.secret

    async def signs_in(self, session: str | None = None, **says: Any) -> LoginResult | LoginFailure:
        """There and back."""
        state, secret = await self.leaves("/next", session)
        self.provider.says = says
        return await self.login.complete({"state": state}, secret, session)


@pytest.fixture
def tallies() -> Tallies:
    """What is counted."""
    return Tallies()


@pytest.fixture
def harness(stage: Stage, system: System, tallies: Tallies) -> LoginHarness:
    """A staff login for Ann and Ben."""
    provider = StaffProvider(stage.clock)
    policy = LoginPolicy(Level.SUBSTANTIAL, ("hwk",), StaffSessionTimeouts(900, 28800, 300))
    directory = StaffDirectory(provider, {one.id: one for one in (ANN, BEN)}, policy)
    login = StaffLogin(
        directory=lambda: directory,
        callback=CALLBACK,
        records=LoginRecords(stage.facts.staff_sessions, stage.facts.audit, AttemptLog(tallies)),
        system=system,
        people=StaffPeople(stage.facts.people, lambda: directory.members),
    )
    return LoginHarness(login, provider, stage)


async def test_a_member_of_staff_signs_in_and_is_known_by_a_cookie_kept_only_as_a_digest(harness: LoginHarness) -> None:
    arrived = await harness.signs_in()
    assert isinstance(arrived, LoginResult)
    assert arrived.then == "/next"
    principal = await harness.login.principal(arrived.session)
    assert principal is not None
    assert principal.member == ANN
    assert principal.fresh_until == harness.stage.clock.now() + 300
    assert principal.session.digest == sha256_hex(arrived.session)
    ask = harness.provider.asked[0]
    assert (ask.level, ask.callback, ask.fresh) == (Level.SUBSTANTIAL, CALLBACK, False)
    [row] = await harness.stage.audit("staff_signed_in")
    assert (row.actor, row.details) == ("staff:ann", {"level": "high", "again": "false"})


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ({"subject": "sub-eve"}, LoginFailure.NOT_STAFF),
        ({"level": Level.LOW}, LoginFailure.TOO_WEAK),
        ({"amr": ("pwd",)}, LoginFailure.TOO_WEAK),
        ({"amr": ()}, LoginFailure.TOO_WEAK),
        ({"failure": ProviderFailureReason.CANCELLED}, LoginFailure.NOT_FINISHED),
        ({"failure": ProviderFailureReason.UNSAFE}, LoginFailure.UNUSABLE),
        ({"failure": ProviderFailureReason.INCOMPLETE}, LoginFailure.UNUSABLE),
        ({"failure": ProviderFailureReason.UNAVAILABLE}, LoginFailure.UNAVAILABLE),
        ({"failure": ProviderFailureReason.TOO_WEAK}, LoginFailure.TOO_WEAK),
    ],
)
async def test_a_sign_in_that_is_not_good_enough_is_turned_away_and_recorded(
    harness: LoginHarness, says: dict[str, Any], why: LoginFailure
) -> None:
    assert await harness.signs_in(**says) is why
    [row] = await harness.stage.audit("staff_sign_in_failed")
    assert row.details == {"reason": why}
    assert not await harness.stage.audit("staff_signed_in")


async def test_a_stray_callback_changes_nothing(harness: LoginHarness) -> None:
    state, secret = await harness.leaves()
    complete = harness.login.complete
    for parameters, browser in (
        ({"state": "staff_unknown"}, secret),
        ({}, secret),
        ({"state": state}, None),
        ({"state": state}, "another-browser"),
        ({"state": state, "iss": "them"}, secret),
    ):
        assert await complete(parameters, browser, None) is LoginFailure.LOST
    assert isinstance(await complete({"state": state}, secret, None), LoginResult)
    assert not await harness.stage.audit("staff_sign_in_failed")


async def test_a_callback_works_once_and_in_time(harness: LoginHarness) -> None:
    state, secret = await harness.leaves()
    assert isinstance(await harness.login.complete({"state": state}, secret, None), LoginResult)
    assert await harness.login.complete({"state": state}, secret, None) is LoginFailure.LOST
    state, secret = await harness.leaves()
    harness.stage.clock.advance(ATTEMPT_LIFE)
    assert await harness.login.complete({"state": state}, secret, None) is LoginFailure.LOST


async def test_a_staff_provider_that_is_down_fails_the_login_as_unavailable(harness: LoginHarness) -> None:
    harness.provider.down = True
    assert await harness.login.begin("/", None) is LoginFailure.UNAVAILABLE


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example", "/\\evil.example", "cases", "/a\nb"])
async def test_a_login_never_redirects_to_another_site(harness: LoginHarness, then: str) -> None:
    state, secret = await harness.leaves(then)
    arrived = await harness.login.complete({"state": state}, secret, None)
    assert isinstance(arrived, LoginResult)
    assert arrived.then == "/"


async def test_a_session_ends_when_it_is_not_used_and_when_it_is_too_old(harness: LoginHarness) -> None:
    arrived = await harness.signs_in()
    assert isinstance(arrived, LoginResult)
    clock = harness.stage.clock
    clock.advance(899)
    assert await harness.login.principal(arrived.session) is not None
    clock.advance(899)
    assert await harness.login.principal(arrived.session) is not None
    clock.advance(900)
    assert await harness.login.principal(arrived.session) is None
    arrived = await harness.signs_in()
    assert isinstance(arrived, LoginResult)
    end = clock.now() + 28800
    while clock.now() + 600 < end:
        clock.advance(600)
        assert await harness.login.principal(arrived.session) is not None
    clock.set(end)
    assert await harness.login.principal(arrived.session) is None


async def test_a_member_removed_from_the_staff_list_is_signed_out(harness: LoginHarness) -> None:
    arrived = await harness.signs_in()
    assert isinstance(arrived, LoginResult)
    for people in ({"ben": BEN}, {"ann": replace(ANN, subject="somebody-else")}):
        later = replace(harness.login, people=StaffPeople(harness.stage.facts.people, partial(dict, people)))
        assert await later.principal(arrived.session) is None


async def test_signing_out_ends_the_session_for_good(harness: LoginHarness) -> None:
    arrived = await harness.signs_in()
    assert isinstance(arrived, LoginResult)
    signed_in = int(harness.stage.clock.now())
    assert await harness.login.end_session(arrived.session) == signed_in
    assert await harness.login.end_session(arrived.session) is None
    assert await harness.login.principal(arrived.session) is None
    assert len(await harness.stage.audit("staff_signed_out")) == 1


async def test_after_a_sign_out_the_next_person_at_the_console_is_asked_for_a_new_sign_in(
    harness: LoginHarness,
) -> None:
    arrived = await harness.signs_in()
    assert isinstance(arrived, LoginResult)
    assert not harness.provider.asked[-1].fresh
    departed = await harness.login.end_session(arrived.session)
    assert isinstance(await harness.login.begin("/", None, departed=departed), LoginRedirect)
    assert (harness.provider.asked[-1].fresh, harness.provider.asked[-1].after) == (True, departed)


async def test_a_reauthentication_demands_a_fresh_sign_in_and_replaces_the_session(harness: LoginHarness) -> None:
    first = await harness.signs_in()
    assert isinstance(first, LoginResult)
    harness.stage.clock.advance(600)
    again = await harness.signs_in(session=first.session)
    assert isinstance(again, LoginResult)
    assert harness.provider.asked[-1].fresh
    assert await harness.login.principal(first.session) is None
    principal = await harness.login.principal(again.session)
    assert principal is not None
    assert principal.fresh_until == harness.stage.clock.now() + 300


async def test_an_old_sign_in_does_not_pass_for_a_fresh_one(harness: LoginHarness) -> None:
    first = await harness.signs_in()
    assert isinstance(first, LoginResult)
    before = int(harness.stage.clock.now())
    harness.stage.clock.advance(600)
    assert await harness.signs_in(session=first.session, auth_time=before) is LoginFailure.TOO_WEAK
    assert await harness.login.principal(first.session) is not None


async def test_a_reauthentication_by_another_person_is_refused(harness: LoginHarness) -> None:
    first = await harness.signs_in()
    assert isinstance(first, LoginResult)
    assert await harness.signs_in(session=first.session, subject="sub-ben") is LoginFailure.OTHER_PERSON
    principal = await harness.login.principal(first.session)
    assert principal is not None
    assert principal.member == ANN


async def test_a_sign_in_from_the_future_makes_no_decision_fresher(harness: LoginHarness) -> None:
    arrived = await harness.signs_in(auth_time=int(harness.stage.clock.now()) + 50)
    assert isinstance(arrived, LoginResult)
    principal = await harness.login.principal(arrived.session)
    assert principal is not None
    assert principal.fresh_until == harness.stage.clock.now() + 300


async def test_a_failed_staff_login_is_logged_with_its_cause(
    harness: LoginHarness, tallies: Tallies, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    state, secret = await harness.leaves("/next")
    harness.provider.says = {"failure": ProviderFailureReason.UNSAFE}
    await harness.login.complete({"state": state}, secret, None, "request-1")
    harness.provider.down = True
    await harness.login.begin("/next", None, "request-2")
    entries = [vars(record) for record in caplog.records if record.message == "attempt_failed"]
    assert [(one["request_id"], one["reason"], one["detail"]) for one in entries] == [
        ("request-1", "unsafe", "as told"),
        ("request-2", "unavailable", "down"),
    ]
    assert [(reason, cause) for _, reason, cause, _ in tallies.failed] == [
        ("unsafe", "reply"),
        ("unavailable", "transport"),
    ]
    assert tallies.called == [("unsafe_reply", harness.provider.card.id)]
    [call] = [record for record in caplog.records if record.message == "operator_called"]
    assert call.levelno == logging.ERROR
    assert vars(call)["request_id"] == "request-1"


async def test_a_stray_staff_callback_is_logged(
    harness: LoginHarness, tallies: Tallies, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    state, secret = await harness.leaves("/next")
    assert await harness.login.complete({"state": "other"}, secret, None, "request-1") is LoginFailure.LOST
    assert await harness.login.complete({"state": state}, "other", None, "request-2") is LoginFailure.LOST
    assert isinstance(await harness.login.complete({"state": state}, secret, None), LoginResult)
    assert await harness.login.complete({"state": state}, secret, None, "request-3") is LoginFailure.LOST
    entries = [vars(record) for record in caplog.records if record.message == "stray_callback"]
    assert [one["request_id"] for one in entries] == ["request-1", "request-2", "request-3"]
    assert [why for _, why in tallies.strays] == [one["why"] for one in entries]

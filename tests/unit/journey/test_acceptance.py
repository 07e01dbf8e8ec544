"""Acceptance of identities and sessions, and the reasons for rejecting them."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.journey.acceptance import (
    AcceptedIdentity,
    AccountMatch,
    SessionMatch,
    accept_identity,
    accept_session,
    check_account,
    why_asked_again,
)
from broker.journey.provider_offer import Candidate
from broker.journey.transaction import AskedAgain, Transaction, TransactionState
from broker.model.account import Errand, ErrandKind
from broker.model.assurance import Level, Verification
from broker.model.failures import FailureClass
from broker.model.identity import HELP, ActingFor, Identity
from broker.model.kill_switches import KillSwitches, KillSwitchKind
from broker.model.service import Service
from broker.model.session import Session
from tests.unit.journey.examples import NOTHING_OFF, NOW, begun, candidate, identity, service, standing

PROVIDER_OFF = KillSwitches(2, {(KillSwitchKind.PROVIDER, "alpha"): "broken"})
SERVICE_OFF = KillSwitches(2, {(KillSwitchKind.SERVICE, "parking"): "stopped"})
ACCOUNT_OFF = KillSwitches(2, {(KillSwitchKind.ACCOUNT, "mine"): "asked for"})


def judged(
    person: Identity,
    transaction: Transaction | None = None,
    provider: Candidate | None = None,
    asking: Service | None = None,
    switches: KillSwitches = NOTHING_OFF,
    now: float = NOW,
) -> AcceptedIdentity | FailureClass:
    """Result of accept_identity for an identity that the provider `alpha` just sent, unless given otherwise."""
    return accept_identity(
        transaction or standing(TransactionState.CHECKING),
        person,
        provider or candidate(),
        asking or service(),
        switches,
        now,
    )


def test_an_identity_of_the_asked_provider_at_the_level_is_accepted() -> None:
    assert judged(identity()) == AcceptedIdentity(identity())


@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({"person": identity("beta"), "provider": candidate("beta")}, FailureClass.UNSAFE_REPLY),
        ({"provider": candidate("beta")}, FailureClass.UNSAFE_REPLY),
        ({"switches": PROVIDER_OFF}, FailureClass.WAY_CLOSED),
        ({"switches": SERVICE_OFF}, FailureClass.SERVICE_OFF),
        ({"asking": service(client_id="libraries")}, FailureClass.SERVICE_OFF),
        ({"asking": service(providers=("beta",))}, FailureClass.WAY_CLOSED),
        ({"provider": candidate(enabled=False)}, FailureClass.WAY_CLOSED),
        ({"provider": candidate(staff_only=True)}, FailureClass.WAY_CLOSED),
        ({"provider": candidate(services=("libraries",))}, FailureClass.WAY_CLOSED),
        ({"provider": candidate(accept_sign_in_until=NOW)}, FailureClass.WAY_CLOSED),
        ({"person": identity(level=Level.LOW)}, FailureClass.LEVEL_TOO_LOW),
        ({"provider": candidate(highest=Level.LOW)}, FailureClass.LEVEL_TOO_LOW),
        ({"person": identity(auth_time=int(NOW) + 120)}, FailureClass.UNSAFE_REPLY),
        ({"person": identity(HELP)}, FailureClass.UNSAFE_REPLY),
    ],
)
@pytest.mark.parametrize("state", [TransactionState.CHECKING, TransactionState.IDENTIFIED])
def test_an_identity_is_checked_on_arrival_and_again_before_the_answer(
    state: TransactionState, changes: dict[str, Any], failure: FailureClass
) -> None:
    assert judged(**{"person": identity(), "transaction": standing(state), **changes}) is failure


def test_a_paused_provider_completes_logins_under_way() -> None:
    assert isinstance(judged(identity(), provider=candidate(paused={"en": "Maintenance"})), AcceptedIdentity)


@given(st.sampled_from(Level), st.sampled_from(Level), st.sampled_from(Level))
def test_a_level_is_capped_by_the_registration_and_refused_below_the_minimum(
    reached: Level, highest: Level, minimum: Level
) -> None:
    verification = Verification("test", reached, int(NOW), ())
    person = identity(level=reached, verification=verification)
    checking = standing(TransactionState.CHECKING)
    checking = replace(checking, request=replace(checking.request, min_level=minimum))
    match judged(person, checking, candidate(highest=highest)):
        case AcceptedIdentity(believed):
            assert minimum <= believed.level <= min(reached, highest)
            assert believed.verification is not None
            assert believed.verification.level <= highest
        case failure:
            assert failure is FailureClass.LEVEL_TOO_LOW
            assert min(reached, highest) < minimum


@pytest.mark.parametrize(
    ("asked", "age", "timely"),
    [
        ({}, 10**6, True),
        ({"prompt": ("login",)}, 0, True),
        ({"prompt": ("login",)}, 61, False),
        ({"max_age": 600}, 600, True),
        ({"max_age": 600}, 661, False),
        ({"max_age": 0}, 61, False),
        ({"max_age": 600, "prompt": ("login",)}, 300, False),
    ],
)
def test_a_sign_in_is_as_fresh_as_the_request_demands(asked: dict[str, Any], age: int, *, timely: bool) -> None:
    person = identity(auth_time=int(NOW) - age)
    found = judged(person, standing(TransactionState.CHECKING, **asked))
    assert found == (AcceptedIdentity(person) if timely else FailureClass.UNSAFE_REPLY)


def test_a_slow_reader_is_not_rejected_by_max_age() -> None:
    slow = standing(TransactionState.IDENTIFIED, max_age=60)
    assert judged(identity(), slow, now=NOW + 3000) == AcceptedIdentity(identity())


ESSENTIAL = {"essential": True}


@pytest.mark.parametrize(
    "claims",
    [
        {"userinfo": {"email": ESSENTIAL}},
        {"id_token": {"phone_number": ESSENTIAL}},
        {"userinfo": {"verified_claims": {"claims": {"email": ESSENTIAL}}}},
        {"userinfo": {"verified_claims": [{"claims": {}}, {"claims": {"email": ESSENTIAL}}]}},
    ],
)
def test_a_missing_essential_claim_is_no_failure(claims: dict[str, Any]) -> None:
    person = identity(claims={"given_name": "Ada", "email": None})
    assert judged(person, standing(TransactionState.CHECKING, claims=claims)) == AcceptedIdentity(person)


@pytest.mark.parametrize(
    "state",
    [
        s
        for s in TransactionState
        if s not in (TransactionState.CHECKING, TransactionState.IDENTIFIED, TransactionState.WAITING)
    ],
)
def test_an_identity_without_an_attempt_is_refused(state: TransactionState) -> None:
    assert judged(identity(), standing(state)) is FailureClass.OUR_FAULT


def by_help(asking: Service, level: Level = Level.SUBSTANTIAL, switches: KillSwitches = NOTHING_OFF) -> object:
    """Result of accept_identity for an identity that a verification case proved."""
    return accept_identity(standing(TransactionState.WAITING), identity(HELP, level), None, asking, switches, NOW)


def test_an_identity_of_a_case_is_accepted_if_the_service_allows_help() -> None:
    assert by_help(service()) == AcceptedIdentity(identity(HELP))
    assert by_help(service(assisted=False)) is FailureClass.WAY_CLOSED


@pytest.mark.parametrize(
    ("kind", "accepted"),
    [(ErrandKind.RENEW, True), (ErrandKind.REBIND, True), (ErrandKind.LINK, False), (ErrandKind.ACCOUNT, False)],
)
def test_a_person_proves_what_was_asked_of_one_on_the_pages_of_the_account(kind: ErrandKind, *, accepted: bool) -> None:
    waits = standing(TransactionState.WAITING)
    waits = replace(waits, request=replace(waits.request, errand=Errand(kind)))
    said = accept_identity(waits, identity(HELP), None, service(assisted=False), NOTHING_OFF, NOW)
    assert said == (AcceptedIdentity(identity(HELP)) if accepted else FailureClass.WAY_CLOSED)
    assert by_help(service(), switches=SERVICE_OFF) is FailureClass.SERVICE_OFF
    assert by_help(service(), Level.LOW) is FailureClass.LEVEL_TOO_LOW


def test_a_provider_taken_out_of_the_configuration_is_not_believed() -> None:
    checking = standing(TransactionState.CHECKING)
    assert accept_identity(checking, identity(), None, service(), NOTHING_OFF, NOW) is FailureClass.WAY_CLOSED


def test_an_open_case_accepts_no_identity_of_a_provider() -> None:
    waiting = standing(TransactionState.WAITING)
    assert accept_identity(waiting, identity(), candidate(), service(), NOTHING_OFF, NOW) is FailureClass.UNSAFE_REPLY


@pytest.mark.parametrize(
    ("person", "listing", "switches", "hint", "failure"),
    [
        (AccountMatch(), {}, NOTHING_OFF, None, None),
        (AccountMatch("mine", "known"), {}, NOTHING_OFF, "known", None),
        (AccountMatch("mine"), {}, ACCOUNT_OFF, None, FailureClass.ACCOUNT_OFF),
        (AccountMatch("mine"), {"accept_new_until": NOW}, NOTHING_OFF, None, None),
        (AccountMatch(), {"accept_new_until": NOW}, NOTHING_OFF, None, FailureClass.NO_NEWCOMERS),
        (AccountMatch(), {"accept_new_until": NOW + 1}, NOTHING_OFF, None, None),
        (AccountMatch("mine", "known"), {}, NOTHING_OFF, "another", FailureClass.OTHER_ACCOUNT),
        (AccountMatch(), {}, NOTHING_OFF, "another", FailureClass.OTHER_ACCOUNT),
    ],
)
def test_account_checks_reject_disabled_and_unexpected_accounts(
    person: AccountMatch,
    listing: dict[str, Any],
    switches: KillSwitches,
    hint: str | None,
    failure: FailureClass | None,
) -> None:
    found = check_account(begun(expected_sub=hint), person, candidate(**listing), switches, NOW)
    assert found is failure


def session(person: Identity | None = None, expires: float = NOW + 60) -> Session:
    """A session that still lives."""
    return Session("digest", "sid", "mine", person or identity(), NOW - 60, NOW - 60, expires)


@pytest.mark.parametrize(
    ("asked", "changes", "expected"),
    [
        ({}, {}, None),
        ({"prompt": ("none",)}, {}, None),
        ({"prompt": ("consent",)}, {}, None),
        ({"prompt": ("login",)}, {}, FailureClass.SILENT),
        ({"prompt": ("select_account",)}, {}, FailureClass.SILENT),
        ({"max_age": 60}, {}, None),
        ({"max_age": 60}, {"now": NOW + 59.0 + 2}, FailureClass.SILENT),
        ({"expected_sub": "known"}, {}, None),
        ({"expected_sub": "another"}, {}, FailureClass.SILENT),
        ({}, {"session": session(expires=NOW)}, FailureClass.SILENT),
        ({}, {"service": service(single_sign_on=False)}, FailureClass.SILENT),
        ({}, {"session": session(identity(level=Level.LOW))}, FailureClass.LEVEL_TOO_LOW),
        ({}, {"switches": PROVIDER_OFF}, FailureClass.WAY_CLOSED),
        ({}, {"switches": ACCOUNT_OFF}, FailureClass.ACCOUNT_OFF),
        ({}, {"switches": SERVICE_OFF}, FailureClass.SERVICE_OFF),
        ({}, {"candidate": None}, FailureClass.WAY_CLOSED),
        ({}, {"candidate": candidate("beta")}, FailureClass.UNSAFE_REPLY),
        ({}, {"session": session(identity(HELP)), "candidate": None}, None),
        ({"claims": {"userinfo": {"email": ESSENTIAL}}}, {"session": session(identity(claims={}))}, None),
    ],
)
def test_a_session_answers_only_what_a_new_sign_in_could_answer_now(
    asked: dict[str, Any], changes: dict[str, Any], expected: FailureClass | None
) -> None:
    usual: dict[str, Any] = {
        "session": session(expires=NOW + 600),
        "subject": "known",
        "candidate": candidate(),
        "service": service(),
        "switches": NOTHING_OFF,
        "now": NOW,
    }
    facts = {**usual, **changes}
    match = SessionMatch(facts.pop("session"), facts.pop("subject"), facts.pop("candidate"))
    found = accept_session(begun(**asked), match, **facts)
    believed = isinstance(found, AcceptedIdentity)
    assert believed if expected is None else found == expected


def test_a_session_answers_a_new_transaction_only() -> None:
    failed = standing(TransactionState.FAILED)
    assert (
        accept_session(failed, SessionMatch(session(), "known", candidate()), service(), NOTHING_OFF, NOW)
        is FailureClass.SILENT
    )


HELPER = ActingFor("company", "SE5560000001", "Bridge AB", ("sign", "pay"))


def test_a_person_who_acts_for_another_is_accepted_by_services_that_ask_for_whom() -> None:
    checking = standing(TransactionState.CHECKING)
    person = identity(act=HELPER)
    assert (
        accept_identity(checking, person, candidate(), service(), NOTHING_OFF, NOW) is FailureClass.ACTING_FOR_ANOTHER
    )
    asking = replace(checking, request=replace(checking.request, requested_claims=("name", "acting_for")))
    accepted = accept_identity(asking, person, candidate(), service(), NOTHING_OFF, NOW)
    assert isinstance(accepted, AcceptedIdentity)
    assert accepted.identity.act == HELPER
    assert HELPER.claim == {"kind": "company", "id": "SE5560000001", "name": "Bridge AB", "scope": "sign pay"}
    assert ActingFor("person", "1").claim == {"kind": "person", "id": "1"}


def test_a_session_of_a_person_who_acts_for_another_answers_no_other_service() -> None:
    signed_in = SessionMatch(replace(session(), identity=identity(act=HELPER)), "known", candidate())
    asking = replace(begun(), request=replace(begun().request, requested_claims=("acting_for",)))
    assert accept_session(begun(), signed_in, service(), NOTHING_OFF, NOW) is FailureClass.SILENT
    assert isinstance(accept_session(asking, signed_in, service(), NOTHING_OFF, NOW), AcceptedIdentity)


@pytest.mark.parametrize(
    ("asked", "asking", "level", "why"),
    [
        ({}, {}, Level.LOW, AskedAgain.LEVEL),
        ({"max_age": 10}, {}, Level.HIGH, AskedAgain.AGE),
        ({"prompt": ("login",)}, {}, Level.LOW, AskedAgain.FRESH),
        ({}, {"single_sign_on": False}, Level.LOW, AskedAgain.FRESH),
        ({"expected_sub": "another", "prompt": ("login",)}, {}, Level.LOW, AskedAgain.PERSON),
        ({}, {}, Level.HIGH, None),
    ],
)
def test_a_citizen_whose_session_does_not_answer_learns_why(
    asked: dict[str, Any], asking: dict[str, Any], level: Level, why: AskedAgain | None
) -> None:
    match = SessionMatch(session(identity(level=level, auth_time=int(NOW) - 60)), "known", candidate())
    assert why_asked_again(begun(**asked), match, service(**asking)) is why

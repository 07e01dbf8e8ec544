"""Failure taxonomy: complete for every class, reason and error code."""

import re
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

from broker.journey.acceptance import AccountMatch, SessionMatch, accept_identity, accept_session, check_account
from broker.journey.events import AttemptFailed, NoRouteFound
from broker.journey.provider_offer import OfferPolicy, offer
from broker.journey.transaction import TransactionState
from broker.journey.transitions import due_event
from broker.model.failures import FAILURES, ErrorCode, FailureClass, NextStep, Origin, from_reason
from broker.model.identity import ActingFor
from broker.model.kill_switches import KillSwitches, KillSwitchKind
from broker.model.provider_policy import DisplayOrder
from broker.model.session import Session
from broker.provider import ProviderFailureReason
from tests.unit.journey.examples import NOTHING_OFF, NOW, begun, candidate, identity, service, standing, walked

RFC_6749 = """invalid_request unauthorized_client access_denied unsupported_response_type invalid_scope server_error
temporarily_unavailable"""
CORE = """interaction_required login_required account_selection_required consent_required invalid_request_uri
invalid_request_object request_not_supported request_uri_not_supported registration_not_supported"""
REGISTERED = {*RFC_6749.split(), *CORE.split(), "unmet_authentication_requirements"}
"""Error codes of the authorization endpoint: RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6, and the one for levels."""

LEAVING = {
    "access_denied": "cancelled declined_sharing could_not_sign_in not_verified paused took_too_long incomplete_reply"
    " cannot_use acting_for_another request_expired lost_place help_waiting help_declined help_expired way_closed"
    " help_unreached"
    " no_newcomers account_off other_account other_person session_ended help_withdrawn help_elsewhere help_revoked"
    " passkey_unusable service_refused way_stopped",
    "unmet_authentication_requirements": "level_too_low no_route help_too_low",
    "temporarily_unavailable": "provider_down provider_busy",
    "server_error": "unsafe_reply our_fault",
    "invalid_request": "bad_request",
    "login_required": "silent",
    "unauthorized_client": "service_off",
    None: "bad_link overloaded",
}
"""What the service learns if the citizen leaves, by class."""


def test_every_class_has_its_row_and_every_row_its_class() -> None:
    assert set(FAILURES) == set(FailureClass)


@pytest.mark.parametrize("reason", ProviderFailureReason)
def test_every_reason_of_the_provider_contract_means_one_class(reason: ProviderFailureReason) -> None:
    meaning = [failure for failure, kind in FAILURES.items() if kind.reason == reason]
    assert meaning == [from_reason(reason)]


def test_no_row_names_a_reason_that_the_contract_does_not_know() -> None:
    assert {kind.reason for kind in FAILURES.values() if kind.reason} == {
        reason.value for reason in ProviderFailureReason
    }


def test_an_unknown_reason_is_rejected() -> None:
    with pytest.raises(KeyError):
        from_reason("moody")


def test_every_error_code_is_registered_and_used() -> None:
    used = set(chain.from_iterable((kind.error, *kind.alternative_errors) for kind in FAILURES.values())) - {None}
    assert used == set(ErrorCode)
    assert {code.value for code in ErrorCode} <= REGISTERED


def test_a_citizen_who_leaves_takes_the_error_of_the_design_along() -> None:
    found = {failure.value: kind.error for failure, kind in FAILURES.items()}
    assert found == {name: error for error, names in LEAVING.items() for name in names.split()}


@pytest.mark.parametrize("failure", FailureClass)
def test_a_public_sentence_goes_with_every_error_in_the_letters_the_standard_allows(failure: FailureClass) -> None:
    kind = FAILURES[failure]
    assert bool(kind.description) == (kind.error is not None)
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{0,80}", kind.description)  # RFC 6749 4.1.2.1


@pytest.mark.parametrize("failure", FailureClass)
def test_a_page_leads_on_and_what_has_no_page_offers_nothing(failure: FailureClass) -> None:
    assert bool(FAILURES[failure].next) == FAILURES[failure].page


def test_only_a_request_that_the_service_has_to_fix_has_no_page() -> None:
    assert {f for f, kind in FAILURES.items() if not kind.page} == {FailureClass.BAD_REQUEST, FailureClass.SILENT}


def test_every_next_step_is_offered_somewhere_and_none_twice_on_a_page() -> None:
    assert set(chain.from_iterable(kind.next for kind in FAILURES.values())) == set(NextStep)
    assert all(len(set(kind.next)) == len(kind.next) for kind in FAILURES.values())


def test_an_alarm_is_for_failures_that_only_an_operator_can_fix() -> None:
    assert {f for f, kind in FAILURES.items() if kind.alarm} == {
        FailureClass.UNSAFE_REPLY,
        FailureClass.OTHER_PERSON,
        FailureClass.OUR_FAULT,
    }


def test_every_class_that_calls_an_operator_has_its_own_alert_rule_in_the_operating_guide() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "operating.md").read_text()
    ruled = re.findall(r'increase\(portico_operator_calls_total\{failure="(\w+)"\}\[\w+\]\) > \d+`', guide)
    assert sorted(ruled) == sorted(failure for failure, kind in FAILURES.items() if kind.alarm)


def test_a_person_helps_after_every_failure_of_a_provider_that_does_not_pass_by_itself() -> None:
    helpless = {f for f, kind in FAILURES.items() if kind.origin is Origin.PROVIDER and NextStep.HELP not in kind.next}
    assert helpless == {FailureClass.PROVIDER_BUSY}


def reached() -> set[FailureClass]:
    """The classes that the rules of the journey and the provider contract bring about."""
    off = KillSwitches(2, {(KillSwitchKind.SERVICE, "parking"): "stopped"})
    account = KillSwitches(2, {(KillSwitchKind.ACCOUNT, "mine"): "stopped"})
    person = identity(claims={})
    needy = standing(TransactionState.CHECKING, claims={"userinfo": {"email": {"essential": True}}})
    session = Session("digest", "sid", "mine", person, NOW, NOW, NOW)
    due = [
        due_event(standing(TransactionState.AWAY), NOW + 900),
        due_event(standing(TransactionState.CHECKING), NOW + 16),
    ]
    found = [
        *map(from_reason, ProviderFailureReason),
        *(event.failure for event in due if isinstance(event, AttemptFailed)),
        walked(begun(), NoRouteFound()).exit_failure,
        standing(TransactionState.WAITING).exit_failure,
        standing(TransactionState.EXPIRED).exit_failure,
        accept_identity(needy, person, candidate(), service(), NOTHING_OFF, NOW),
        accept_identity(needy, person, None, service(), NOTHING_OFF, NOW),
        accept_identity(
            needy, replace(person, act=ActingFor("company", "1")), candidate(), service(), NOTHING_OFF, NOW
        ),
        check_account(begun(), AccountMatch(), candidate(accept_new_until=NOW), NOTHING_OFF, NOW),
        check_account(begun(), AccountMatch("mine"), candidate(), account, NOW),
        check_account(begun(), AccountMatch("theirs", reassigned=True), candidate(), NOTHING_OFF, NOW),
        check_account(begun(), AccountMatch("mine", refused=True), candidate(), NOTHING_OFF, NOW),
        check_account(begun(), AccountMatch("mine", stopped=True), candidate(), NOTHING_OFF, NOW),
        check_account(begun(expected_sub="another"), AccountMatch(), candidate(), NOTHING_OFF, NOW),
        accept_session(begun(), SessionMatch(session, None, candidate()), service(), NOTHING_OFF, NOW),
        offer(begun(), (), service(), off, NOW, OfferPolicy(DisplayOrder.SHUFFLED)).blocked_by,
    ]
    return {failure for failure in found if isinstance(failure, FailureClass)}


def test_every_class_is_reached_by_a_journey_rule_a_case_or_an_endpoint() -> None:
    by_a_case = {failure for failure in FailureClass if failure.startswith("help_")} - {FailureClass.HELP_WAITING}
    at_a_door = {FailureClass.LOST_PLACE, FailureClass.BAD_LINK, FailureClass.BAD_REQUEST, FailureClass.OVERLOADED}
    by_the_answer = {FailureClass.SESSION_ENDED}
    assert set(FailureClass) - reached() == by_a_case | at_a_door | by_the_answer

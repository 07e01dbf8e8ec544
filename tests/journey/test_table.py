"""The state table: every pair of state and event, and what a step does to the record."""

from dataclasses import replace
from itertools import product
from typing import get_args

import pytest

from broker.journey.events import (
    AnswerReceived,
    AttemptFailed,
    BrowserChanged,
    Event,
    GaveUp,
    HelpEnded,
    HelpRequested,
    HelpResumed,
    IdentityProven,
    NoRouteFound,
    ProviderChosen,
    ServiceAnswered,
    SessionAccepted,
    SharingDeclined,
    TimeRanOut,
)
from broker.journey.table import advance, overdue
from broker.journey.transaction import FAILURES_KEPT, Failed, State, Transaction
from broker.model.assurance import Level
from broker.model.failures import FailureClass
from broker.model.identity import HELP
from broker.model.question import Put
from tests.journey.examples import (
    BACK,
    NOW,
    PERSONAL,
    attempt,
    begun,
    fitting,
    helped,
    identity,
    request,
    standing,
    walked,
)

HOUR, DAY = 3600, 24 * 3600

LEADS = """
CHOOSING    ProviderChosen AWAY        HelpRequested WAITING   SessionAccepted IDENTIFIED  NoRouteFound FAILED
CHOOSING    HelpResumed WAITING        BrowserChanged CHOOSING
AWAY        AnswerReceived CHECKING    AttemptFailed FAILED    ProviderChosen AWAY         HelpResumed WAITING
AWAY        BrowserChanged CHOOSING
CHECKING    IdentityProven IDENTIFIED  AttemptFailed FAILED    ProviderChosen AWAY         HelpResumed WAITING
CHECKING    BrowserChanged CHOOSING
FAILED      ProviderChosen AWAY        HelpRequested WAITING   HelpResumed WAITING         BrowserChanged FAILED
WAITING     IdentityProven IDENTIFIED  HelpEnded FAILED        ProviderChosen AWAY         BrowserChanged WAITING
IDENTIFIED  ServiceAnswered ANSWERED   SharingDeclined FAILED  ProviderChosen AWAY         AttemptFailed FAILED
IDENTIFIED  BrowserChanged CHOOSING
"""
OPEN = ("CHOOSING", "AWAY", "CHECKING", "FAILED", "WAITING", "IDENTIFIED")


def leads() -> dict[tuple[State, str], State]:
    """Where each pair leads, as the design has it."""
    found: dict[tuple[State, str], State] = {}
    for line in LEADS.split("\n"):
        if words := line.split():
            found |= {(State[words[0]], event): State[to] for event, to in zip(words[1::2], words[2::2], strict=True)}
    for name in OPEN:
        found |= {(State[name], "GaveUp"): State.REFUSED, (State[name], "TimeRanOut"): State.EXPIRED}
        found |= {(State[name], "AnsweredBefore"): State.OVERTAKEN}
    return found


KINDS: tuple[type[Event], ...] = get_args(Event)


@pytest.mark.parametrize(
    ("state", "kind"), list(product(State, KINDS)), ids=lambda v: v.name if isinstance(v, State) else v.__name__
)
def test_a_state_and_an_event_lead_where_the_design_says_or_nowhere(state: State, kind: type[Event]) -> None:
    before = standing(state) if kind is HelpRequested else helped(state)
    now = before.expires if kind is TimeRanOut else NOW + 1
    after = advance(before, fitting(kind, before), now)
    expected = leads().get((state, kind.__name__))
    if expected is None:
        assert after is before
    else:
        assert (after.state, after.version) == (expected, before.version + 1)


def test_the_design_names_no_event_that_does_not_exist() -> None:
    assert {event for _, event in leads()} == {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (State.CHOOSING, TimeRanOut()),
        (State.CHOOSING, HelpResumed()),
        (State.CHOOSING, SessionAccepted(identity(level=Level.LOW), "account")),
        (State.CHOOSING, ProviderChosen(attempt(now=NOW - DAY))),
        (State.CHOOSING, BrowserChanged("digest of the browser")),
        (State.AWAY, AnswerReceived("another")),
        (State.AWAY, AttemptFailed(FailureClass.CANCELLED, "beta")),
        (State.CHECKING, IdentityProven(identity("beta"))),
        (State.CHECKING, IdentityProven(identity(level=Level.LOW))),
        (State.CHECKING, IdentityProven(identity(), "case")),
        (State.FAILED, HelpResumed()),
        (State.WAITING, IdentityProven(identity(HELP), "another case")),
        (State.WAITING, IdentityProven(identity(HELP))),
        (State.WAITING, IdentityProven(identity(HELP, Level.LOW), "case")),
        (State.WAITING, HelpEnded(FailureClass.HELP_DECLINED, "another case")),
        (State.IDENTIFIED, AttemptFailed(FailureClass.CANNOT_USE, "beta")),
    ],
    ids=repr,
)
def test_an_event_that_does_not_fit_what_is_in_hand_changes_nothing(state: State, event: Event) -> None:
    before = standing(state)
    assert advance(before, event, NOW) is before


def test_help_is_not_asked_for_twice() -> None:
    before = replace(standing(State.FAILED), case="case")
    assert advance(before, HelpRequested("another"), NOW) is before


def test_a_session_is_answered_for_its_own_account_only() -> None:
    before = walked(begun(), SessionAccepted(identity(), "mine"))
    assert advance(before, ServiceAnswered(BACK, "another"), NOW) is before
    assert advance(before, ServiceAnswered(BACK, "mine"), NOW).state is State.ANSWERED


def test_of_two_copies_of_one_callback_the_second_finds_nothing_to_claim() -> None:
    claimed = advance(standing(State.AWAY), AnswerReceived("first"), NOW)
    assert advance(claimed, AnswerReceived("first"), NOW) is claimed


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not TimeRanOut], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("state", [State[name] for name in OPEN])
def test_after_its_time_a_transaction_can_only_end(state: State, kind: type[Event]) -> None:
    before = helped(state)
    assert advance(before, fitting(kind, before), before.expires) is before


def test_a_transaction_lives_an_hour_before_the_first_choice_and_a_day_after_it() -> None:
    new = begun()
    assert new.expires == NOW + HOUR
    chosen = walked(new, ProviderChosen(attempt(now=NOW + 600)), now=NOW + 600)
    assert (chosen.chosen, chosen.expires) == (NOW + 600, NOW + 600 + DAY)
    again = walked(chosen, ProviderChosen(attempt("second", now=NOW + 900)), now=NOW + 900)
    assert (again.chosen, again.expires) == (NOW + 600, NOW + 600 + DAY)


def test_asking_for_a_person_is_a_choice_and_finding_no_route_is_none() -> None:
    assert walked(begun(), HelpRequested("case")).expires == NOW + DAY
    assert walked(begun(), NoRouteFound()).expires == NOW + HOUR


def test_an_ended_transaction_is_kept_a_day_from_its_end_however_late_that_is_seen() -> None:
    gone = walked(begun(), GaveUp(BACK), now=NOW + 60)
    assert gone.expires == gone.kept_until == NOW + 60 + DAY
    late = begun()
    assert late.kept_until == NOW + HOUR + DAY
    seen = walked(late, TimeRanOut(), now=NOW + 5 * HOUR)
    assert seen.expires == seen.kept_until == NOW + HOUR + DAY


def test_an_attempt_that_took_too_long_fails_when_it_is_looked_at() -> None:
    away = standing(State.AWAY)
    assert overdue(away, NOW + 15 * 60 - 1) is None
    assert overdue(away, NOW + 15 * 60) == AttemptFailed(FailureClass.TOOK_TOO_LONG, "alpha")
    assert advance(away, AnswerReceived("first"), NOW + 15 * 60) is away


def test_checking_for_longer_than_fifteen_seconds_is_a_fault_of_ours() -> None:
    checking = standing(State.CHECKING)
    assert overdue(checking, NOW + 15) is None
    due = overdue(checking, NOW + 15.1)
    assert due == AttemptFailed(FailureClass.OUR_FAULT, "alpha")
    assert advance(checking, due, NOW + 15.1).failure == Failed(FailureClass.OUR_FAULT, NOW + 15.1, "alpha")


@pytest.mark.parametrize("state", State)
def test_the_clock_ends_every_open_transaction_and_no_ended_one(state: State) -> None:
    before = helped(state)
    due = overdue(before, before.expires)
    assert due == (TimeRanOut() if state.name in OPEN else None)


@pytest.mark.parametrize("state", [State.CHOOSING, State.FAILED, State.WAITING, State.IDENTIFIED])
def test_the_clock_does_nothing_to_a_citizen_who_reads_slowly(state: State) -> None:
    before = standing(state)
    assert overdue(before, before.expires - 1) is None


def test_an_identity_proven_elsewhere_withdraws_the_open_case_and_the_record_says_so() -> None:
    after = walked(
        standing(State.WAITING), ProviderChosen(attempt()), AnswerReceived("first"), IdentityProven(identity())
    )
    assert (after.state, after.case, after.withdrawn) == (State.IDENTIFIED, None, "case")


def test_a_session_that_answers_in_another_browser_withdraws_the_open_case() -> None:
    away = walked(standing(State.WAITING), ProviderChosen(attempt()))
    after = walked(away, BrowserChanged("digest of another browser"), SessionAccepted(identity(), "mine"))
    assert (after.state, after.case, after.withdrawn) == (State.IDENTIFIED, None, "case")


def test_a_case_to_be_withdrawn_is_named_until_the_end() -> None:
    proven = (AnswerReceived("first"), IdentityProven(identity()))
    once = walked(standing(State.WAITING), ProviderChosen(attempt()), *proven)
    assert walked(once, SharingDeclined(), ProviderChosen(attempt()), *proven).withdrawn == "case"


def test_an_identity_proven_by_the_case_leaves_it_in_the_record_and_withdraws_nothing() -> None:
    after = walked(standing(State.WAITING), IdentityProven(identity(HELP), "case"))
    assert (after.state, after.case, after.withdrawn) == (State.IDENTIFIED, "case", None)


def test_a_case_that_proved_an_identity_cannot_be_resumed_after_it_was_not_wanted() -> None:
    bound = walked(standing(State.WAITING), IdentityProven(identity(HELP), "case"), SharingDeclined())
    assert advance(bound, HelpResumed(), NOW) is bound


def test_an_open_case_goes_on_after_another_way_failed() -> None:
    failed = walked(standing(State.WAITING), ProviderChosen(attempt()), AttemptFailed(FailureClass.CANCELLED, "alpha"))
    assert walked(failed, HelpResumed()).case == "case"


def test_a_case_that_ended_can_be_followed_by_another() -> None:
    failed = walked(standing(State.WAITING), HelpEnded(FailureClass.HELP_EXPIRED, "case"))
    assert failed.failure == Failed(FailureClass.HELP_EXPIRED, NOW, None)
    assert walked(failed, HelpRequested("second")).case == "second"


@pytest.mark.parametrize("state", [State[name] for name in OPEN])
def test_another_browser_gets_nothing_that_the_old_one_had_in_hand(state: State) -> None:
    before = helped(state)
    after = walked(before, BrowserChanged("digest of another browser"))
    assert (after.browser, after.moved, after.version) == ("digest of another browser", True, before.version + 1)
    assert (after.attempt, after.identity, after.account) == (None, None, None)
    assert after.state in (State.CHOOSING, State.FAILED, State.WAITING)
    assert after.failures == before.failures


def test_an_ended_transaction_is_not_moved() -> None:
    ended = standing(State.REFUSED)
    assert advance(ended, BrowserChanged("digest of another browser"), NOW) is ended


def test_declining_to_share_is_a_failure_with_the_provider_and_forgets_the_identity() -> None:
    after = walked(standing(State.IDENTIFIED), SharingDeclined())
    assert after.failure == Failed(FailureClass.DECLINED_SHARING, NOW, "alpha")
    assert after.identity is None


def test_an_identity_that_is_no_longer_believed_is_a_failure() -> None:
    after = walked(standing(State.IDENTIFIED), AttemptFailed(FailureClass.CANNOT_USE, "alpha"))
    assert (after.state, after.identity) == (State.FAILED, None)


def test_only_the_latest_failures_are_remembered() -> None:
    transaction = begun()
    for count in range(FAILURES_KEPT + 5):
        transaction = walked(transaction, ProviderChosen(attempt(f"a{count}")))
        transaction = walked(transaction, AttemptFailed(FailureClass.CANCELLED, "alpha"), now=NOW + count)
    assert len(transaction.failures) == FAILURES_KEPT
    assert transaction.failures[-1].at == NOW + FAILURES_KEPT + 4


@pytest.mark.parametrize(
    ("state", "event"),
    [(State.IDENTIFIED, ServiceAnswered(BACK, f"{PERSONAL} account"))]
    + [(State[name], GaveUp(BACK)) for name in OPEN]
    + [(State[name], TimeRanOut()) for name in OPEN],
    ids=str,
)
def test_nothing_personal_is_left_after_the_end_and_the_citizen_can_still_be_sent_back(
    state: State, event: Event
) -> None:
    before = helped(state)
    assert PERSONAL in repr(before)
    after = advance(before, event, before.expires if isinstance(event, TimeRanOut) else NOW)
    assert not after.open
    assert PERSONAL not in repr(after)
    assert "case" not in (after.case, after.withdrawn)
    asked = after.request
    assert (asked.client_id, asked.redirect_uri, asked.state) == ("parking", "https://parking.test/back", "theirs")
    assert after.leaving == (None if isinstance(event, TimeRanOut) else BACK)


def test_a_stub_still_says_which_question_it_answered_and_no_more() -> None:
    asked = request(redirect_uri="", question=Put("q1", f"{PERSONAL} message", "case-1"))
    left = advance(replace(begun(), request=asked), GaveUp(None), NOW)
    assert left.request.question == Put("q1")
    assert PERSONAL not in repr(left)


@pytest.mark.parametrize("state", [State[name] for name in OPEN])
def test_an_ended_transaction_holds_nothing_personal_whatever_it_held_before(state: State) -> None:
    whole = replace(helped(state), failures=(Failed(FailureClass.CANCELLED, NOW, "alpha"),), withdrawn="case")
    left = advance(whole, GaveUp(None), NOW)
    assert PERSONAL not in repr(left)
    assert (left.failures, left.case, left.withdrawn, left.state) == ((), None, None, State.REFUSED)


@pytest.mark.parametrize(
    ("transaction", "failure"),
    [
        (standing(State.CHOOSING), FailureClass.CANCELLED),
        (standing(State.IDENTIFIED), FailureClass.CANCELLED),
        (walked(begun(), NoRouteFound()), FailureClass.NO_ROUTE),
        (standing(State.WAITING), FailureClass.HELP_WAITING),
        (standing(State.EXPIRED), FailureClass.REQUEST_EXPIRED),
    ],
)
def test_leaving_without_an_answer_has_a_reason_for_the_service(
    transaction: Transaction, failure: FailureClass
) -> None:
    assert transaction.parting is failure

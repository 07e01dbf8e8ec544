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
from broker.journey.transaction import FAILURES_KEPT, FailedAttempt, Transaction, TransactionState
from broker.journey.transitions import advance, due_event
from broker.model.assurance import Level
from broker.model.backchannel_request import BackchannelRequestRef
from broker.model.failures import FailureClass
from broker.model.identity import HELP
from broker.model.request import ResponseMode
from tests.unit.journey.examples import (
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
CHOOSING    HelpResumed WAITING        BrowserChanged CHOOSING Queued QUEUED
QUEUED      ProviderChosen AWAY        Queued QUEUED           HelpRequested WAITING       HelpResumed WAITING
QUEUED      BrowserChanged QUEUED
AWAY        AnswerReceived CHECKING    AttemptFailed FAILED    ProviderChosen AWAY         HelpResumed WAITING
AWAY        BrowserChanged CHOOSING    Queued QUEUED
CHECKING    IdentityProven IDENTIFIED  AttemptFailed FAILED    ProviderChosen AWAY         HelpResumed WAITING
CHECKING    BrowserChanged CHOOSING    Queued QUEUED
FAILED      Queued QUEUED
WAITING     Queued QUEUED
IDENTIFIED  Queued QUEUED
QUEUED      QueueLeft CHOOSING
FAILED      ProviderChosen AWAY        HelpRequested WAITING   HelpResumed WAITING         BrowserChanged FAILED
WAITING     IdentityProven IDENTIFIED  HelpEnded FAILED        ProviderChosen AWAY         BrowserChanged WAITING
IDENTIFIED  ServiceAnswered ANSWERED   SharingDeclined FAILED  ProviderChosen AWAY         AttemptFailed FAILED
IDENTIFIED  BrowserChanged CHOOSING
"""
OPEN = ("CHOOSING", "QUEUED", "AWAY", "CHECKING", "FAILED", "WAITING", "IDENTIFIED")


def leads() -> dict[tuple[TransactionState, str], TransactionState]:
    """Target state of each pair, from the design."""
    found: dict[tuple[TransactionState, str], TransactionState] = {}
    for line in LEADS.split("\n"):
        if words := line.split():
            found |= {
                (TransactionState[words[0]], event): TransactionState[to]
                for event, to in zip(words[1::2], words[2::2], strict=True)
            }
    for name in OPEN:
        found |= {
            (TransactionState[name], "GaveUp"): TransactionState.REFUSED,
            (TransactionState[name], "TimeRanOut"): TransactionState.EXPIRED,
        }
        found |= {(TransactionState[name], "AnsweredBefore"): TransactionState.OVERTAKEN}
    return found


KINDS: tuple[type[Event], ...] = get_args(Event)


@pytest.mark.parametrize(
    ("state", "kind"),
    list(product(TransactionState, KINDS)),
    ids=lambda v: v.name if isinstance(v, TransactionState) else v.__name__,
)
def test_a_state_and_an_event_lead_where_the_design_says_or_nowhere(state: TransactionState, kind: type[Event]) -> None:
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
        (TransactionState.CHOOSING, TimeRanOut()),
        (TransactionState.CHOOSING, HelpResumed()),
        (TransactionState.CHOOSING, SessionAccepted(identity(level=Level.LOW), "account")),
        (TransactionState.CHOOSING, ProviderChosen(attempt(now=NOW - DAY))),
        (TransactionState.CHOOSING, BrowserChanged("digest of the browser")),
        (TransactionState.AWAY, AnswerReceived("another")),
        (TransactionState.AWAY, AttemptFailed(FailureClass.CANCELLED, "beta")),
        (TransactionState.CHECKING, IdentityProven(identity("beta"))),
        (TransactionState.CHECKING, IdentityProven(identity(level=Level.LOW))),
        (TransactionState.CHECKING, IdentityProven(identity(), "case")),
        (TransactionState.FAILED, HelpResumed()),
        (TransactionState.WAITING, IdentityProven(identity(HELP), "another case")),
        (TransactionState.WAITING, IdentityProven(identity(HELP))),
        (TransactionState.WAITING, IdentityProven(identity(HELP, Level.LOW), "case")),
        (TransactionState.WAITING, HelpEnded(FailureClass.HELP_DECLINED, "another case")),
        (TransactionState.IDENTIFIED, AttemptFailed(FailureClass.CANNOT_USE, "beta")),
    ],
    ids=repr,
)
def test_an_event_that_does_not_match_the_transaction_changes_nothing(state: TransactionState, event: Event) -> None:
    before = standing(state)
    assert advance(before, event, NOW) is before


def test_help_is_not_asked_for_twice() -> None:
    before = replace(standing(TransactionState.FAILED), case="case")
    assert advance(before, HelpRequested("another"), NOW) is before


def test_a_session_is_answered_for_its_own_account_only() -> None:
    before = walked(begun(), SessionAccepted(identity(), "mine"))
    assert advance(before, ServiceAnswered(BACK, "another"), NOW) is before
    assert advance(before, ServiceAnswered(BACK, "mine"), NOW).state is TransactionState.ANSWERED


def test_a_new_transaction_holds_what_it_was_begun_with() -> None:
    new = begun()
    assert (new.id, new.version, new.state) == ("t1", 1, TransactionState.CHOOSING)
    assert (new.browser, new.request, new.language) == ("digest of the browser", request(), "en")
    assert (new.reference, new.order_seed) == ("AAAA-BBBB", 7)
    assert (new.created, new.changed, new.chosen) == (NOW, NOW, None)
    assert (new.attempt, new.failures, new.identity, new.account, new.case) == (None, (), None, None, None)


def test_an_attempt_that_expires_at_this_moment_cannot_be_chosen() -> None:
    before, late = begun(), replace(attempt(), expires=NOW)
    assert advance(before, ProviderChosen(late), NOW) is before
    assert advance(before, ProviderChosen(replace(late, expires=NOW + 1)), NOW).state is TransactionState.AWAY


def test_no_route_is_a_failure_with_its_time_and_without_a_provider() -> None:
    assert walked(begun(), NoRouteFound()).failures == (FailedAttempt(FailureClass.NO_ROUTE, NOW, None),)


def test_of_two_copies_of_one_callback_the_second_finds_nothing_to_claim() -> None:
    claimed = advance(standing(TransactionState.AWAY), AnswerReceived("first"), NOW)
    assert advance(claimed, AnswerReceived("first"), NOW) is claimed


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not TimeRanOut], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("state", [TransactionState[name] for name in OPEN])
def test_after_its_time_a_transaction_can_only_end(state: TransactionState, kind: type[Event]) -> None:
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
    away = standing(TransactionState.AWAY)
    assert due_event(away, NOW + 15 * 60 - 1) is None
    assert due_event(away, NOW + 15 * 60) == AttemptFailed(FailureClass.TOOK_TOO_LONG, "alpha")
    assert advance(away, AnswerReceived("first"), NOW + 15 * 60) is away


def test_checking_for_longer_than_fifteen_seconds_is_an_internal_failure() -> None:
    checking = standing(TransactionState.CHECKING)
    assert due_event(checking, NOW + 15) is None
    due = due_event(checking, NOW + 15.1)
    assert due == AttemptFailed(FailureClass.OUR_FAULT, "alpha")
    assert advance(checking, due, NOW + 15.1).failure == FailedAttempt(FailureClass.OUR_FAULT, NOW + 15.1, "alpha")


@pytest.mark.parametrize("state", TransactionState)
def test_the_clock_ends_every_open_transaction_and_no_ended_one(state: TransactionState) -> None:
    before = helped(state)
    due = due_event(before, before.expires)
    assert due == (TimeRanOut() if state.name in OPEN else None)


@pytest.mark.parametrize(
    "state", [TransactionState.CHOOSING, TransactionState.FAILED, TransactionState.WAITING, TransactionState.IDENTIFIED]
)
def test_the_clock_does_nothing_to_a_citizen_who_reads_slowly(state: TransactionState) -> None:
    before = standing(state)
    assert due_event(before, before.expires - 1) is None


def test_an_identity_proven_elsewhere_withdraws_the_open_case_and_the_record_says_so() -> None:
    after = walked(
        standing(TransactionState.WAITING),
        ProviderChosen(attempt()),
        AnswerReceived("first"),
        IdentityProven(identity()),
    )
    assert (after.state, after.case, after.case_to_withdraw) == (TransactionState.IDENTIFIED, None, "case")


def test_a_session_that_answers_in_another_browser_withdraws_the_open_case() -> None:
    away = walked(standing(TransactionState.WAITING), ProviderChosen(attempt()))
    after = walked(away, BrowserChanged("digest of another browser"), SessionAccepted(identity(), "mine"))
    assert (after.state, after.case, after.case_to_withdraw) == (TransactionState.IDENTIFIED, None, "case")


def test_a_case_to_be_withdrawn_is_named_until_the_end() -> None:
    proven = (AnswerReceived("first"), IdentityProven(identity()))
    once = walked(standing(TransactionState.WAITING), ProviderChosen(attempt()), *proven)
    assert walked(once, SharingDeclined(), ProviderChosen(attempt()), *proven).case_to_withdraw == "case"


def test_an_identity_proven_by_the_case_leaves_it_in_the_record_and_withdraws_nothing() -> None:
    after = walked(standing(TransactionState.WAITING), IdentityProven(identity(HELP), "case"))
    assert (after.state, after.case, after.case_to_withdraw) == (TransactionState.IDENTIFIED, "case", None)


def test_a_case_that_proved_an_identity_cannot_be_resumed_after_it_was_not_wanted() -> None:
    bound = walked(standing(TransactionState.WAITING), IdentityProven(identity(HELP), "case"), SharingDeclined())
    assert advance(bound, HelpResumed(), NOW) is bound


def test_an_open_case_goes_on_after_another_way_failed() -> None:
    failed = walked(
        standing(TransactionState.WAITING), ProviderChosen(attempt()), AttemptFailed(FailureClass.CANCELLED, "alpha")
    )
    assert walked(failed, HelpResumed()).case == "case"


def test_a_case_that_ended_can_be_followed_by_another() -> None:
    failed = walked(standing(TransactionState.WAITING), HelpEnded(FailureClass.HELP_EXPIRED, "case"))
    assert failed.failure == FailedAttempt(FailureClass.HELP_EXPIRED, NOW, None)
    assert walked(failed, HelpRequested("second")).case == "second"


@pytest.mark.parametrize("state", [TransactionState[name] for name in OPEN])
def test_a_transfer_to_another_browser_drops_the_identity_and_the_attempt(state: TransactionState) -> None:
    before = helped(state)
    after = walked(before, BrowserChanged("digest of another browser"))
    assert (after.browser, after.transferred, after.version) == ("digest of another browser", True, before.version + 1)
    assert (after.attempt, after.identity, after.account) == (None, None, None)
    kept = (TransactionState.QUEUED, TransactionState.FAILED, TransactionState.WAITING)
    assert after.state is (state if state in kept else TransactionState.CHOOSING)
    assert after.queue == before.queue, "the place in line is the citizen's, on whichever device"
    assert after.failures == before.failures


def test_an_ended_transaction_is_not_moved() -> None:
    ended = standing(TransactionState.REFUSED)
    assert advance(ended, BrowserChanged("digest of another browser"), NOW) is ended


def test_declining_to_share_is_a_failure_with_the_provider_and_forgets_the_identity() -> None:
    after = walked(standing(TransactionState.IDENTIFIED), SharingDeclined())
    assert after.failure == FailedAttempt(FailureClass.DECLINED_SHARING, NOW, "alpha")
    assert after.identity is None


def test_an_identity_that_is_no_longer_believed_is_a_failure() -> None:
    after = walked(standing(TransactionState.IDENTIFIED), AttemptFailed(FailureClass.CANNOT_USE, "alpha"))
    assert (after.state, after.identity) == (TransactionState.FAILED, None)


def test_only_the_latest_failures_are_remembered() -> None:
    transaction = begun()
    for count in range(FAILURES_KEPT + 5):
        transaction = walked(transaction, ProviderChosen(attempt(f"a{count}")))
        transaction = walked(transaction, AttemptFailed(FailureClass.CANCELLED, "alpha"), now=NOW + count)
    assert len(transaction.failures) == FAILURES_KEPT
    assert transaction.failures[-1].at == NOW + FAILURES_KEPT + 4


@pytest.mark.parametrize(
    ("state", "event"),
    [(TransactionState.IDENTIFIED, ServiceAnswered(BACK, f"{PERSONAL} account"))]
    + [(TransactionState[name], GaveUp(BACK)) for name in OPEN]
    + [(TransactionState[name], TimeRanOut()) for name in OPEN],
    ids=str,
)
def test_nothing_personal_is_left_after_the_end_and_the_citizen_can_still_be_sent_back(
    state: TransactionState, event: Event
) -> None:
    before = helped(state)
    assert PERSONAL in repr(before)
    after = advance(before, event, before.expires if isinstance(event, TimeRanOut) else NOW)
    assert not after.open
    assert PERSONAL not in repr(after)
    assert "case" not in (after.case, after.case_to_withdraw)
    asked = after.request
    assert (asked.client_id, asked.redirect_uri, asked.state) == ("parking", "https://parking.test/back", "theirs")
    assert after.client_redirect == (None if isinstance(event, TimeRanOut) else BACK)


def test_a_stub_holds_what_an_answer_to_the_service_needs_and_no_scope() -> None:
    asked = request(scope=("openid", "email"), response_mode=ResponseMode.FORM_POST, par_digest="digest of the request")
    left = advance(replace(begun(), request=asked), GaveUp(None), NOW).request
    assert (left.response_mode, left.par_digest, left.min_level) == (
        ResponseMode.FORM_POST,
        asked.par_digest,
        asked.min_level,
    )
    assert (left.scope, left.requested_claims, left.login_hint) == ((), (), None)


def test_a_stub_still_says_which_question_it_answered_and_no_more() -> None:
    asked = request(redirect_uri="", question=BackchannelRequestRef("q1", f"{PERSONAL} message", "case-1"))
    left = advance(replace(begun(), request=asked), GaveUp(None), NOW)
    assert left.request.question == BackchannelRequestRef("q1")
    assert PERSONAL not in repr(left)


@pytest.mark.parametrize("state", [TransactionState[name] for name in OPEN])
def test_an_ended_transaction_holds_nothing_personal_whatever_it_held_before(state: TransactionState) -> None:
    whole = replace(
        helped(state), failures=(FailedAttempt(FailureClass.CANCELLED, NOW, "alpha"),), case_to_withdraw="case"
    )
    left = advance(whole, GaveUp(None), NOW)
    assert PERSONAL not in repr(left)
    assert (left.failures, left.case, left.case_to_withdraw, left.state) == ((), None, None, TransactionState.REFUSED)


@pytest.mark.parametrize(
    ("transaction", "failure"),
    [
        (standing(TransactionState.CHOOSING), FailureClass.CANCELLED),
        (standing(TransactionState.IDENTIFIED), FailureClass.CANCELLED),
        (walked(begun(), NoRouteFound()), FailureClass.NO_ROUTE),
        (standing(TransactionState.WAITING), FailureClass.HELP_WAITING),
        (standing(TransactionState.EXPIRED), FailureClass.REQUEST_EXPIRED),
    ],
)
def test_leaving_without_an_answer_has_a_reason_for_the_service(
    transaction: Transaction, failure: FailureClass
) -> None:
    assert transaction.exit_failure is failure

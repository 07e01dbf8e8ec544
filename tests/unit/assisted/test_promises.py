"""What staff promise a citizen who waits: by when they talk, shown only while it holds, and what was missed."""

from dataclasses import replace

import pytest

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Contact, ContactMethod, Promise, Safety
from broker.assisted.case_row import CaseFlag, flags_of
from broker.assisted.case_states import CaseState
from broker.assisted.case_status import case_status
from broker.assisted.deadlines import CasePolicy, due_event
from broker.assisted.intake import Intake
from broker.assisted.measures import ENOUGH, promise_holds
from broker.assisted.opening import WEEK, BusinessHours, ChannelSettings
from broker.assisted.transitions import advance, refusal
from broker.model.evidence_file import FileSettings
from tests.unit.assisted.cases import AGENT, NOW, draft

HOUR = 3600
ALWAYS = BusinessHours(WEEK, "00:00", "23:59")
TERMS = CasePolicy(
    channels={
        Channel.VIDEO: ChannelSettings(hours=ALWAYS, promise=4 * HOUR),
        Channel.PHONE: ChannelSettings(hours=ALWAYS, promise=HOUR),
    },
    correction=0,
)
REACH = Contact(ContactMethod.EMAIL, "a@example.org")


def after(*events: ev.Event, case: Case | None = None, now: float = NOW, policy: CasePolicy = TERMS) -> Case:
    """The case after events, each of which has an effect."""
    found = case or draft()
    for event in events:
        before, found = found, advance(found, event, now, policy)
        assert found is not before, event
    return found


def waiting(channel: Channel = Channel.VIDEO) -> Case:
    """A case in line."""
    return after(ev.Submitted(REACH, channel), ev.ReadyForSession())


def test_a_citizen_in_line_gets_the_promise_of_their_channel() -> None:
    assert after(ev.Submitted(REACH, Channel.VIDEO)).promise is None
    assert waiting().promise == Promise(NOW + 4 * HOUR)
    assert waiting(Channel.IN_PERSON).promise is None
    assert waiting().due == NOW + 4 * HOUR


def test_a_promise_is_of_opening_hours() -> None:
    closed = replace(TERMS, channels={Channel.VIDEO: ChannelSettings(promise=4 * HOUR)})
    friday_evening = closed.hours.after(NOW, 8 * HOUR)
    case = after(ev.Submitted(REACH, Channel.VIDEO), ev.ReadyForSession(), now=friday_evening, policy=closed)
    assert case.promise is not None
    assert case.promise.until == closed.hours.after(friday_evening, 4 * HOUR)
    assert case.promise.until - friday_evening > 12 * HOUR


def test_what_was_sent_is_looked_at_within_the_promise_of_files() -> None:
    assert CasePolicy().promise(Channel.SENT) is None
    assert CasePolicy(files=FileSettings(folder="/tmp/x", promise=HOUR)).promise(Channel.SENT) == HOUR


@pytest.mark.parametrize("claimed", [False, True])
def test_a_promise_is_missed_on_its_second_and_the_case_keeps_its_place(*, claimed: bool) -> None:
    case = after(ev.Claimed(AGENT), case=waiting(), now=NOW + 4 * HOUR - 60) if claimed else waiting()
    until = NOW + 4 * HOUR
    assert due_event(case, until - 1) is None
    assert refusal(case, ev.PromiseMissed(), until - 1, TERMS) is not None
    assert due_event(case, until) == ev.PromiseMissed()
    late = after(ev.PromiseMissed(), case=case, now=until)
    assert late.promise == Promise(until, missed=True)
    assert (late.state, late.queued, late.edit_version) == (case.state, case.queued, case.edit_version)
    assert late.history[-1].event == "promise_missed"
    assert CaseFlag.PROMISE in flags_of(late)
    assert CaseFlag.PROMISE not in flags_of(case)
    assert due_event(late, until) is None
    assert (late.due or 0) > until


def test_a_case_that_comes_back_before_they_talked_keeps_its_promise_and_later_gets_a_new_one() -> None:
    back = after(ev.Claimed(AGENT), ev.Returned(AGENT, "break"), case=waiting(), now=NOW + HOUR)
    assert back.promise == Promise(NOW + 4 * HOUR)
    talking = after(ev.Claimed(AGENT), ev.SessionStarted(AGENT, Channel.VIDEO), case=back, now=NOW + HOUR)
    assert talking.promise is None
    dropped = after(ev.SessionDropped(AGENT, "line dead"), case=talking, now=NOW + HOUR + 600)
    assert dropped.promise == Promise(NOW + 5 * HOUR + 600)


def test_another_channel_has_a_promise_of_its_own() -> None:
    changed = ev.Changed(REACH, Channel.PHONE, Safety(), (), None, Intake())
    case = after(changed, case=waiting(), now=NOW + HOUR)
    assert case.promise == Promise(NOW + 2 * HOUR)
    same = ev.Changed(REACH, Channel.VIDEO, Safety(), (), None, Intake(name="Ada"))
    assert after(same, case=waiting(), now=NOW + HOUR).promise == Promise(NOW + 4 * HOUR)


def test_the_citizen_reads_the_promise_only_while_they_wait() -> None:
    case = waiting()
    assert case_status(case, TERMS, NOW, asking=True).promise == case.promise
    claimed = after(ev.Claimed(AGENT), case=case)
    assert case_status(claimed, TERMS, NOW, asking=True).promise is None
    ended = after(ev.Withdrawn(""), case=case)
    assert (ended.state, ended.promise) == (CaseState.WITHDRAWN, None)


@pytest.mark.parametrize(
    ("talks", "missed", "holds"),
    [(0, 0, True), (ENOUGH - 1, ENOUGH - 1, True), (ENOUGH, 2, True), (ENOUGH, 3, False), (0, ENOUGH, False)],
)
def test_a_promise_is_shown_before_only_if_it_was_kept_or_is_too_new_to_say(
    talks: int, missed: int, *, holds: bool
) -> None:
    assert promise_holds(talks, missed) is holds

"""Measures: counted from audit rows alone and in portions of any size."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Decision, IndependentReview, Phrase, Review
from broker.assisted.measures import (
    BOUNDS,
    Key,
    Line,
    Measure,
    Tally,
    Track,
    add,
    count_all,
    expected_wait,
    report,
)
from broker.assisted.opening import ChannelSettings
from broker.assisted.transitions import advance
from broker.model.audit import AuditEvent
from tests.unit.assisted.cases import AGENT, BIND, LEAD, NOW, PONDER, REVIEW, REVIEWER, TERMS, WAIT, draft, verdict

MINUTE = 60.0


def rows(case: Case) -> list[AuditEvent]:
    """The audit rows of a case, as the actions write them."""
    return [
        AuditEvent(
            f"case_{move.event}",
            move.at,
            move.who,
            case=case.id,
            details={
                "from": move.source or "",
                "to": move.target,
                "role": move.role,
                "reason": move.reason,
                "channel": case.channel or "",
                "language": case.language,
            },
        )
        for move in case.history
    ]


def lived(*events: ev.Event, pace: float = 7 * MINUTE, case: Case | None = None) -> Case:
    """A case in which each event came some minutes after the one before."""
    after, now = case or draft(), NOW
    for event in events:
        before, after = after, advance(after, event, now, TERMS)
        assert after is not before, event
        now += pace
    return after


def counted(events: Iterable[AuditEvent], portion: int = 10**6) -> Mapping[Key, Tally]:
    """What is counted of rows that are read in portions."""
    events, tracks, total = list(events), dict[str, Track](), dict[Key, Tally]()
    while events:
        changed, found = count_all(tracks, events[:portion])
        events, total = events[portion:], add(total, found)
        tracks = {case: track for case, track in (tracks | changed).items() if track is not None}
    return total


def of(tallies: Mapping[Key, Tally], measure: Measure) -> dict[str, tuple[int, float]]:
    """Counts and minutes of a measure by its detail."""
    return {
        key.detail: (tally.count, tally.seconds / MINUTE) for key, tally in tallies.items() if key.measure is measure
    }


def test_the_times_of_a_case_are_counted_from_its_rows() -> None:
    found = counted(rows(lived(*BIND)))
    assert of(found, Measure.REQUESTS) == {"": (1, 0)}
    assert of(found, Measure.CONTACT_WAIT) == {"": (1, 14)}  # ready, claimed, session started
    assert of(found, Measure.SESSION_TIME) == {"": (1, 28)}  # words, evidence, details, session ended
    assert of(found, Measure.DECISION_TIME) == {"": (1, 7)}
    assert of(found, Measure.OUTCOMES) == {"approved": (1, 0)}
    assert of(found, Measure.FIRST_TIME_RIGHT) == {"yes": (1, 0)}
    assert {(key.channel, key.language) for key in found} == {("video", "en")}


def test_a_case_that_staff_put_back_before_they_talked_has_waited_on() -> None:
    case = lived(
        *WAIT,
        ev.Claimed(AGENT),
        ev.Returned(AGENT, "break"),
        ev.Claimed(AGENT),
        ev.SessionStarted(AGENT, Channel.VIDEO),
    )
    assert of(counted(rows(case)), Measure.CONTACT_WAIT) == {"": (1, 28)}


@pytest.mark.parametrize(("decision", "outcome"), [(Decision.APPROVE, "approved"), (Decision.DECLINE, "declined")])
def test_a_new_look_is_counted_once_asked_for_and_once_ended(decision: Decision, outcome: str) -> None:
    asked = ev.RedressAsked(Phrase("birch", "window"), "browser-2", "mark-2", NOW + TERMS.redress_within)
    first = ev.Decided(verdict(Decision.DECLINE))
    second = [replace(event, by="agent-8") if hasattr(event, "by") else event for event in PONDER[len(WAIT) :]]
    case = lived(*PONDER, first, asked, *second, ev.Decided(verdict(decision, by="agent-8")))
    for portion in (1, 10**6):
        found = counted(rows(case), portion)
        assert of(found, Measure.REDRESS) == {"asked": (1, 0), outcome: (1, 0)}
    assert of(counted(rows(lived(*PONDER, first))), Measure.REDRESS) == {}
    late = lived(*PONDER, first, asked, ev.Withdrawn(""))
    assert of(counted(rows(late)), Measure.REDRESS) == {"asked": (1, 0), "other": (1, 0)}


def test_a_missed_promise_is_a_missed_deadline_of_its_channel() -> None:
    promising = replace(TERMS, channels={Channel.VIDEO: ChannelSettings(promise=3600)})
    case, now = draft(), NOW
    for event in WAIT:
        case = advance(case, event, now, promising)
    assert case.promise is not None
    case = advance(case, ev.PromiseMissed(), case.promise.until, promising)
    found = counted(rows(case))
    assert of(found, Measure.MISSED_DEADLINES) == {"promise": (1, 0)}
    assert {key.channel for key in found if key.measure is Measure.MISSED_DEADLINES} == {"video"}


def test_a_session_that_broke_off_begins_a_new_wait_and_is_not_right_the_first_time() -> None:
    case = lived(*PONDER[:4], ev.SessionDropped(AGENT, "line dead"), *PONDER[2:], ev.Decided(verdict()))
    found = counted(rows(case))
    assert of(found, Measure.CONTACT_WAIT) == {"": (2, 28)}
    assert of(found, Measure.FIRST_TIME_RIGHT) == {"no": (1, 0)}


def test_a_review_counts_as_agreement_or_disagreement_and_its_time_as_time_of_decision() -> None:
    view = ev.IndependentReviewRecorded(IndependentReview(REVIEWER, NOW, Decision.DECLINE, ("doubt",)))
    held = lived(
        *REVIEW, ev.ReviewClaimed(REVIEWER), view, ev.Reviewed(Review(REVIEWER, NOW, agrees=False, reasons=("doubt",)))
    )
    found = counted(rows(held))
    assert of(found, Measure.REVIEWS) == {"disagrees": (1, 0)}
    assert of(found, Measure.OUTCOMES) == {"held doubt": (1, 0)}
    assert of(found, Measure.DECISION_TIME) == {}
    agreed = lived(
        *REVIEW, ev.ReviewClaimed(REVIEWER), view, ev.Reviewed(Review(REVIEWER, NOW, agrees=True, reasons=("x",)))
    )
    found = counted(rows(agreed))
    assert of(found, Measure.REVIEWS) == {"agrees": (1, 0)}
    assert of(found, Measure.DECISION_TIME) == {"": (1, 28)}


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ((*PONDER, ev.Decided(verdict(Decision.DECLINE))), "declined documents_missing"),
        ((*PONDER, ev.Decided(verdict(Decision.REFER))), "held documents_missing"),
        ((*PONDER, ev.Decided(verdict(Decision.MORE_EVIDENCE))), "more_evidence documents_missing"),
        ((*WAIT, ev.Withdrawn()), "withdrawn"),
        ((*WAIT, ev.Withdrawn("another_way")), "withdrawn another_way"),
        ((*WAIT, ev.Held(LEAD, "safeguarding")), "held safeguarding"),
    ],
)
def test_an_outcome_is_counted_with_its_reason(events: tuple[ev.Event, ...], outcome: str) -> None:
    assert of(counted(rows(lived(*events))), Measure.OUTCOMES) == {outcome: (1, 0)}


def test_a_deadline_is_missed_only_while_the_citizen_waits_for_staff() -> None:
    asked, ready = lived(*WAIT[:1]), lived(*WAIT)
    missed = {}
    for name, case in (("asked", asked), ("ready", ready), ("approved", lived(*BIND[:-1]))):
        late = advance(case, ev.DeadlinePassed(), case.expires + 1, TERMS)
        assert late is not case
        missed[name] = of(counted(rows(late)), Measure.MISSED_DEADLINES)
    assert missed == {"asked": {}, "ready": {"contact": (1, 0)}, "approved": {}}
    review = lived(*REVIEW)
    late = advance(review, ev.ReviewLate(), (review.deadline or 0) + 1, TERMS)
    assert of(counted(rows(late)), Measure.MISSED_DEADLINES) == {"review": (1, 0)}


def test_what_is_remembered_of_a_case_goes_when_it_is_closed() -> None:
    changed, _ = count_all({}, rows(lived(*BIND)))
    assert changed == {"case-1": None}
    changed, _ = count_all({}, rows(lived(*WAIT)))
    assert changed == {"case-1": Track(waiting=NOW + 7 * MINUTE)}


def test_other_rows_and_rows_of_older_releases_are_read_past() -> None:
    old = [replace(row, details={"from": "", "to": "requested"}) for row in rows(lived(*WAIT[:1]))]
    others = [AuditEvent("service_answered", NOW, "citizen"), AuditEvent("case_not_found", NOW, "staff:a", case=None)]
    assert counted([*others, *old]) == {Key("2027-01-15", Measure.REQUESTS, "", "", ""): Tally(1)}


@given(st.integers(1, 12), st.permutations(range(3)))
def test_the_result_is_the_same_in_portions_of_any_size(portion: int, order: list[int]) -> None:
    cases = [
        lived(*BIND, case=replace(draft(), id="a")),
        lived(*PONDER[:4], ev.SessionDropped(AGENT, "x"), case=replace(draft(), id="b"), pace=20 * MINUTE),
        lived(*WAIT, ev.Withdrawn(), case=replace(draft(), id="c", language="cy")),
    ]
    mixed = sorted((row for number in order for row in rows(cases[number])), key=lambda row: row.at)
    assert counted(mixed, portion) == counted(mixed)


def test_a_report_has_the_median_and_nine_tenths_of_each_group() -> None:
    day = "2027-01-15"
    waits = {
        Key(day, Measure.CONTACT_WAIT, "", "video", "en", bucket): Tally(n) for bucket, n in ((0, 6), (2, 3), (17, 1))
    }
    counts = {Key("2027-02-01", Measure.NO_SHOWS, "", "video", "cy"): Tally(4)}
    assert report(waits | counts) == (
        Line("", Measure.CONTACT_WAIT, "", "video", "en", 10, BOUNDS[0], BOUNDS[2]),
        Line("", Measure.NO_SHOWS, "", "video", "cy", 4),
    )
    assert [line.period for line in report(waits | counts, period=7)] == ["2027-01", "2027-02"]


def test_a_wait_is_told_only_from_twenty_cases_on_and_shrinks_while_one_waits() -> None:
    assert expected_wait({3: 19}) is None
    assert expected_wait({3: 20}) == BOUNDS[3]
    assert expected_wait({3: 20, 6: 40}) == BOUNDS[6]
    assert expected_wait({6: 40}, waited=1800) == BOUNDS[6] - 1800
    assert expected_wait({3: 20, 6: 19}, waited=BOUNDS[3]) is None
    assert expected_wait({17: 50}) is None
    for earlier, later in pairwise(BOUNDS):
        assert earlier < later

"""Figures of sign-ins: counted from audit rows, with drop-outs in the denominator, and published without small ones."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from broker.journey.figures import (
    REST,
    STARTS,
    Figure,
    FigureKey,
    FigureLine,
    SignInEnding,
    SignInPath,
    count_all,
    publish,
    start_events,
)
from broker.model.audit import AuditEvent
from broker.model.disclosure import SMALLEST, STEP, rounded

DAY: Final = "2026-11-28"
AT: Final = 1_795_824_000.0


def started(language: str, number: int) -> AuditEvent:
    """The row of so many started sign-ins."""
    return start_events({("library", DAY, language): number}, AT)[0]


def row(kind: str, provider: str | None = None, **details: str) -> AuditEvent:
    """The row of one sign-in."""
    standard = {"started": DAY, "language": "en", "asked": "low"}
    return AuditEvent(kind, AT, "citizen", transaction="t", provider=provider, details=standard | details)


def answered(path: SignInPath, provider: str, **details: str) -> AuditEvent:
    """The row of an answered sign-in."""
    return row("service_answered", provider, path=path, level="low", **details)


def shown(events: Sequence[AuditEvent]) -> Mapping[tuple[str, str], int]:
    """What is published of a day with these rows."""
    return {(line.measure, line.detail): line.count for line in publish(count_all(events))}


BANK, POST = "bank", "post"
FIRST, LATER = SignInPath.FIRST_CHOICE, SignInPath.AFTER_FAILURE


def test_sign_ins_that_never_ended_are_in_the_denominator() -> None:
    rows = [started("en", 100), *[answered(FIRST, BANK)] * 60, *[row("given_up", failure="cancelled")] * 14]
    found = shown(rows)
    assert found[Figure.STARTED, ""] == 100
    assert found[Figure.ENDED, SignInEnding.ANSWERED] == 60
    # 26 dropped out; 14 gave up: left out with those that were kept or wait for a person, of whom there are none
    assert found[Figure.ENDED, SignInEnding.DROPPED] == 25
    assert found[Figure.ENDED, REST] == 15


def test_a_request_for_a_person_is_no_drop_out_until_it_is_collected() -> None:
    rows = [
        started("en", 120),
        *[answered(FIRST, BANK)] * 40,
        *[row("case_submitted")] * 30,
        *[answered(FIRST, "help", helped="yes")] * 12,
    ]
    counted = count_all(rows)
    found = {(line.measure, line.detail): line.count for line in publish(counted)}
    assert found[Figure.ENDED, SignInEnding.ANSWERED] == rounded(52)
    assert found[Figure.ENDED, SignInEnding.DROPPED] == 50
    assert counted[FigureKey(DAY, "help_asked", "")] - counted[FigureKey(DAY, "help_left", "")] == 18


def test_what_succeeded_after_a_failure_is_counted_by_the_way_that_succeeded() -> None:
    rows = [
        started("en", 200),
        *[answered(FIRST, BANK)] * 40,
        *[answered(LATER, POST)] * 20,
        *[answered(LATER, BANK)] * 16,
        *[answered(LATER, "help")] * 10,
        *[answered(SignInPath.SESSION, BANK)] * 12,
        *[answered(SignInPath.OTHER_CHOICE, BANK)] * 12,
        *[row("attempt_failed", BANK, failure="cancelled", asked="high")] * 30,
        *[row("attempt_failed", POST, failure="way_down")] * 11,
    ]
    found = shown(rows)
    assert found[Figure.AFTER_FAILURE, POST] == 20
    assert found[Figure.FAILED, ""] == 40
    assert (found[Figure.FAILED_CLASS, "cancelled"], found[Figure.FAILED_CLASS, "way_down"]) == (30, 10)
    assert (found[Figure.FAILED_PROVIDER, BANK], found[Figure.FAILED_PROVIDER, POST]) == (30, 10)


def test_rows_without_a_day_and_other_rows_are_not_counted() -> None:
    assert not count_all(
        [
            AuditEvent("service_answered", AT, "citizen", details={"level": "low"}),
            row("sharing_declined"),
            AuditEvent("case_submitted", AT, "citizen", case="c", details={"from": "", "to": "requested"}),
        ]
    )


def test_a_row_of_starts_is_written_for_each_service_and_day() -> None:
    counts = {("a", DAY, "en"): 2, ("a", DAY, "cy"): 1, ("a", "2026-11-29", "en"): 3, ("b", DAY, "en"): 4}
    events = start_events(counts, AT)
    assert [(one.kind, one.client_id, dict(one.details)) for one in events] == [
        (STARTS, "a", {"started": DAY, "cy": "1", "en": "2"}),
        (STARTS, "a", {"started": "2026-11-29", "en": "3"}),
        (STARTS, "b", {"started": DAY, "en": "4"}),
    ]
    assert count_all(events) == {
        FigureKey(DAY, "started_language", "en"): 6,
        FigureKey(DAY, "started_language", "cy"): 1,
        FigureKey("2026-11-29", "started_language", "en"): 3,
    }


def test_starts_lost_with_a_killed_process_make_no_negative_count() -> None:
    found = shown([started("en", 40), *[answered(FIRST, BANK)] * 60])
    assert found[Figure.STARTED, ""] == 60


# --- what a reader can conclude ---

Range = tuple[int, int]
MANY: Final = 10_000
SMALL: Final = st.integers(0, 30)
WAYS: Final = (BANK, POST, "help")
LANGUAGES: Final = ("en", "cy", "ar")


WORDS: Final = ("cancelled", "way_down", "took_too_long")
NAMES: Final[Mapping[str, Sequence[str]]] = {
    Figure.ENDED: tuple(SignInEnding),
    Figure.ANSWERED: tuple(SignInPath),
    **dict.fromkeys((Figure.ANSWERED_LANGUAGE, Figure.UNFINISHED_LANGUAGE), LANGUAGES),
    **dict.fromkeys((Figure.ANSWERED_LEVEL, Figure.FAILED_LEVEL), ("low", "substantial", "high")),
    **dict.fromkeys((Figure.FIRST_CHOICE, Figure.OTHER_CHOICE, Figure.AFTER_FAILURE, Figure.FAILED_PROVIDER), WAYS),
    **dict.fromkeys((Figure.GIVEN_UP, Figure.FAILED_CLASS), WORDS),
}
"""The details that a reader expects of each measure."""


@st.composite
def days(draw: st.DrawFn) -> tuple[AuditEvent, ...]:
    """The rows of a day: every kind of sign-in by way and language, each a few times."""
    rows: list[AuditEvent] = []
    ended: Counter[str] = Counter()
    for path in SignInPath:
        for way in WAYS:
            for language in draw(st.lists(st.sampled_from(LANGUAGES), max_size=2)):
                number = draw(SMALL)
                level = draw(st.sampled_from(("low", "high")))
                rows += [answered(path, way, language=language, asked=level)] * number
                ended[language] += number
    for kind, words in (("given_up", ("cancelled", "way_down")), ("identity_kept", ("",))):
        for word in words:
            number = draw(SMALL)
            rows += [row(kind, BANK, failure=word, path=FIRST)] * number
            ended["en"] += number
    for way in WAYS:
        for word in WORDS:
            rows += [row("attempt_failed", way, failure=word)] * draw(SMALL)
    dropped = {language: draw(SMALL) for language in LANGUAGES}
    return (*rows, *(started(language, ended[language] + dropped[language]) for language in LANGUAGES))


PARTS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "answered": (Figure.ANSWERED, Figure.ANSWERED_LANGUAGE, Figure.ANSWERED_LEVEL),
    "unfinished": (Figure.UNFINISHED_LANGUAGE,),
    SignInEnding.GIVEN_UP: (Figure.GIVEN_UP,),
    SignInPath.FIRST_CHOICE: (Figure.FIRST_CHOICE,),
    SignInPath.OTHER_CHOICE: (Figure.OTHER_CHOICE,),
    SignInPath.AFTER_FAILURE: (Figure.AFTER_FAILURE,),
    Figure.FAILED: (Figure.FAILED_CLASS, Figure.FAILED_PROVIDER, Figure.FAILED_LEVEL),
}


def conclude(lines: Sequence[FigureLine], names: Mapping[str, Sequence[str]]) -> Mapping[tuple[str, str], Range]:
    """The exact range of every count, for a reader of the lines who knows each name: the sums are a tree, in which
    bounds that are handed up and down until nothing changes are exact.
    """
    published = {(line.measure, line.detail): line.count for line in lines}
    ranges: dict[tuple[str, str], Range] = {}

    def start(measure: str, detail: str) -> tuple[str, str]:
        count = published.get((measure, detail))
        low, high = (0, MANY) if count is None else (max(SMALLEST, count - STEP // 2), count + STEP // 2)
        ranges[measure, detail] = low, high
        return measure, detail

    sums: list[tuple[tuple[str, str], list[tuple[str, str]]]] = []

    def divide(total: tuple[str, str], measure: str) -> None:
        parts = [start(measure, name) for name in names.get(measure, ())]
        sums.append((total, parts))
        if (measure, REST) in published:
            left_out = [part for part in parts if part not in published]
            sums.append((start(measure, REST), left_out))

    total, unfinished = start(Figure.STARTED, ""), start("unfinished", "")
    divide(total, Figure.ENDED)
    endings = {name: (Figure.ENDED.value, name) for name in SignInEnding}
    sums.append((unfinished, [endings[name] for name in SignInEnding if name is not SignInEnding.ANSWERED]))
    for measure in PARTS_OF["answered"]:
        divide(endings[SignInEnding.ANSWERED], measure)
    divide(unfinished, Figure.UNFINISHED_LANGUAGE)
    divide(endings[SignInEnding.GIVEN_UP], Figure.GIVEN_UP)
    for path in (SignInPath.FIRST_CHOICE, SignInPath.OTHER_CHOICE, SignInPath.AFTER_FAILURE):
        divide((Figure.ANSWERED, path), path)
    failed = start(Figure.FAILED, "")
    for measure in PARTS_OF[Figure.FAILED]:
        divide(failed, measure)
    changed = True
    while changed:
        changed = False
        for whole, parts in sums:
            low, high = sum(ranges[part][0] for part in parts), sum(ranges[part][1] for part in parts)
            for one, bound in [
                (whole, (low, high)),
                *(
                    (
                        part,
                        (
                            ranges[whole][0] - high + ranges[part][1],
                            ranges[whole][1] - low + ranges[part][0],
                        ),
                    )
                    for part in parts
                ),
            ]:
                mine = ranges[one]
                new = max(mine[0], bound[0]), min(mine[1], bound[1])
                if new != mine:
                    ranges[one], changed = new, True
                    low, high = sum(ranges[p][0] for p in parts), sum(ranges[p][1] for p in parts)
    return ranges


@given(days())
def test_no_reader_of_a_day_knows_a_small_count_better_than_a_published_one(rows: tuple[AuditEvent, ...]) -> None:
    counted = count_all(rows)
    truth: dict[str, dict[str, int]] = {}
    for key, number in counted.items():
        truth.setdefault(key.measure, {})[key.detail] = number
    spoken, said = truth.get("started_language", {}), truth.get(Figure.ANSWERED_LANGUAGE, {})
    truth[Figure.UNFINISHED_LANGUAGE] = {one: number - said.get(one, 0) for one, number in spoken.items()}
    ended = {"answered": sum(said.values()), "kept": sum(truth.get("kept", {}).values())}
    ended |= {"given_up": sum(truth.get(Figure.GIVEN_UP, {}).values()), "with_person": 0}
    truth[Figure.ANSWERED] = dict.fromkeys(SignInPath, 0) | truth.get(Figure.ANSWERED, {})
    truth[Figure.ENDED] = ended | {"dropped": sum(spoken.values()) - sum(ended.values())}
    lines = publish(counted)
    assert all(line.count >= SMALLEST and line.count % STEP == 0 for line in lines)
    known = conclude(lines, NAMES)
    for (measure, detail), (low, high) in known.items():
        number = truth.get(measure, {}).get(detail)
        if number is not None and detail != REST:
            assert low <= number <= high, "the reader's sums are wrong"
            if number < SMALLEST:
                assert min(high, SMALLEST - 1) - low >= STEP - 1, (measure, detail, number, low, high)

"""What the page of open data tells: shares, charts with their tables, the latest month with a person."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from babel.numbers import format_decimal, format_percent

from broker.actions.open_data.series import (
    Share,
    completion,
    figures_of,
    first_choice,
    newest,
    totals,
    without_person,
)
from broker.actions.sign_in.context import ConfiguredProvider
from broker.assisted.case_records import Channel
from broker.assisted.case_states import CaseState
from broker.assisted.disclosure import PublishedLine
from broker.assisted.measures import Measure
from broker.journey.figures import REST, Figure, PublishedDay, SignInEnding
from broker.model.assurance import Level
from broker.model.identity import HELP
from broker.web.citizens.failure_texts import FAILURE_TEXTS
from broker.web.citizens.help_form import CHANNELS
from broker.web.citizens.page_context import level_text
from broker.web.citizens.provider_choices import language_names
from broker.web.public.performance_texts import ENDING_TEXTS, PATH_TEXTS
from broker.web.shared.i18n import Language

DAYS: Final = 28
"""The latest published days that the page tells of."""

_WIDTH, _HEIGHT, _ROW = 300, 90, 40
_LONGEST: Final = 44
"""Characters of a label in a chart; the table beside it has all of them."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart, in its units; `label` and `number` stand above it in a chart of rows."""

    x: float
    y: float
    width: float
    height: float
    label: str = ""
    number: str = ""
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart and its table. `text_x` is where the text of each row begins."""

    width: int
    height: int
    bars: tuple[Bar, ...]
    rows: tuple[tuple[str, ...], ...]
    text_x: int = 0


def performance_variables(
    published: Sequence[PublishedDay],
    help_lines: Sequence[PublishedLine],
    providers: Mapping[str, ConfiguredProvider],
    words: Language,
) -> dict[str, object]:
    """The variables of the page."""
    days = newest(published)[-DAYS:]

    def way(provider: str) -> str:
        if provider == HELP:
            return words.text("A person")
        known = providers.get(provider)
        return provider if known is None else known.provider.card.name(words.code)

    def failure(name: str) -> str:
        found = {one.value: text for one, text in FAILURE_TEXTS.items()}.get(name)
        return name if found is None else words.text(found.heading)

    def level(name: str) -> str:
        found = {one.name.lower(): one for one in Level}.get(name)
        return name if found is None else level_text(words, found)

    def named(texts: Mapping[str, str]) -> Callable[[str], str]:
        return lambda name: words.text(texts[name]) if name in texts else name

    def rows(measure: Figure, name: Callable[[str], str]) -> Chart | None:
        return _row_chart(totals(days, measure), name, words)

    return {
        "days": len(days),
        "first_day": _day(days[0].day, words) if days else "",
        "last_day": _day(days[-1].day, words) if days else "",
        "completion": _percent(completion(days), words),
        "first_choice": _percent(first_choice(days), words),
        "without_person": _percent(without_person(days), words),
        "daily": _daily_chart(days, words) if days else None,
        "endings": rows(Figure.ENDED, named(ENDING_TEXTS)),
        "paths": rows(Figure.ANSWERED, named(PATH_TEXTS)),
        "after_failure": rows(Figure.AFTER_FAILURE, way),
        "failures": rows(Figure.FAILED_CLASS, failure),
        "failed_ways": rows(Figure.FAILED_PROVIDER, way),
        "languages": _languages(days, words),
        "levels": rows(Figure.ANSWERED_LEVEL, level),
        "corrections": [
            (_day(one.day, words), words.day(one.published), one.reason) for one in published if one.revision > 1
        ][-5:],
        "help_rows": _help_rows(help_lines, words),
    }


def _day(day: str, words: Language) -> str:
    return words.date(date.fromisoformat(day))


def _number(count: int | None, words: Language) -> str:
    return "–" if count is None else format_decimal(count, locale=words.locale)


def _percent(share: Share, words: Language) -> str:
    """The share in percent; "" if it is not known."""
    return "" if share.percent is None else format_percent(share.percent / 100, locale=words.locale)


def _row_chart(parts: Mapping[str, int], name: Callable[[str], str], words: Language) -> Chart | None:
    """One bar below another, each below its label."""
    if not parts:
        return None
    most = max(parts.values())
    labels = {part: words.text("All others together") if part == REST else name(part) for part in parts}
    rtl = words.direction == "rtl"
    bars = []
    for place, (part, count) in enumerate(parts.items()):
        width = round(_WIDTH * count / most, 1)
        number = _number(count, words)
        left = _WIDTH - width if rtl else 0
        label = labels[part] if len(labels[part]) <= _LONGEST else f"{labels[part][: _LONGEST - 1]}…"
        bars.append(Bar(left, place * _ROW + 18, width, 12, label, number))
    rows = tuple((labels[part], _number(count, words)) for part, count in parts.items())
    return Chart(_WIDTH, len(bars) * _ROW, tuple(bars), rows, _WIDTH if rtl else 0)


def _daily_chart(days: Sequence[PublishedDay], words: Language) -> Chart:
    """Started and answered sign-ins of each day, from the first one in the direction of reading."""
    found = [figures_of(day) for day in days]
    started = [one.get((Figure.STARTED, "")) for one in found]
    answered = [one.get((Figure.ENDED, SignInEnding.ANSWERED)) for one in found]
    most, slot = max((one or 0 for one in started), default=0) or 1, _WIDTH / max(len(days), 1)
    bars = []
    for series, faint in ((started, True), (answered, False)):
        for place, count in enumerate(series):
            if count:
                height = round(_HEIGHT * count / most, 1)
                x = place * slot if words.direction == "ltr" else _WIDTH - (place + 1) * slot
                bars.append(Bar(round(x, 1), round(_HEIGHT - height, 1), round(slot * 0.8, 1), height, faint=faint))
    rows = tuple(
        (words.birthday(date.fromisoformat(day.day)), _number(start, words), _number(done, words))
        for day, start, done in zip(days, started, answered, strict=True)
    )
    return Chart(_WIDTH, _HEIGHT, tuple(bars), rows)


def _languages(days: Sequence[PublishedDay], words: Language) -> tuple[tuple[str, str, str], ...]:
    """By language how many gave the service an identity, and how many did not."""
    done, not_done = totals(days, Figure.ANSWERED_LANGUAGE), totals(days, Figure.UNFINISHED_LANGUAGE)
    return tuple(
        (
            words.text("All others together") if code == REST else language_names([code], words),
            _number(done.get(code), words),
            _number(not_done.get(code), words),
        )
        for code in sorted({**done, **not_done}, key=lambda code: (code == REST, -done.get(code, 0), code))
    )


def _help_rows(lines: Sequence[PublishedLine], words: Language) -> tuple[tuple[str, ...], ...]:
    """Requests, waits and approvals of the latest month with a person, by how they talked and language."""
    period = max((line.period for line in lines), default="")
    latest = [line for line in lines if line.period == period]
    found: dict[tuple[str, str], dict[tuple[Measure, str], PublishedLine]] = {}
    for line in latest:
        found.setdefault((line.channel, line.language), {})[line.measure, line.detail] = line
    month = words.month(date.fromisoformat(f"{period}-01")) if period else ""

    def duration(seconds: int | None) -> str:
        return "–" if seconds is None else words.duration(seconds)

    rows = []
    for (channel, language), measured in sorted(found.items()):
        asked, wait = measured.get((Measure.REQUESTS, "")), measured.get((Measure.CONTACT_WAIT, ""))
        approved = measured.get((Measure.OUTCOMES, CaseState.APPROVED.value))
        rows.append(
            (
                month,
                " · ".join(one for one in (_channel(channel, words), language_names([language], words)) if one),
                _number(None if asked is None else asked.count, words),
                _number(None if approved is None else approved.count, words),
                duration(None if wait is None else wait.median),
                duration(None if wait is None else wait.ninth),
            )
        )
    return tuple(rows)


def _channel(channel: str, words: Language) -> str:
    return words.text(CHANNELS[Channel(channel)].name) if channel in set(Channel) else channel

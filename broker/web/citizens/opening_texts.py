"""Opening hours in words for citizens: of a week, and what they mean now."""

from collections.abc import Sequence

from broker.assisted.case_records import Channel
from broker.assisted.opening import WEEK, BusinessHours
from broker.web.shared.i18n import Language


def week_text(hours: BusinessHours, words: Language) -> str:
    """The hours of a week, such as "Monday to Friday, 09:00 to 17:00"."""
    return words.text(
        "{days}, {opens} to {closes}", days=_days(hours.days, words), opens=hours.opens, closes=hours.closes
    )


def now_text(span: tuple[float, float] | None, words: Language, now: float) -> str:
    """Whether it is open now and until when, or when it opens."""
    if span is None:
        return words.text("Closed until further notice.")
    opens, closes = span
    if opens <= now:
        return words.text("Open now, until {time}.", time=words.format_time(closes, now))
    return words.text("Closed now. Opens at {time}.", time=words.format_time(opens, now))


def wait_text(wait: int | None, words: Language) -> str:
    """How long it takes until staff talk to a citizen, as it was measured."""
    if wait is None:
        return words.text("We cannot say yet how long you wait.")
    return words.text(
        "Half of the people waited less than {duration}, in the last four weeks.", duration=words.duration(wait)
    )


def promise_text(channel: Channel, within: int, words: Language) -> str:
    """Within which time of the opening hours staff promise to talk to a citizen, or to look at what was sent."""
    duration = words.duration(within)
    if channel is Channel.SENT:
        return words.text("Within {duration} of our opening hours we look at what you sent.", duration=duration)
    return words.text("We talk to you within {duration} of our opening hours.", duration=duration)


def _days(days: Sequence[str], words: Language) -> str:
    """Days of the week, as spans if three or more follow each other."""
    names = words.locale.days["stand-alone"]["wide"]
    spans: list[list[int]] = []
    for number in sorted(WEEK.index(day) for day in set(days)):
        if spans and spans[-1][-1] == number - 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    parts: list[str] = []
    for span in spans:
        if len(span) > 2:
            parts.append(words.text("{first} to {last}", first=names[span[0]], last=names[span[-1]]))
        else:
            parts += [names[number] for number in span]
    return ", ".join(parts)

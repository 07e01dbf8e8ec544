"""Internationalisation: gettext catalogues, text direction, dates, times and plurals of a language.

English is the source language. Every other language has a gettext catalogue in `broker/web/languages`, compiled in
memory at start.
"""

import gettext
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import DateTimePattern, get_date_format, get_time_format, match_skeleton, parse_pattern
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup, escape

from broker.model.durations import in_words
from broker.model.languages import lookup
from broker.model.media import quality

CATALOGUES = Path(__file__).parents[1] / "languages"
CONSOLE = CATALOGUES / "console"
SOURCE = "en"
# CLDR's default country of "en" is the US; the source texts use British dates.
_LOCALES: Mapping[str, str] = {"en": "en_GB"}


@dataclass(frozen=True, slots=True)
class Language:
    """A loaded language. `direction` is "ltr" or "rtl"; `name` is the language's name in itself.

    `date`, `month` and `birthday` format a date in full, as month and year, and as day and month.
    """

    code: str
    name: str
    direction: str
    translations: gettext.NullTranslations
    locale: Locale
    month: Callable[[date], str]
    birthday: Callable[[date], str]
    date: Callable[[date], str]
    time: Callable[[time], str]
    zone: tzinfo

    def text(self, text: str, **variables: object) -> str:
        """Translates a text; `{name}` in it is replaced by the keyword argument of that name."""
        found = self.translations.gettext(text)
        return found.format(**variables) if variables else found

    def markup(self, text: str, **variables: object) -> Markup:
        """Translates a text to HTML. Arguments are escaped unless they are Markup."""
        found = escape(self.translations.gettext(text))
        return found.format(**variables) if variables else found

    def ngettext(self, one: str, many: str, n: int) -> str:
        """Translates a text with its plural form for `n`, which replaces `{n}`."""
        return self.translations.ngettext(one, many, n).format(n=n)

    def duration(self, seconds: float) -> str:
        """A duration in words, such as "24 hours"."""
        return in_words(seconds, self.code)

    def about_minutes(self, minutes: int) -> str:
        """An estimated duration in words, such as "about 7 minutes"."""
        return self.text("about {duration}", duration=in_words(60 * minutes, self.code))

    def day(self, moment: float) -> str:
        """A date such as 22 November 2026; `moment` is seconds since 1970 UTC."""
        return self.date(self._local(moment).date())

    def format_time(self, moment: float, now: float) -> str:
        """A time of the day such as 14:05, with the date unless it is today's."""
        local = self._local(moment)
        clock = self.time(time(local.hour, local.minute))
        if local.date() == self._local(now).date():
            return clock
        return self.text("{time} on {date}", time=clock, date=self.date(local.date()))

    def _local(self, moment: float) -> datetime:
        return datetime.fromtimestamp(moment, UTC).astimezone(self.zone)


def language(code: str, zone: str, *, console: bool = False) -> Language:
    """Loads a language, with the texts of the staff console for `console`. A text without translation is in English.

    Raises FileNotFoundError without a catalogue, ZoneInfoNotFoundError for an unknown zone.
    """
    locale = Locale.parse(_LOCALES.get(code, code))
    return Language(
        code=code,
        name=_own_name(locale),
        direction=locale.text_direction,
        translations=gettext.NullTranslations() if code == SOURCE else _translations(code, console=console),
        locale=locale,
        date=_date_format(locale, get_date_format("long", locale)),
        month=_date_format(locale, _skeleton("yMMMM", locale)),
        birthday=_date_format(locale, _skeleton("MMMMd", locale)),
        time=_time_format(locale),
        zone=ZoneInfo(zone),
    )


def _skeleton(wanted: str, locale: Locale) -> DateTimePattern:
    """The date pattern of a CLDR skeleton such as "yMMMM" (UTS #35 4, 8.4)."""
    known = locale.datetime_skeletons
    found = known.get(wanted) or known[match_skeleton(wanted, known) or "yMMMd"]
    return found if isinstance(found, DateTimePattern) else parse_pattern(found)


def _date_format(locale: Locale, pattern: DateTimePattern) -> Callable[[date], str]:
    """A date formatter with a cache: pages show the same few dates again and again."""

    @lru_cache(maxsize=1024)
    def formatted(day: date) -> str:
        return pattern.apply(day, locale)

    return formatted


def _time_format(locale: Locale) -> Callable[[time], str]:
    """A formatter of times of day with a cache of all 1,440."""
    pattern = get_time_format("short", locale)

    @lru_cache(maxsize=1440)
    def formatted(clock: time) -> str:
        return pattern.apply(clock, locale)

    return formatted


def marked(text: str) -> str:
    """Marks a text for extraction into the catalogues; it is translated when a page is rendered."""
    return text


def isolate(name: str) -> str:
    """Wraps a name in Unicode bidi isolates, for text that is not HTML (UAX 9)."""
    return f"\u2068{name}\u2069"


def languages(codes: tuple[str, ...], zone: str, *, console: bool = False) -> dict[str, Language]:
    """Loads several languages, by code in the order given."""
    return {code: language(code, zone, console=console) for code in codes}


def preferred(header: str | None, offered: tuple[str, ...]) -> str | None:
    """Accept-Language negotiation: the offered language of the highest quality, or None (RFC 9110 12.5.4)."""
    return _preferred((header or "")[:200], offered)


@lru_cache(maxsize=1024)
def _preferred(header: str, offered: tuple[str, ...]) -> str | None:
    """`preferred` with a cache by header: most browsers send one of a few."""
    best: tuple[float, str] | None = None
    for part in header.split(","):
        tag, _, parameters = part.strip().partition(";")
        code = lookup(tag, offered)
        weight = quality(parameters)
        if code is not None and weight > 0 and (best is None or weight > best[0]):
            best = (weight, code)
    return best[1] if best else None


def _own_name(locale: Locale) -> str:
    name = Locale(locale.language).get_language_name(locale.language) or locale.language
    return name[:1].upper() + name[1:]


def _translations(code: str, *, console: bool) -> gettext.NullTranslations:
    """The catalogue of a language; for the console its own one, and the common one for the texts that both have."""
    common = _catalogue(CATALOGUES / f"{code}.po")
    if not console:
        return common
    own = _catalogue(CONSOLE / f"{code}.po")
    own.add_fallback(common)
    return own


def _catalogue(path: Path) -> gettext.GNUTranslations:
    with path.open("rb") as file:
        registry = read_po(file, locale=path.stem)
    compiled = io.BytesIO()
    write_mo(compiled, registry)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)

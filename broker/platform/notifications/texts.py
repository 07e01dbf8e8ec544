"""Texts of notifications, by kind and language, with the fields in words of people."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from importlib.resources import files

from babel.dates import format_date, format_time, get_timezone_name

from broker.model.durations import in_words
from broker.model.languages import lookup
from broker.model.notification import FIELDS, FieldType, Notification, NotificationKind
from broker.platform.toml_loader import load

OTHERWISE = "en"
"""Fallback language of a notification whose language has no texts."""

_LOCALES: Mapping[str, str] = {"en": "en_GB"}
"""CLDR's default country of "en" is the US; the source texts use British dates."""


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a notification: subject and text of a mail or letter, `message` of a text message.

    In the file each has placeholders in braces.
    """

    subject: str
    text: str
    message: str


@cache
def texts() -> Mapping[NotificationKind, Mapping[str, Text]]:
    """All texts. Raises ValueError if the file is damaged, or lacks a kind."""
    table = tomllib.loads(files("broker.platform.notifications").joinpath("texts.toml").read_text("utf-8"))
    kinds: dict[NotificationKind, Mapping[str, Text]] = {}
    for kind in NotificationKind:
        found = {language: load(text, Text, f"{kind}.{language}") for language, text in table[kind].items()}
        problems = [problem for _, wrong in found.values() for problem in wrong]
        if problems:
            raise ValueError("\n".join(str(problem) for problem in problems))
        kinds[kind] = {language: text for language, (text, _) in found.items() if text is not None}
    return kinds


def text_language(notice: Notification) -> str:
    """The language of the texts that a notification gets."""
    return lookup(notice.language, texts()[notice.kind]) or OTHERWISE


def template_texts(way: str, language: str) -> Iterator[tuple[NotificationKind, Text]]:
    """Each kind with its text as a template of GOV.UK Notify, whose placeholders are `((name))`.

    `way` is "phone" for text messages, which have no subject. A language without texts gets the English ones.
    """
    for kind, languages in texts().items():
        text = languages[lookup(language, languages) or OTHERWISE]
        names = {name: f"(({name}))" for name in FIELDS[kind]}
        subject, body, message = (one.strip().format_map(names) for one in (text.subject, text.text, text.message))
        yield kind, Text("", message, message) if way == "phone" else Text(subject, body, message)


def notice_text(notice: Notification, zone: tzinfo = UTC) -> Text:
    """The text of a notification, in its language. Raises KeyError if a field of its kind is missing."""
    text, fields = texts()[notice.kind][text_language(notice)], fields_in_words(notice, zone)
    return Text(*(one.strip().format_map(fields) for one in (text.subject, text.text, text.message)))


def fields_in_words(notice: Notification, zone: tzinfo = UTC) -> Mapping[str, str]:
    """The fields of a notification as its text shows them. Moments are shown in this time zone, which is named."""
    language = text_language(notice)
    return {name: _in_words(kind, notice.fields[name], language, zone) for name, kind in FIELDS[notice.kind].items()}


def _in_words(kind: FieldType, value: str, language: str, zone: tzinfo) -> str:
    match kind:
        case FieldType.TEXT:
            return value
        case FieldType.DURATION:
            return in_words(int(value), language)
        case FieldType.MOMENT:
            return _moment(int(value), language, zone)


def moment_text(at: float, language: str, zone: tzinfo) -> str:
    """A moment as the messages of this language show it; in English if it has no texts."""
    return _moment(int(at), lookup(language, texts()[NotificationKind.MESSAGE]) or OTHERWISE, zone)


def _moment(at: int, language: str, zone: tzinfo) -> str:
    """A date and a time with the name of the time zone, such as "Wednesday, 22 July 2026, 14:05 (BST)"."""
    local, locale = datetime.fromtimestamp(at, UTC).astimezone(zone), _LOCALES.get(language, language)
    day, clock = format_date(local, "full", locale), format_time(local, "short", locale=locale)
    comma = "، " if language == "ar" else ", "
    return f"{day}{comma}{clock} ({get_timezone_name(local, width='short', locale=locale)})"

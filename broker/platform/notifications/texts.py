"""Texts of notifications, by kind and language."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from broker.model.languages import lookup
from broker.model.notification import Notification, NotificationKind
from broker.platform.toml_loader import load

OTHERWISE = "en"
"""Fallback language of a notification whose language has no texts."""


@dataclass(frozen=True, slots=True)
class Text:
    """A subject and a text, with placeholders in braces."""

    subject: str
    text: str


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


def notice_text(notice: Notification) -> Text:
    """The text of a notification, in its language. Raises KeyError if a field of its kind is missing."""
    known = texts()[notice.kind]
    text = known[lookup(notice.language, known) or OTHERWISE]
    return Text(text.subject.format_map(notice.fields), text.text.strip().format_map(notice.fields))

"""The texts of notices, by kind and language."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from broker.model.languages import lookup
from broker.model.notification import Notification, NotificationKind
from broker.platform.toml_loader import load

OTHERWISE = "en"
"""The language of a notice whose own language has no texts."""


@dataclass(frozen=True, slots=True)
class Text:
    """A subject and a text, with holes in braces."""

    subject: str
    text: str


@cache
def texts() -> Mapping[NotificationKind, Mapping[str, Text]]:
    """Every text. Raises ValueError if the file was damaged, or lacks a kind."""
    table = tomllib.loads(files("broker.platform.notifications").joinpath("texts.toml").read_text("utf-8"))
    kinds: dict[NotificationKind, Mapping[str, Text]] = {}
    for kind in NotificationKind:
        found = {language: load(text, Text, f"{kind}.{language}") for language, text in table[kind].items()}
        problems = [problem for _, wrong in found.values() for problem in wrong]
        if problems:
            raise ValueError("\n".join(str(problem) for problem in problems))
        kinds[kind] = {language: text for language, (text, _) in found.items() if text is not None}
    return kinds


def written(notice: Notification) -> Text:
    """What a notice says, in its language. Raises KeyError for a notice that lacks a field of its kind."""
    known = texts()[notice.kind]
    text = known[lookup(notice.language, known) or OTHERWISE]
    return Text(text.subject.format_map(notice.fields), text.text.strip().format_map(notice.fields))

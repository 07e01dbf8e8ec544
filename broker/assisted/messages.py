"""Messages that an agent may send to a citizen: templates as data, filled in with a few fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from broker.assisted.codes import lint_note
from broker.assisted.guide import Texts, read_guide
from broker.model.languages import lookup

LONGEST_LINE: Final = 200
"""Characters of a line that the agent typed, at most."""

FALLBACK: Final = "en"
"""Language of the text for a citizen whose language has none."""


class MessageField(StrEnum):
    """What an agent fills in. TIME: a moment that lies ahead. NOTE: one line without a link. ROOM: the link to the
    video room of the case, which the agent does not type."""

    TIME = "time"
    NOTE = "note"
    ROOM = "room"


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """A message by language: its title in the console, the text of a mail or letter, `message` of a text message.
    `asks` are the fields that it needs."""

    title: Texts
    text: Texts
    message: Texts
    asks: tuple[MessageField, ...] = ()

    def written(self, language: str, fields: Mapping[str, str], *, short: bool) -> str:
        """The text in a language with the fields in words, or the `short` one of a text message. Raises KeyError if a
        field is missing."""
        texts = self.message if short else self.text
        return texts[lookup(language, texts) or FALLBACK].strip().format_map(fields)


@dataclass(frozen=True, slots=True)
class MessageTemplates:
    """The templates by id."""

    version: str
    templates: Mapping[str, MessageTemplate]


@cache
def message_templates() -> MessageTemplates:
    """The templates of the package. Raises ValueError if the file is invalid."""
    return read_guide("messages.toml", MessageTemplates)


def fit_line(text: str) -> bool:
    """Whether a text can be the line of a message: short, on one line, without a link, a code or a number of a card."""
    plain = text.strip()
    link = "://" in plain or "www." in plain.casefold()
    return 0 < len(plain) <= LONGEST_LINE and plain.isprintable() and not link and lint_note(plain) is None

"""Guides for staff as data: the script of each step of a case, and what to look for on each kind of evidence.

Both are versioned files of the package, in the languages of the console.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TypeVar

from broker.assisted.case_records import Channel
from broker.platform.toml_loader import load

Texts = Mapping[str, str]


class ScriptStep(StrEnum):
    """Steps of a case at which staff have a script."""

    CLAIMED = "claimed"
    SESSION = "session"
    EVIDENCE = "evidence"
    PERSON = "person"
    DETAILS = "details"
    DECISION = "decision"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """One line of the script. Without channels it is for all of them."""

    text: Texts
    channels: tuple[Channel, ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """The script by step."""

    version: str
    steps: Mapping[ScriptStep, tuple[ScriptLine, ...]]

    def lines(self, step: ScriptStep, channel: Channel | None) -> tuple[Texts, ...]:
        """The lines of a step for a channel; for None those of every channel."""
        lines = self.steps.get(step, ())
        return tuple(line.text for line in lines if channel is None or not line.channels or channel in line.channels)


@dataclass(frozen=True, slots=True)
class DocumentGuide:
    """What to look for on documents of one kind. `countries` and `since` (a year) narrow it, none: all of the kind."""

    title: Texts
    features: tuple[Texts, ...]
    countries: tuple[str, ...] = ()
    since: str = ""


@dataclass(frozen=True, slots=True)
class DocumentGuides:
    """Guides by kind of evidence, as the profile file names it."""

    version: str
    kinds: Mapping[str, tuple[DocumentGuide, ...]]


@cache
def script() -> Script:
    """The script of the package. Raises ValueError if the file is invalid."""
    return read_guide("script.toml", Script)


@cache
def guides() -> DocumentGuides:
    """The guides of the package. Raises ValueError if the file is invalid."""
    return read_guide("documents.toml", DocumentGuides)


_Record = TypeVar("_Record")


def read_guide(name: str, kind: type[_Record]) -> _Record:
    path = Path(__file__).with_name(name)
    found, problems = load(tomllib.loads(path.read_text("utf-8")), kind, base=path.parent)
    if found is None or problems:
        raise ValueError("\n".join(str(problem) for problem in problems))
    return found

"""Facts that providers publish, read from `facts/<name>.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

from providers.presets.topics import TOPICS

_FOLDER: Final = files("providers.presets") / "facts"


class FactStatus(StrEnum):
    """How well a fact is known."""

    READ = "read"
    """The sentence or example that shows it was read in the provider's own documentation or software."""
    PARTLY = "partly"
    """Only a part of it was read, or in an excerpt, or in the words of a third party."""
    UNCONFIRMED = "unconfirmed"
    """Not found in what could be read. To be confirmed with the provider."""
    POLICY = "policy"
    """A decision of this project, which an operator may override."""


@dataclass(frozen=True, slots=True)
class FactSource:
    """Where facts were read: a document, its edition, and the day of reading, unless a fact has a day of its own."""

    url: str
    edition: str
    read: date


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact about a provider. `value` is literal: what stands on the wire."""

    about: str
    value: Any
    source: str
    page: str
    read: date
    status: FactStatus
    note: str


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """What is known about one provider. `base` names the facts that it shares with its family. `card` is the status of
    what the preset says to citizens: who runs the provider, its page, and what they need."""

    preset: str
    title: str
    country: str
    sources: Mapping[str, FactSource]
    facts: tuple[Fact, ...]
    base: str | None = None
    card: FactStatus = FactStatus.UNCONFIRMED

    def value(self, about: str, default: Any = None) -> Any:
        """The value of the only fact about a topic, or the default."""
        found = [fact.value for fact in self.facts if fact.about == about]
        return found[0] if found else default


@cache
def facts_names() -> tuple[str, ...]:
    """The presets about which there are facts, sorted; some have no preset yet."""
    found = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


@cache
def facts(name: str) -> ProviderFacts:
    """Reads the facts about a preset's provider, and those of its `base` about other topics.

    Raises ValueError for a topic or a source that is not known.
    """
    table = tomllib.loads((_FOLDER / f"{name}.toml").read_text("utf-8"))
    below = facts(table["base"]) if "base" in table else None
    sources = dict(below.sources) if below else {}
    sources |= {key: FactSource(**source) for key, source in table.get("sources", {}).items()}
    own = tuple(_fact(name, row, sources) for row in table["facts"])
    said = {fact.about for fact in own}
    inherited = tuple(fact for fact in below.facts if fact.about not in said) if below else ()
    card = FactStatus(table.get("card", FactStatus.UNCONFIRMED))
    return ProviderFacts(name, table["title"], table["country"], sources, inherited + own, table.get("base"), card)


def _fact(name: str, row: Mapping[str, Any], sources: Mapping[str, FactSource]) -> Fact:
    about, status = row["about"], FactStatus(row.get("status", FactStatus.READ))
    if about not in TOPICS:
        raise ValueError(f'{name}: "{about}" is not a topic')
    if row["source"] not in sources:
        raise ValueError(f'{name}: "{row["source"]}" is not a source')
    read = row.get("read", sources[row["source"]].read)
    return Fact(about, row["value"], row["source"], row.get("page", ""), read, status, row.get("note", ""))

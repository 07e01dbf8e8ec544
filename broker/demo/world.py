"""World of a demonstration: the sample service's texts, what citizens can do there, and what to try."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Permit:
    """One transaction of the service, and the level of assurance it requires."""

    id: str
    name: str
    level: str
    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to try; `permit` is the transaction that it begins with, if any."""

    text: str
    permit: str | None = None


@dataclass(frozen=True, slots=True)
class World:
    """The texts of one world. `brand` heads each page. With `cases` the service passes requests on to a case system."""

    title: str
    brand: str
    service: str
    intro: str
    permits: tuple[Permit, ...]
    steps: tuple[Step, ...] = ()
    cases: bool = False


ABERLAN = World(
    title="A council",
    brand="Aberlan Council",
    service="Council services",
    intro="This council does not keep passwords. It asks Portico who you are; Portico lets you choose how to prove it, "
    "and when your choice does not work it offers you another way, in the end a person.",
    permits=(
        Permit("parking", "See your parking permit", "low", "any provider will do"),
        Permit("move", "Tell us you have moved", "substantial", "we change an official record"),
        Permit("passport", "Apply for a travel document", "high", "we hand out a document"),
    ),
)
"""The world without a name, with three invented providers."""


def read_world(file: Path) -> World:
    """Reads a world.toml."""
    table: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    return World(
        table["title"],
        table["service"],
        table["service"],
        table["intro"],
        tuple(Permit(**permit) for permit in table["permits"]),
        tuple(Step(step["text"], step.get("for")) for step in table["steps"]),
        table.get("cases", False),
    )

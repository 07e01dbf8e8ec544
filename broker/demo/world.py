"""World of a demonstration: the sample service's texts, what citizens can do there, and what to try."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Permit:
    """One transaction of the service, and the level of assurance it requires. `claims` are asked for by name."""

    id: str
    name: str
    level: str
    why: str
    claims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to try; `permit` is the transaction that it begins with, if any."""

    text: str
    permit: str | None = None


@dataclass(frozen=True, slots=True)
class World:
    """The texts of one world. `brand` heads each page. With `cases` the service passes requests on to a case system.

    `translations` are the same texts in other languages, by their code.
    """

    title: str
    brand: str
    service: str
    intro: str
    permits: tuple[Permit, ...]
    steps: tuple[Step, ...] = ()
    cases: bool = False
    translations: Mapping[str, "World"] = field(default_factory=dict)

    def in_language(self, code: str) -> "World":
        """The texts in a language, in English if there are none."""
        return self.translations.get(code, self)


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
    """Reads a world.toml. Its tables `texts.<code>` are the same texts in another language."""
    table: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    world = World(
        table["title"],
        table["service"],
        table["service"],
        table["intro"],
        tuple(Permit(**{**permit, "claims": tuple(permit.get("claims", ()))}) for permit in table["permits"]),
        tuple(Step(step["text"], step.get("for")) for step in table["steps"]),
        table.get("cases", False),
    )
    translations = {code: _translated(world, texts) for code, texts in table.get("texts", {}).items()}
    return replace(world, translations=translations)


def _translated(world: World, texts: Mapping[str, Any]) -> World:
    """The world with the texts of another language, which has as many permits and steps."""
    permits = tuple(
        replace(permit, name=texts["permits"][permit.id]["name"], why=texts["permits"][permit.id]["why"])
        for permit in world.permits
    )
    steps = tuple(replace(step, text=text) for step, text in zip(world.steps, texts["steps"], strict=True))
    return replace(
        world,
        title=texts["title"],
        brand=texts["service"],
        service=texts["service"],
        intro=texts["intro"],
        permits=permits,
        steps=steps,
    )

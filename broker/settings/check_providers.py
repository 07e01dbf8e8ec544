"""What must hold for each provider, and for staff."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any, Final

from broker.crypto.jose import load_signing_key
from broker.model.identity import HELP
from broker.model.staff import StaffRole
from broker.platform.operator_files import content, unmarked
from broker.platform.toml_loader import Problem, suggestion
from broker.settings.check_broker import READY, check_texts
from broker.settings.check_context import CheckContext
from broker.settings.providers import ProviderEntry
from broker.settings.secret_files import file_problem, secret_problem
from broker.settings.staff import StaffFile
from broker.settings.urls import is_loopback, split


def check_id(entry: ProviderEntry, frame: CheckContext) -> Iterator[Problem]:
    """An id that can stand in a path."""
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", entry.id):
        mend = "use at most 40 lower-case letters, digits and hyphens"
        yield Problem("id", "it cannot stand in the callback's path", mend)
    if entry.id == HELP:
        yield Problem("id", "this id is kept for help from a person", "choose another one")


def check_texts_of(entry: ProviderEntry, frame: CheckContext) -> Iterator[Problem]:
    """Names and needs in every language; the same for the reason of a pause."""
    yield from check_texts("names", entry.card.names, frame.languages)
    yield from check_texts("needs", entry.card.needs, frame.languages)
    if entry.policy.paused:
        yield from check_texts("policy.paused", entry.policy.paused, frame.languages)
    elif entry.policy.paused_until is not None:
        yield Problem("policy.paused_until", "there is no pause", "say in policy.paused why nobody is sent there")


def check_addresses(entry: ProviderEntry, frame: CheckContext) -> Iterator[Problem]:
    """Outside development no address over http and none on this machine: so no simulated provider either."""
    if frame.development:
        return
    for setting in fields(entry.config):
        for text in texts(getattr(entry.config, setting.name)):
            parts = split(text) if text.startswith(("http://", "https://")) else None
            if parts is None:
                continue
            place = f"{entry.kind}.{setting.name}"
            if parts.scheme == "http":
                yield Problem(place, "http is for development alone", "use https")
            if is_loopback(parts.hostname or ""):
                mend = "name the real provider: simulated ones are for development"
                yield Problem(place, "this provider runs on this machine", mend)


def texts(value: Any) -> Iterator[str]:
    """Every text in a setting's value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from texts(inner)


CHECKS: Final[tuple[Callable[[ProviderEntry, CheckContext], Iterator[Problem]], ...]] = (
    check_id,
    check_texts_of,
    check_addresses,
)


def check_files(entry: ProviderEntry) -> Iterator[Problem]:
    """The key and secret files that its table names: there, and holding what they should."""
    key = entry.own_key()
    for name, path in entry.files():
        place = f"{entry.kind}.{name}"
        if (trouble := file_problem(path)) is not None:
            what, mend = trouble
            yield Problem(place, what, f"run `portico keys init`, or {mend}" if name == "key_file" else mend)
        elif key is not None and path == key.path:
            try:
                load_signing_key(unmarked(content(path)), key.algorithm)
            except ValueError as problem:
                yield Problem(
                    place, f"the file holds no usable key: {problem}", "make a new one, and register it there"
                )
        elif name == "secret_file" and (unusable := secret_problem(place, path)) is not None:
            yield unusable


def check_launch(entry: ProviderEntry, known: Mapping[str, object]) -> Iterator[Problem]:
    """The services of a soft launch exist, by their ids."""
    for i, name in enumerate(entry.policy.services):
        if name not in known:
            yield Problem(f"policy.services[{i}]", f'there is no service "{name}"', suggestion(name, known))


def check_people(staff: StaffFile) -> Iterator[Problem]:
    """People who can be told apart, and enough of them for a decision by two."""
    for i, person in enumerate(staff.people):
        before = staff.people[:i]
        if not re.fullmatch(r"[a-z0-9-]{1,40}", person.id):
            yield Problem(f"people[{i}].id", "it cannot stand in records", "use lower-case letters, digits, hyphens")
        if any(other.id == person.id for other in before):
            yield Problem(f"people[{i}].id", f'"{person.id}" is there twice', "give each person an id of their own")
        if any(other.subject == person.subject for other in before):
            yield Problem(f"people[{i}].subject", "another person has it too", "one sign-in is one person")
        if not person.roles:
            yield Problem(f"people[{i}].roles", "no role is named", f"name some of {', '.join(StaffRole)}")
        for language in person.languages:
            if language not in READY:
                yield Problem(f"people[{i}].languages", f'"{language}" is not known', f"known are: {', '.join(READY)}")
    agents = [person.id for person in staff.people if person.may(StaffRole.AGENT)]
    reviewers = [person.id for person in staff.people if person.may(StaffRole.REVIEWER)]
    if not any(agent != reviewer for agent in agents for reviewer in reviewers):
        mend = 'give one the role "agent" and another the role "reviewer"'
        yield Problem("people", "no two people can decide and review a case", mend)

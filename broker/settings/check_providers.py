"""Checks of each provider, and of staff."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from broker.crypto.jose import load_signing_key, pem_thumbprint
from broker.model.identity import HELP
from broker.model.provider_policy import Overflow, ProviderPolicy
from broker.model.staff import StaffRole
from broker.normalize.dates import full_date
from broker.platform.operator_files import content, unmarked
from broker.platform.toml_loader import Problem, suggestion
from broker.settings.check_context import CheckContext
from broker.settings.providers import ProviderEntry
from broker.settings.secret_files import file_problem, secret_problem
from broker.settings.staff import StaffFile
from broker.settings.texts import READY, check_texts
from broker.settings.urls import is_loopback, split


def check_id(entry: ProviderEntry, _context: CheckContext) -> Iterator[Problem]:
    """Checks that the id can be a segment of the callback's path."""
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", entry.id):
        fix = "use at most 40 lower-case letters, digits and hyphens"
        yield Problem("id", "it is not valid in the callback's path", fix)
    if entry.id == HELP:
        yield Problem("id", "this id is reserved for assisted verification", "choose another one")


def check_texts_of(entry: ProviderEntry, context: CheckContext) -> Iterator[Problem]:
    """Checks names and needs in every language, and the reason of a pause."""
    yield from check_texts("names", entry.card.names, context.languages)
    yield from check_texts("needs", entry.card.needs, context.languages)
    if entry.policy.paused:
        yield from check_texts("policy.paused", entry.policy.paused, context.languages)
    elif entry.policy.paused_until is not None:
        yield Problem("policy.paused_until", "the provider is not paused", "write the reason in policy.paused")


def check_overflow(entry: ProviderEntry, context: CheckContext) -> Iterator[Problem]:
    """Checks that what happens beyond a rate, or during another provider's outage, has an effect."""
    policy = entry.policy
    if policy.overflow is Overflow.OTHERS and policy.departures_per_second is None and not policy.recovery:
        fix = "write departures_per_second or recovery, or remove this"
        yield Problem("policy.overflow", "no rate is limited, so nothing is beyond it", fix)
    if policy.fallback_share != ProviderPolicy().fallback_share and not context.shuffled:
        fix = 'remove it, or write order = "shuffled" under [picker] in broker.toml'
        yield Problem("policy.fallback_share", "the order of the picker is fixed, so this has no effect", fix)


def check_end(entry: ProviderEntry, context: CheckContext) -> Iterator[Problem]:
    """Checks that citizens can move after the end of a provider, if they may."""
    ends, moving = entry.policy.accept_sign_in_until, entry.policy.accept_moving_until
    if moving is None:
        return
    if ends is None or moving <= ends:
        fix = "write a time after accept_sign_in_until, or remove this"
        yield Problem("policy.accept_moving_until", "the provider accepts sign-ins at this time", fix)
    elif not context.accounts:
        fix = "remove it, or enabled = false under [accounts] in broker.toml"
        yield Problem("policy.accept_moving_until", "citizens have no pages on which they could move", fix)


def check_addresses(entry: ProviderEntry, context: CheckContext) -> Iterator[Problem]:
    """Checks that outside development no URL uses http or a loopback address, so that no simulated provider is used."""
    if context.development:
        return
    for name, value in entry.settings:
        for text in texts(value):
            parts = split(text) if text.startswith(("http://", "https://")) else None
            if parts is None:
                continue
            place = f"{entry.kind}.{name}"
            if parts.scheme == "http":
                yield Problem(place, "http is only for development", "use https")
            if is_loopback(parts.hostname or ""):
                fix = "write the URL of the real provider: simulated ones are for development"
                yield Problem(place, "this is an address of this machine", fix)


def texts(value: object) -> Iterator[str]:
    """Every string in a setting's value."""
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
    check_overflow,
    check_end,
    check_addresses,
)


def check_files(entry: ProviderEntry) -> Iterator[Problem]:
    """Checks the key and secret files of the provider's table: that they exist and can be used."""
    keys = {key.setting: key for key in entry.own_keys()}
    for name, path in entry.files():
        place = f"{entry.kind}.{name}"
        if (trouble := file_problem(path)) is not None:
            what, fix = trouble
            yield Problem(place, what, f"run `portico keys init`, or {fix}" if name in keys else fix)
        elif (key := keys.get(name)) is not None:
            try:
                if key.algorithm is None:
                    pem_thumbprint(unmarked(content(path)))
                else:
                    load_signing_key(unmarked(content(path)), key.algorithm, upstream=True)
            except ValueError as problem:
                yield Problem(
                    place,
                    f"the file contains no usable key: {problem}",
                    "generate a new one, and register it at the provider",
                )
        elif name == "secret_file" and (unusable := secret_problem(place, path)) is not None:
            yield unusable


def check_launch(entry: ProviderEntry, known: Mapping[str, object]) -> Iterator[Problem]:
    """Checks that the services of a soft launch exist."""
    for i, name in enumerate(entry.policy.services):
        if name not in known:
            yield Problem(f"policy.services[{i}]", f'there is no service "{name}"', suggestion(name, known))


def check_people(staff: StaffFile) -> Iterator[Problem]:
    """Checks that the people have unique ids and subjects, and that they suffice for decisions by two people."""
    for i, person in enumerate(staff.people):
        before = staff.people[:i]
        if not re.fullmatch(r"[a-z0-9-]{1,40}", person.id):
            yield Problem(
                f"people[{i}].id", "it is not valid in audit events", "use lower-case letters, digits, hyphens"
            )
        if any(other.id == person.id for other in before):
            yield Problem(f"people[{i}].id", f'"{person.id}" is listed twice', "give each person a different id")
        if any(other.subject == person.subject for other in before):
            yield Problem(
                f"people[{i}].subject",
                "another person has the same subject",
                "give each person the subject of their own account",
            )
        if not person.roles:
            yield Problem(f"people[{i}].roles", "no role is listed", f"list some of {', '.join(StaffRole)}")
        for skill, until in person.training.items():
            if skill not in person.skills:
                yield Problem(f"people[{i}].training", f'"{skill}" is not one of the skills', "list it under skills")
            if full_date(until) != until:
                fix = "write the last day as year-month-day, such as 2027-06-01"
                yield Problem(f"people[{i}].training.{skill}", "this is not a date", fix)
        for language in person.languages:
            if language not in READY:
                yield Problem(f"people[{i}].languages", f'"{language}" is not known', f"known are: {', '.join(READY)}")
    agents = [person.id for person in staff.people if person.may(StaffRole.AGENT)]
    reviewers = [person.id for person in staff.people if person.may(StaffRole.REVIEWER)]
    if not any(agent != reviewer for agent in agents for reviewer in reviewers):
        fix = 'give one the role "agent" and another the role "reviewer"'
        yield Problem("people", "no two people can decide and review a case", fix)

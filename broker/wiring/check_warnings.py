"""Warnings of `portico check`: what works today, and will not, or not for everyone, if nothing is done."""

import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from broker.crypto.jose import read_certificate_ends
from broker.crypto.keys.index import KeyEntry, KeyState, load_index
from broker.crypto.keys.manager import dated
from broker.crypto.keys.rotation import RotationStep, schedule, state_since
from broker.model.staff import StaffRole
from broker.platform.operator_files import Unfit, content
from broker.platform.toml_loader import Problem
from broker.settings import Settings
from broker.settings.cross_checks import sole_providers
from broker.wiring.key_rotation import rotation_policy

DAY: Final = 24 * 3600
WITHIN: Final = (7, 14, 30, 60)
"""Days before an end from which on it is named."""

KEY_AGE: Final = 366 * DAY
"""Seconds after which an operator should have replaced a signing key, if no schedule does (NIST SP 800-57 part 1, 5.3.6
recommends one to three years)."""

LATE: Final = DAY
"""Seconds by which a step of the schedule may be late: workers take it within minutes if they run."""

SHOWN: Final = 5
"""How many services a warning names."""

_AUTHORITIES: Final = "ca_file"
_CERTIFICATES: Final = frozenset({_AUTHORITIES, "cert_file", "certificate_file", "key_certificate_file"})
_PUBLIC: Final = frozenset({"jwks_file"})
_PRIVATE_KEY: Final = b"PRIVATE KEY-----"


def warnings(settings: Settings, now: float) -> Iterator[Problem]:
    """Every warning about the settings and their files, each with its place and its mend. Calls nothing outside."""
    yield from _lone_providers(settings)
    if settings.staff is not None:
        reviewers = sum(member.may(StaffRole.REVIEWER) for member in settings.staff.people.values())
        if reviewers < 2:
            what = f"{'one person' if reviewers else 'no person'} has the role reviewer: decisions wait for them alone"
            yield Problem("staff.toml: people", what, "give the role to a second person")
    if settings.broker.support.phone is None:
        what = "there is no telephone number: a citizen without email has no way to a person"
        yield Problem("broker.toml: support.phone", what, "write the number of the help desk")
    if not settings.broker.privacy.controller and not settings.broker.development:
        what = "the privacy notice does not say who is responsible"
        yield Problem("broker.toml: privacy.controller", what, "write controller, ground and regulator in [privacy]")
    named = list(named_files(settings))
    yield from _modes(named)
    yield from _ends(named, now)
    yield from _keys(settings, now)


def _lone_providers(settings: Settings) -> Iterator[Problem]:
    for (provider, level), services in sole_providers(settings.services.values(), settings.providers).items():
        more = f" and {len(services) - SHOWN} more" if len(services) > SHOWN else ""
        needed = f" (needed by {', '.join(services[:SHOWN])}{more})" if services else ""
        what = f"only {provider} reaches the level {level.name.lower()}{needed}"
        mend = "add another provider of that level; without it citizens have assisted verification, or `other_ways`"
        yield Problem(f"providers/{provider}", what, f"{mend} of the services, if it fails")


def named_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """The files that settings name, and those in the folder of keys, each with the setting that names it."""
    for place, path in _paths(settings.broker):
        if place != "keys.folder":
            yield f"broker.toml: {place}", path
    for client_id, service in settings.services.items():
        yield from ((f"services/{client_id}: {place}", path) for place, path in _paths(service.credentials))
    for entry in settings.every_provider:
        yield from ((f"providers/{entry.id}: {entry.kind}.{place}", path) for place, path in entry.files())
    index, _ = load_index(settings.broker.keys.folder)
    if index is not None:
        yield from (("broker.toml: keys.folder", path) for path in index.files())


def _paths(record: Any, before: str = "") -> Iterator[tuple[str, Path]]:
    """Each path in a record, its tables, lists and maps, with the dotted name of its setting."""
    if isinstance(record, Path):
        yield before, record
    elif is_dataclass(record):
        for setting in fields(record):
            yield from _paths(getattr(record, setting.name), f"{before}.{setting.name}".lstrip("."))
    elif isinstance(record, Mapping):
        for name, value in record.items():
            yield from _paths(value, f"{before}.{name}")
    elif isinstance(record, tuple | list):
        for i, value in enumerate(record):
            yield from _paths(value, f"{before}[{i}]")


def _setting(place: str) -> str:
    """The last part of a setting's name, without a list's index."""
    return place.rpartition(".")[2].partition("[")[0].rpartition(" ")[2]


def _modes(named: Sequence[tuple[str, Path]]) -> Iterator[Problem]:
    """Secrets that others than their owner may read."""
    for place, path in named:
        setting = _setting(place)
        try:
            seen = path.stat()
            secret = setting == "folder" or setting.endswith(("_file", "_files"))
            if not secret or setting in _PUBLIC or not stat.S_ISREG(seen.st_mode):
                continue
            if setting in _CERTIFICATES and _PRIVATE_KEY not in content(path):
                continue
        except (OSError, ValueError):
            continue  # the checks of the settings report it
        if (who := readers(seen.st_mode, seen.st_uid)) is not None:
            yield Problem(place, f"{path} is readable by {who}", f"chmod {'640' if seen.st_uid == 0 else '600'} {path}")


def readers(mode: int, owner: int) -> str | None:
    """Who may read a file beside its owner, in words; None if no other user may.

    The group of a file of root is not named: so a container is given a secret that root mounts.
    """
    if mode & stat.S_IROTH:
        return "every user of this machine"
    return "its group" if mode & stat.S_IRGRP and owner != 0 else None


def _ends(named: Sequence[tuple[str, Path]], now: float) -> Iterator[Problem]:
    """Certificates that end soon, or have ended."""
    for place, path in named:
        setting = _setting(place)
        if setting not in _CERTIFICATES:
            continue
        try:
            ends = read_certificate_ends(content(path))
        except (Unfit, ValueError):
            continue  # the checks of the settings report it
        if setting == _AUTHORITIES and any(end > now for _, end in ends):
            ends = [one for one in ends if one[1] > now]  # a bundle may keep authorities that have ended
        for subject, end in ends:
            if (when := describe_end(end, now)) is not None:
                yield Problem(place, f"the certificate of {subject} {when}", f"renew it and replace {path}")


def describe_end(end: float, now: float) -> str | None:
    """When something ends, in words, from 60 days before on; None earlier. Both are in seconds since 1970 UTC."""
    day = f"{datetime.fromtimestamp(end, UTC):%Y-%m-%d}"
    if end <= now:
        return f"ended on {day}"
    bound = next((days for days in WITHIN if end <= now + days * DAY), None)
    return None if bound is None else f"ends within {bound} days, on {day}"


def _keys(settings: Settings, now: float) -> Iterator[Problem]:
    """Signing and decryption keys that are old, and a schedule that is missing or does not run."""
    folder, policy = settings.broker.keys.folder, rotation_policy(settings.broker)
    index, _ = load_index(folder)
    if index is None:
        return  # the checks of the keys report it
    index = dated(index, folder)
    if policy.every is None:
        mend = 'write rotate_every = "90 days" in [keys], or plan `portico keys rotate` yourself'
        yield Problem("broker.toml: keys.rotate_every", "no schedule replaces the broker's keys", mend)
        current = (key for key in (*index.signing, *index.encryption) if key.state is KeyState.CURRENT)
        yield from (found for key in current if (found := _old(key, now)) is not None)
        return
    steps = [*schedule(index.signing, policy), *schedule(index.encryption, policy, encryption=True)]
    for alg in sorted({step.alg for step in steps if step.step is not RotationStep.REMOVE and step.at < now - LATE}):
        what = f"a change of the {alg} key was due by schedule more than a day ago"
        mend = f"let the broker's user write {folder}, and look for key_rotation_failed in the log"
        yield Problem("broker.toml: keys.rotate_every", what, mend)


def _old(key: KeyEntry, now: float) -> Problem | None:
    """The warning of a key that reaches the age of a year, or has."""
    since = f"{datetime.fromtimestamp(state_since(key), UTC):%Y-%m-%d}"
    if describe_end(state_since(key) + KEY_AGE, now) is None:
        return None
    what = f"the {key.alg} key {key.place} is in use since {since}, about a year"
    return Problem("broker.toml: keys.folder", what, "portico keys rotate")

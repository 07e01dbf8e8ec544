"""Files of assisted verification that an operator may have of their own: profiles, and made-up cases."""

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from broker.assisted.calibration import MadeUpCases, made_up_cases, read_cases, unfit_evidence
from broker.assisted.profiles import Profiles, default_profiles, read
from broker.model.json_types import JsonObject
from broker.platform.operator_files import Unfit, content, text
from broker.platform.toml_loader import Problem
from broker.settings.schema import BrokerSettings

_MADE_UP: Final = "assisted.made_up_cases"
JPEG: Final = b"\xff\xd8\xff"
"""First bytes of a JPEG file."""
_Content = TypeVar("_Content")


def profiles_of(broker: BrokerSettings) -> Profiles:
    """The profiles with the broker's trust framework. Raises ValueError for a file that `profile_problems` refuses."""
    own = broker.assisted.profiles
    profiles, problems = (default_profiles(), []) if own is None else read_profile_file(own)
    if profiles is None or problems:
        raise ValueError("\n".join(str(problem) for problem in problems))
    return replace(profiles, framework=broker.trust_framework)


def profile_problems(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks the operator's profile file."""
    own = broker.assisted.profiles
    if own is not None:
        yield from read_profile_file(own)[1]


def read_profile_file(path: Path) -> tuple[Profiles | None, list[Problem]]:
    """Reads a profile file. Returns the profiles, or every problem with its path in the file and how to correct it."""
    return _read_file("assisted.profiles", path, read)


def made_up_cases_of(broker: BrokerSettings) -> MadeUpCases:
    """The made-up cases. Raises ValueError for a file that `made_up_problems` refuses."""
    own = broker.assisted.made_up_cases
    cases, problems = (made_up_cases(), []) if own is None else _read_made_up(own)
    if cases is None or problems:
        raise ValueError("\n".join(str(problem) for problem in problems))
    return cases


def made_up_problems(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks the operator's made-up cases, also against the profile file."""
    own = broker.assisted.made_up_cases
    if own is None:
        return
    cases, problems = _read_made_up(own)
    yield from problems
    if cases is None or any(profile_problems(broker)):
        return
    profiles = profiles_of(broker)
    for name, case in cases.cases.items():
        if unknown := list(unfit_evidence(case, profiles)):
            place = f"{_MADE_UP} ({own.name}): cases.{name}"
            yield Problem(place, f"not in the profile file: {', '.join(unknown)}", "name what the profile file has")


def _read_made_up(path: Path) -> tuple[MadeUpCases | None, list[Problem]]:
    cases, problems = _read_file(_MADE_UP, path, lambda table: read_cases(table, path.parent))
    if cases is None:
        return None, problems
    for name, case in cases.cases.items():
        for image in (image for one in case.evidence for image in one.images):
            if unfit := _unfit_image(image.file):
                problems.append(Problem(f"{_MADE_UP} ({path.name}): cases.{name}", *unfit))
    return cases, problems


def _unfit_image(path: Path) -> tuple[str, str] | None:
    """What is wrong with the file of a made-up photograph, and how to correct it."""
    try:
        jpeg = content(path).startswith(JPEG)
    except Unfit as unfit:
        return f"{path.name}: {unfit.what}", unfit.fix
    return None if jpeg else (f"{path.name} is no JPEG", "name a photograph that is stored as JPEG")


def _read_file(
    place: str, path: Path, reader: Callable[[JsonObject], tuple[_Content | None, list[Problem]]]
) -> tuple[_Content | None, list[Problem]]:
    try:
        table = tomllib.loads(text(path))
    except Unfit as unfit:
        return None, [Problem(place, unfit.what, unfit.fix)]
    except tomllib.TOMLDecodeError as mistake:
        return None, [Problem(place, f"{path.name} is not TOML: {mistake}", "mend the file at this place")]
    found, problems = reader(table)
    return found, [Problem(f"{place} ({path.name}): {one.path}", one.what, one.fix) for one in problems]

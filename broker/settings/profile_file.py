"""The profile file of assisted verification: the operator's own, or that of the package."""

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from broker.assisted.profiles import Profiles, default_profiles, read
from broker.platform.operator_files import Unfit, text
from broker.platform.toml_loader import Problem
from broker.settings.schema import BrokerSettings


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
    """Reads a profile file. Returns the profiles, or every problem with its path in the file and what mends it."""
    place = "assisted.profiles"
    try:
        table = tomllib.loads(text(path))
    except Unfit as unfit:
        return None, [Problem(place, unfit.what, unfit.fix)]
    except tomllib.TOMLDecodeError as mistake:
        return None, [Problem(place, f"{path.name} is not TOML: {mistake}", "mend the file at this place")]
    profiles, problems = read(table)
    return profiles, [Problem(f"{place} ({path.name}): {one.path}", one.what, one.fix) for one in problems]

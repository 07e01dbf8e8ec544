"""What a citizen says when they ask for a person, besides the address: how to talk with them and what they have."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LONGEST: Final = 120
"""Characters of a name that the citizen typed, at most."""


class Need(StrEnum):
    """What a citizen may need in a meeting."""

    INTERPRETER = "interpreter"
    SIGN_LANGUAGE = "sign_language"
    HEARING = "hearing"
    HOME_VISIT = "home_visit"


class Times(StrEnum):
    """When it suits the citizen to be called."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


@dataclass(frozen=True, slots=True)
class Intake:
    """What the citizen said. Everything is optional.

    `language` is the one to talk in (BCP 47), "" for that of the pages; `documents` are kinds of the profile file;
    `helper` is who helps the citizen, `name` what they want to be called.
    """

    times: tuple[Times, ...] = ()
    language: str = ""
    needs: tuple[Need, ...] = ()
    documents: tuple[str, ...] = ()
    helper: str = ""
    name: str = ""

"""Attempts of staff to reach the citizen: how, what came of it, and when the next one is to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class ContactChannel(StrEnum):
    """How staff tried to reach the citizen."""

    CALL = "call"
    VIDEO = "video"
    LETTER = "letter"
    VISIT = "visit"
    MESSAGE = "message"


class ContactOutcome(StrEnum):
    """What came of an attempt. MADE: it was made, and neither reached nor missed the citizen, such as a voice mail.

    WRONG_NUMBER: the number or the address is not the citizen's.
    """

    SPOKE = "spoke"
    MADE = "made"
    NO_ANSWER = "no_answer"
    WRONG_NUMBER = "wrong_number"
    SENT = "sent"


_O = ContactOutcome

OUTCOMES: Final[Mapping[ContactChannel, tuple[ContactOutcome, ...]]] = MappingProxyType(
    {
        ContactChannel.CALL: (_O.SPOKE, _O.MADE, _O.NO_ANSWER, _O.WRONG_NUMBER),
        ContactChannel.VIDEO: (_O.SPOKE, _O.MADE, _O.NO_ANSWER),
        ContactChannel.VISIT: (_O.SPOKE, _O.NO_ANSWER, _O.WRONG_NUMBER),
        ContactChannel.LETTER: (_O.SENT, _O.WRONG_NUMBER),
        ContactChannel.MESSAGE: (_O.SENT,),
    }
)
"""The outcomes that an attempt of each channel can have."""

MISSED: Final = frozenset({ContactOutcome.NO_ANSWER, ContactOutcome.WRONG_NUMBER})
"""Outcomes after which citizen and staff missed each other once more."""


@dataclass(frozen=True, slots=True)
class ContactAttempt:
    """One attempt. `again` is when the same member of staff tries next (seconds since 1970 UTC), None for not at all;
    `template` names the message that was sent. It holds no address and no text.
    """

    by: str
    at: float
    channel: ContactChannel
    outcome: ContactOutcome
    again: float | None = None
    template: str = ""

    @property
    def missed(self) -> bool:
        """Whether it failed."""
        return self.outcome in MISSED

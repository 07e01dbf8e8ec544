"""The page of a citizen whom a limit holds back: which limit, until when, and which other ways there are."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from broker.actions.outcomes import Held, Limit
from broker.web.citizens.frame import Frame, readable
from broker.web.citizens.steps import Step, held_steps
from broker.web.citizens.tellings import marked
from broker.web.pages import Sheet
from broker.web.shown import Shown

_SHARED = marked(
    "They came from the internet connection that you use, perhaps from other people who share it. "
    "You did nothing wrong."
)


@dataclass(frozen=True, slots=True)
class HeldTold:
    """The texts of one limit: what happened, until when ({until} is a time), what waiting leads to."""

    title: str
    story: str
    until: str
    wait: str
    label: str


HELD: Mapping[Limit, HeldTold] = MappingProxyType(
    {
        Limit.STARTS: HeldTold(
            marked("Too many sign-ins began at once"),
            _SHARED,
            marked("New ones can begin again at {until}."),
            marked("Start again at {until}"),
            marked("Go to the service"),
        ),
        Limit.OPEN: HeldTold(
            marked("Too many sign-ins are open in this browser"),
            marked("Go on in one of the other windows, or stop one of them there. Then you can begin a new one."),
            marked("If you do nothing, you can begin a new one at {until}."),
            marked("Start again at {until}"),
            marked("Go to the service"),
        ),
        Limit.HELP: HeldTold(
            marked("Too many requests for help came at once"),
            marked(
                "The requests came from the internet connection that you use, perhaps from other people who share it. "
                "You did nothing wrong."
            ),
            marked("You can ask for help here again at {until}."),
            marked("Ask again at {until}"),
            marked("Ask for help"),
        ),
        Limit.CODES: HeldTold(
            marked("Too many wrong codes were typed in"),
            _SHARED,
            marked("You can type in a code again at {until}. If yours has run out by then, ask for a new one."),
            marked("Type in your code at {until}"),
            marked("Type in a code"),
        ),
    }
)

SHEETS = tuple(Sheet(f"held/{limit}", "citizens/held.html", {"telling": told}) for limit, told in HELD.items())
STATUS = 429
"""Too Many Requests (RFC 6585 4)."""


def held_back(held: Held, frame: Frame, told: str | None = None) -> Shown:
    """The page of a limit, with Retry-After (RFC 9110 10.2.3). `told` is for the engineers of the service."""
    words, transaction = frame.language, held.transaction
    until = words.moment(math.ceil(held.until / 60) * 60, frame.now)
    telling = HELD[held.limit]
    wait = Step.link(words.text(telling.wait, until=until), _again(held, frame), words.text(telling.label))
    holes = frame.holes(
        held.service,
        until=until,
        kept_until=None if transaction is None else words.moment(transaction.expires, frame.now),
        steps=[wait, *held_steps(held.service, None if transaction is None else f"/journey/{frame.handle}", words)],
        reference=None if transaction is None else readable(transaction.reference),
        told=told,
    )
    after = max(1, math.ceil(held.until - frame.now))
    return Shown(f"held/{held.limit}", holes, STATUS, headers=(("Retry-After", str(after)),))


def _again(held: Held, frame: Frame) -> str:
    match held.limit:
        case Limit.HELP:
            return f"/journey/{frame.handle}/help"
        case Limit.CODES:
            return "/confirm"
        case Limit.STARTS | Limit.OPEN:
            return held.service.home if held.service else ""

"""Deliveries leave: written anew at each try, and tried with growing pauses until they succeed or it is too late."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from broker.actions.needs import Deliveries
from broker.ambient import Ambient
from broker.model.delivery import Delivery, DeliveryKind
from broker.outgoing import Outgoing, Response

LOG: Final = logging.getLogger("portico.deliveries")

AT_ONCE: Final = 20
"""Deliveries taken out in one go, and made at the same time."""

CLAIM: Final = 15.0
"""For how long (seconds) a delivery belongs to who took it: longer than a call may take, short enough for the next one
to take over soon from a process that was killed."""

FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 3600.0
"""Seconds before the second try, doubled for each further one, up to the longest."""

MOST_TRIES: Final = 20
LARGEST_ANSWER: Final = 65_536
"""Bytes of an answer that are read. Nothing is done with them."""

CONNECTIONS: Final = 10
"""Connections to one service at once."""


class Outcome(StrEnum):
    """What became of one try."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    FAILED = "failed"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Letter:
    """A delivery as it leaves now: a POST of a form to an address."""

    url: str
    form: Mapping[str, str]
    headers: Mapping[str, str] | None = None


Writer = Callable[[Delivery], Awaitable[Letter | None]]
"""Writes a delivery of one kind, or says that there is nobody to be told any more (None)."""


class Counts(Protocol):
    """Where outcomes are counted."""

    def delivered(self, kind: str, outcome: str) -> None:
        """One try came to this."""
        ...


@dataclass(frozen=True, slots=True)
class Courier:
    """What delivering needs: one writer for each kind."""

    deliveries: Deliveries
    writers: Mapping[DeliveryKind, Writer]
    outgoing: Outgoing
    ambient: Ambient
    counts: Counts


async def deliver(courier: Courier) -> int:
    """Makes the deliveries that are due; gives how many were tried. One that fails keeps none of the others back."""
    tried = 0
    while True:
        now = courier.ambient.now()
        due = await courier.deliveries.claim(now, now + CLAIM, AT_ONCE)
        await asyncio.gather(*(_try(courier, delivery) for delivery in due))
        tried += len(due)
        if len(due) < AT_ONCE:
            return tried


async def _try(courier: Courier, delivery: Delivery) -> None:
    letter = await courier.writers[delivery.kind](delivery)
    if letter is None:
        await courier.deliveries.give_up(delivery.id)
        _note(courier, delivery, Outcome.DROPPED, "the service has no address for it any more")
        return
    client = courier.outgoing.client(f"service:{delivery.client_id}", limit=CONNECTIONS)
    answer = await client.post(letter.url, letter.form, letter.headers, limit=LARGEST_ANSWER)
    outcome, why = judged(answer, delivery.tries)
    now = courier.ambient.now()
    match outcome:
        case Outcome.DELIVERED:
            await courier.deliveries.sent(delivery.id, now)
        case Outcome.FAILED:
            await courier.deliveries.later(delivery.id, now + pause(delivery.tries, courier.ambient))
        case _:
            await courier.deliveries.give_up(delivery.id)
    _note(courier, delivery, outcome, why)


def judged(answer: Response | object, tries: int) -> tuple[Outcome, str]:
    """What an answer means, and why. 400 says that the service will not have it (Back-Channel Logout 1.0, 2.8).

    Everything else but success may be different at the next try, a redirect too: it is not followed.
    """
    if isinstance(answer, Response):
        why = f"status {answer.status}"
        if answer.status in (200, 202, 204):
            return Outcome.DELIVERED, why
        if answer.status == 400:
            return Outcome.REFUSED, why
    else:
        why = str(getattr(answer, "detail", answer))
    return (Outcome.FAILED if tries < MOST_TRIES else Outcome.GIVEN_UP), why


def pause(tries: int, ambient: Ambient) -> float:
    """Seconds until the next try after so many: about twice the last, give or take a quarter.

    What failed at the same moment does not all come back at the same moment.
    """
    whole = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(tries - 1, 30))
    return whole * (0.75 + 0.5 * int.from_bytes(ambient.draw(4)) / 2**32)


def _note(courier: Courier, delivery: Delivery, outcome: Outcome, why: str) -> None:
    courier.counts.delivered(delivery.kind.value, outcome.value)
    told = {"delivery": delivery.id, "client_id": delivery.client_id, "tries": delivery.tries, "why": why}
    level = logging.INFO if outcome is Outcome.DELIVERED else logging.WARNING
    LOG.log(level, f"delivery_{outcome.value}", extra=told)

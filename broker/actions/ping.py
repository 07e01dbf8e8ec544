"""Services are told that an answer is there, from the facts and more than once if need be (CIBA Core 1.0, 10.2)."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final, Protocol

from broker.actions.needs import Questions
from broker.ambient import Ambient
from broker.model.question import Ping
from broker.model.service import Delivery, Service
from broker.outgoing import Client, Outgoing, Response

LOG = logging.getLogger("portico.services")

AT_ONCE: Final = 20
"""Pings taken in one go."""

AGAIN: Final = 10.0
"""After how long (seconds) a ping that did not arrive is tried again; each time twice as long."""

TRIES: Final = 6
"""How often a service is told at most: it may always poll."""

SMALL: Final = 4096
"""Bytes of an answer that are read: nothing in it counts."""


class Catalogue(Protocol):
    """The services as configured now."""

    @property
    def services(self) -> Mapping[str, Service]:
        """Services by client id."""
        ...


async def ping(questions: Questions, catalogue: Catalogue, outgoing: Outgoing, ambient: Ambient) -> int:
    """Tells whoever is to be told; gives how many were."""
    now = ambient.now()

    async def tell(one: Ping, number: int) -> bool:
        taken = await _sent(catalogue.services.get(one.client_id), outgoing, one)
        if taken is None and number < TRIES:
            await questions.ping_later(one.id, now + AGAIN * 2 ** (number - 1))
        else:
            await questions.pinged(one.id)
        return taken is True

    claimed = await questions.claim_pings(now, now + AGAIN, AT_ONCE)
    return sum(await asyncio.gather(*(tell(one, number) for one, number in claimed)))


async def _sent(service: Service | None, outgoing: Outgoing, ping: Ping) -> bool | None:
    """Whether the service took the ping; None where it may be worth another try.

    Any answer but a failure of its server ends it: a redirect is not followed, and a refusal is its last word.
    """
    if service is None or service.ciba is not Delivery.PING or service.ciba_notification_uri is None:
        return False
    client: Client = outgoing.client(f"ping {service.client_id}", limit=2)
    headers = {"Authorization": f"Bearer {ping.token}"}
    answer = await client.post_json(service.ciba_notification_uri, {"auth_req_id": ping.handle}, headers, limit=SMALL)
    if isinstance(answer, Response):
        if answer.status < 500:
            return 200 <= answer.status < 300
        why = f"status {answer.status}"
    else:
        why = answer.detail
    LOG.warning("ping_failed", extra={"service": service.client_id, "question": ping.id, "why": why})
    return None

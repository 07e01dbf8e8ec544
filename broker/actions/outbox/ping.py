"""CIBA ping notifications: claimed in the database, sent to services, and retried (CIBA Core 1.0, 10.2)."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final, Protocol

from broker.actions.ports import BackchannelRequests
from broker.model.backchannel_request import PingNotification
from broker.model.service import CibaDeliveryMode, Service
from broker.platform.http_client import HttpClient, HttpClients, HttpResponse
from broker.platform.system import System

LOG = logging.getLogger("portico.services")

BATCH: Final = 20
"""Pings claimed at once."""

RETRY_DELAY: Final = 10.0
"""Seconds before a failed ping is retried, doubled for each attempt."""

MAX_ATTEMPTS: Final = 6
"""How many times a ping is sent at most: the service may always poll."""

MAX_RESPONSE: Final = 4096
"""Bytes of a response that are read. They are ignored."""


class ServiceRegistry(Protocol):
    """The services as configured now."""

    @property
    def services(self) -> Mapping[str, Service]:
        """Services by client id."""
        ...


async def send_pings(
    questions: BackchannelRequests, registry: ServiceRegistry, outgoing: HttpClients, system: System
) -> int:
    """Sends the pings that are due. Returns how many the services accepted."""
    now = system.now()

    async def attempt(one: PingNotification, number: int) -> bool:
        accepted = await _send(registry.services.get(one.client_id), outgoing, one)
        if accepted is None and number < MAX_ATTEMPTS:
            await questions.ping_later(one.id, now + RETRY_DELAY * 2 ** (number - 1))
        else:
            await questions.pinged(one.id)
        return accepted is True

    claimed = await questions.claim_pings(now, now + RETRY_DELAY, BATCH)
    return sum(await asyncio.gather(*(attempt(one, number) for one, number in claimed)))


async def _send(service: Service | None, outgoing: HttpClients, ping: PingNotification) -> bool | None:
    """Returns whether the service accepted the ping; None if it is to be retried.

    Only a server error or a failed connection is retried: a redirect is not followed, and a refusal is final.
    """
    if service is None or service.ciba is not CibaDeliveryMode.PING or service.ciba_notification_uri is None:
        return False
    client: HttpClient = outgoing.client(f"ping {service.client_id}", limit=2)
    headers = {"Authorization": f"Bearer {ping.token}"}
    answer = await client.post_json(
        service.ciba_notification_uri, {"auth_req_id": ping.handle}, headers, limit=MAX_RESPONSE
    )
    if isinstance(answer, HttpResponse):
        if answer.status < 500:
            return 200 <= answer.status < 300
        why = f"status {answer.status}"
    else:
        why = answer.detail
    LOG.warning("ping_failed", extra={"service": service.client_id, "question": ping.id, "why": why})
    return None

"""CIBA ping notifications: services learn that a backchannel request was answered (CIBA Core 1.0, 10.2)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from broker.actions.outbox.retry_policy import RetryPolicy
from broker.actions.outbox.worker import DeliveryOutcome, DeliveryPolicy
from broker.model.backchannel_request import PingNotification
from broker.model.service import CibaDeliveryMode, Service
from broker.platform.http_client import HttpClients, HttpResponse

LOG: Final = logging.getLogger("portico.services")

TERMS: Final = DeliveryPolicy(RetryPolicy(max_attempts=6, min_delay=10.0, max_delay=3600.0), lease=15.0, batch=20)
"""Six attempts within about five minutes: the service may always poll."""

MAX_RESPONSE: Final = 4096
"""Bytes of a response that are read. They are ignored."""

CONNECTIONS: Final = 2
"""Connections to one service at once."""


@dataclass(frozen=True, slots=True)
class PingSender:
    """Sends pings, to the URL that the service has at each attempt."""

    policy: ClassVar[DeliveryPolicy] = TERMS
    services: Mapping[str, Service]
    http_clients: HttpClients

    async def send(self, message: PingNotification) -> tuple[DeliveryOutcome, str]:
        """Posts a ping. Only a server error or a failed connection is retried.

        A redirect is not followed, and a refusal is final.
        """
        service = self.services.get(message.client_id)
        if service is None or service.ciba.mode is not CibaDeliveryMode.PING or service.ciba.notification_uri is None:
            return DeliveryOutcome.DROPPED, "the service is not pinged any more"
        client = self.http_clients.client(f"ping {service.client_id}", limit=CONNECTIONS)
        headers = {"Authorization": f"Bearer {message.token}"}
        content = {"auth_req_id": message.handle}
        answer = await client.post_json(service.ciba.notification_uri, content, headers, limit=MAX_RESPONSE)
        if not isinstance(answer, HttpResponse):
            return DeliveryOutcome.FAILED, answer.detail
        why = f"status {answer.status}"
        if answer.status >= 500:
            return DeliveryOutcome.FAILED, why
        return (DeliveryOutcome.DELIVERED if 200 <= answer.status < 300 else DeliveryOutcome.REFUSED), why

    def report(self, message: PingNotification, outcome: DeliveryOutcome, why: str) -> None:
        """Logs a failure. What a service refuses is no failure: it hears of the answer when it polls."""
        if outcome in (DeliveryOutcome.FAILED, DeliveryOutcome.GIVEN_UP):
            LOG.warning("ping_failed", extra={"service": message.client_id, "question": message.id, "why": why})

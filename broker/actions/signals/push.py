"""Push delivery of security events (RFC 8935): from the outbox, one after the other for each service."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from broker.actions.outbox.logout_tokens import DeliveryMetrics
from broker.actions.outbox.retry_policy import RetryPolicy
from broker.actions.outbox.worker import DeliveryOutcome, DeliveryPolicy
from broker.actions.signals.tokens import TokenMaker
from broker.model.event_stream import StreamStatus
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.service import Service
from broker.platform.http_client import HttpClients, HttpFailure, HttpResponse

LOG: Final = logging.getLogger("portico.deliveries")

TERMS: Final = DeliveryPolicy(RetryPolicy(max_attempts=None, min_delay=5.0, max_delay=3600.0), lease=15.0, batch=1)
"""Until the event expires: a receiver that was away for days gets everything in its order."""

MAX_RESPONSE: Final = 16_384
"""Bytes of a response that are read."""

RETRIED: Final = "authentication_failed"
"""The error for which the receiver's credentials, and not the token, are the reason (RFC 8935 2.4)."""


@dataclass(frozen=True, slots=True)
class SecurityEventSender:
    """Pushes Security Event Tokens, to the URL that the stream has at each attempt."""

    policy: ClassVar[DeliveryPolicy] = TERMS
    tokens: TokenMaker
    services: Mapping[str, Service]
    http_clients: HttpClients
    counts: DeliveryMetrics

    async def send(self, message: OutboundDelivery) -> tuple[DeliveryOutcome, str]:
        """Posts a token (RFC 8935 2.1). What the service did not ask for is dropped."""
        service = self.services.get(message.client_id)
        if service is None or not service.own.receives_events:
            return DeliveryOutcome.DROPPED, "the service receives no events"
        stream = await self.tokens.subjects.of_client(service.client_id)
        if stream is None or stream.status is StreamStatus.DISABLED or stream.endpoint is None:
            return DeliveryOutcome.DROPPED, "the service has no enabled stream"
        token = await self.tokens.token(message, stream, service)
        if token is None:
            return DeliveryOutcome.DROPPED, "not for this service"
        headers = {"Content-Type": "application/secevent+jwt", "Accept": "application/json"}
        if stream.authorization is not None:
            headers["Authorization"] = stream.authorization
        client = self.http_clients.client(f"events {service.client_id}", limit=1)
        return classify(await client.post_bytes(stream.endpoint, token.encode("ascii"), headers, limit=MAX_RESPONSE))

    def report(self, message: OutboundDelivery, outcome: DeliveryOutcome, why: str) -> None:
        """Logs and counts an outcome. An event that is not for a service is no failure."""
        self.counts.delivered(message.kind.value, outcome.value)
        fields = {"delivery": message.id, "client_id": message.client_id, "tries": message.tries, "why": why}
        quiet = outcome in (DeliveryOutcome.DELIVERED, DeliveryOutcome.DROPPED)
        LOG.log(logging.INFO if quiet else logging.WARNING, f"delivery_{outcome.value}", extra=fields)


def classify(answer: HttpResponse | HttpFailure) -> tuple[DeliveryOutcome, str]:
    """Returns the outcome of a push, and why: 202 is success, an error in 400 a refusal (RFC 8935 2.2, 2.3)."""
    if not isinstance(answer, HttpResponse):
        return DeliveryOutcome.FAILED, answer.detail
    why = f"status {answer.status}"
    if answer.status in (200, 202, 204):
        return DeliveryOutcome.DELIVERED, why
    if answer.status != 400:
        return DeliveryOutcome.FAILED, why
    content = answer.json()
    error = content.get("err") if isinstance(content, Mapping) else None
    return (DeliveryOutcome.FAILED if error == RETRIED else DeliveryOutcome.REFUSED), f"{why} {error!r:.40}"

"""Signed events for partner desks about the cases that they met: from the outbox, to the URL of the service's file.

The body is a JWT with `typ` desk-event+jwt. It says that a case was cancelled, may come again, or was closed; never
its outcome.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from broker.actions.outbox.logout_tokens import DeliveryMetrics
from broker.actions.outbox.retry_policy import RetryPolicy
from broker.actions.outbox.worker import DeliveryOutcome, DeliveryPolicy
from broker.actions.ports import SigningKeys
from broker.crypto.signing import sign
from broker.model.json_types import JsonObject
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.service import Service
from broker.platform.http_client import HttpClients, HttpResponse

LOG: Final = logging.getLogger("portico.deliveries")

TERMS: Final = DeliveryPolicy(RetryPolicy(max_attempts=None, min_delay=5.0, max_delay=3600.0), lease=15.0, batch=5)
"""Until the event expires: a desk that was away over a weekend still gets it."""

EVENT_TYPE: Final = "desk-event+jwt"
"""`typ` of the tokens, so that none is taken for another kind of token (RFC 8725 3.11)."""

MAX_RESPONSE: Final = 4096
"""Bytes of a response that are read. They are ignored."""


@dataclass(frozen=True, slots=True)
class DeskEventSender:
    """Posts events, signed with the algorithm of the desk's ID tokens."""

    policy: ClassVar[DeliveryPolicy] = TERMS
    issuer: str
    services: Mapping[str, Service]
    keys: SigningKeys
    http_clients: HttpClients
    counts: DeliveryMetrics

    async def send(self, message: OutboundDelivery) -> tuple[DeliveryOutcome, str]:
        """Posts an event. It is repeated until the desk answers with 2xx, or the service gets no events any more."""
        service = self.services.get(message.client_id)
        if service is None or not service.own.is_desk or service.own.desk_events_uri is None:
            return DeliveryOutcome.DROPPED, "the desk receives no events"
        key = self.keys.signing(service.signing.id_token_alg)
        token = await sign(event_claims(message, self.issuer), key, EVENT_TYPE)
        client = self.http_clients.client(f"desk {service.client_id}", limit=2)
        headers = {"Content-Type": f"application/{EVENT_TYPE}"}
        answer = await client.post_bytes(
            service.own.desk_events_uri, token.encode("ascii"), headers, limit=MAX_RESPONSE
        )
        if not isinstance(answer, HttpResponse):
            return DeliveryOutcome.FAILED, answer.detail
        done = 200 <= answer.status < 300
        return (DeliveryOutcome.DELIVERED if done else DeliveryOutcome.FAILED), f"status {answer.status}"

    def report(self, message: OutboundDelivery, outcome: DeliveryOutcome, why: str) -> None:
        """Logs and counts an outcome."""
        self.counts.delivered(message.kind.value, outcome.value)
        fields = {"delivery": message.id, "client_id": message.client_id, "tries": message.tries, "why": why}
        quiet = outcome in (DeliveryOutcome.DELIVERED, DeliveryOutcome.DROPPED)
        LOG.log(logging.INFO if quiet else logging.WARNING, f"delivery_{outcome.value}", extra=fields)


def event_claims(message: OutboundDelivery, issuer: str) -> JsonObject:
    """Claims of an event. `jti` is the same at each attempt."""
    content = message.content
    return {
        "iss": issuer,
        "aud": message.client_id,
        "iat": int(message.created),
        "exp": int(message.expires),
        "jti": message.id,
        "event": content["event"],
        "case": content["case"],
    }

"""Back-channel logout: the deliveries that the end of a session stores, and the logout tokens that they send."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from broker.actions.outbox.retry_policy import RetryPolicy
from broker.actions.outbox.worker import DeliveryOutcome, DeliveryPolicy
from broker.actions.ports import SigningKeys
from broker.crypto.signing import sign
from broker.model import handle as handles
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.security_event import Happened, HappenedKind, InitiatingEntity
from broker.model.service import Service
from broker.model.session import EndedSession, LogoutFanOut
from broker.oidc.logout_token import TYPE, logout_deliveries, logout_token_claims
from broker.oidc.security_events import security_events
from broker.platform.http_client import HttpClients, HttpFailure, HttpResponse
from broker.platform.system import System

LOG: Final = logging.getLogger("portico.deliveries")

TERMS: Final = DeliveryPolicy(RetryPolicy(max_attempts=20, min_delay=5.0, max_delay=3600.0), lease=15.0, batch=20)

MAX_RESPONSE: Final = 65_536
"""Bytes of a response that are read. They are ignored."""

CONNECTIONS: Final = 10
"""Connections to one service at once."""


def logout_fan_out(
    services: Mapping[str, Service], now: float, by: InitiatingEntity = InitiatingEntity.USER
) -> LogoutFanOut:
    """Returns the function that lists the deliveries to the services of an ended session: logout tokens, and events.

    `by` is who ended it.
    """

    def deliveries(ended: EndedSession) -> Sequence[OutboundDelivery]:
        happened = Happened(
            kind=HappenedKind.SESSION_ENDED,
            account=ended.account,
            fact=ended.id,
            at=now,
            by=by,
            session=ended.id,
            subjects=ended.services,
        )
        return [*logout_deliveries(ended, services, now), *security_events(happened, services)]

    return deliveries


class DeliveryMetrics(Protocol):
    """Receives counts of outcomes."""

    def delivered(self, kind: str, outcome: str) -> None:
        """One attempt had this outcome."""
        ...


@dataclass(frozen=True, slots=True)
class LogoutTokenSender:
    """Sends logout tokens. Each attempt signs a new one, to the URL that the service has then."""

    policy: ClassVar[DeliveryPolicy] = TERMS
    issuer: str
    services: Mapping[str, Service]
    keys: SigningKeys
    http_clients: HttpClients
    system: System
    counts: DeliveryMetrics

    async def send(self, message: OutboundDelivery) -> tuple[DeliveryOutcome, str]:
        """Posts a logout token, signed as the service's ID tokens are (Back-Channel Logout 1.0, 2.4, 2.5)."""
        service = self.services.get(message.client_id)
        if service is None or service.logout.backchannel_uri is None:
            return DeliveryOutcome.DROPPED, "the service has no address for it any more"
        claims = logout_token_claims(message, self.issuer, handles.new_handle(self.system), self.system.now())
        token = await sign(claims, self.keys.signing(service.signing.id_token_alg), TYPE)
        client = self.http_clients.client(f"service:{message.client_id}", limit=CONNECTIONS)
        answer = await client.post(service.logout.backchannel_uri, {"logout_token": token}, limit=MAX_RESPONSE)
        return classify_response(answer)

    def report(self, message: OutboundDelivery, outcome: DeliveryOutcome, why: str) -> None:
        """Logs and counts an outcome."""
        self.counts.delivered(message.kind.value, outcome.value)
        fields = {"delivery": message.id, "client_id": message.client_id, "tries": message.tries, "why": why}
        level = logging.INFO if outcome is DeliveryOutcome.DELIVERED else logging.WARNING
        LOG.log(level, f"delivery_{outcome.value}", extra=fields)


def classify_response(answer: HttpResponse | HttpFailure) -> tuple[DeliveryOutcome, str]:
    """Returns the outcome of a response, and why. 400 is the service's refusal (Back-Channel Logout 1.0, 2.8).

    Every other failure is retried, also a redirect, which is not followed.
    """
    if not isinstance(answer, HttpResponse):
        return DeliveryOutcome.FAILED, answer.detail
    why = f"status {answer.status}"
    if answer.status in (200, 202, 204):
        return DeliveryOutcome.DELIVERED, why
    return (DeliveryOutcome.REFUSED if answer.status == 400 else DeliveryOutcome.FAILED), why

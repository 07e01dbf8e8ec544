"""Security Event Tokens: the subject is looked up, and the token signed, when it is sent (RFC 8417, SSF 1.0, 4)."""

from dataclasses import dataclass
from typing import Final

from broker.actions.ports import SigningKeys
from broker.actions.signals.ports import Subjects
from broker.crypto.signing import sign
from broker.model.event_stream import EventStream
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.service import Service
from broker.oidc.event_streams import delivered
from broker.oidc.security_events import SET_TYPE, is_about_stream, set_claims

ALGORITHM: Final = "RS256"
"""Signature algorithm of the tokens (CAEP Interoperability Profile 1.0, 2.6)."""


@dataclass(frozen=True, slots=True)
class TokenMaker:
    """Makes the tokens of deliveries."""

    issuer: str
    keys: SigningKeys
    subjects: Subjects

    async def token(self, delivery: OutboundDelivery, stream: EventStream, service: Service) -> str | None:
        """Returns the token of a delivery; None if the service did not request the event, or not about this citizen,
        or does not know the citizen, or if it happened before the stream was created."""
        subject = "" if is_about_stream(delivery) else await self._subject(delivery, stream, service)
        if subject is None:
            return None
        return await sign(set_claims(delivery, self.issuer, subject), self.keys.signing(ALGORITHM), SET_TYPE)

    async def _subject(self, delivery: OutboundDelivery, stream: EventStream, service: Service) -> str | None:
        if delivery.created < stream.created or delivery.content["event"] not in delivered(stream):
            return None
        subject = delivery.content.get("sub")
        if subject is None:
            subject = await self.subjects.subject(delivery.content["account"], service.sector, service.client_id)
        if subject is None or await self.subjects.is_excluded(service.client_id, subject):
            return None
        return subject

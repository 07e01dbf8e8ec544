"""Logout of services when a session ends (OpenID Connect Back-Channel and Front-Channel Logout 1.0)."""

from collections.abc import Mapping, Sequence
from typing import Final

from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.model.service import Service
from broker.model.session import EndedSession
from broker.oidc.authorization_response import with_query
from broker.oidc.session_management import session_id

TYPE: Final = "logout+jwt"
"""`typ` of a logout token (Back-Channel Logout 2.4)."""

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LIFETIME: Final = 120
"""Lifetime of a logout token in seconds (Back-Channel Logout 2.4 recommends at most two minutes)."""

TOLD_WITHIN: Final = 12 * 3600
"""Seconds after which delivery to an unreachable service is given up: its own session should have expired by then."""


def logout_deliveries(ended: EndedSession, services: Mapping[str, Service], now: float) -> Sequence[OutboundDelivery]:
    """One delivery for each service of the session with a back-channel logout URI (Back-Channel Logout 2.5)."""
    return [
        OutboundDelivery(
            id=f"logout:{ended.id}:{client_id}",
            kind=DeliveryKind.LOGOUT,
            client_id=client_id,
            created=now,
            expires=now + TOLD_WITHIN,
            content={"sid": session_id(ended.id, client_id), "sub": subject},
        )
        for client_id, subject in ended.services.items()
        if client_id in services and services[client_id].logout.backchannel_uri is not None
    ]


def logout_token_claims(delivery: OutboundDelivery, issuer: str, jti: str, now: float) -> dict[str, object]:
    """Claims of a logout token (Back-Channel Logout 2.4). There is no `nonce`, so that it cannot pass for an
    ID token.
    """
    return {
        "iss": issuer,
        "sub": delivery.content["sub"],
        "aud": delivery.client_id,
        "iat": int(now),
        "exp": int(now) + LIFETIME,
        "jti": jti,
        "events": {EVENT: {}},
        "sid": delivery.content["sid"],
    }


def frontchannel_urls(ended: EndedSession, services: Mapping[str, Service], issuer: str) -> Sequence[str]:
    """Front-channel logout URLs for the page after signing out (Front-Channel Logout 2, with `iss` and `sid`)."""
    found = [services[client_id] for client_id in ended.services if client_id in services]
    return [
        with_query(one.logout.frontchannel_uri, {"iss": issuer, "sid": session_id(ended.id, one.client_id)})
        for one in found
        if one.logout.frontchannel_uri is not None
    ]

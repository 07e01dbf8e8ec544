"""Logout tokens and deliveries when a session ends, and which services receive them."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.model.service import Service
from broker.model.session import EndedSession
from broker.oidc.logout_token import EVENT, frontchannel_urls, logout_deliveries, logout_token_claims
from broker.oidc.session_management import session_id
from tests.unit.oidc.examples import ISSUER, NOW, service

BACK, FRONT = "https://tax.example/told", "https://tax.example/bye?lang=cy"


def registered(**changes: Any) -> Service:
    return service(**{"backchannel_logout_uri": BACK, "frontchannel_logout_uri": FRONT, **changes})


def test_a_logout_token_contains_the_services_own_sub() -> None:
    ended = EndedSession("sid-1", "account-1", {"tax": "pairwise-1", "gone": "pairwise-2", "deaf": "pairwise-3"})
    services = {"tax": registered(), "deaf": registered(client_id="deaf", backchannel_logout_uri=None)}
    content = {"sid": session_id("sid-1", "tax"), "sub": "pairwise-1"}
    expires = NOW + 12 * 3600
    assert logout_deliveries(ended, services, NOW) == [
        OutboundDelivery("logout:sid-1:tax", DeliveryKind.LOGOUT, "tax", NOW, expires, content)
    ]


@given(st.text(min_size=1), st.text(min_size=1), st.floats(0, 4e9))
def test_a_logout_token_has_exactly_the_required_claims(sid: str, sub: str, now: float) -> None:
    delivery = OutboundDelivery("d", DeliveryKind.LOGOUT, "tax", now, now + 1, {"sid": sid, "sub": sub})
    claims = logout_token_claims(delivery, ISSUER, "jti-1", now)
    assert claims == {
        "iss": ISSUER,
        "aud": "tax",
        "sub": sub,
        "sid": sid,
        "jti": "jti-1",
        "iat": int(now),
        "exp": int(now) + 120,
        "events": {EVENT: {}},
    }


def test_the_page_after_signing_out_frames_each_service_with_issuer_and_session() -> None:
    ended = EndedSession("sid 1", "account-1", {"tax": "a", "plain": "b", "gone": "c"})
    services = {"tax": registered(), "plain": registered(client_id="plain", frontchannel_logout_uri=None)}
    [url] = frontchannel_urls(ended, services, ISSUER)
    assert url.startswith(f"{FRONT}&")
    assert parse_qsl(urlsplit(url).query) == [("lang", "cy"), ("iss", ISSUER), ("sid", session_id("sid 1", "tax"))]

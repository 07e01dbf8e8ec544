"""Token introspection: what a service may learn about a token."""

from dataclasses import replace

import pytest

from broker.model.grant import StoredToken
from broker.model.service import Service
from broker.oidc.introspection import INTROSPECTION, accepts_jwt, introspection_claims, introspection_response
from tests.unit.oidc.examples import ISSUER, LADDER, NOW, grant, service, without

ACCESS = StoredToken("d", "access", NOW - 10, NOW + 10)
REFRESH = StoredToken("d", "refresh", NOW - 10, NOW + 10)
OTHER = service(client_id="other")
READER = service(client_id="other", introspection=True)


def introspect(caller: Service, token: StoredToken | None, **changes: object) -> dict[str, object]:
    found = None if token is None else (token, grant(**changes))
    return introspection_response(caller, found, ISSUER, LADDER, NOW)


def test_a_service_learns_about_its_own_tokens() -> None:
    assert introspect(service(), ACCESS) == {
        "active": True,
        "iss": ISSUER,
        "client_id": "tax",
        "sub": "pairwise-1",
        "aud": ISSUER,
        "scope": "openid profile offline_access",
        "token_type": "Bearer",
        "iat": int(NOW) - 10,
        "exp": int(NOW) + 10,
        "acr": "substantial",
        "auth_time": int(NOW) - 30,
    }
    assert introspect(service(), REFRESH)["active"] is True
    assert "token_type" not in introspect(service(), REFRESH)


def test_a_bound_token_names_its_key() -> None:
    found = introspect(service(), ACCESS, dpop_jkt="jkt-1")
    assert (found["token_type"], found["cnf"]) == ("DPoP", {"jkt": "jkt-1"})
    assert introspect(service(), replace(ACCESS, dpop_jkt="jkt-2"), dpop_jkt="jkt-1")["cnf"] == {"jkt": "jkt-2"}


def test_a_token_bound_to_a_certificate_names_it() -> None:
    found = introspect(service(), replace(ACCESS, x5t="x5t-1"))
    assert (found["token_type"], found["cnf"]) == ("Bearer", {"x5t#S256": "x5t-1"})


def test_a_reader_learns_about_access_tokens_of_others_but_not_whose_they_are() -> None:
    assert introspect(READER, ACCESS) == without(introspect(service(), ACCESS), "sub")
    assert introspect(READER, REFRESH) == {"active": False}


@pytest.mark.parametrize(
    ("caller", "token", "expires"),
    [
        (service(), None, NOW + 9),
        (OTHER, ACCESS, NOW + 9),
        (OTHER, REFRESH, NOW + 9),
        (service(), StoredToken("d", "access", NOW - 10, NOW), NOW + 9),
        (service(), ACCESS, NOW),
    ],
)
def test_introspection_of_any_other_token_returns_inactive(
    caller: Service, token: StoredToken | None, expires: float
) -> None:
    assert introspect(caller, token, expires=expires) == {"active": False}


@pytest.mark.parametrize("weight", ["q=0", "Q=0", "q=0.0", "q=0.000", " q = 0 ", "x=1;q=0"])
def test_a_signed_answer_that_is_not_acceptable_is_not_sent(weight: str) -> None:
    """RFC 9110 12.4.2."""
    assert not accepts_jwt(f"application/json, {INTROSPECTION};{weight}")
    assert accepts_jwt(f"{INTROSPECTION};q=0.1")


def test_a_signed_introspection_response_has_audience_time_and_content() -> None:
    told_of = {"active": False}
    assert introspection_claims(told_of, OTHER, ISSUER, NOW + 0.9) == {
        "iss": ISSUER,
        "aud": "other",
        "iat": int(NOW),
        "token_introspection": told_of,
    }


@pytest.mark.parametrize(
    ("accept", "signed"),
    [
        (None, False),
        (f"application/json, {INTROSPECTION}", True),
        (f"{INTROSPECTION};q=0.5;v=1", True),
        (f"{INTROSPECTION};v=1;q=0", False),
        ("application/json;q=1,text/html", False),
    ],
)
def test_a_signed_answer_is_sent_only_if_its_media_type_is_accepted(accept: str | None, *, signed: bool) -> None:
    assert accepts_jwt(accept) is signed

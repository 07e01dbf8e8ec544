"""RP-initiated logout: confirmation and redirect."""

from typing import Any

import pytest

from broker.crypto import jose
from broker.model.service import Service
from broker.oidc.errors import DisplayedError
from broker.oidc.logout import LogoutRequest, logout_request, logout_return, must_ask
from broker.oidc.session_management import session_id
from tests.unit.oidc.examples import ISSUER, key, keys, service

BYE = "https://tax.example/bye"


def hint(signing: jose.SigningKey | None = None, typ: str | None = None, **changes: Any) -> str:
    claims = {"iss": ISSUER, "aud": "tax", "sub": "pairwise-1", "sid": "sid-1", "exp": 1} | changes
    return jose.sign(claims, signing or key(), typ)


def read(**parameters: str) -> LogoutRequest:
    return logout_request(parameters, ISSUER, keys(key()))


def test_an_id_token_of_any_age_says_whose_session_it_is() -> None:
    found = read(id_token_hint=hint(), post_logout_redirect_uri=BYE, state="s", ui_locales="cy en")
    assert found == LogoutRequest("tax", "pairwise-1", "sid-1", BYE, "s", ("cy", "en"))


def test_a_logout_request_without_parameters_is_valid() -> None:
    assert read() == LogoutRequest(None, None, None, None, None)
    assert read(client_id="tax", post_logout_redirect_uri=BYE).client_id == "tax"


@pytest.mark.parametrize(
    "parameters",
    [
        {"id_token_hint": "abc"},
        {"id_token_hint": hint(key(owner="stranger"))},
        {"id_token_hint": hint(iss="https://other.example")},
        {"id_token_hint": hint(aud=["tax"])},
        {"id_token_hint": hint(typ="logout+jwt")},
        {"id_token_hint": jose.sign({"iss": ISSUER, "aud": "tax", "exp": 1, "code": "c"}, key())},
        {"id_token_hint": jose.sign({"iss": ISSUER, "aud": "tax", "sub": "pairwise-1", "name": "Mair"}, key())},
        {"id_token_hint": hint(), "client_id": "other"},
        {"post_logout_redirect_uri": BYE},
        {"state": "x" * 4097},
    ],
)
def test_an_invalid_logout_request_is_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(DisplayedError) as error:
        read(**parameters)
    assert error.value.code == "invalid_request"


def test_the_citizen_is_asked_unless_the_id_token_names_this_very_session() -> None:
    sid = session_id("session-1", "tax")
    assert not must_ask(read(id_token_hint=hint(sid=sid)), "session-1")
    assert must_ask(read(id_token_hint=hint(sid=sid)), "session-2")
    assert must_ask(read(id_token_hint=hint(sid="session-1")), "session-1")
    assert must_ask(read(id_token_hint=hint(sid=session_id("session-1", "other"))), "session-1")
    assert must_ask(read(id_token_hint=hint(sid=None)), "session-1")
    assert must_ask(read(client_id="tax"), "session-1")


@pytest.mark.parametrize(
    ("uri", "state", "url"),
    [
        (None, "s", None),
        (BYE, None, BYE),
        (BYE, "a b", f"{BYE}?state=a%20b"),
        (f"{BYE}?lang=cy", "s", f"{BYE}?lang=cy&state=s"),
    ],
)
def test_logout_redirects_to_a_registered_uri(uri: str | None, state: str | None, url: str | None) -> None:
    assert logout_return(LogoutRequest("tax", None, None, uri, state), service()) == url


@pytest.mark.parametrize("uri", [f"{BYE}/", f"{BYE}?", "https://evil.example/", "https://tax.example/callback", ""])
def test_logout_never_redirects_to_a_nearly_registered_uri(uri: str) -> None:
    with pytest.raises(DisplayedError, match="post_logout_redirect_uri"):
        logout_return(LogoutRequest("tax", None, None, uri, None), service())


@pytest.mark.parametrize("found", [None, service(client_id="other", post_logout_redirect_uris=(BYE,))])
def test_logout_never_redirects_to_an_unknown_service(found: Service | None) -> None:
    with pytest.raises(DisplayedError, match="client_id"):
        logout_return(LogoutRequest("tax", None, None, BYE, None), found)

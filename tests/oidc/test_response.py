"""How the answer travels back."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.assurance import Level
from broker.model.request import AuthorizationRequest, ResponseMode
from broker.oidc.errors import Redirected
from broker.oidc.response import AuthorizationResponse, code_response, error_response, redirected_response, with_query
from tests.oidc.examples import CALLBACK, ISSUER

REQUEST = AuthorizationRequest("tax", CALLBACK, ("openid",), Level.LOW, state="s 1&x=2")
ENCODED_ISSUER = "https%3A%2F%2Fid.example"


def test_a_code_goes_back_with_state_and_issuer() -> None:
    assert code_response(REQUEST, "c-1", ISSUER) == AuthorizationResponse(
        f"{CALLBACK}?code=c-1&state=s%201%26x%3D2&iss={ENCODED_ISSUER}"
    )


def test_without_a_state_none_is_made_up() -> None:
    response = code_response(replace(REQUEST, state=None), "c-1", ISSUER)
    assert response.url == f"{CALLBACK}?code=c-1&iss={ENCODED_ISSUER}"


def test_an_answer_can_travel_in_a_form() -> None:
    response = code_response(replace(REQUEST, response_mode=ResponseMode.FORM_POST), "c-1", ISSUER)
    assert response == AuthorizationResponse(CALLBACK, {"code": "c-1", "state": "s 1&x=2", "iss": ISSUER})


def test_an_error_goes_back_with_state_and_issuer_and_where_to_read_more() -> None:
    response = error_response(REQUEST, ISSUER, "access_denied", "the citizen said no", f"{ISSUER}/errors/declined")
    assert dict(parse_qsl(urlsplit(response.url).query)) == {
        "error": "access_denied",
        "error_description": "the citizen said no",
        "error_uri": f"{ISSUER}/errors/declined",
        "state": "s 1&x=2",
        "iss": ISSUER,
    }


def test_a_refused_request_is_answered_as_it_asked() -> None:
    error = Redirected("invalid_scope", "the scope must hold openid", redirect_uri=CALLBACK, state="s")
    assert "error=invalid_scope" in redirected_response(error, ISSUER).url
    posted = Redirected("x", "y", redirect_uri=CALLBACK, response_mode=ResponseMode.FORM_POST)
    assert redirected_response(posted, ISSUER).fields == {"error": "x", "error_description": "y", "iss": ISSUER}


@pytest.mark.parametrize(
    ("url", "result"),
    [
        ("https://a.example", "https://a.example?x=1"),
        ("https://a.example/", "https://a.example/?x=1"),
        ("https://a.example/?", "https://a.example/?x=1"),
        ("https://a.example/?a=%20b+c", "https://a.example/?a=%20b+c&x=1"),
        ("https://a.example/?a=1&", "https://a.example/?a=1&x=1"),
        ("https://a.example/?a", "https://a.example/?a&x=1"),
        ("https://a.example/%C3%A9", "https://a.example/%C3%A9?x=1"),
        ("app.example:/cb", "app.example:/cb?x=1"),
    ],
)
def test_a_query_that_is_there_is_kept_to_the_byte(url: str, result: str) -> None:
    assert with_query(url, {"x": "1"}) == result


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_state_comes_back_as_it_went(state: str) -> None:
    url = code_response(replace(REQUEST, state=state), "c-1", ISSUER).url
    assert dict(parse_qsl(urlsplit(url).query))["state"] == state
    assert url.isascii()
    assert not set(url) & set("\r\n\t \"'<>#")

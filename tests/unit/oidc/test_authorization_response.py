"""Authorization responses: query, form post and signed JWT."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.assurance import Level
from broker.model.request import AuthorizationRequest, ClientRedirect, ResponseMode
from broker.oidc.authorization_response import (
    client_redirect,
    code_response,
    error_response,
    jwt_claims,
    redirected_response,
    with_query,
)
from broker.oidc.errors import RedirectedError, ResponseTarget
from tests.unit.oidc.examples import CALLBACK, ISSUER, NOW

REQUEST = AuthorizationRequest("tax", CALLBACK, ("openid",), Level.LOW, state="s 1&x=2")
ENCODED_ISSUER = "https%3A%2F%2Fid.example"


def test_a_code_goes_back_with_state_and_issuer() -> None:
    way = client_redirect(code_response(REQUEST, "c-1", ISSUER))
    assert way == ClientRedirect(f"{CALLBACK}?code=c-1&state=s%201%26x%3D2&iss={ENCODED_ISSUER}")


def test_without_a_state_none_is_made_up() -> None:
    way = client_redirect(code_response(replace(REQUEST, state=None), "c-1", ISSUER))
    assert way.url == f"{CALLBACK}?code=c-1&iss={ENCODED_ISSUER}"


def test_an_answer_can_be_a_form_post() -> None:
    way = client_redirect(code_response(replace(REQUEST, response_mode=ResponseMode.FORM_POST), "c-1", ISSUER))
    assert way == ClientRedirect(CALLBACK, {"code": "c-1", "state": "s 1&x=2", "iss": ISSUER})


def test_an_error_goes_back_with_state_and_issuer_and_where_to_read_more() -> None:
    way = client_redirect(
        error_response(REQUEST, ISSUER, "access_denied", "the citizen said no", f"{ISSUER}/errors/declined")
    )
    assert dict(parse_qsl(urlsplit(way.url).query)) == {
        "error": "access_denied",
        "error_description": "the citizen said no",
        "error_uri": f"{ISSUER}/errors/declined",
        "state": "s 1&x=2",
        "iss": ISSUER,
    }


def test_an_error_uses_the_requested_response_mode() -> None:
    error = RedirectedError(
        "invalid_scope", "it must hold openid", client_id="tax", target=ResponseTarget(CALLBACK, "s")
    )
    assert "error=invalid_scope" in client_redirect(redirected_response(error, ISSUER)).url
    posted = RedirectedError(
        "x", "y", client_id="tax", target=ResponseTarget(CALLBACK, response_mode=ResponseMode.FORM_POST)
    )
    way = client_redirect(redirected_response(posted, ISSUER))
    assert way.fields == {"error": "x", "error_description": "y", "iss": ISSUER}


def test_a_jarm_response_has_aud_and_exp_and_is_one_parameter() -> None:
    response = code_response(replace(REQUEST, response_mode=ResponseMode.JWT), "c-1", ISSUER)
    assert jwt_claims(response, NOW) == {
        "code": "c-1",
        "state": "s 1&x=2",
        "iss": ISSUER,
        "aud": "tax",
        "exp": int(NOW) + 600,
    }
    assert client_redirect(response, "e30.e30.c2ln") == ClientRedirect(f"{CALLBACK}?response=e30.e30.c2ln")
    posted = replace(response, mode=ResponseMode.FORM_POST_JWT)
    assert client_redirect(posted, "e30.e30.c2ln") == ClientRedirect(CALLBACK, {"response": "e30.e30.c2ln"})


@pytest.mark.parametrize("mode", ResponseMode)
def test_the_response_mode_determines_the_encoding(mode: ResponseMode) -> None:
    assert mode.signed == mode.value.endswith("jwt")
    assert mode.posted == mode.value.startswith("form_post")


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
    url = client_redirect(code_response(replace(REQUEST, state=state), "c-1", ISSUER)).url
    assert dict(parse_qsl(urlsplit(url).query))["state"] == state
    assert url.isascii()
    assert not set(url) & set("\r\n\t \"'<>#")

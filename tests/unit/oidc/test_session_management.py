"""`session_state`: equal for equal inputs, different for any other."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.oidc.session_management import origin_of, session_state
from broker.oidc.third_party_login import initiate_login
from tests.unit.oidc.examples import ISSUER, service

CALLBACK = "https://tax.example/callback?x=y"
WORDS = st.text("abcDEF0123_-", min_size=1, max_size=8)


def test_session_state_is_the_salted_hash_of_client_origin_and_browser_state() -> None:
    expected = hashlib.sha256(b"tax https://tax.example state-1 salt-1").hexdigest()
    assert session_state("tax", CALLBACK, "state-1", "salt-1") == f"{expected}.salt-1"


@given(st.tuples(WORDS, WORDS, WORDS), st.tuples(WORDS, WORDS, WORDS))
def test_session_state_differs_for_another_client_origin_state_or_salt(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    same = session_state(one[0], CALLBACK, *one[1:]) == session_state(other[0], CALLBACK, *other[1:])
    assert same is (one == other)
    assert " " not in (session_state(one[0], CALLBACK, *one[1:]) or " ")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://tax.example/callback", "https://tax.example"),
        ("https://TAX.example:443/", "https://tax.example"),
        ("https://tax.example:8443/a", "https://tax.example:8443"),
        ("http://localhost:80/", "http://localhost"),
        ("http://[::1]:9/x", "http://[::1]:9"),
        ("com.example.app:/callback", None),
        ("https:///x", None),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str | None) -> None:
    assert origin_of(url) == origin
    assert (session_state("tax", url, "s", "salt") is None) is (origin is None)


def test_a_sign_in_begun_by_us_names_us_and_perhaps_where_to_go() -> None:
    able = service(initiate_login_uri="https://tax.example/in?a=b")
    assert initiate_login(service(initiate_login_uri=None), ISSUER) is None
    asked = "https://tax.example/in?a=b&iss=https%3A%2F%2Fid.example"
    assert initiate_login(able, "https://id.example") == asked
    target = "https://tax.example/form"
    assert (
        initiate_login(able, "https://id.example", target)
        == f"{asked}&target_link_uri=https%3A%2F%2Ftax.example%2Fform"
    )

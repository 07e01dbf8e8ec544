"""Hints about rejected credentials in the log: to whom they are given, and which."""

import hashlib
from dataclasses import replace
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.service import ClientAuthentication
from broker.oidc.client_authentication import Credentials, authenticate_client, parse_credentials
from broker.oidc.credential_hints import BLANK, LINE_END, PLUS, QUOTED, SPACE, TWICE, UNENCODED
from tests.unit.oidc.credentials import APP, AUDIENCE, BASIC, FAPI2, KEYS, OIDC, POST, SECRET, basic, hint_of
from tests.unit.oidc.examples import NOW, service

SPOILED = [
    (basic("tax", "ab+cd"), PLUS),
    (basic("tax", "ab/cd=="), UNENCODED),
    (basic("tax", "pa ss"), UNENCODED),
    (basic("tax", "100%"), UNENCODED),
    (basic("tax", "a:b"), UNENCODED),
    (basic("https://tax.example", "x"), UNENCODED),
    (basic("tax", "w\u00f6rd"), UNENCODED),
    (basic("tax", "ab%252Bcd"), TWICE),
    (basic("tax", "abcd\n"), LINE_END),
    (basic("tax", " abcd"), BLANK),
    (basic("tax", "'abcd'"), QUOTED),
    (basic("tax", "abcd"), ""),
    (basic("tax", "ab%2Bcd"), ""),
    (basic("tax", "!'()*~-._"), ""),
]
FORMS = [
    ("ab cd", SPACE),
    ("ab%2Bcd", TWICE),
    ("abcd\r\n", LINE_END),
    ("abcd ", BLANK),
    ('"abcd"', QUOTED),
    ("ab+cd", ""),
]


@pytest.mark.parametrize(
    ("credentials", "hint"),
    [(parse_credentials({}, header), hint) for header, hint in SPOILED]
    + [(parse_credentials({"client_id": "tax", "client_secret": text}, None), hint) for text, hint in FORMS],
)
def test_hints_about_credentials_are_the_same_for_every_caller(credentials: Credentials, hint: str) -> None:
    """RFC 6749 2.3.1. It is no oracle: whether the service exists, and how it authenticates, changes nothing."""
    for of in (None, BASIC, POST, APP, OIDC, FAPI2):
        assert hint_of(credentials, of and replace(of, client_id=credentials.client_id)) == hint


@given(st.text(min_size=1, max_size=60))
def test_only_the_holder_of_the_secret_gets_the_hint_that_it_is_not_form_encoded(text: str) -> None:
    of = service(
        authentication=ClientAuthentication.CLIENT_SECRET_BASIC, secret_digest=hashlib.sha256(text.encode()).hexdigest()
    )
    encoded = parse_credentials({}, basic("tax", quote_plus(text)))
    assert authenticate_client(encoded, of, KEYS, AUDIENCE, NOW).service is of
    plain = parse_credentials({}, basic("tax", text))
    if plain.proof == text:
        assert authenticate_client(plain, of, KEYS, AUDIENCE, NOW).service is of
    else:
        assert hint_of(plain, of) == UNENCODED


@given(st.binary(min_size=16, max_size=48))
def test_a_secret_in_hexadecimal_survives_every_way_of_writing_it(random: bytes) -> None:
    text = random.hex()
    for header in (basic("tax", text), basic("tax", quote_plus(text)), basic("tax", quote(quote(text)))):
        assert parse_credentials({}, header).proof == text
        assert parse_credentials({}, header).hint == ""


def test_only_the_holder_of_the_secret_gets_the_hint_about_the_wrong_method() -> None:
    by_form = Credentials("tax", ClientAuthentication.CLIENT_SECRET_POST, SECRET)
    by_header = Credentials("tax", ClientAuthentication.CLIENT_SECRET_BASIC, SECRET)
    assert "instead of the registered client_secret_basic" in hint_of(by_form, BASIC)
    assert "instead of the registered client_secret_post" in hint_of(by_header, POST)
    for of in (BASIC, POST, OIDC):
        assert hint_of(replace(by_form, proof="wrong"), of) == hint_of(replace(by_header, proof="wrong"), of) == ""

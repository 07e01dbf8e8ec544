"""CSRF protection: form tokens, Sec-Fetch-Site and Origin."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.seal import sealer
from broker.web.shared import csrf
from tests.unit.web.citizen_pages import marks

SECRETS = st.lists(st.text("abcXYZ_-123", min_size=1, max_size=32), max_size=4).map(tuple)
PLACES = st.text("abcXYZ_-123", min_size=1, max_size=40)


@given(SECRETS, PLACES)
def test_a_token_holds_for_its_browser_and_place(secrets: tuple[str, ...], place: str) -> None:
    assert csrf.token_holds(marks(), secrets, place, csrf.token(marks(), secrets, place))


@given(SECRETS, SECRETS, PLACES, PLACES)
def test_a_token_of_another_browser_or_place_does_not_hold(
    secrets: tuple[str, ...], others: tuple[str, ...], place: str, elsewhere: str
) -> None:
    token = csrf.token(marks(), secrets, place)
    made_with = secrets[0] if secrets else ""
    known = others or ("",)
    assert csrf.token_holds(marks(), others, elsewhere, token) == (place == elsewhere and made_with in known)


@given(st.text(max_size=80))
def test_no_other_text_is_a_valid_csrf_token(given: str) -> None:
    assert not csrf.token_holds(marks(), ("secret",), "place", given)


def test_csrf_path_and_secret_are_separated_unambiguously() -> None:
    token = csrf.token(marks(), ("ab",), "c")
    assert not csrf.token_holds(marks(), ("a",), "bc", token)


def test_a_token_outlives_a_change_of_keys_and_dies_with_its_key() -> None:
    old, new = b"o" * 32, b"n" * 32
    token = csrf.token(sealer(old, [], bytes), ("secret",), "place")
    assert csrf.token_holds(sealer(new, [old], bytes), ("secret",), "place", token)
    assert not csrf.token_holds(sealer(new, [], bytes), ("secret",), "place", token)


def test_a_truncated_csrf_token_is_invalid() -> None:
    token = csrf.token(marks(), ("secret",), "place")
    short = base64.urlsafe_b64encode(base64.urlsafe_b64decode(token)[:-1]).decode()
    assert not csrf.token_holds(marks(), ("secret",), "place", short)


@pytest.mark.parametrize(
    ("site", "origin", "ours"),
    [
        ("same-origin", None, True),
        ("none", None, True),
        ("same-site", "https://id.test", False),
        ("cross-site", "https://id.test", False),
        ("cross-site", None, False),
        (None, "https://id.test", True),
        (None, "null", True),
        (None, None, True),
        (None, "https://evil.test", False),
        (None, "http://id.test", False),
    ],
)
def test_sec_fetch_site_and_origin_headers_are_checked(site: str | None, origin: str | None, *, ours: bool) -> None:
    assert csrf.from_here(site, origin, "https://id.test") is ours

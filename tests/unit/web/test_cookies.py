"""Cookies: parsing the Cookie header and building Set-Cookie."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.actions.browser import Browser, SignedOutUser
from broker.web.middleware.header_checks import LARGEST
from broker.web.shared import cookies
from broker.web.staff import cookies as staff

OURS = (cookies.BROWSER, cookies.SESSION, cookies.STATE, cookies.LANGUAGE, cookies.DEPARTED, cookies.LEFT, cookies.CODE)
STAFF = (staff.SESSION, staff.ATTEMPT, staff.DEPARTED)
VALUES = st.text('abcdefghijklmnopqrstuvwxyzABC_-0123456789.="', max_size=40)
OTHERS = st.lists(st.text(st.characters(max_codepoint=255, exclude_characters=";"), max_size=60), max_size=8)


@given(st.dictionaries(st.sampled_from((*OURS, *STAFF)), VALUES, max_size=8), OTHERS, OTHERS)
def test_our_cookies_are_found_whatever_stands_beside_them(
    sent: dict[str, str], before: list[str], after: list[str]
) -> None:
    own = [f"{name}={value}" for name, value in sent.items()]
    others = [f"x{other}" for other in (*before, *after)]
    header = "; ".join([*others[: len(before)], *own, *others[len(before) :]])
    assert cookies.read(header) == sent


PROVIDERS = st.text(min_size=1, max_size=20)
TIMES = st.dictionaries(PROVIDERS, st.integers(0, 10**11), max_size=6)


@given(TIMES, st.frozensets(PROVIDERS, max_size=6))
def test_what_a_browser_remembers_of_a_sign_out_is_read_as_it_was_written(
    after: dict[str, int], done: frozenset[str]
) -> None:
    written = cookies.set_signed_out(SignedOutUser(after, done))
    assert written.endswith("; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax")
    assert written.isascii()
    value = cookies.read(written.partition("; ")[0])[cookies.DEPARTED]
    left = {provider: since for provider, since in after.items() if provider not in done}
    assert cookies.departed(value) == SignedOutUser(left, done)


def test_after_a_sign_out_each_provider_authenticates_again_until_a_login_succeeded_there() -> None:
    browser = Browser(departed=SignedOutUser().signed_out("bank", 100))
    assert browser.asks_anew("bank")
    assert browser.asks_anew("never used")
    assert browser.departed is not None
    after = Browser(departed=browser.departed.signed_in("bank"))
    assert not after.asks_anew("bank")
    assert after.asks_anew("never used")
    assert after.departed is not None
    assert Browser(departed=after.departed.signed_out("post", 50)).asks_anew("bank")
    assert not Browser().asks_anew("bank")
    assert cookies.departed("") is None


@given(st.text(max_size=200))
def test_a_forged_departed_cookie_is_parsed_without_an_error(value: str) -> None:
    found = cookies.departed(value)
    assert found is None or all(0 <= since < 10**12 for since in found.after.values())
    assert (staff.read_departed(value) or 0) >= 0


@given(st.text(max_size=200))
def test_no_header_is_too_strange_to_read(header: str) -> None:
    for name, value in cookies.read(header).items():
        assert name in (*OURS, *STAFF) or "portico-" in name
        assert ";" not in name + value


def test_the_first_of_two_cookies_with_one_name_counts() -> None:
    assert cookies.read("portico-left=longer-path; portico-left=shorter-path") == {"portico-left": "longer-path"}


def test_nothing_is_empty_and_cookies_of_others_are_skipped() -> None:
    assert cookies.read(None) == cookies.read("") == cookies.read("a=b; =c; d") == {}
    for other in (f"a={cookies.SESSION}=b", f"a=b {cookies.SESSION}=c", f"x{cookies.SESSION}=c", cookies.SESSION):
        assert cookies.SESSION not in cookies.read(other)


@pytest.mark.parametrize("size", [4_200, 20_000, LARGEST])
@pytest.mark.parametrize("other", ["a=", "; ", ";", "=", "portico-", "a" * 7 + "; ", "__Host-portico-browser"])
def test_a_large_header_of_others_is_read_to_its_end_and_in_time(size: int, other: str) -> None:
    large = (other * size)[:size]
    began = time.process_time()
    for header in (f"{large}; {cookies.SESSION}=mine", f"{cookies.SESSION}=mine; {large}"):
        assert cookies.read(header)[cookies.SESSION] == "mine"
    assert time.process_time() - began < 1.0  # a parser with quadratic time would take minutes


SECRETS = st.lists(st.text("abcXYZ_-123", min_size=1, max_size=32), max_size=7)


@given(SECRETS, st.text("abcXYZ_-123", min_size=1, max_size=32))
def test_a_new_secret_stands_first_and_the_oldest_falls_off(held: list[str], newest: str) -> None:
    kept = cookies.secrets(".".join(held))
    assert kept == tuple(held[:4])
    header = cookies.browser(kept, newest)
    name, _, value = header.partition(";")[0].partition("=")
    after = cookies.secrets(value)
    assert name == "__Host-portico-browser"
    assert after[0] == newest
    assert len(after) <= 4
    assert list(after[1:]) == [secret for secret in kept if secret != newest][: len(after) - 1]


def test_every_cookie_is_guarded() -> None:
    for header in (
        cookies.browser((), "s"),
        cookies.session("s"),
        cookies.no_session(),
        cookies.language("cy"),
        cookies.redirect_cookie("handle", "mark"),
        cookies.code("handle", "code"),
    ):
        parts = header.split("; ")
        assert {"Secure", "HttpOnly"} <= set(parts)
        assert "SameSite=Lax" in parts or "SameSite=Strict" in parts
        assert not any(part.startswith("Domain") for part in parts)
        if header.startswith("__Host-"):
            assert "Path=/" in parts
        else:
            assert "Path=/journey/handle" in parts

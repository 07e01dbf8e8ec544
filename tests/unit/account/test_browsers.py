"""Kinds of browsers: what is read of a User-Agent, and that nothing else of it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.account.browsers import FAMILIES, SYSTEMS, browser_family
from broker.web.citizens import own_sessions

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "firefox/linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36", "chrome/windows"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0", "edge/windows"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/140.0.0.0 Mobile Safari/537.36", "chrome/android"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604",
            "safari/ios",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15", "safari/macos"),
        ("curl/8.1", ""),
        ("", ""),
    ],
)
def test_the_family_and_the_system_of_a_browser_are_recognized(agent: str, kind: str) -> None:
    assert browser_family(agent) == kind


@given(st.text())
def test_whatever_the_header_holds_only_closed_words_are_stored(agent: str) -> None:
    family, _, system = browser_family(agent).partition("/")
    assert family in {*FAMILIES, ""}
    assert system in {*SYSTEMS, ""}


def test_every_kind_has_a_name_on_the_page() -> None:
    assert set(own_sessions.FAMILIES) == FAMILIES
    assert set(own_sessions.SYSTEMS) == SYSTEMS

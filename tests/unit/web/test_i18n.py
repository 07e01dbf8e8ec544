"""Internationalisation: placeholders, plurals, dates and times, Accept-Language."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from broker.web.shared.i18n import isolate, language, languages, preferred

SUMMER = datetime(2027, 7, 1, 23, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("code", "name", "direction"), [("en", "English", "ltr"), ("cy", "Cymraeg", "ltr"), ("ar", "العربية", "rtl")]
)
def test_a_language_knows_its_own_name_and_direction(code: str, name: str, direction: str) -> None:
    found = language(code, "UTC")
    assert (found.code, found.name, found.direction) == (code, name, direction)


def test_times_are_shown_in_the_operators_time_zone() -> None:
    english = language("en", "Europe/London")
    assert english.day(SUMMER) == "2 July 2027"
    assert english.format_time(SUMMER, SUMMER) == "00:30"
    assert english.format_time(SUMMER, SUMMER + 86400) == "00:30 on 2 July 2027"
    assert language("en", "UTC").format_time(SUMMER, SUMMER) == "23:30"
    assert language("cy", "Europe/London").day(SUMMER) == "2 Gorffennaf 2027"
    assert language("ar", "Europe/London").day(SUMMER) == "2 يوليو 2027"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("en", {1: "about 1 minute", 2: "about 2 minutes", 12: "about 12 minutes", 1440: "about 24 hours"}),
        ("cy", {1: "tua 1 munud", 2: "tua 2 funud", 5: "tua 5 munud"}),
        ("ar", {1: "نحو دقيقة واحدة", 2: "نحو دقيقتين", 5: "نحو 5 دقائق", 30: "نحو 30 دقيقة"}),
    ],
)
def test_numbers_of_things_follow_the_languages_own_rules(code: str, expected: dict[int, str]) -> None:
    found = language(code, "UTC")
    assert {n: found.about_minutes(n) for n in expected} == expected


def test_a_placeholder_value_is_escaped_unless_it_is_markup() -> None:
    english = language("en", "UTC")
    assert english.markup("About {name}", name="<i>") == "About &lt;i&gt;"
    assert english.markup("About {name}", name=Markup("<bdi>x</bdi>")) == "About <bdi>x</bdi>"
    assert english.text("About {name}", name="<i>") == "About <i>"


def test_a_name_set_apart_does_not_turn_the_text_around() -> None:
    assert isolate("אב") == "\u2068אב\u2069"


def test_a_language_without_a_catalogue_is_refused() -> None:
    with pytest.raises(FileNotFoundError):
        languages(("en", "de"), "UTC")


@pytest.mark.parametrize(
    ("header", "best"),
    [
        ("cy", "cy"),
        ("cy-GB, en;q=0.5", "cy"),
        ("en;q=0.5, cy;q=0.7", "cy"),
        ("de, fr;q=0.9", None),
        ("de, ar;q=0.1", "ar"),
        ("en;q=0, cy;q=0.1", "cy"),
        ("EN", "en"),
        ("*", None),
        ("en;q=x", None),
        ("en;level=1", "en"),
        ("cy;Q=1", "cy"),
        ("en;Q=0.2, cy;Q=0.3", "cy"),
        ("cy;level=1;q=0.9, en;q=0.8", "cy"),
        ("cy ; q = 0.9, en;q=.8", "cy"),
        ("cy;q=inf, en;q=0.1", "en"),
        ("cy;q=nan, en;q=1e3", None),
        (None, None),
        ("", None),
    ],
)
def test_the_language_a_browser_likes_best_is_found(header: str | None, best: str | None) -> None:
    assert preferred(header, ("en", "cy", "ar")) == best


@pytest.mark.parametrize("header", ["CY", "Cy-gb", "cy-GB,EN;q=0.5", "en;q=0, CY", "de, Cy_GB;q=0.1"])
def test_language_tags_of_browsers_are_compared_without_regard_to_case(header: str) -> None:
    """BCP 47 2.1.1."""
    assert preferred(header, ("en", "cy")) == "cy"


@given(st.text(max_size=300))
def test_no_header_is_too_strange_to_be_read(header: str) -> None:
    assert preferred(header, ("en", "cy")) in ("en", "cy", None)

"""Language tags: compared without regard to case, with lookup from `en-GB` to `en` (BCP 47, RFC 4647 3.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.languages import in_language, lookup, member
from broker.settings.sources import lower_language_codes

OFFERED = ("en", "cy", "ar", "zh-Hant")
SUBTAG = st.from_regex(r"[A-Za-z0-9]{1,8}", fullmatch=True)


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("cy", "cy"),
        ("CY", "cy"),
        ("Cy-gb", "cy"),
        ("cy-GB", "cy"),
        ("cy_GB", "cy"),
        ("EN-us-x-private", "en"),
        ("en-a-bbb", "en"),
        ("ZH-HANT-tw", "zh-Hant"),
        ("zh-hant", "zh-Hant"),
        ("zh", None),
        ("de", None),
        ("e", None),
        ("cym", None),
        ("", None),
        ("-", None),
        ("*", None),
        (" cy ", "cy"),
    ],
)
def test_a_tag_finds_the_language_that_is_offered(tag: str, found: str | None) -> None:
    assert lookup(tag, OFFERED) == found


@given(code=st.sampled_from(OFFERED), more=st.lists(SUBTAG, max_size=4), upper=st.booleans(), low=st.booleans())
def test_case_and_further_subtags_change_nothing(code: str, more: list[str], *, upper: bool, low: bool) -> None:
    tag = ("_" if low else "-").join([code, *more])
    assert lookup(tag.upper() if upper else tag.lower(), OFFERED) == lookup(tag, OFFERED) == code


def test_a_text_is_in_the_language_of_the_tag_or_in_the_first_language() -> None:
    texts = {"cy": "Prawf", "en": "Test"}
    assert [in_language(texts, tag) for tag in ("en", "EN", "en-GB", "cy-GB", "ar", "")] == [
        *("Test", "Test", "Test", "Prawf", "Prawf", "Prawf")
    ]
    assert in_language({}, "en") is None


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ({"client_name#cy": "a"}, "a"),
        ({"client_name#CY": "a"}, "a"),
        ({"client_name#cy-GB": "a"}, "a"),
        ({"client_name#Cy-gb": "a", "client_name#CY": "b"}, "b"),
        ({"client_name": "a", "client_name#en": "b", "client_uri#cy": "c"}, None),
    ],
)
def test_a_member_of_metadata_is_found_by_its_tag(metadata: dict[str, str], found: str | None) -> None:
    assert member(metadata, "client_name", "cy") == found


def test_language_codes_in_settings_are_read_without_regard_to_case() -> None:
    table = {
        "names": {"EN": "Tax", "Cy": "Treth"},
        "claims": [{"claim": "name", "reason": {"EN": "a", "cy": "b"}}],
        "languages": ["EN", "cy", "nowhere"],
        "openid": {"languages": {"CY": "cy-GB"}, "scopes": ["openid"]},
    }
    assert lower_language_codes(table) == {
        "names": {"en": "Tax", "cy": "Treth"},
        "claims": [{"claim": "name", "reason": {"en": "a", "cy": "b"}}],
        "languages": ["en", "cy", "nowhere"],
        "openid": {"languages": {"cy": "cy-GB"}, "scopes": ["openid"]},
    }
    both = {"names": {"EN": "Tax", "en": "Tax"}}
    assert lower_language_codes(both) == both

"""Normal forms of claims from providers (property-based)."""

import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.model.claims import REGISTERED_CLAIMS
from broker.normalize.claims import CLAIM_TYPES, MAX_TEXT, ClaimReading, read_claim
from broker.oidc.claim_formats import has_shape

OWN = "https://claims.example/boat_name"
"""A claim that no standard names."""

SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(st.characters(codec=None))
TYPICAL = st.sampled_from(
    [
        *(
            "true",
            "0",
            "Ada",
            " ",
            "\u200b",
            "ada@bücher.example",
            "+447700900982",
            "07700 900982",
            "1977-04",
            "19770412",
        ),
        *(
            "en_GB",
            "Europe/London",
            "GB",
            "https://a.example/x",
            "1800000000",
            "1977-04-12T00:00:00Z",
            "\ud83d",
            "\x00",
        ),
    ]
)
JSON = st.recursive(
    SCALAR | TYPICAL,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8) | st.sampled_from(["formatted", "country", "country_code"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)

MALFORMED = object()


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        # names
        ("name", "  Zoe\u0308  O\u2019Neill\u202c\n", "Zoë O\u2019Neill"),
        ("given_name", "Ada\x00", "Ada"),
        ("given_name", "A\tB", "A B"),
        ("given_name", "\u202eadA", "adA"),
        ("family_name", ["Example"], "Example"),
        ("family_name", ["Example", "Other"], MALFORMED),
        ("name", {"en": "Ada"}, MALFORMED),
        ("name", 42, MALFORMED),
        ("name", True, MALFORMED),
        ("name", "\ud83d", MALFORMED),
        ("name", "x" * (MAX_TEXT + 1), MALFORMED),
        ("name", " ", None),
        ("name", "\u3164\u200b", None),
        ("name", "", None),
        ("name", None, None),
        ("name", {}, None),
        # truth
        ("email_verified", True, True),
        ("email_verified", "true", True),
        ("email_verified", " FALSE ", False),
        ("email_verified", 1, True),
        ("email_verified", 0, False),
        ("email_verified", "yes", MALFORMED),
        ("email_verified", 2, MALFORMED),
        ("phone_number_verified", [], None),
        ("phone_number_verified", {"a": 1}, MALFORMED),
        # addresses of email
        ("email", "Ada@EXAMPLE.org ", "Ada@example.org"),
        ("email", "ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("email", "jörg@example.org", MALFORMED),
        ("email", "ada", MALFORMED),
        # telephone numbers
        ("phone_number", "+44 (0)7700 900982", "+447700900982"),
        ("phone_number", "0044 7700 900982", "+447700900982"),
        ("phone_number", "+44 1632 960123;ext=12", "+441632960123;ext=12"),
        ("phone_number", "07700 900982", MALFORMED),
        ("phone_number", 447700900982, MALFORMED),
        ("phone_number", "ask", MALFORMED),
        ("msisdn", "+447700900982", "447700900982"),
        ("msisdn", 447700900982, "447700900982"),
        ("msisdn", "1", MALFORMED),
        # birth dates
        ("birthdate", "1977-04-12", "1977-04-12"),
        ("birthdate", "1977", "1977"),
        ("birthdate", "1977-04", "1977-04"),
        ("birthdate", "0000-04-12", "0000-04-12"),
        ("birthdate", "19770412", "1977-04-12"),
        ("birthdate", "12.04.1977", "1977-04-12"),
        ("birthdate", "1977-04-12T00:00:00.000Z", "1977-04-12"),
        ("birthdate", "1977-00-00", "1977"),
        ("birthdate", "04/12/1977", MALFORMED),
        ("birthdate", "1977-02-30", MALFORMED),
        ("birthdate", 19770412, MALFORMED),
        ("birthdate", {"year": 1977}, MALFORMED),
        # languages, zones, moments, addresses of pages
        ("locale", "en_gb", "en-GB"),
        ("locale", "CY", "cy"),
        ("locale", "zh-hant-tw", "zh-Hant-TW"),
        ("locale", "sr-Latn", "sr-Latn"),
        ("locale", "de-CH-1996", "de-CH-1996"),
        ("locale", "welsh", MALFORMED),
        ("locale", "en_GB.UTF-8", MALFORMED),
        ("zoneinfo", "Europe/London", "Europe/London"),
        ("zoneinfo", "London time", MALFORMED),
        ("updated_at", 1_800_000_000, 1_800_000_000),
        ("updated_at", "1800000000", 1_800_000_000),
        ("updated_at", "2027-01-15T08:00:00Z", 1_800_000_000),
        ("updated_at", "2027-01-15T08:00:00", MALFORMED),
        ("updated_at", "2027-01-15", MALFORMED),
        ("updated_at", True, MALFORMED),
        ("updated_at", -1, MALFORMED),
        ("picture", "https://a.example/ada.png", "https://a.example/ada.png"),
        ("website", "javascript:alert(1)", MALFORMED),
        ("website", "www.example", MALFORMED),
        ("profile", "https://[", MALFORMED),
        ("profile", "https://a.example:99999/", MALFORMED),
        ("profile", "https://ada:secret@a.example/", MALFORMED),
        ("profile", "https://a.example\\@b.example/", MALFORMED),
        ("picture", 'https://a.example/"><script>', MALFORMED),
        # objects and lists
        ("address", "1 High Street\r\nBangor", {"formatted": "1 High Street\nBangor"}),
        (
            "address",
            {"street_address": " 1  High Street", "region": None, "locality": "", "postal_code": 12345},
            {"street_address": "1 High Street", "postal_code": "12345"},
        ),
        ("address", {"locality": "Bangor", "country_code": "gb"}, {"locality": "Bangor", "country_code": "GB"}),
        ("address", {"region": None}, None),
        ("address", 7, MALFORMED),
        ("address", ["1 High Street"], {"formatted": "1 High Street"}),
        ("given_name", ["\u0301"], None),
        ("given_name", [["Ada"]], MALFORMED),
        ("place_of_birth", {"locality": "Bangor", "country": "GB"}, {"locality": "Bangor", "country": "GB"}),
        ("place_of_birth", "Bangor", MALFORMED),
        ("nationalities", ["gb", "GB", "IRL", None], ["GB", "IRL"]),
        ("nationalities", "GB", ["GB"]),
        ("nationalities", {"GB": True}, MALFORMED),
        # claims of a nation's own
        (OWN, " Gwylan\u200b ", "Gwylan"),
        (OWN, 7, 7),
        (OWN, False, False),
        (OWN, ["a", "", "a", 1], ["a", 1]),
        (OWN, {"a": "b", "c": None}, {"a": "b"}),
        (OWN, 2**60, MALFORMED),
        (OWN, float("inf"), MALFORMED),
    ],
)
def test_each_claim_is_read_as_its_type_or_left_out(name: str, value: Any, read: Any) -> None:
    found = read_claim(name, value)
    assert found == (ClaimReading(malformed=True) if read is MALFORMED else ClaimReading(read))
    assert type(found.value) is type(None if read is MALFORMED else read)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("address", {"locality": "Bangor", "country_code": "Wales"}, {"locality": "Bangor"}),
        ("address", {"locality": "Bangor", "region": {"a": "b"}}, {"locality": "Bangor"}),
        ("address", {"locality": "Bangor", "\x00": "x"}, {"locality": "Bangor"}),
        ("place_of_birth", {"locality": "Bangor", "country": "Wales"}, {"locality": "Bangor"}),
        ("nationalities", ["GB", "British", 1], ["GB"]),
        (OWN, ["a", ["b"]], ["a"]),
    ],
)
def test_a_member_that_is_malformed_is_left_out_and_reported_and_the_others_stay(
    name: str, value: Any, read: Any
) -> None:
    assert read_claim(name, value) == ClaimReading(read, malformed=True)


@pytest.mark.parametrize("value", ["07700 900982", 7700900982, 447700900982, "+44 7700 900982"])
def test_a_national_number_is_read_if_the_country_of_the_provider_is_known(value: Any) -> None:
    assert read_claim("phone_number", value, "GB") == ClaimReading("+447700900982")


def test_every_claim_that_a_standard_names_has_a_type() -> None:
    assert set(REGISTERED_CLAIMS) == CLAIM_TYPES.keys()


@pytest.mark.parametrize("name", [*REGISTERED_CLAIMS, OWN])
@given(value=JSON)
@example(value=float("nan"))
@example(value=10**400)
@example(value={"": ""})
def test_whatever_a_provider_sends_has_the_shape_of_its_claim_or_is_absent(name: str, value: Any) -> None:
    for region in (None, "GB"):
        found = read_claim(name, value, region)
        if found.value is not None:
            assert has_shape(name, found.value)
            assert read_claim(name, found.value, region) == ClaimReading(found.value)
            assert list(texts(found.value)) == [unicodedata.normalize("NFC", text) for text in texts(found.value)]
            assert not [text for text in texts(found.value) for letter in text if letter != "\n" and hidden(letter)]


def texts(value: Any) -> list[str]:
    """Every text in a value, the names of members included."""
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [value] if isinstance(value, str) else []


def hidden(letter: str) -> bool:
    """Whether a character is a control character, a surrogate, or a format character that does not join letters."""
    return unicodedata.category(letter) in ("Cc", "Cs", "Cf") and letter not in "\u200c\u200d"

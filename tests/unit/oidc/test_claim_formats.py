"""Claim formats: a value of another format is omitted from `verified_claims`."""

from typing import Any

import pytest

from broker.oidc.claim_formats import has_shape, has_verified_shape


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("given_name", ["Mair", "0"], ["", None, 1, ["Mair"]]),
        (
            "birthdate",
            ["1990-01-01", "0000-02-29", "1990", "1990-04"],
            ["01/01/1990", "1990-1-1", 1990, "0000", "1990-13"],
        ),
        ("birthdate", [], ["1990-01-01T00:00:00Z", "1990-02-30", "0000-04", "1990-00-00", "19900101"]),
        ("email", ["m@mail.example", "m+1@a.b.example"], ["mail.example", "m@localhost", "m@@x.example", "m@x.", ""]),
        ("email_verified", [True, False], ["true", 1, None]),
        ("phone_number", ["+442079460000", "02079460000", "+442079460000;ext12"], ["020 7946 0000", "ask", 442079460]),
        ("updated_at", [1_800_000_000, 0.5], [True, "2027-01-01"]),
        ("locale", ["cy-GB", "en_GB", "cy", "zh-Hant-TW"], ["welsh", "", 1]),
        ("address", [{"formatted": "1 High Street"}, {"country_code": "GBR"}], [{}, "1 High Street", {"region": ""}]),
        ("address", [{"country": "Wales"}], [{"country_code": "Wales"}, {"formatted": 1}]),
        ("place_of_birth", [{"locality": "Bangor"}, {"country": "GB"}], [{"country": "Wales"}, {}, "Bangor"]),
        ("nationalities", [["GBR"], ["GB", "IE"]], [[], "GBR", ["British"], ["GB", "GB"], [1]]),
        ("salary", ["much", 1, False, ["x"]], [None, "", [], {}]),
    ],
)
def test_each_claim_has_its_shape(name: str, right: list[Any], wrong: list[Any]) -> None:
    assert [value for value in right if not has_shape(name, value)] == []
    assert [value for value in wrong if has_shape(name, value)] == []


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("locale", ["cy-GB", "en_GB"], ["cy", "zh-Hant-TW"]),
        ("phone_number", ["+442079460000"], ["+442079460000;ext=12"]),
        ("birthdate", ["1990", "1990-04"], ["01/01/1990"]),
    ],
)
def test_the_schema_of_verified_claims_is_stricter_about_some(name: str, right: list[Any], wrong: list[Any]) -> None:
    assert [value for value in right if not has_verified_shape(name, value)] == []
    assert [value for value in wrong if has_verified_shape(name, value)] == []

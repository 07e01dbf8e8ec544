"""Dates of evidence compared with today, and the rules for a person who vouches."""

from dataclasses import replace

import pytest

from broker.assisted.documents import DateFault, Term, Validity, date_faults, term
from broker.assisted.profiles import default_profiles
from broker.assisted.voucher import VouchFault, vouch_faults, voucher_mark

PROFILES = default_profiles()
PASSPORT, VOUCH = PROFILES.kinds["passport"], PROFILES.kinds["vouch"]
TODAY = "2027-01-15"
VOUCHER = {
    "name": "Dr. Ruth Adeyemi",
    "birthdate": "1970-02-03",
    "office": "doctor",
    "organization": "Riverside Surgery",
    "relation": "professional",
    "since": "2019-05-01",
    "contact": "+441632960777",
    "declared": "2027-01-14",
}
AMINA = {"given_name": "Amina", "family_name": "Hughes"}


@pytest.mark.parametrize(
    ("details", "born", "faults"),
    [
        ({"issued": "2021-04-10", "expires": "2031-04-09"}, "1987-04-12", {}),
        ({"issued": TODAY, "expires": TODAY}, "", {}),
        ({"issued": "2027-01-16", "expires": "2031-04-09"}, "", {"issued": DateFault.IN_FUTURE}),
        ({"issued": "2021-04-10", "expires": "2021-04-09"}, "", {"expires": DateFault.BEFORE_ISSUE}),
        ({"issued": "1980-04-10"}, "1987-04-12", {"issued": DateFault.BEFORE_BIRTH}),
        ({"issued": "1987-05-10"}, "1987", {}),
        ({"issued": "1986-05-10"}, "1987", {"issued": DateFault.BEFORE_BIRTH}),
        ({"issued": "1986-05-10"}, "0000-04-12", {}),
        ({"expires": "soon", "issued": ""}, "", {}),
    ],
)
def test_impossible_dates_are_found(details: dict[str, str], born: str, faults: dict[str, DateFault]) -> None:
    assert date_faults(PASSPORT, details, TODAY, born) == faults


@pytest.mark.parametrize("field", ["birthdate", "since", "declared"])
def test_a_voucher_is_not_born_met_or_signed_in_the_future(field: str) -> None:
    assert date_faults(VOUCH, VOUCHER | {field: "2027-01-16"}, TODAY) == {field: DateFault.IN_FUTURE}


@pytest.mark.parametrize(
    ("expires", "grace_days", "expected"),
    [
        (TODAY, 0, Term(TODAY, Validity.IN_DATE)),
        ("2027-01-14", 0, Term("2027-01-14", Validity.OUT_OF_DATE)),
        ("2027-01-14", 1, Term("2027-01-14", Validity.EXPIRED)),
        ("2025-07-15", 549, Term("2025-07-15", Validity.EXPIRED)),
        ("someday", 549, Term("someday", Validity.OUT_OF_DATE)),
        ("", 0, None),
    ],
)
def test_the_term_of_a_document_follows_from_its_expiry_and_the_grace(
    expires: str, grace_days: int, expected: Term | None
) -> None:
    assert term(replace(PASSPORT, grace_days=grace_days), {"expires": expires}, TODAY) == expected


@pytest.mark.parametrize(
    ("changed", "faults"),
    [
        ({}, {}),
        ({"relation": "family"}, {"relation": VouchFault.RELATION}),
        ({"relation": "household"}, {"relation": VouchFault.RELATION}),
        ({"since": "2025-01-15"}, {}),
        ({"since": "2025-01-16"}, {"since": VouchFault.TOO_SHORT}),
        ({"name": "AMINA  HUGHES"}, {"name": VouchFault.THEMSELVES}),
    ],
)
def test_the_rules_for_vouching_are_data(changed: dict[str, str], faults: dict[str, VouchFault]) -> None:
    assert vouch_faults(VOUCH, VOUCHER | changed, AMINA, TODAY) == faults


def test_a_voucher_is_recognised_whatever_the_spelling_and_the_contact() -> None:
    again = VOUCHER | {"name": "dr ruth  ADEYEMI", "birthdate": "3.2.1970", "contact": "ruth@surgery.example"}
    assert voucher_mark(VOUCH, VOUCHER) == voucher_mark(VOUCH, again)
    assert voucher_mark(VOUCH, VOUCHER) != voucher_mark(VOUCH, VOUCHER | {"birthdate": "1970-02-04"})
    assert voucher_mark(PASSPORT, {"number": "X1"}) is None

"""Machine readable zones: the examples of ICAO Doc 9303, and what a typing error does to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.assisted.mrz import Mrz, MrzFault, check_digit, read

TODAY = "2027-01-15"
TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
TD1 = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
LONG = "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<"
"""The specimens of Doc 9303 parts 4, 6 and 5; the last has a document number of more than nine signs."""


@pytest.mark.parametrize(
    ("typed", "form", "kind", "number"),
    [(TD3, "TD3", "P", "L898902C3"), (TD2, "TD2", "I", "D23145890"), (TD1, "TD1", "I", "D23145890")],
)
def test_the_specimens_are_read(typed: str, form: str, kind: str, number: str) -> None:
    assert read(typed, TODAY) == Mrz(
        form, kind, "UTO", number, "UTO", "ERIKSSON", "ANNA MARIA", "1974-08-12", "F", "2012-04-15"
    )


def test_a_long_number_goes_on_in_the_optional_part() -> None:
    found = read(LONG, TODAY)
    assert isinstance(found, Mrz)
    assert (found.number, found.birthdate, found.expires) == ("D23145890734", "1934-07-12", "2095-07-12")


@pytest.mark.parametrize(
    "typed",
    [TD3.lower(), TD3.replace("<", "\u00ab"), f"  {TD3}\r\n", TD3.replace("\n", ""), " ".join(TD3)],
)
def test_case_blanks_and_look_alike_fillers_do_not_matter(typed: str) -> None:
    assert isinstance(read(typed, TODAY), Mrz)


@pytest.mark.parametrize(
    ("before", "after", "faults"),
    [
        ("L898902C36", "L898902C35", (MrzFault.NUMBER, MrzFault.WHOLE)),
        ("L898902C36", "L8989O2C36", (MrzFault.NUMBER, MrzFault.WHOLE)),
        ("7408122F", "7408132F", (MrzFault.BIRTH, MrzFault.WHOLE)),
        ("1204159", "1304159", (MrzFault.EXPIRY, MrzFault.WHOLE)),
        ("ZE184226B", "ZE184226C", (MrzFault.WHOLE, MrzFault.OPTIONAL)),
        ("<<<<<10", "<<<<<11", (MrzFault.WHOLE,)),
        ("P<UTO", "P<UT", (MrzFault.FORM,)),
        ("P<UTO", "P<UT\u00d6", (MrzFault.FORM,)),
    ],
)
def test_the_part_that_is_wrong_is_named_and_no_letter_is_guessed(
    before: str, after: str, faults: tuple[MrzFault, ...]
) -> None:
    assert read(TD3.replace(before, after), TODAY) == faults


@pytest.mark.parametrize(
    ("six", "born"),
    [
        ("740812", "1974-08-12"),
        ("260812", "2026-08-12"),
        ("270115", "2027-01-15"),
        ("270116", "1927-01-16"),
        ("7408<<", "1974-08"),
        ("74<<<<", "1974"),
    ],
)
def test_a_birth_year_is_the_latest_that_is_not_in_the_future(six: str, born: str) -> None:
    found = read(zone(birth=six), TODAY)
    assert isinstance(found, Mrz)
    assert found.birthdate == born


@pytest.mark.parametrize("six", ["741301", "740230", "74<<12", "XX0812"])
def test_a_birth_date_that_does_not_exist_is_refused_with_right_check_digits(six: str) -> None:
    assert read(zone(birth=six), TODAY) == (MrzFault.BIRTH,)


def test_an_expiry_that_does_not_exist_is_refused_with_right_check_digits() -> None:
    assert read(zone(expiry="310431"), TODAY) == (MrzFault.EXPIRY,)


def test_an_empty_optional_part_has_a_filler_or_zero_as_its_check_digit() -> None:
    assert isinstance(read(zone(filled="<"), TODAY), Mrz)
    assert isinstance(read(zone(filled="0"), TODAY), Mrz)
    assert read(zone(filled="1"), TODAY) == (MrzFault.OPTIONAL,)


@given(st.text(max_size=100) | st.from_regex(r"[A-Z0-9<]{88}|[A-Z0-9<]{72}|[A-Z0-9<]{90}", fullmatch=True))
def test_any_text_is_read_or_its_faults_are_named(typed: str) -> None:
    found = read(typed, TODAY)
    assert isinstance(found, Mrz) or (found and set(found) <= set(MrzFault))


def zone(birth: str = "740812", expiry: str = "310409", filled: str = "<") -> str:
    """A passport's zone with right check digits, but for `filled` of the empty optional part."""
    number, optional = "L898902C3", "<" * 14
    first = number + check_digit(number)
    second = birth + check_digit(birth)
    third = expiry + check_digit(expiry) + optional + filled
    whole = check_digit(first + second + third)
    return f"P<UTOERIKSSON<<ANNA<MARIA{'<' * 19}{first}UTO{second}F{third}{whole}"

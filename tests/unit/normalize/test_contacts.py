"""Telephone numbers, email addresses and dates in normal form."""

import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.normalize.dates import full_date, partial_date
from broker.normalize.email import ascii_host, email_key, is_unreachable, sendable, unicode_address
from broker.normalize.phone import (
    dialled,
    example_numbers,
    phone_and_extension,
    phone_number,
    regions,
)
from tests.unit.normalize.spellings import WIDE, hidden, respelled_number

MOBILE = st.integers(7_400_000_000, 7_999_999_999).map(str)
"""National numbers of British mobile telephones."""

# --- telephone numbers ---


@pytest.mark.parametrize(
    "typed",
    [
        "07700 900982",
        "+44 7700 900982",
        "+44 (0)7700 900982",
        "+44 07700 900982",
        "0044 7700 900982",
        "(07700) 900-982",
        "07700/900.982",
        "\u202d+44 7700 900982\u202c",
        "\u200e07700\u2011900\u2013982",
        "٠٧٧٠٠ ٩٠٠٩٨٢",
        "۰۷۷۰۰۹۰۰۹۸۲",
        "＋４４ ７７００ ９００９８２",
        "tel:+447700900982",
    ],
)
def test_spellings_of_one_telephone_number_are_one_e164_number(typed: str) -> None:
    assert phone_number(typed, "GB") == "+447700900982"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "999",
        "900982",
        "0800 FLOWERS",
        "07700 900982 ext 5",
        "+",
        "+0",
        "1234567890123456",
        "+44",
        "ada",
        "+999 123456",
    ],
)
def test_a_text_that_is_no_telephone_number_is_none(typed: str) -> None:
    assert phone_number(typed, "GB") is None


def test_a_national_number_is_read_in_its_country_alone() -> None:
    assert phone_number("06 12 34 56 78", "FR") == "+33612345678"
    assert phone_number("07700 900982", "FR") != "+447700900982"
    assert phone_number("07700 900982", None) is None
    assert phone_number("0044 7700 900982", None) == "+447700900982"


@given(st.data(), MOBILE)
def test_a_number_typed_in_any_way_is_one_number(data: st.DataObject, national: str) -> None:
    prefix = data.draw(st.sampled_from(("0", "+44", "0044", "+44(0)")))
    assert phone_number(prefix + data.draw(respelled_number(national)), "GB") == f"+44{national}"


@given(MOBILE, MOBILE)
def test_different_numbers_stay_different(one: str, other: str) -> None:
    assert (phone_number(f"0{one}", "GB") == phone_number(f"+44 {other}", "GB")) == (one == other)


@given(
    st.text(st.sampled_from("+0123456789 ()-"), min_size=4, max_size=18),
    st.sampled_from(("GB", "US", "IT", "AR", None)),
)
@example("+44 00 7700900982", "GB")
def test_normalizing_a_number_twice_changes_nothing(typed: str, region: str | None) -> None:
    found = phone_number(typed, region)
    if found is not None:
        assert phone_number(found, region) == phone_number(found, None) == found


@given(st.text(max_size=30))
def test_no_text_is_a_fault_when_it_is_read_as_a_number(text: str) -> None:
    found = phone_number(text, "GB")
    assert found is None or found.startswith("+")


def test_an_extension_follows_in_the_syntax_of_rfc_3966() -> None:
    for typed in ("+44 1632 960123 ext. 12", "01632 960123 x12", "+441632960123;ext=12"):
        assert phone_and_extension(typed, "GB") == "+441632960123;ext=12"
    assert phone_and_extension("01632 960123", "GB") == "+441632960123"
    assert phone_and_extension("ext 12", "GB") is None


def test_a_number_is_dialled_at_home_with_its_national_prefix() -> None:
    assert dialled("+447700900982", "GB") == ("+44", "07700900982")
    assert dialled("+33612345678", "GB") is None


def test_every_country_has_a_number_that_shows_how_its_numbers_are_written() -> None:
    assert {"GB", "FR", "US"} < set(regions())
    for region in regions():
        national, international = example_numbers(region)
        assert phone_number(national, region) == phone_number(international, None) is not None, region


# --- email addresses ---


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("ada@example.org", "ada@example.org"),
        (" Ada@EXAMPLE.org ", "Ada@example.org"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@bu\u0308cher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@faß.de", "ada@xn--fa-hia.de"),
        ("ada@例え.jp", "ada@xn--r8jz45g.jp"),
        ("ada＠example。org", "ada@example.org"),
        ("\u202dada@example.org\u202c", "ada@example.org"),
        ("o\u2019neill@example.org", "o'neill@example.org"),
        ("ada+tag@a.b.example", "ada+tag@a.b.example"),
    ],
)
def test_an_address_at_any_domain_is_written_in_ascii(typed: str, normal: str) -> None:
    assert sendable(typed) == normal
    assert sendable(normal) == normal
    assert normal.isascii()


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "ada@",
        "@example.org",
        "ada@example",
        "a b@example.org",
        "ada@a_b.example",
        "ada@-x.example",
        "ada@192.0.2.1",
        "a..b@example.org",
        ".a@example.org",
        "ada@x..example",
        "ada@xn--.example",
        f"{'a' * 65}@example.org",
        f"ada@{'a' * 64}.example",
        f"ada@{'ü' * 60}.example",
        "ada@example.org\nBcc: x@y.example",
        "<ada@example.org>",
    ],
)
def test_a_text_that_is_no_address_is_none(typed: str) -> None:
    assert sendable(typed) is None
    assert not is_unreachable(typed)


@pytest.mark.parametrize("typed", ["jörg@example.org", "用户@例え.jp", "अजय@डाटा.भारत"])
def test_an_address_with_a_local_part_beyond_ascii_cannot_be_reached(typed: str) -> None:
    assert sendable(typed) is None
    assert is_unreachable(typed)


def test_an_operator_may_mean_a_host_of_one_label() -> None:
    assert sendable("portico@localhost", dotless=True) == "portico@localhost"
    assert ascii_host("mail.bücher.example") == "mail.xn--bcher-kva.example"
    assert ascii_host("not a host") is None


@given(st.data(), st.emails())
def test_spellings_of_one_address_have_one_key(data: st.DataObject, address: str) -> None:
    normal = sendable(address)
    if normal is None:
        return
    assert sendable(normal) == normal
    for spelled in (normal.upper(), normal.translate(WIDE), data.draw(hidden(normal)), unicode_address(normal)):
        assert email_key(spelled) == email_key(address)


@given(st.emails(), st.emails())
def test_different_addresses_stay_different(one: str, other: str) -> None:
    assert (email_key(one) == email_key(other)) == (one.casefold() == other.casefold())


@given(st.text(max_size=40))
def test_no_text_is_a_fault_when_it_is_read_as_an_address(text: str) -> None:
    for spelled in (text, f"ada@{text}", f"{text}@example.org", f"ada@xn--{text}.org"):
        found = sendable(spelled)
        assert found is None or (found.isascii() and sendable(found) == found and not is_unreachable(found))
        assert email_key(email_key(spelled)) == email_key(spelled)


# --- dates ---


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("1977", "1977"),
        ("1977-04", "1977-04"),
        ("0000-04-12", "0000-04-12"),
        ("0000-02-29", "0000-02-29"),
        ("1976-02-29", "1976-02-29"),
        ("1977-04-12", "1977-04-12"),
        ("1977-4-2", "1977-04-02"),
        ("1977/04/12", "1977-04-12"),
        ("1977.04.12", "1977-04-12"),
        ("12.04.1977", "1977-04-12"),
        ("1977-04-12T00:00:00Z", "1977-04-12"),
        ("1977-00-00", "1977"),
        ("1977-04-00", "1977-04"),
        ("1977-XX-XX", "1977"),
        ("--04-12", "0000-04-12"),
        ("XXXX-04-12", "0000-04-12"),
        ("\u202d1977\u201104\u201112\u202c", "1977-04-12"),
        ("1977–04–12", "1977-04-12"),
        ("١٩٧٧-٠٤-١٢", "1977-04-12"),
        ("۱۹۷۷", "1977"),
        ("１９７７－０４－１２", "1977-04-12"),
    ],
)
def test_a_date_of_which_parts_may_be_unknown_has_one_form(typed: str, normal: str) -> None:
    assert partial_date(typed) == partial_date(normal) == normal
    assert full_date(typed) == (normal if len(normal) == 10 and normal[:4] != "0000" else None)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "0000",
        "0000-04",
        "19770412",
        "0000-00-12",
        "1977-00-12",
        "1977-13",
        "1977-02-29",
        "1977-04-31",
        "0000-02-30",
        "77-04-12",
        "04/12/1977",
        "12-04-1977",
        "1977-04-12T23:00:00Z",
        "2520-04-12",
        "1356-01-23",
        "1977-04/12",
        "197704",
        "April 1977",
    ],
)
def test_a_text_that_is_no_date_or_could_be_two_is_none(typed: str) -> None:
    assert partial_date(typed) is None


@given(st.data(), st.dates(datetime.date(1850, 1, 1), datetime.date(2200, 12, 31)))
def test_every_day_is_read_in_every_spelling(data: st.DataObject, day: datetime.date) -> None:
    for spelled in (
        day.isoformat(),
        f"{day:%Y/%m/%d}".replace("/", data.draw(st.sampled_from("/."))),
        f"{day:%d.%m.%Y}",
    ):
        assert full_date(data.draw(hidden(spelled))) == day.isoformat()


@given(st.text(max_size=20))
def test_no_text_is_a_fault_when_it_is_read_as_a_date(text: str) -> None:
    found = partial_date(text)
    assert found is None or partial_date(found) == found


@pytest.mark.parametrize("address", ["ann@a.example..", "ann@a..example", "ann@b\u00fccher.example.."])
def test_an_email_address_with_an_empty_label_is_none(address: str) -> None:
    assert sendable(address) is None

"""Text, names and codes: normalization is idempotent, and different texts stay different."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.normalize.text import ascii_digits, clean, clean_lines, code_key, fold, is_blank, name_key, plain_marks
from tests.unit.normalize.spellings import DIGITS, NAME, WORD, hidden, respelled_name, respelled_number


@pytest.mark.parametrize("normal", [clean, clean_lines, plain_marks, fold, name_key, code_key, ascii_digits])
@given(text=st.text(st.characters(codec=None), max_size=20))
@example(text="\u00b4")
@example(text="\u01c5\u0307I\u0307")
@example(text="' -'- '")
def test_normalizing_twice_changes_nothing(normal: object, text: str) -> None:
    assert callable(normal)
    once = normal(text)
    assert normal(once) == once


@given(st.text(st.characters(codec=None), max_size=20))
def test_clean_text_is_nfc_without_control_format_or_surrogate_characters(text: str) -> None:
    found = clean(text)
    assert found == unicodedata.normalize("NFC", found) == found.strip()
    assert "  " not in found
    assert {unicodedata.category(letter) for letter in found.replace("\u200c", "").replace("\u200d", "")}.isdisjoint(
        {"Cc", "Cf", "Cs", "Zl", "Zp"}
    )


@given(st.data(), NAME)
def test_spellings_of_one_name_have_one_key(data: st.DataObject, name: str) -> None:
    assert name_key(data.draw(respelled_name(name))) == name_key(name) != ""


@given(WORD, WORD)
def test_names_of_other_letters_have_other_keys(one: str, other: str) -> None:
    """Two words are alike only if one is the other's capital, compatibility or keyboard form."""
    if name_key(one) == name_key(other):
        assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("O'Neill", "O\u2019Neill"),
        ("O'Neill", "O\u02bcNEILL"),
        ("O'Neill", "O\u00b4Neill"),
        ("O' Neill", "O'Neill"),
        ("Zoe\u0308", "Zoë"),
        ("Anne-Marie", "Anne\u2011Marie"),
        ("Anne-Marie", "ANNE MARIE"),
        ("Smith - Jones", "Smith\u2013Jones"),
        ("J. R.", "J R"),
        ("Straße", "STRASSE"),
        ("IŞIK", "Işık"),
        ("IŞIK", "ışık"),
        ("İBRAHİM", "ibrahim"),
        ("IBRAHIM", "İbrahim"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("علی", "علي"),
        ("محـمد", "محمد"),
        ("می\u200cخواهم", "میخواهم"),
        ("Ａｄａ", "Ada"),
        ("葛\U000e0100", "葛"),
    ],
)
def test_one_name_written_two_ways_is_one_name(one: str, other: str) -> None:
    assert name_key(one) == name_key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("José", "Jose"),
        ("O'Neill", "Oneill"),
        ("Müller", "Mueller"),
        ("Anne-Marie", "Annemarie"),
        ("Mary Ann", "Ann Mary"),
        ("Ada", "Ade"),
        ("Иван", "Ivan"),
        ("Ο'Neill", "O'Neill"),  # a Greek capital omicron
        ("محمد", "احمد"),
        ("王", "玉"),
    ],
)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize("text", ["", " ", "-", ".", "\u2014", "\u3164", "' '", "12"])
def test_a_text_without_letters_is_no_name(text: str) -> None:
    assert name_key(text) == ""


@pytest.mark.parametrize(
    "text", ["", " \t\n", "\u200b\u202e", "\u3164", "\u2800", "\x00\x07", "\u0301", "\ufeff", "\u200d"]
)
def test_a_text_that_shows_nothing_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["0", ".", "Ā", "名", "\u202eada"])
def test_a_text_that_shows_something_is_not_blank(text: str) -> None:
    assert not is_blank(text)


def test_lines_of_an_address_are_cleaned_each() -> None:
    assert clean_lines(" 1  High\u00a0Street \r\n\r\n\u202dBangor\u202c\u2028LL57 ") == "1 High Street\nBangor\nLL57"


@given(st.data(), st.text(st.sampled_from("23456789ABCDEFGHJKMNPQRSTVWXYZ"), min_size=4, max_size=16))
def test_a_code_typed_in_any_way_is_the_same_code(data: st.DataObject, code: str) -> None:
    typed = data.draw(respelled_number(code))
    assert code_key(typed) == code
    assert code_key(typed.lower()) == code


@given(*[st.text(st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), min_size=1, max_size=8)] * 2)
def test_different_codes_stay_different(one: str, other: str) -> None:
    assert (code_key(one) == code_key(other)) == (one == other)


@given(st.data(), st.sampled_from(sorted(DIGITS)), st.text(st.sampled_from("0123456789"), max_size=12))
def test_digits_of_any_script_are_digits(data: st.DataObject, script: str, digits: str) -> None:
    assert ascii_digits(digits.translate(DIGITS[script])) == digits
    assert plain_marks(data.draw(hidden(digits.translate(DIGITS[script])))) == digits


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("O'Brian", "O\u055aBrian"),
        ("\u0639\u0644\u0649", "\u0639\u0644\u064a"),
        ("\u0641\u0627\u0637\u0645\u06c1", "\u0641\u0627\u0637\u0645\u0647"),
        ("\u0d30\u0d3e\u0d1c\u0d7b", "\u0d30\u0d3e\u0d1c\u0d28\u0d4d\u200d"),
    ],
)
def test_names_from_keyboards_of_several_countries_have_one_key(one: str, other: str) -> None:
    assert name_key(one) == name_key(other) != ""


@pytest.mark.parametrize(
    "name",
    ["\u0d30\u0d3e\u0d1c\u0d28\u0d4d\u200d", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647", "\u0915\u094d\u200d\u0937"],
)
def test_joiners_that_change_how_a_name_is_written_stay(name: str) -> None:
    assert clean(name) == clean(f"\u200d{name}\u200d\u200c") == name


def test_a_joiner_that_changes_nothing_at_the_end_of_a_word_goes() -> None:
    assert clean("Ann\u200d \u200c") == "Ann"

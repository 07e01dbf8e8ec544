"""National identifiers in one form each, with valid check digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.normalize.identifiers import IdentifierForm, normalize_identifier


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        (IdentifierForm.UPPER, "s1234567d", "S1234567D"),
        (IdentifierForm.UPPER, " 19.850101-1234 ", "198501011234"),
        (IdentifierForm.DIGITS, "123 456/7890", "1234567890"),
        (IdentifierForm.DIGITS, 1234567890, "1234567890"),
        (IdentifierForm.DIGITS, "12A", None),
        (IdentifierForm.BRACES, "{AB12-34}", "ab12-34"),
        (IdentifierForm.BRACES, "ab12-34", "ab12-34"),
        (IdentifierForm.BRACES, "{ab", None),
        (IdentifierForm.CPF, "529.982.247-25", "52998224725"),
        (IdentifierForm.CPF, "52998224724", None),
        (IdentifierForm.CPF, "111.111.111-11", None),
        (IdentifierForm.CPF, "5299822472", None),
        (IdentifierForm.NHS_NUMBER, "943 476 5919", "9434765919"),
        (IdentifierForm.NHS_NUMBER, "943 476 5918", None),
        (IdentifierForm.UPPER, "", None),
        (IdentifierForm.UPPER, "é", None),
        (IdentifierForm.UPPER, "x" * 65, None),
        (IdentifierForm.UPPER, True, None),
        (IdentifierForm.UPPER, ["a"], None),
    ],
)
def test_an_identifier_has_one_form(form: IdentifierForm, value: object, expected: str | None) -> None:
    assert normalize_identifier(value, form) == expected


@given(st.text(max_size=70) | st.integers() | st.none(), st.sampled_from(IdentifierForm))
def test_a_form_is_stable(value: object, form: IdentifierForm) -> None:
    once = normalize_identifier(value, form)
    assert once is None or normalize_identifier(once, form) == once

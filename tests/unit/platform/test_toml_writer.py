"""That what is written as TOML is read back as the same."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.platform.toml_writer import MAX_DEPTH, dumps

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LEAVES = TEXTS | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4))


@given(st.dictionaries(TEXTS, VALUES, max_size=6))
def test_a_table_comes_back_as_it_was(table: dict[str, Any]) -> None:
    assert tomllib.loads(dumps(table)) == table


def deep() -> Any:
    """Lists in lists."""
    value: Any = 1
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "no form for NoneType"),
        (float("nan"), "Out of range"),
        (float("inf"), "Out of range"),
        ("\ud800", "surrogates"),
        ({"\ud800": 1}, "surrogates"),
        ([object()], "no form for object"),
        (deep(), "values lie more than"),
    ],
)
def test_what_toml_has_no_form_for_is_refused(value: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        dumps({"name": value})

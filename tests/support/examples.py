"""Random examples: their number for tests that set `max_examples` themselves, and JSON of any shape."""

from hypothesis import settings
from hypothesis import strategies as st

USUAL = 100
"""Hypothesis's default, which the profile of `make test` uses."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def scaled(count: int) -> int:
    """`count` examples under the default profile, and proportionally fewer under a profile with fewer."""
    return max(1, count * settings().max_examples // USUAL)

"""How many random examples a test takes that names a number of its own."""

from hypothesis import settings

USUAL = 100
"""Hypothesis's own number, which the profile of `make test` keeps."""


def scaled(count: int) -> int:
    """`count` examples under the usual profile, and fewer in proportion under one that asks for fewer."""
    return max(1, count * settings().max_examples // USUAL)

"""The number of random examples for tests that set `max_examples` themselves."""

from hypothesis import settings

USUAL = 100
"""Hypothesis's default, which the profile of `make test` uses."""


def scaled(count: int) -> int:
    """`count` examples under the default profile, and proportionally fewer under a profile with fewer."""
    return max(1, count * settings().max_examples // USUAL)

"""Outcome of a call that may return or raise, for properties of both."""

from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")
E = TypeVar("E", bound=Exception)


def outcome(act: Callable[[], R], error: type[E]) -> R | E:
    """Returns what a call returns, or the exception of type `error` that it raises."""
    try:
        return act()
    except error as raised:
        return raised

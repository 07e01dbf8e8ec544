"""Registry of the checks of facts, by topic."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.unit.providers.presets.exchange import Exchange

Check = Callable[[Exchange, Any], Awaitable[None]]
CHECKS: dict[str, Check] = {}


def about(topic: str) -> Callable[[Check], Check]:
    """Registers the check of a topic."""

    def register(check: Check) -> Check:
        CHECKS[topic] = check
        return check

    return register

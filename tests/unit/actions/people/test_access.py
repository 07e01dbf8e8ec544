"""Reviews of access count as missed once the installation is older than a review lasts."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from broker.actions.people.access import AccessReviews

PERIOD = 1_000.0


class ThreeDue(AccessReviews):
    """Reviews of which three are due."""

    async def overdue(self) -> int:
        """Three."""
        return 3


@pytest.mark.parametrize(("began", "missed"), [(None, 0), (4_001.0, 0), (4_000.0, 3), (0.0, 3)])
async def test_on_a_new_installation_no_review_was_missed(began: float | None, missed: int) -> None:
    async def first() -> float | None:
        return began

    roles = SimpleNamespace(system=SimpleNamespace(now=lambda: 5_000.0))
    reviews = ThreeDue(cast(Any, roles), cast(Any, SimpleNamespace(began=first)), PERIOD)
    assert await reviews.missed() == missed

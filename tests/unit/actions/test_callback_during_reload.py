"""An operator changes something while a provider's answer is being redeemed: the answer is judged by what holds now."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from broker.journey.transaction import TransactionState
from broker.model.identity import Identity
from broker.provider import CallbackParameters, ProviderFailure
from tests.unit.actions.page_world import ALDER, World

pytestmark = pytest.mark.store


async def returned_while(w: World, change: Callable[[], None]) -> list[str]:
    """The failures of a sign-in during whose last step this change is made."""
    upstream = w.upstream[ALDER]
    redeem = upstream.complete

    async def complete(note: Mapping[str, Any], answer: CallbackParameters) -> Identity | ProviderFailure:
        change()
        return await redeem(note, answer)

    upstream.complete = complete  # type: ignore[method-assign]
    handle = await w.arrives()
    await w.tries(handle)
    assert (await w.transaction(handle)).state is TransactionState.FAILED
    rows = await w.stage.audit()
    return [row.details["failure"] for row in rows if row.kind == "attempt_failed"]


async def test_an_answer_of_a_provider_disabled_while_it_was_redeemed_is_not_accepted(w: World) -> None:
    assert await returned_while(w, lambda: w.listing(ALDER, enabled=False)) == ["way_closed"]


async def test_an_answer_for_a_service_removed_while_it_was_redeemed_is_not_accepted(w: World) -> None:
    def remove() -> None:
        del w.shelf.services["library"]

    assert await returned_while(w, remove) == ["service_off"]

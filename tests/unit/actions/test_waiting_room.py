"""The waiting room of a provider that takes only so many citizens a second."""

from typing import cast

import pytest

from broker.actions.views import PickerView, QueueView, RedirectAway
from broker.journey.transaction import TransactionState
from broker.model.kill_switches import KillSwitchKind
from broker.provider import ProviderHealth
from broker.web.shared.pages import PageRenderer
from tests.support.tallies import Tallies
from tests.unit.actions.assisted.case_harness import Stage
from tests.unit.actions.page_world import ALDER, World, world

pytestmark = pytest.mark.store


@pytest.fixture
def w(stage: Stage) -> World:
    """Two providers and a service, of which no page is shown; Alder takes one citizen a second."""
    made = world(stage, cast(PageRenderer, None))
    made.listing(ALDER, departures_per_second=1.0, queue_limit=2)
    return made


async def chooses(w: World, provider: str = ALDER) -> str:
    """A citizen begins and chooses a provider; gives the handle."""
    handle = await w.arrives()
    assert await w.sign_in.choose(handle, w.browser, provider) is None
    return handle


async def view(w: World, handle: str) -> object:
    """What the citizen's page shows."""
    return (await w.sign_in.look(handle, w.browser))[0]


async def test_beyond_the_rate_citizens_get_a_place_in_line_and_go_in_turn(w: World) -> None:
    first, second, third = [await chooses(w) for _ in range(3)]
    assert isinstance(await view(w, first), RedirectAway)
    for handle, seconds in ((second, 1), (third, 2)):
        shown = await view(w, handle)
        assert isinstance(shown, QueueView)
        assert shown.place.departs == pytest.approx(w.clock.now() + seconds)
    meters = w.sign_in.sign_in_context.monitoring.departures
    assert isinstance(meters, Tallies)
    assert (meters.departures, [provider for provider, _ in meters.lines]) == ([ALDER], [ALDER, ALDER])
    w.clock.advance(1)
    assert isinstance(await view(w, second), RedirectAway)
    assert isinstance(await view(w, third), QueueView)
    w.clock.advance(1)
    assert isinstance(await view(w, third), RedirectAway)
    assert (await w.transaction(third)).queue is None


async def test_choosing_the_same_provider_again_keeps_the_place(w: World) -> None:
    await chooses(w)
    handle = await chooses(w)
    before = await w.transaction(handle)
    assert await w.sign_in.choose(handle, w.browser, ALDER) is None
    assert await w.transaction(handle) == before


async def test_a_citizen_in_line_may_take_another_way_and_leaves_the_line(w: World) -> None:
    await chooses(w)
    handle = await chooses(w)
    other = next(name for name in w.shelf.providers if name != ALDER)
    shown = await view(w, handle)
    assert isinstance(shown, QueueView)
    assert shown.offer.has(other)
    assert await w.sign_in.choose(handle, w.browser, other) is None
    after = await w.transaction(handle)
    assert (after.state, after.queue) == (TransactionState.AWAY, None)


async def test_with_too_many_in_line_the_provider_counts_as_busy(w: World) -> None:
    handles = [await chooses(w) for _ in range(4)]
    failed = await w.transaction(handles[3])
    assert (failed.state, failed.failures[-1].failure.value) == (TransactionState.FAILED, "provider_busy")
    [row] = [row for row in await w.stage.audit() if row.kind == "attempt_failed"]
    assert row.details["reason"] == "busy"


async def test_a_provider_that_is_turned_off_meanwhile_leads_to_the_picker(w: World) -> None:
    await chooses(w)
    handle = await chooses(w)
    await w.off(KillSwitchKind.PROVIDER, ALDER)
    shown = await view(w, handle)
    assert isinstance(shown, PickerView)
    assert [one.card.id for one in shown.offer.not_working if one.off] == [ALDER]
    w.clock.advance(5)
    assert isinstance(await view(w, handle), PickerView)


async def test_after_an_outage_a_provider_gets_citizens_by_steps(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    w.listing(ALDER, recovery=(0.5, 100.0))
    recovered = w.clock.now()
    monkeypatch.setattr(
        type(w.sign_in.sign_in_context.monitoring),
        "health",
        lambda *_: ProviderHealth(working=True, recovered=recovered),
        raising=False,
    )
    assert isinstance(await view(w, await chooses(w)), RedirectAway)
    assert isinstance(await view(w, await chooses(w)), QueueView)
    w.clock.advance(30)
    assert all([isinstance(await view(w, await chooses(w)), RedirectAway) for _ in range(3)])
    w.clock.advance(30)
    assert isinstance(await view(w, await chooses(w)), RedirectAway)


async def test_without_a_limit_no_place_is_reserved(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    w.listing(ALDER)

    async def reserve(*_: object) -> float:
        raise AssertionError("a trip to the store that no limit asks for")

    monkeypatch.setattr(w.stage.passing.departures, "reserve", reserve)
    assert all([isinstance(await view(w, await chooses(w)), RedirectAway) for _ in range(3)])

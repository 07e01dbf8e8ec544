"""The waiting room of a provider that takes only so many citizens a second."""

from dataclasses import replace
from typing import cast

import pytest

from broker.actions.browser import Browser
from broker.actions.sign_in import provider_login
from broker.actions.views import DeadEnd, FailureView, PickerView, QueueView, RedirectAway
from broker.journey.transaction import TransactionState
from broker.model.failures import FailureClass, NextStep
from broker.model.kill_switches import KillSwitchKind
from broker.model.provider_policy import Overflow
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
        assert shown.reload == 5
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


async def test_a_citizen_leaves_the_line_for_the_picker_and_nothing_else_moves(w: World) -> None:
    first, second, third = [await chooses(w) for _ in range(3)]
    assert await provider_login.leave_queue(w.sign_in.sign_in_context, second, w.browser) is None
    left = await w.transaction(second)
    assert (left.state, left.queue, left.failures) == (TransactionState.CHOOSING, None, ())
    assert isinstance(await view(w, second), PickerView)
    away, waits = await w.transaction(first), await w.transaction(third)
    for handle in (first, second):
        assert await provider_login.leave_queue(w.sign_in.sign_in_context, handle, w.browser) is None
    assert (await w.transaction(first), await w.transaction(second), await w.transaction(third)) == (away, left, waits)
    lost = await provider_login.leave_queue(w.sign_in.sign_in_context, third, Browser(("another",)))
    assert isinstance(lost, DeadEnd)
    assert await w.transaction(third) == waits


async def test_a_citizen_with_an_open_case_leaves_the_line_for_its_page(w: World) -> None:
    await chooses(w)
    handle = await chooses(w)
    await w.restores(handle, replace(await w.transaction(handle), case="case-1"))
    await provider_login.leave_queue(w.sign_in.sign_in_context, handle, w.browser)
    after = await w.transaction(handle)
    assert (after.state, after.case, after.queue) == (TransactionState.WAITING, "case-1", None)


async def test_with_overflow_to_others_a_citizen_reads_that_first_and_then_gets_a_place(w: World) -> None:
    w.listing(ALDER, departures_per_second=1.0, queue_limit=2, overflow=Overflow.OTHERS)
    await chooses(w)
    handle = await chooses(w)
    shown = await view(w, handle)
    assert isinstance(shown, FailureView)
    assert shown.failed.failure is FailureClass.PROVIDER_BUSY
    assert {NextStep.RETRY, NextStep.ANOTHER} <= set(shown.steps)
    assert [option.lines_up for option in shown.offer.options if option.card.id == ALDER] == [True]
    assert await w.sign_in.choose(handle, w.browser, ALDER) is None
    assert isinstance(await view(w, handle), QueueView)
    w.clock.advance(2)
    assert isinstance(await view(w, handle), RedirectAway)


async def test_with_overflow_to_others_that_do_not_work_a_citizen_gets_a_place_at_once(w: World) -> None:
    w.listing(ALDER, departures_per_second=1.0, queue_limit=2, overflow=Overflow.OTHERS)
    await chooses(w)
    handle = await w.arrives()
    for name in w.shelf.providers:
        if name != ALDER:
            await w.off(KillSwitchKind.PROVIDER, name)
    assert await w.sign_in.choose(handle, w.browser, ALDER) is None
    assert isinstance(await view(w, handle), QueueView)


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

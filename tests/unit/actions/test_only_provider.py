"""One provider reaches the level: said before the first click, and after whatever happens there is a next step."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from broker.actions.views import FailureView, PickerView, QueueView
from broker.journey.next_steps import beside_providers
from broker.model.assurance import Level
from broker.model.kill_switches import KillSwitchKind
from broker.model.provider_policy import Overflow
from broker.model.service import OtherWay
from broker.provider import ProviderFailureReason, ProviderHealth
from broker.web.shared.pages import PageRenderer
from broker.web.shared.static_files import statics
from tests.unit.actions.assisted.case_harness import Stage
from tests.unit.actions.page_world import ALDER, BIRCH, World, world
from tests.unit.web.citizen_pages import all_pages

pytestmark = [pytest.mark.store, pytest.mark.slow]

ONLY = "Only Alder Bank gives the proof that"
TROUBLES = ("paused", "ended", "off", "down")


@pytest.fixture(scope="module")
def written() -> PageRenderer:
    """Every page, compiled once."""
    return all_pages(statics())


@pytest.fixture(params=["a person", "other ways", "nothing beside it"])
def w(request: pytest.FixtureRequest, stage: Stage, written: PageRenderer) -> World:
    """A service at level high, which Alder alone reaches, with different things beside it."""
    made = world(stage, written)
    service, beside = made.shelf.services["library"], request.param
    ways = (OtherWay({"en": "Come to the counter"}),) if beside == "other ways" else ()
    made.shelf.services["library"] = replace(
        service,
        level=Level.HIGH,
        assisted=beside == "a person",
        presentation=replace(service.presentation, other_ways=ways),
    )
    weaker = made.upstream[BIRCH]
    weaker.card = replace(weaker.card, max_level=Level.SUBSTANTIAL)
    return made


async def suffers(w: World, trouble: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alder cannot be used, for a reason."""
    now = w.clock.now()
    match trouble:
        case "paused":
            w.listing(ALDER, paused={"en": "It is being repaired."})
        case "ended":
            w.listing(ALDER, accept_sign_in_until=now)
        case "off":
            await w.off(KillSwitchKind.PROVIDER, ALDER)
        case _:
            down: Any = lambda *_: ProviderHealth(working=False, since=now, checked=now)  # noqa: E731
            monkeypatch.setattr(type(w.sign_in.sign_in_context.monitoring), "health", down, raising=False)


async def test_it_is_said_before_the_first_click(w: World) -> None:
    view, page, _ = await w.reads(await w.arrives(min_level=Level.HIGH))
    assert isinstance(view, PickerView)
    assert [option.card.id for option in view.offer.options] == [ALDER]
    assert ONLY in page


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_before_the_first_click_a_provider_that_cannot_be_used_is_named_with_what_else_can_be_done(
    w: World, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await suffers(w, trouble, monkeypatch)
    view, page, _ = await w.reads(await w.arrives(min_level=Level.HIGH))
    assert isinstance(view, FailureView if trouble == "ended" else PickerView)
    assert not view.offer.options
    service = w.shelf.services["library"]
    for there, words in ((view.offer.help, "from a person"), (service.presentation.other_ways, "Come to the counter")):
        assert not there or words in page
    if isinstance(view, FailureView):
        assert view.steps
    else:
        assert view.offer.help or beside_providers(view.transaction, view.offer) or "Please come back" in page


@pytest.mark.parametrize(("reason", "trouble"), list(product(ProviderFailureReason, ("", *TROUBLES))))
async def test_after_its_failure_there_is_a_next_step_whatever_became_of_it(
    w: World, reason: ProviderFailureReason, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = await w.arrives(min_level=Level.HIGH)
    await w.tries(handle, reason)
    if trouble:
        await suffers(w, trouble, monkeypatch)
    view, page, _ = await w.reads(handle)
    assert isinstance(view, FailureView)
    assert view.steps
    assert "What you can do now" in page


@pytest.mark.parametrize("overflow", Overflow)
async def test_beyond_its_rate_the_citizen_gets_a_place_in_line_since_there_is_no_other(
    w: World, overflow: Overflow
) -> None:
    w.listing(ALDER, departures_per_second=1.0, queue_limit=1, overflow=overflow)
    handles = [await w.arrives(min_level=Level.HIGH) for _ in range(3)]
    for handle in handles:
        await w.sign_in.choose(handle, w.browser, ALDER)
    view, page, _ = await w.reads(handles[1])
    assert isinstance(view, QueueView)
    assert "Leave the line" in page
    view, page, _ = await w.reads(handles[2])
    assert isinstance(view, FailureView)
    assert view.steps, "the line is full"

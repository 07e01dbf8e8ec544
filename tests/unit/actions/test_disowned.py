"""This was not me: everything ends at once, a way is stopped, and another one turns it on again."""

from dataclasses import replace

import pytest

from broker.account.links import may_stop
from broker.actions.account import wrong
from broker.actions.account.own import OwnRefusal, open_account
from broker.actions.browser import Browser, SignedOutUser
from broker.model.account import LinkedWay
from broker.model.assurance import Level
from broker.model.outbound_delivery import DeliveryKind
from tests.unit.actions.account_steps import account, agrees, audited, opens, proves_second, sub_at
from tests.unit.actions.page_world import ALDER, BIRCH, World
from tests.unit.actions.test_own_account import failure_of, hears_of_it, own, sent, uses_library

THIEF = Browser(("the-thiefs-secret",), address="192.0.2.66")


async def with_two_ways(w: World) -> tuple[str, str]:
    """A citizen with two ways; gives their keys."""
    await uses_library(w)
    await opens(w)
    handle, _ = await proves_second(w, BIRCH)
    await agrees(w, handle)
    first, second = (one.way.key for one in (await account(w)).ways)
    return first, second


async def test_everything_ends_at_once_and_services_are_told(w: World) -> None:
    key, _ = await with_two_ways(w)
    before = await sub_at(w, ALDER)
    mine, w.browser = w.browser, THIEF
    w.clock.advance(1)
    await opens(w, BIRCH)
    thief, w.browser = w.browser, mine
    hears_of_it(w)
    w.clock.advance(600 + 61)
    assert isinstance(await wrong.disown(own(w), w.browser, key), SignedOutUser)
    for browser in (mine, thief):
        assert await open_account(w.sign_in.sign_in_context, browser) is None
    [event] = await audited(w, "account_disowned")
    assert (event.account, event.actor) == (await w.account(), "citizen")
    events = [one for one in await sent(w) if one.kind is DeliveryKind.SECURITY_EVENT]
    assert [one.content.get("cause") for one in events].count("disowned") == 1
    assert all(one.content["event"].endswith("/session-revoked") for one in events)
    assert await wrong.disown(own(w), w.browser, key) is OwnRefusal.SIGNED_OUT
    w.browser = replace(w.browser, session=None)
    assert await failure_of(w, await w.proves()) == "way_stopped"
    w.clock.advance(1)
    await w.agrees(await w.proves(provider=BIRCH))
    assert await sub_at(w, BIRCH) == before


async def test_a_stopped_way_is_turned_on_again_by_another_after_a_fresh_sign_in(w: World) -> None:
    key, other = await with_two_ways(w)
    await wrong.disown(own(w), w.browser, key)
    w.clock.advance(1)
    await opens(w, BIRCH)
    view = await wrong.view_wrong(own(w), w.browser)
    assert view is not None
    assert [(one.way.stopped is not None, one.stoppable) for one in view.ways] == [(True, False), (False, False)]
    assert await wrong.resume_way(own(w), w.browser, other) is OwnRefusal.NOTHING
    w.clock.advance(600 + 61)
    assert await wrong.resume_way(own(w), w.browser, key) is OwnRefusal.NOT_FRESH
    await opens(w, BIRCH)
    assert await wrong.resume_way(own(w), w.browser, key) is None
    assert await wrong.resume_way(own(w), w.browser, key) is OwnRefusal.NOTHING
    w.browser = replace(w.browser, session=None)
    assert await failure_of(w, await w.proves()) is None
    assert len(await audited(w, "way_resumed")) == 1


async def test_a_sign_in_that_was_under_way_when_everything_was_stopped_answers_no_service(w: World) -> None:
    key, _ = await with_two_ways(w)
    mine, w.browser = w.browser, THIEF
    handle = await w.arrives()
    await w.tries(handle)
    w.clock.advance(5)
    await wrong.disown(own(w), mine, "")
    answers = len(await audited(w, "service_answered"))
    await w.agrees(handle)
    assert await failure_of(w, handle) == "session_ended"
    assert len(await audited(w, "service_answered")) == answers
    assert key


async def test_the_only_way_stays_on_but_has_to_be_proved_again(w: World) -> None:
    await uses_library(w)
    await opens(w)
    [one] = (await account(w)).ways
    w.clock.advance(5)
    assert isinstance(await wrong.disown(own(w), w.browser, one.way.key), SignedOutUser)
    w.clock.advance(1)
    await opens(w)
    [one] = (await account(w)).ways
    assert one.way.stopped is None


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([Level.HIGH], False),
        ([Level.HIGH, Level.LOW], False),
        ([Level.LOW, Level.HIGH], True),
        ([Level.HIGH, Level.HIGH], True),
        ([None, None], True),
    ],
)
def test_a_way_is_stopped_only_if_another_proves_as_much(levels: list[Level | None], expected: bool) -> None:  # noqa: FBT001
    ways = [LinkedWay(f"{n}", "i", "p", level, 0.0) for n, level in enumerate(levels)]
    assert may_stop(ways, "0") is expected
    assert not may_stop(ways, "unknown")
    assert not may_stop([replace(ways[0], stopped=1.0), *ways[1:]], "0")
    assert not may_stop([ways[0], *(replace(one, stopped=1.0) for one in ways[1:])], "0")


async def test_a_way_is_turned_off_in_advance_and_opens_nothing_until_another_turns_it_on(w: World) -> None:
    key, other = await with_two_ways(w)
    subject = await sub_at(w, ALDER)
    assert await wrong.stop_way(own(w), w.browser, "no-key") is OwnRefusal.NOTHING
    assert await wrong.stop_way(own(w), w.browser, key) is None
    [event] = await audited(w, "way_turned_off")
    assert (event.account, event.actor) == (await w.account(), "citizen")
    # the session that it proved has ended, and nothing opens with it
    assert await open_account(w.sign_in.sign_in_context, w.browser) is None
    w.browser = replace(w.browser, session=None)
    assert await failure_of(w, await w.proves()) == "way_stopped"
    w.clock.advance(1)
    await opens(w, BIRCH)
    # the last one that can be used is not stopped, and nothing is stopped twice
    for way in (key, other):
        assert await wrong.stop_way(own(w), w.browser, way) is OwnRefusal.NOTHING
    assert await wrong.resume_way(own(w), w.browser, key) is None
    await w.agrees(await w.proves())
    assert await sub_at(w, ALDER) == subject


async def test_no_way_is_turned_off_long_after_the_sign_in(w: World) -> None:
    key, _ = await with_two_ways(w)
    w.clock.advance(600 + 61)
    assert await wrong.stop_way(own(w), w.browser, key) is OwnRefusal.NOT_FRESH
    assert await audited(w, "way_turned_off") == []

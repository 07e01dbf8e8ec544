"""The citizen's own data: shown after a fresh sign-in, and erased when they leave."""

from dataclasses import replace

from broker.actions.account import data
from broker.actions.account.own import OwnRefusal, open_account
from broker.actions.browser import SignedOutUser
from broker.model.outbound_delivery import DeliveryKind
from tests.unit.actions.account_steps import audited, opens, sub_at
from tests.unit.actions.page_world import ALDER, World
from tests.unit.actions.test_own_account import LIBRARY, failure_of, hears_of_it, own, sent, uses_library


async def test_everything_is_shown_after_a_fresh_sign_in_only(w: World) -> None:
    subject = await uses_library(w)
    await opens(w)
    view = await data.view_data(own(w), w.browser)
    assert view is not None
    assert view.held is not None
    sector = w.shelf.services[LIBRARY].sector
    assert view.held.record.subjects[sector] == subject
    assert [one.agreement.client_id for one in view.held.services] == [LIBRARY]
    assert {one.activity.kind for one in view.held.activity} >= {"service_answered", "account_opened"}
    assert set(view.held.cards) == {ALDER}
    w.clock.advance(600 + 61)
    stale = await data.view_data(own(w), w.browser)
    assert stale is not None
    assert stale.held is None
    assert await data.view_data(own(w), replace(w.browser, session=None)) is None


async def test_whoever_leaves_is_told_of_to_services_and_comes_back_as_another(w: World) -> None:
    before = await uses_library(w)
    await opens(w)
    hears_of_it(w)
    browser = w.browser
    assert isinstance(await data.leave(own(w), browser), SignedOutUser)
    assert await open_account(w.sign_in.sign_in_context, browser) is None
    [event] = await audited(w, "account_erased")
    assert (event.actor, event.client_id) == ("citizen", None)
    events = [one for one in await sent(w) if one.kind is DeliveryKind.SECURITY_EVENT]
    [purged] = [one for one in events if one.content["event"].endswith("/account-purged")]
    assert (purged.client_id, purged.content["sub"]) == (LIBRARY, before)
    assert await data.leave(own(w), browser) is OwnRefusal.SIGNED_OUT
    w.browser = replace(browser, session=None)
    w.clock.advance(1)
    handle = await w.proves()
    assert await failure_of(w, handle) is None
    await w.agrees(handle)
    assert await sub_at(w, ALDER) not in (None, before)


async def test_nothing_is_deleted_long_after_the_sign_in(w: World) -> None:
    subject = await uses_library(w)
    await opens(w)
    w.clock.advance(600 + 61)
    assert await data.leave(own(w), w.browser) is OwnRefusal.NOT_FRESH
    assert await sub_at(w, ALDER) == subject

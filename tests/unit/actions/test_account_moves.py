"""A way of the account is moved to another provider, unlinked, or gone with its provider."""

from dataclasses import replace

from broker.account.links import LinkRefusal
from broker.actions.account import ways
from broker.actions.browser import Browser
from broker.actions.views import PickerView, RedirectAway
from broker.journey.transaction import TransactionState
from broker.model.account import UnlinkResult
from tests.unit.actions.account_steps import HOME, account, agrees, audited, names, opens, proves_second, sub_at
from tests.unit.actions.assisted.case_harness import STRANGER
from tests.unit.actions.page_world import ALDER, BIRCH, World


async def test_a_move_keeps_the_subjects_and_the_browser_signed_in(w: World) -> None:
    await w.agrees(await w.proves())
    before = await sub_at(w, ALDER)
    view = await opens(w)
    old = w.browser.session
    handle, shown = await proves_second(w, replaced=view.ways[0].way.key)
    assert shown.replaced == ALDER
    left = await agrees(w, handle)
    assert isinstance(left, RedirectAway)
    assert left.url == f"{HOME}?done=moved"
    assert w.browser.session != old
    view = await account(w)
    assert (names(view), view.ways[0].current, view.refusal) == ([BIRCH], True, None)
    assert await sub_at(w, BIRCH) == before is not None
    assert await sub_at(w, ALDER) is None
    assert await ways.view_account(w.sign_in.sign_in_context, replace(w.browser, session=old)) is None
    [event] = await audited(w, "identity_moved")
    assert event.provider == BIRCH


async def test_a_move_of_a_way_that_is_not_the_accounts_links_and_removes_nothing(w: World) -> None:
    await opens(w)
    handle, view = await proves_second(w, replaced="forged")
    assert view.replaced is None
    left = await agrees(w, handle)
    assert isinstance(left, RedirectAway)
    assert left.url == f"{HOME}?done=linked"
    assert names(await account(w)) == [ALDER, BIRCH]


async def test_a_provider_leaves_in_stages_and_who_moved_in_time_is_known_as_before(w: World) -> None:
    await w.agrees(await w.proves())
    before, last_day = await sub_at(w, ALDER), w.clock.now() + 30 * 86_400
    w.listing(ALDER, accept_new_until=w.clock.now(), accept_sign_in_until=last_day)
    view, _ = await w.sign_in.look(await w.arrives(), w.browser)
    assert isinstance(view, PickerView)
    [alder] = [option for option in view.offer.options if option.card.id == ALDER]
    assert (alder.closed, alder.leaves) == (True, last_day)
    w.clock.advance(29 * 86_400)
    own = await opens(w)
    assert own.ways[0].policy is not None
    assert own.ways[0].policy.accept_sign_in_until == last_day
    handle, _ = await proves_second(w, replaced=own.ways[0].way.key)
    await agrees(w, handle)
    w.clock.advance(2 * 86_400)
    w.browser = STRANGER
    view, _ = await w.sign_in.look(await w.arrives(), w.browser)
    assert isinstance(view, PickerView)
    assert [option.card.id for option in view.offer.options] == [BIRCH]
    await w.agrees(await w.proves(provider=BIRCH))
    assert await sub_at(w, BIRCH) == before is not None


async def test_a_way_is_unlinked_and_signs_in_as_a_new_person_from_then_on(w: World) -> None:
    await w.agrees(await w.proves())
    before = await sub_at(w, ALDER)
    await opens(w)
    handle, _ = await proves_second(w)
    await agrees(w, handle)
    birch = next(own for own in (await account(w)).ways if own.way.provider == BIRCH)
    done = await ways.unlink(w.sign_in.sign_in_context, w.browser, birch.way.key, last=False)
    assert done is UnlinkResult.UNLINKED
    assert names(await account(w)) == [ALDER]
    assert await sub_at(w, BIRCH) is None
    w.browser = STRANGER
    await w.agrees(await w.proves(provider=BIRCH))
    assert await sub_at(w, BIRCH) not in (None, before)


async def test_the_last_way_needs_the_citizens_word_and_signs_the_browser_out(w: World) -> None:
    [own] = (await opens(w)).ways
    context = w.sign_in.sign_in_context
    assert await ways.unlink(context, w.browser, own.way.key, last=False) is UnlinkResult.LAST
    assert await ways.unlink(context, w.browser, own.way.key, last=True) is UnlinkResult.UNLINKED
    assert await ways.view_account(context, w.browser) is None
    assert await ways.unlink(context, w.browser, own.way.key, last=True) is LinkRefusal.SIGNED_OUT


async def test_a_session_proved_by_an_unlinked_way_answers_no_service(w: World) -> None:
    await opens(w)
    handle, _ = await proves_second(w)
    await agrees(w, handle)
    elsewhere = Browser(secrets=("third-secret",), address="192.0.2.3")
    here, w.browser = w.browser, elsewhere
    await opens(w, BIRCH)
    there, w.browser = w.browser, here
    birch = next(own for own in (await account(w)).ways if own.way.provider == BIRCH)
    assert await ways.unlink(w.sign_in.sign_in_context, w.browser, birch.way.key, last=False) is UnlinkResult.UNLINKED
    assert await ways.view_account(w.sign_in.sign_in_context, there) is None
    w.browser = there
    assert (await w.transaction(await w.arrives())).state is TransactionState.CHOOSING


async def test_a_way_whose_provider_is_gone_is_listed_and_can_be_unlinked(w: World) -> None:
    await opens(w)
    handle, _ = await proves_second(w)
    await agrees(w, handle)
    del w.shelf.providers[BIRCH]
    birch = (await account(w)).ways[1]
    assert (birch.way.provider, birch.card, birch.policy) == (BIRCH, None, None)
    done = await ways.unlink(w.sign_in.sign_in_context, w.browser, birch.way.key, last=False)
    assert done is UnlinkResult.UNLINKED

"""A way of the account is moved to another provider, unlinked, or gone with its provider."""

from dataclasses import replace

from broker.account.links import LinkRefusal
from broker.actions.account import ways
from broker.actions.browser import Browser
from broker.actions.results import HelpRefused
from broker.actions.views import FailureView, PickerView, RedirectAway
from broker.journey.provider_offer import LEFT_SHOWN
from broker.journey.transaction import TransactionState
from broker.model.account import UnlinkResult
from broker.model.assurance import Level
from broker.model.failures import FailureClass
from tests.unit.actions.account_steps import WAYS, account, agrees, audited, begins, names, opens, proves_second, sub_at
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
    assert left.url == f"{WAYS}?done=moved"
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
    assert left.url == f"{WAYS}?done=linked"
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


async def test_who_missed_the_last_day_moves_until_the_second_one_and_services_accept_nothing_in_between(
    w: World,
) -> None:
    await w.agrees(await w.proves())
    before, last_day = await sub_at(w, ALDER), w.clock.now() + 86_400
    moving = last_day + 90 * 86_400
    w.listing(ALDER, accept_sign_in_until=last_day, accept_moving_until=moving)
    w.clock.advance(2 * 86_400)
    w.browser = STRANGER
    view, _ = await w.sign_in.look(await w.arrives(), w.browser)
    assert isinstance(view, PickerView)
    assert [option.card.id for option in view.offer.options] == [BIRCH]
    assert [(one.card.id, one.left, one.moving) for one in view.offer.not_working] == [(ALDER, last_day, moving)]
    assert [(one.card.id, one.moving) for one in ways.ended_ways(w.sign_in.sign_in_context)] == [(ALDER, moving)]
    own = await opens(w)
    assert names(own) == [ALDER]
    handle, _ = await proves_second(w, replaced=own.ways[0].way.key)
    await agrees(w, handle)
    w.browser = STRANGER
    await w.agrees(await w.proves(provider=BIRCH))
    assert await sub_at(w, BIRCH) == before is not None


async def test_a_sign_in_of_a_provider_that_left_permits_to_move_and_opens_no_service(w: World) -> None:
    await w.agrees(await w.proves())
    last_day = w.clock.now() + 60
    w.listing(ALDER, accept_sign_in_until=last_day, accept_moving_until=last_day + 86_400)
    w.clock.advance(120)
    w.browser = STRANGER
    await opens(w)
    view, _ = await w.sign_in.look(await w.arrives(), w.browser)
    assert isinstance(view, PickerView), "the session of the account's pages does not answer a service"
    handle = await w.arrives()
    assert await w.sign_in.choose(handle, w.browser, ALDER) is HelpRefused.NOT_NOW


async def test_after_the_second_day_nobody_signs_in_by_it_and_a_page_says_so_for_half_a_year(w: World) -> None:
    await w.agrees(await w.proves())
    moving = w.clock.now() + 86_400
    w.listing(ALDER, accept_sign_in_until=w.clock.now(), accept_moving_until=moving)
    w.browser = STRANGER
    w.clock.advance(86_400)
    handle = await begins(w)
    assert await w.sign_in.choose(handle, w.browser, ALDER) is HelpRefused.NOT_NOW
    context = w.sign_in.sign_in_context
    assert [(one.card.id, one.moving) for one in ways.ended_ways(context)] == [(ALDER, None)]
    w.clock.advance(LEFT_SHOWN)
    assert ways.ended_ways(context) == []


async def test_nobody_new_comes_by_a_provider_that_left(w: World) -> None:
    w.listing(ALDER, accept_sign_in_until=w.clock.now(), accept_moving_until=w.clock.now() + 86_400)
    handle = await begins(w)
    await w.tries(handle, Level.HIGH, ALDER)
    view, _ = await w.sign_in.look(handle, w.browser)
    assert isinstance(view, FailureView)
    assert view.failed.failure is FailureClass.NO_NEWCOMERS

"""The citizen's account: opened by a sign-in of its own, a second way linked, moved to, and unlinked."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from broker.account.links import LinkRefusal
from broker.actions.account import errand, ways
from broker.actions.account.ways import AccountView
from broker.actions.browser import Browser, BrowserUpdates
from broker.actions.results import StartedTransaction
from broker.actions.views import FailureView, LinkView, PickerView, RedirectAway
from broker.journey.transaction import AskedAgain, TransactionState
from broker.model.account import ErrandKind, UnlinkResult
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.kill_switches import KillSwitchKind
from broker.model.service import Service
from broker.provider import ProviderFailureReason
from broker.web.shared.pages import PageRenderer
from tests.unit.actions.assisted.case_harness import ME, STRANGER, Stage
from tests.unit.actions.page_world import ALDER, BIRCH, World, world

HOME = "https://broker.example/account/ways"


@pytest.fixture
def w(stage: Stage) -> World:
    """Two providers, a library, and a citizen."""
    return world(stage, cast(PageRenderer, None))


async def sub_at(w: World, provider: str, service: Service | None = None) -> str | None:
    """The pairwise subject of the person at a provider for a service, the library unless another is named."""
    service = service or w.shelf.services["library"]
    found = await w.stage.facts.authorizations.linked_identity(
        f"https://{provider}.example", w.upstream[provider].subject, service.sector, service.client_id
    )
    return None if found is None else found.subject


async def begins(w: World, kind: ErrandKind = ErrandKind.ACCOUNT, replaced: str | None = None) -> str:
    """The citizen begins an errand; gives the handle."""
    begun = await ways.begin(w.sign_in.sign_in_context, w.browser, "en", kind, replaced)
    assert isinstance(begun, StartedTransaction)
    w.ids[begun.handle] = (await w.transaction(begun.handle)).id
    return begun.handle


async def opens(w: World, provider: str = ALDER, level: Level = Level.HIGH) -> AccountView:
    """The citizen signs in to the account; the browser holds the session from then on."""
    handle = await begins(w)
    await w.tries(handle, level, provider)
    view, updates = await w.sign_in.look(handle, w.browser)
    assert isinstance(view, RedirectAway)
    assert view.url == HOME
    assert updates.session is not None
    w.browser = replace(w.browser, session=updates.session)
    return await account(w)


async def account(w: World) -> AccountView:
    """The account of the browser's session."""
    found = await ways.view_account(w.sign_in.sign_in_context, w.browser)
    assert found is not None
    return found


async def proves_second(w: World, provider: str = BIRCH, replaced: str | None = None) -> tuple[str, LinkView]:
    """The citizen proves a second way; gives the handle and the page that shows both."""
    handle = await begins(w, ErrandKind.LINK, replaced)
    assert (await w.transaction(handle)).request.fresh
    await w.tries(handle, Level.HIGH, provider)
    view, _ = await w.sign_in.look(handle, w.browser)
    assert isinstance(view, LinkView)
    return handle, view


async def agrees(w: World, handle: str, *, agree: bool = True) -> RedirectAway | LinkView:
    """A second later the citizen agrees to link what the page shows, or does not; gives the page after it."""
    w.clock.advance(1)
    done = await errand.submit_link(w.sign_in.sign_in_context, handle, w.browser, agree=agree)
    if isinstance(done, BrowserUpdates) and done.session is not None:
        w.browser = replace(w.browser, session=done.session)
    view, _ = await w.sign_in.look(handle, w.browser)
    assert isinstance(view, RedirectAway | LinkView)
    return view


async def audited(w: World, *kinds: str) -> Sequence[AuditEvent]:
    """The audit rows of these kinds."""
    return [event for event in await w.stage.audit() if event.kind in kinds]


def names(view: AccountView) -> list[str | None]:
    """The providers of the ways."""
    return [own.way.provider for own in view.ways]


# --- signing in ---


async def test_a_browser_without_a_session_sees_no_account(w: World) -> None:
    assert await ways.view_account(w.sign_in.sign_in_context, w.browser) is None
    await opens(w)
    assert await ways.view_account(w.sign_in.sign_in_context, STRANGER) is None


async def test_a_sign_in_to_the_account_offers_the_providers_and_no_help_of_a_person(w: World) -> None:
    view, _ = await w.sign_in.look(await begins(w), w.browser)
    assert isinstance(view, PickerView)
    assert [option.card.id for option in view.offer.options] == [ALDER, BIRCH]
    assert (view.offer.help, view.offer.later, view.service.client_id) == (False, False, "account")


async def test_a_failed_sign_in_to_the_account_has_a_page_with_next_steps(w: World) -> None:
    handle = await begins(w)
    await w.tries(handle, ProviderFailureReason.CANCELLED)
    view, _ = await w.sign_in.look(handle, w.browser)
    assert isinstance(view, FailureView)
    assert view.steps
    assert await w.sign_in.give_up(handle, w.browser) is None
    view, _ = await w.sign_in.look(handle, w.browser)
    assert isinstance(view, RedirectAway)
    assert view.url == HOME


async def test_the_account_lists_its_ways_and_what_services_received(w: World) -> None:
    handle = await w.proves()
    await w.agrees(handle)
    view = await opens(w)
    assert names(view) == [ALDER]
    assert (view.ways[0].current, view.ways[0].last, view.refusal) == (True, True, None)
    [told] = view.disclosures
    assert (told.client_id, told.service) == ("library", w.shelf.services["library"])
    assert {claim.claim for claim in told.claims} == {"name", "birthdate", "sub"}
    assert [event.provider for event in await audited(w, "account_opened")] == [ALDER]


async def test_a_sign_in_to_the_account_gives_services_the_subject_they_know(w: World) -> None:
    await opens(w)
    assert await sub_at(w, ALDER) is None
    await w.agrees(await w.proves())
    before = await sub_at(w, ALDER)
    await opens(w)
    assert await sub_at(w, ALDER) == before is not None


async def test_a_transaction_for_the_account_cannot_be_answered_as_one_of_a_service(w: World) -> None:
    handle = await begins(w)
    await w.tries(handle)
    await w.sign_in.share(handle, w.browser, agree=True)
    assert (await w.transaction(handle)).state is TransactionState.IDENTIFIED
    assert await audited(w, "service_answered") == []
    assert await w.sign_in.finish_later(handle, w.browser) is None


async def test_an_account_that_was_turned_off_is_not_opened(w: World) -> None:
    await w.agrees(await w.proves())
    await w.off(KillSwitchKind.ACCOUNT, await w.account())
    handle = await begins(w)
    await w.tries(handle)
    view, updates = await w.sign_in.look(handle, w.browser)
    assert isinstance(view, FailureView)
    assert (view.failed.failure.value, updates.session) == ("account_off", None)


@pytest.mark.parametrize(
    ("asked", "again"),
    [
        ({"min_level": Level.HIGH}, AskedAgain.LEVEL),
        ({"prompt": ("login",)}, AskedAgain.FRESH),
        ({"max_age": 10}, AskedAgain.AGE),
    ],
)
async def test_a_request_that_the_session_does_not_answer_says_why(
    w: World, asked: dict[str, Any], again: AskedAgain
) -> None:
    assert (await w.transaction(await w.arrives(**asked))).again is None
    await opens(w, level=Level.LOW)
    w.clock.advance(60)
    assert (await w.transaction(await w.arrives(**asked))).again is again
    assert (await w.transaction(await begins(w))).again is AskedAgain.CHANGE


# --- linking ---


async def test_both_identities_are_shown_before_they_are_linked(w: World) -> None:
    await opens(w)
    handle, view = await proves_second(w)
    assert view.first is not None
    assert [proof.identity.issuer for proof in (view.first, view.second)] == [
        "https://alder.example",
        "https://birch.example",
    ]
    assert (view.refusal, view.replaced, view.known_twice) == (None, None, ())
    assert names(await account(w)) == [ALDER]
    left = await agrees(w, handle)
    assert isinstance(left, RedirectAway)
    assert left.url == f"{HOME}?done=linked"
    assert names(await account(w)) == [ALDER, BIRCH]
    assert not any(own.last for own in (await account(w)).ways)


async def test_a_service_gets_the_same_subject_by_a_linked_way(w: World) -> None:
    await w.agrees(await w.proves())
    before = await sub_at(w, ALDER)
    await opens(w)
    handle, _ = await proves_second(w)
    await agrees(w, handle)
    assert await sub_at(w, BIRCH) == before is not None
    w.browser = STRANGER
    again = await w.proves(provider=BIRCH)
    await w.agrees(again)
    assert await sub_at(w, ALDER) == before
    [first, second] = await audited(w, "service_answered")
    assert first.account == second.account


async def test_a_citizen_who_does_not_agree_changes_nothing(w: World) -> None:
    await opens(w)
    handle, _ = await proves_second(w)
    left = await agrees(w, handle, agree=False)
    assert isinstance(left, RedirectAway)
    assert left.url == HOME
    assert names(await account(w)) == [ALDER]
    assert await audited(w, "identity_linked") == []


async def test_agreeing_twice_links_once(w: World) -> None:
    await opens(w)
    handle, _ = await proves_second(w)
    await agrees(w, handle)
    await agrees(w, handle)
    assert len(await audited(w, "identity_linked")) == 1


async def test_a_link_after_an_old_sign_in_begins_with_a_new_one(w: World) -> None:
    await opens(w)
    w.clock.advance(700)
    assert (await account(w)).refusal is LinkRefusal.NOT_FRESH
    handle = await begins(w, ErrandKind.LINK)
    asked = (await w.transaction(handle)).request
    assert asked.errand is not None
    assert (asked.errand.kind, asked.prompt) == (ErrandKind.ACCOUNT, ("login",))


async def test_a_weak_sign_in_cannot_change_what_a_strong_one_opens(w: World) -> None:
    await opens(w, level=Level.HIGH)
    view = await opens(w, level=Level.LOW)
    assert view.refusal is LinkRefusal.TOO_WEAK
    asked = (await w.transaction(await begins(w, ErrandKind.LINK))).request
    assert asked.errand is not None
    assert (asked.errand.kind, asked.min_level) == (ErrandKind.ACCOUNT, Level.HIGH)
    assert await ways.unlink(w.sign_in.sign_in_context, w.browser, view.ways[0].way.key, last=True) is (
        LinkRefusal.TOO_WEAK
    )


@pytest.mark.parametrize("how", ["signed_out", "stranger", "own", "known_twice"])
async def test_two_identities_that_may_not_be_linked_stay_as_they_are_and_the_page_says_why(w: World, how: str) -> None:
    await w.agrees(await w.proves())
    if how == "known_twice":
        w.browser = STRANGER
        await w.agrees(await w.proves(provider=BIRCH))
        w.browser = ME
    await opens(w)
    handle, view = await proves_second(w, ALDER if how == "own" else BIRCH)
    mine = w.browser
    if how == "signed_out":
        w.browser = replace(mine, session=None)
    if how == "stranger":
        w.upstream[ALDER].subject = "another"
        await opens(w)
        w.upstream[ALDER].subject = "ada"
    refused = await agrees(w, handle)
    assert isinstance(refused, LinkView)
    expected = {"own": LinkRefusal.SAME_WAY, "known_twice": LinkRefusal.KNOWN_TWICE}
    assert refused.refusal is expected.get(how, LinkRefusal.SIGNED_OUT)
    if how == "known_twice":
        assert [service.client_id for service in refused.known_twice] == ["library"]
        assert view.refusal is LinkRefusal.KNOWN_TWICE
    assert await audited(w, "identity_linked", "identity_moved") == []
    left = await agrees(w, handle, agree=False)
    assert isinstance(left, RedirectAway)


async def test_an_identity_with_an_account_of_its_own_brings_it_along_signed_in(w: World) -> None:
    await w.agrees(await w.proves())
    before = await sub_at(w, ALDER)
    w.browser = STRANGER
    await opens(w, BIRCH)
    elsewhere, w.browser = w.browser, ME
    await opens(w)
    handle, _ = await proves_second(w)
    await agrees(w, handle)
    assert await sub_at(w, BIRCH) == before is not None
    [event] = await audited(w, "identity_linked")
    assert "merged" in event.details
    w.browser = elsewhere
    assert {own.way.provider for own in (await account(w)).ways} == {ALDER, BIRCH}


# --- moving ---


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


# --- unlinking ---


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

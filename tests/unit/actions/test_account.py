"""The citizen's account: opened by a sign-in of its own, a second way linked, moved to, and unlinked."""

from dataclasses import replace
from typing import Any

import pytest

from broker.account.links import LinkRefusal
from broker.actions.account import ways
from broker.actions.views import FailureView, LinkView, PickerView, RedirectAway
from broker.journey.transaction import AskedAgain, TransactionState
from broker.model.account import ErrandKind
from broker.model.assurance import Level
from broker.model.kill_switches import KillSwitchKind
from broker.provider import ProviderFailureReason
from tests.unit.actions.account_steps import (
    HOME,
    WAYS,
    account,
    agrees,
    audited,
    begins,
    names,
    opens,
    proves_second,
    sub_at,
)
from tests.unit.actions.assisted.case_harness import ME, STRANGER
from tests.unit.actions.page_world import ALDER, BIRCH, World

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
    assert left.url == f"{WAYS}?done=linked"
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
    assert left.url == WAYS
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

"""The citizen's own services and sessions: taken back, blocked, ended, and nothing of it after an old sign-in."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from broker.actions.account import services, sessions
from broker.actions.account.own import OwnContext, OwnRefusal, open_account
from broker.actions.browser import Browser, SignedOutUser
from broker.actions.views import ConsentView, FailureView, RedirectAway
from broker.model.assurance import Level
from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.model.own_rights import OwnRights
from tests.contracts.stores.samples import claim_due
from tests.unit.actions.account_steps import audited, begins, opens, sub_at
from tests.unit.actions.assisted.case_harness import ME
from tests.unit.actions.page_world import ALDER, BIRCH, World

LIBRARY = "library"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def own(w: World) -> OwnContext:
    """The context of the pages."""
    facts = w.stage.facts
    return OwnContext(
        w.sign_in.sign_in_context,
        facts.agreements,
        facts.own_sessions,
        facts.own_activity,
        facts.account_stops,
        facts.account_data,
        facts.kept_identities,
    )


async def uses_library(w: World) -> str | None:
    """The citizen signs in at the library and shares; gives the subject there."""
    await w.agrees(await w.proves())
    return await sub_at(w, ALDER)


async def failure_of(w: World, handle: str) -> str | None:
    """The class of failure on the page of a transaction; None if it shows none."""
    view, _ = await w.sign_in.look(handle, w.browser)
    return view.failed.failure.value if isinstance(view, FailureView) else None


def hears_of_it(w: World) -> None:
    """The library receives logout tokens and security events."""
    before = w.shelf.services[LIBRARY]
    logout = replace(before.logout, backchannel_uri="https://library.example/logout")
    w.shelf.services[LIBRARY] = replace(before, logout=logout, own=OwnRights(scopes=("ssf.read",)))


async def sent(w: World) -> Sequence[OutboundDelivery]:
    """What is due to services, each of which gets it."""
    found: list[OutboundDelivery] = []
    now, deliveries = w.clock.now(), w.stage.facts.deliveries
    while due := await claim_due(w.stage.facts, now, now + 1e9, 50):
        found += due
        for one in due:
            await deliveries.lane(one.kind, one.client_id).mark_sent(one.id, now)
    return found


async def test_services_are_listed_with_level_and_time(w: World) -> None:
    assert await services.view_services(own(w), w.browser) is None
    await uses_library(w)
    await opens(w)
    view = await services.view_services(own(w), w.browser)
    assert view is not None
    [one] = view.services
    assert (one.service, one.agreement.level) == (w.shelf.services[LIBRARY], Level.HIGH)
    assert {claim.claim for claim in one.agreement.claims} == {"name", "birthdate", "sub"}
    assert (one.agreement.stands, one.agreement.blocked, view.own.fresh) == (True, None, True)


async def test_after_an_agreement_is_taken_back_the_service_asks_again_and_knows_the_citizen(w: World) -> None:
    before = await uses_library(w)
    await opens(w)
    hears_of_it(w)
    assert await services.end_agreement(own(w), w.browser, LIBRARY, block=False) is None
    assert await services.end_agreement(own(w), w.browser, LIBRARY, block=False) is OwnRefusal.NOTHING
    [event] = await audited(w, "agreement_withdrawn")
    assert (event.client_id, event.account, event.actor) == (LIBRARY, await w.account(), "citizen")
    [message] = [one for one in await sent(w) if one.kind is DeliveryKind.SECURITY_EVENT]
    assert message.client_id == LIBRARY
    assert message.content["event"].endswith("/session-revoked")
    handle = await w.arrives()
    view, _ = await w.sign_in.look(handle, w.browser)
    assert isinstance(view, ConsentView)
    await w.agrees(handle)
    assert await sub_at(w, ALDER) == before


async def test_a_service_of_a_live_session_gets_its_logout_token_each_time_it_is_taken_back(w: World) -> None:
    hears_of_it(w)
    await opens(w)
    for _ in range(2):
        w.clock.advance(1)
        await w.agrees(await w.arrives())
        assert await services.end_agreement(own(w), w.browser, LIBRARY, block=False) is None
        assert [message.kind for message in await sent(w)].count(DeliveryKind.LOGOUT) == 1


async def test_a_blocked_service_ends_on_a_page_that_says_so_until_the_block_is_lifted(w: World) -> None:
    before = await uses_library(w)
    await opens(w)
    assert await services.end_agreement(own(w), w.browser, LIBRARY, block=True) is None
    assert await failure_of(w, await w.arrives()) == "service_refused"
    fresh = replace(w.browser, session=None)
    w.browser, kept = fresh, w.browser
    assert await failure_of(w, await w.proves()) == "service_refused"
    w.browser = kept
    assert len(await audited(w, "service_answered")) == 1
    assert await services.unblock(own(w), w.browser, LIBRARY) is None
    assert await services.unblock(own(w), w.browser, LIBRARY) is OwnRefusal.NOTHING
    handle = await w.arrives()
    view, _ = await w.sign_in.look(handle, w.browser)
    assert isinstance(view, ConsentView)
    await w.agrees(handle)
    assert await sub_at(w, ALDER) == before
    assert [one.kind for one in await audited(w, "service_blocked", "service_unblocked")] == [
        "service_blocked",
        "service_unblocked",
    ]


async def test_a_blocked_service_can_ask_silently_in_vain(w: World) -> None:
    await uses_library(w)
    await opens(w)
    await services.end_agreement(own(w), w.browser, LIBRARY, block=True)
    answer = await w.visit(await w.push(prompt=("none",)))
    assert "error=" in answer.redirect.url
    assert "code=" not in answer.redirect.url


async def test_a_service_that_was_blocked_while_the_citizen_reads_gets_nothing(w: World) -> None:
    await uses_library(w)
    await opens(w)
    handle = await w.arrives(prompt=("consent",))
    await services.end_agreement(own(w), w.browser, LIBRARY, block=True)
    await w.agrees(handle)
    assert await failure_of(w, handle) == "service_refused"


@pytest.mark.parametrize("expected", [OwnRefusal.NOT_FRESH, OwnRefusal.SIGNED_OUT])
async def test_nothing_is_changed_without_a_fresh_sign_in_of_the_own_account(w: World, expected: OwnRefusal) -> None:
    await uses_library(w)
    await opens(w)
    if expected is OwnRefusal.NOT_FRESH:
        w.clock.advance(600 + 61)
    else:
        w.browser = replace(ME, session="session_forged")
    assert await services.end_agreement(own(w), w.browser, LIBRARY, block=True) is expected
    assert await services.unblock(own(w), w.browser, LIBRARY) is expected
    assert await sessions.end_sessions(own(w), w.browser, None, here=True) is expected
    assert await audited(w, "service_blocked", "session_ended") == []


async def test_another_citizen_changes_nothing_of_this_one(w: World) -> None:
    await uses_library(w)
    await opens(w)
    mine, ada = w.browser, await open_account(w.sign_in.sign_in_context, w.browser)
    assert ada is not None
    w.browser = Browser(("another",), address="192.0.2.9")
    w.upstream[BIRCH].subject = "bob"
    await opens(w, BIRCH)
    view = await services.view_services(own(w), w.browser)
    assert view is not None
    assert view.services == ()
    assert await services.end_agreement(own(w), w.browser, LIBRARY, block=True) is OwnRefusal.NOTHING
    assert await services.unblock(own(w), w.browser, LIBRARY) is OwnRefusal.NOTHING
    assert await sessions.end_sessions(own(w), w.browser, ada.session.digest, here=True) is OwnRefusal.NOTHING
    assert await open_account(w.sign_in.sign_in_context, mine) is not None


async def test_sessions_are_listed_and_ended_one_by_one_or_all(w: World) -> None:
    await opens(w)
    first = w.browser
    w.browser = Browser(("another",), address="192.0.2.9", agent=FIREFOX)
    w.clock.advance(30)
    await opens(w)
    hears_of_it(w)
    await w.agrees(await w.arrives())
    view = await sessions.view_sessions(own(w), w.browser)
    assert view is not None
    assert [(one.session.browser, one.services) for one in view.sessions] == [
        ("firefox/linux", ((LIBRARY, w.shelf.services[LIBRARY]),)),
        ("", ()),
    ]
    other = next(one.session.digest for one in view.sessions if one.session.digest != view.own.session.digest)
    assert await sessions.end_sessions(own(w), w.browser, view.own.session.digest, here=False) is OwnRefusal.NOTHING
    assert await sessions.end_sessions(own(w), w.browser, other, here=False) is None
    assert await open_account(w.sign_in.sign_in_context, first) is None
    ended = await sessions.end_sessions(own(w), w.browser, None, here=True)
    assert isinstance(ended, SignedOutUser)
    assert ended.after == {ALDER: int(w.clock.now())}
    assert await open_account(w.sign_in.sign_in_context, w.browser) is None
    assert {message.kind for message in await sent(w)} == {DeliveryKind.LOGOUT, DeliveryKind.SECURITY_EVENT}
    assert len(await audited(w, "session_ended")) == 2


async def test_a_session_that_has_expired_is_not_listed(w: World) -> None:
    await opens(w)
    idle = w.sign_in.sign_in_context.policy.limits.sessions.idle
    w.browser = Browser(("another",), address="192.0.2.9")
    w.clock.advance(idle + 1)
    await opens(w)
    view = await sessions.view_sessions(own(w), w.browser)
    assert view is not None
    assert len(view.sessions) == 1


async def test_a_sign_in_leads_to_the_page_that_asked_for_it_and_nowhere_else(w: World) -> None:
    for page, expected in (("/services", "/services"), ("//evil.example", ""), ("/../x", "")):
        handle = await begins(w, page=page)
        await w.tries(handle)
        view, _ = await w.sign_in.look(handle, w.browser)
        assert isinstance(view, RedirectAway)
        assert view.url == f"https://broker.example/account{expected}"

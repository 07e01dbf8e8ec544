"""Every sentence of the citizens' pages that claims a fact is held against the facts.

`WAYS` lists the ways on which pages are reached; `CLAIMS` holds, by sentence, what must be true wherever it is read. A
text of a failure, an ending or a limit that stands in neither `CLAIMS` nor `PLAIN` fails the suite.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from broker.actions.browser import Browser
from broker.actions.sign_in.authorize import AlreadyAnswered
from broker.actions.views import DeadEnd, PickerView, View
from broker.assisted.case import Decision
from broker.journey.transaction import TransactionState
from broker.model.assurance import Level
from broker.model.failures import FAILURES, FailureClass
from broker.model.kill_switches import KillSwitchKind
from broker.provider import ProviderFailureReason
from broker.web.citizens.failure_texts import FAILURE_TEXTS, NO_SERVICE
from broker.web.shared.pages import PageRenderer
from broker.web.shared.static_files import statics
from tests.unit.actions.assisted.case_harness import ANN, LEA, STRANGER, Stage, had
from tests.unit.actions.page_world import ALDER, BIRCH, NAMES, Facts, World, world
from tests.unit.web.citizen_pages import all_pages

pytestmark = pytest.mark.slow

Seen = tuple[View, str, Facts]
Way = Callable[[World], Awaitable[Seen]]
F = FailureClass


@pytest.fixture(scope="session")
def written() -> PageRenderer:
    """Every page, compiled once for the run."""
    return all_pages(statics())


# --- what each sentence claims ---


def untold(facts: Facts) -> bool:
    return not facts.told


def said(*what: ProviderFailureReason | Level) -> Callable[[Facts], bool]:
    return lambda facts: facts.said in what


def proven(facts: Facts) -> bool:
    return isinstance(facts.said, Level)


def off(kind: KillSwitchKind) -> Callable[[Facts], bool]:
    return lambda facts: any(one is kind for one, _ in facts.off)


def case(*kinds: str) -> Callable[[Facts], bool]:
    return lambda facts: bool(set(kinds) & set(facts.cases))


def open_until(facts: Facts) -> bool:
    return facts.transaction is not None and facts.transaction.open and facts.now < facts.transaction.expires


def leads_on(facts: Facts) -> bool:
    ends = ("/choose", "/help", "/later", "/have", "/status")
    return open_until(facts) and any(one.endswith(ends) for one in facts.offered)


def story(failure: FailureClass, line: int = 0) -> str:
    return FAILURE_TEXTS[failure].story[line]


def title(failure: FailureClass) -> str:
    return FAILURE_TEXTS[failure].title


CLAIMS: Mapping[str, Callable[[Facts], bool]] = {
    "{service} was told nothing about you this time.": untold,
    "{service} has been told nothing about you so far this time.": untold,
    "Nothing goes to {service} before you agree.": untold,
    NO_SERVICE: lambda facts: True,
    "Your place is kept until": leads_on,
    "You do not have to start again.": leads_on,
    "You can open this page again until": open_until,
    "To keep you safe, {provider} is not offered again": lambda facts: "again" not in facts.offered,
    title(F.CANCELLED): said(ProviderFailureReason.CANCELLED),
    story(F.CANCELLED): said(ProviderFailureReason.CANCELLED),
    title(F.DECLINED_SHARING): lambda f: f.happened("sharing_declined") or f.said is ProviderFailureReason.DECLINED,
    story(F.DECLINED_SHARING): untold,
    title(F.COULD_NOT_SIGN_IN): said(ProviderFailureReason.NOT_RECOGNISED),
    # a person who could not confirm an identity says it in the same words
    title(F.NOT_VERIFIED): lambda facts: (
        facts.said is ProviderFailureReason.NOT_VERIFIED or case("case_decided")(facts)
    ),
    title(F.LEVEL_TOO_LOW): said(ProviderFailureReason.TOO_WEAK, Level.LOW),
    story(F.LEVEL_TOO_LOW): said(ProviderFailureReason.TOO_WEAK, Level.LOW),
    title(F.NO_ROUTE): lambda facts: facts.removed,
    story(F.NO_ROUTE): lambda facts: facts.removed,
    title(F.PAUSED): said(ProviderFailureReason.PAUSED),
    story(F.PAUSED): said(ProviderFailureReason.PAUSED),
    title(F.PROVIDER_DOWN): said(ProviderFailureReason.UNAVAILABLE),
    story(F.PROVIDER_DOWN): said(ProviderFailureReason.UNAVAILABLE),
    title(F.PROVIDER_BUSY): said(ProviderFailureReason.BUSY),
    story(F.PROVIDER_BUSY): said(ProviderFailureReason.BUSY),
    title(F.TOOK_TOO_LONG): lambda facts: facts.failed("took_too_long"),
    title(F.UNSAFE_REPLY): said(ProviderFailureReason.UNSAFE),
    story(F.UNSAFE_REPLY): said(ProviderFailureReason.UNSAFE),
    title(F.INCOMPLETE_REPLY): said(ProviderFailureReason.INCOMPLETE),
    story(F.INCOMPLETE_REPLY): said(ProviderFailureReason.INCOMPLETE),
    title(F.CANNOT_USE): said(ProviderFailureReason.SUSPENDED),
    story(F.CANNOT_USE): said(ProviderFailureReason.SUSPENDED),
    title(F.WAY_CLOSED): lambda facts: off(KillSwitchKind.PROVIDER)(facts) or facts.removed,
    story(F.WAY_CLOSED): lambda facts: off(KillSwitchKind.PROVIDER)(facts) or facts.removed,
    story(F.WAY_CLOSED, 1): lambda facts: proven(facts) and not off(KillSwitchKind.ACCOUNT)(facts),
    title(F.NO_NEWCOMERS): lambda facts: facts.removed and proven(facts),
    story(F.NO_NEWCOMERS): lambda facts: facts.removed and proven(facts),
    story(F.NO_NEWCOMERS, 1): proven,
    title(F.ACCOUNT_OFF): off(KillSwitchKind.ACCOUNT),
    story(F.ACCOUNT_OFF): lambda facts: off(KillSwitchKind.ACCOUNT)(facts) and proven(facts),
    title(F.OTHER_ACCOUNT): lambda f: f.transaction is not None and f.transaction.request.expected_sub is not None,
    story(F.OTHER_ACCOUNT): proven,
    title(F.SESSION_ENDED): lambda facts: not facts.session,
    story(F.SESSION_ENDED): lambda facts: not facts.session and proven(facts),
    title(F.HELP_WITHDRAWN): case("case_withdrawn"),
    story(F.HELP_WITHDRAWN): case("case_withdrawn"),
    title(F.HELP_ELSEWHERE): case("case_rejoined", "case_resumed"),
    story(F.HELP_ELSEWHERE): case("case_rejoined", "case_resumed"),
    title(F.HELP_DECLINED): case("case_decided"),
    story(F.HELP_DECLINED): case("case_decided"),
    title(F.HELP_EXPIRED): case("case_time_ran_out"),
    title(F.HELP_REVOKED): case("case_revoked", "case_disowned"),
    story(F.HELP_REVOKED): case("case_revoked", "case_disowned"),
    title(F.OUR_FAULT): lambda facts: facts.failed("our_fault"),
    story(F.OUR_FAULT): lambda facts: facts.failed("our_fault"),
    title(F.SERVICE_OFF): lambda facts: off(KillSwitchKind.SERVICE)(facts) or facts.removed,
    story(F.SERVICE_OFF): lambda facts: off(KillSwitchKind.SERVICE)(facts) or facts.removed,
    title(F.REQUEST_EXPIRED): lambda f: f.transaction is not None and f.transaction.state is TransactionState.EXPIRED,
    "It was open for longer than we keep one.": lambda f: (
        f.transaction is not None and f.transaction.state is TransactionState.EXPIRED
    ),
    title(F.LOST_PLACE): lambda facts: True,
    "You are done here": lambda facts: facts.told,
    "You proved who you are, and {service} was told.": lambda facts: facts.told,
    "You went back to {service}": lambda facts: facts.happened("given_up"),
    "You stopped here, and {service} was told nothing": lambda f: f.happened("given_up") and untold(f),
    "{service} has not been told yet:": lambda facts: facts.happened("identity_kept") and untold(facts),
    "we remember that it is you": lambda facts: facts.session or facts.happened("identity_kept"),
    "This request was answered already": lambda facts: facts.told,
    "You finished it before": lambda facts: facts.told,
    "You were on your way there. You can go there again, or use another way.": leads_on,
    "Nothing works right now": lambda facts: facts.removed,
    "No way is left here": lambda facts: not any(one.endswith("/choose") for one in facts.offered),
}
"""What must be true wherever a sentence is read. A key is a text, or as much of one as claims something."""

ELSEWHERE = frozenset({F.BAD_LINK, F.BAD_REQUEST, F.SILENT, F.HELP_WAITING, F.OVERLOADED, F.HELP_TOO_LOW})
"""Classes without a page of a transaction that these tests reach: doors, other tests, or no page at all."""

PLAIN = frozenset(
    {
        story(F.COULD_NOT_SIGN_IN),
        story(F.COULD_NOT_SIGN_IN, 1),
        story(F.NOT_VERIFIED),
        story(F.NOT_VERIFIED, 1),
        story(F.NO_ROUTE, 1),
        story(F.TOOK_TOO_LONG),
        story(F.OTHER_ACCOUNT, 1),
        story(F.SESSION_ENDED, 1),
        story(F.HELP_DECLINED, 1),
        story(F.HELP_EXPIRED),
        story(F.LOST_PLACE),
        story(F.LOST_PLACE, 1),
        "You proved who you are",
    }
)
"""Texts that claim nothing about this one sign-in."""


# --- the ways to every page ---


async def begun(w: World) -> Seen:
    return await w.reads(await w.arrives())


async def away(w: World) -> Seen:
    handle = await w.arrives()
    await w.leaves(handle)
    return await w.reads(handle)


def failing(reason: ProviderFailureReason | Level, times: int = 1, **asked: Any) -> Way:
    async def way(w: World) -> Seen:
        handle = await w.arrives(**asked)
        for _ in range(times):
            await w.tries(handle, reason)
        return await w.reads(handle)

    return way


async def tried_all(w: World) -> Seen:
    handle = await w.arrives()
    for provider in (ALDER, BIRCH):
        await w.tries(handle, ProviderFailureReason.SUSPENDED, provider)
    return await w.reads(handle)


async def tried_all_then_moved(w: World) -> Seen:
    w.shelf.services["library"] = replace(w.shelf.services["library"], assisted=False)
    handle = await w.arrives()
    for provider in (ALDER, BIRCH):
        await w.tries(handle, ProviderFailureReason.SUSPENDED, provider)
    before = await w.transaction(handle)
    await w.restores(handle, replace(before, state=TransactionState.CHOOSING))
    return await w.reads(handle)


async def reading_what_is_shared(w: World) -> Seen:
    handle = await w.arrives()
    await w.tries(handle)
    return await w.reads(handle)


async def declined(w: World) -> Seen:
    handle = await w.arrives()
    await w.tries(handle)
    await w.sign_in.share(handle, w.browser, agree=False)
    return await w.reads(handle)


async def answered(w: World, request_uri: str = "") -> str:
    handle = await w.arrives(request_uri)
    await w.tries(handle)
    await w.agrees(handle)
    assert (await w.transaction(handle)).state is TransactionState.ANSWERED
    return handle


async def answered_at_once(w: World) -> Seen:
    return await w.reads(await answered(w))


async def answered_long_ago(w: World) -> Seen:
    handle = await answered(w)
    w.clock.advance(3600)
    return await w.reads(handle)


async def kept(w: World) -> Seen:
    handle = await w.arrives()
    w.clock.advance(w.shelf.services["library"].resumption.answer_timeout + 1)
    await w.tries(handle)
    await w.agrees(handle)
    w.clock.advance(120)
    return await w.reads(handle)


async def gave_up(w: World) -> Seen:
    handle = await w.arrives()
    await w.sign_in.give_up(handle, w.browser)
    w.shelf.services["library"] = replace(w.shelf.services["library"], redirect_uris=("https://library.example/new",))
    return await w.reads(handle)


async def expired(w: World) -> Seen:
    handle = await w.arrives()
    w.clock.advance(3600)
    return await w.reads(handle)


def twice(between: Callable[[World, str], Awaitable[object]], after: Callable[[World, str], Awaitable[object]]) -> Way:
    """Two tabs of one pushed request: the other is answered while this one is somewhere, then goes on."""

    async def way(w: World) -> Seen:
        uri = await w.push()
        handle = await w.arrives(uri)
        await between(w, handle)
        other = await answered(w, uri)
        await after(w, handle)
        return await w.reads(handle, (other,))

    return way


async def nothing(w: World, handle: str) -> None:
    return None


async def goes_to_alder(w: World, handle: str) -> None:
    await w.leaves(handle)


async def fails(w: World, handle: str) -> None:
    await w.tries(handle, ProviderFailureReason.NOT_VERIFIED)


async def proves(w: World, handle: str) -> None:
    await w.tries(handle)


async def waits(w: World, handle: str) -> None:
    await w.asks(handle)


async def stops(w: World, handle: str) -> None:
    await w.sign_in.give_up(handle, w.browser)


async def time_passes(w: World, handle: str) -> None:
    w.clock.advance(86400 + 3600)


async def shares(w: World, handle: str) -> None:
    await w.agrees(handle)


async def proves_and_shares(w: World, handle: str) -> None:
    if (await w.transaction(handle)).state is not TransactionState.AWAY:
        await w.leaves(handle)
    await w.returns(handle)
    await w.agrees(handle)


async def crashed_then_expired(w: World) -> Seen:
    handle = await w.arrives()
    await w.tries(handle)
    before = await w.transaction(handle)
    await w.agrees(handle)
    await w.restores(handle, before)
    w.clock.advance(86400 + 60)
    return await w.reads(handle)


async def crashed_then_stopped(w: World) -> Seen:
    handle = await w.arrives()
    await w.tries(handle)
    before = await w.transaction(handle)
    await w.agrees(handle)
    await w.restores(handle, before)
    await w.sign_in.give_up(handle, w.browser)
    return await w.reads(handle)


async def opened_again(w: World) -> Seen:
    uri = await w.push()
    handle = await answered(w, uri)
    assert isinstance(await w.visit(uri), AlreadyAnswered)
    assert isinstance(await w.visit(uri, Browser(("another",), address="192.0.2.5")), AlreadyAnswered)
    return await w.reopened(handle, (handle,))


async def in_another_browser(w: World) -> Seen:
    handle = await answered(w)
    w.browser = STRANGER
    return await w.reads(handle)


async def provider_off_meanwhile(w: World) -> Seen:
    handle = await w.arrives()
    await w.leaves(handle)
    await w.off(KillSwitchKind.PROVIDER, ALDER)
    await w.returns(handle)
    return await w.reads(handle)


async def provider_off_while_reading(w: World) -> Seen:
    handle = await w.arrives()
    await w.tries(handle)
    await w.off(KillSwitchKind.PROVIDER, ALDER)
    return await w.reads(handle)


async def provider_removed_meanwhile(w: World) -> Seen:
    handle = await w.arrives()
    await w.tries(handle)
    del w.shelf.providers[ALDER]
    w.removed = True
    return await w.reads(handle)


async def provider_leaves_meanwhile(w: World) -> Seen:
    handle = await w.arrives()
    await w.tries(handle)
    w.listing(ALDER, accept_sign_in_until=w.clock.now() - 1)
    w.removed = True
    return await w.reads(handle)


async def nobody_new(w: World) -> Seen:
    handle = await w.arrives()
    await w.leaves(handle)
    w.listing(ALDER, accept_new_until=w.clock.now() - 1)
    w.removed = True
    await w.returns(handle)
    return await w.reads(handle)


async def account_off(w: World) -> Seen:
    await answered(w)
    handle = await w.arrives()
    await w.tries(handle)
    await w.off(KillSwitchKind.ACCOUNT, await w.account())
    return await w.reads(handle)


async def service_off(w: World) -> Seen:
    handle = await w.arrives()
    await w.tries(handle)
    await w.off(KillSwitchKind.SERVICE, "library")
    return await w.reads(handle)


async def service_off_at_the_picker(w: World) -> Seen:
    handle = await w.arrives()
    await w.off(KillSwitchKind.SERVICE, "library")
    return await w.reads(handle)


async def service_on_again(w: World) -> Seen:
    handle = await w.arrives()
    await w.tries(handle)
    await w.off(KillSwitchKind.SERVICE, "library")
    await w.reads(handle)
    await w.stage.facts.switches.turn_on(KillSwitchKind.SERVICE, "library", "operator", w.clock.now())
    seen = await w.reads(handle)
    assert isinstance(seen[0], PickerView)
    return seen


async def address_removed(w: World) -> Seen:
    handle = await w.arrives()
    await w.tries(handle)
    w.shelf.services["library"] = replace(w.shelf.services["library"], redirect_uris=("https://library.example/new",))
    w.removed = True
    return await w.reads(handle)


async def no_route(w: World) -> Seen:
    w.shelf.services["library"] = replace(w.shelf.services["library"], assisted=False)
    for provider in NAMES:
        w.listing(provider, enabled=False)
    w.removed = True
    return await w.reads(await w.arrives())


async def a_route_again(w: World) -> Seen:
    await no_route(w)
    handle = await w.arrives()
    for provider in NAMES:
        w.listing(provider)
    seen = await w.reads(handle)
    assert isinstance(seen[0], PickerView)
    return seen


async def another_account(w: World) -> Seen:
    await answered(w)
    handle = await w.arrives(expected_sub="somebody else")
    await w.tries(handle)
    return await w.reads(handle)


async def session_ended(w: World) -> Seen:
    handle = await w.arrives()
    await w.tries(handle)
    shared = await w.sign_in.share(handle, w.browser, agree=True)
    assert not isinstance(shared, DeadEnd)
    w.browser = replace(w.browser, session=shared.session)
    again = await w.arrives(prompt=("consent",))
    assert (await w.transaction(again)).state is TransactionState.IDENTIFIED
    w.browser = replace(w.browser, session=None)
    await w.agrees(again)
    return await w.reads(again)


async def away_too_long(w: World) -> Seen:
    handle = await w.arrives()
    await w.leaves(handle)
    w.clock.advance(16 * 60)
    return await w.reads(handle)


async def worker_died(w: World) -> Seen:
    handle = await w.arrives()
    await w.leaves(handle)
    before = await w.transaction(handle)
    await w.restores(handle, replace(before, state=TransactionState.CHECKING, changed=w.clock.now()))
    w.clock.advance(20)
    return await w.reads(handle)


async def being_checked(w: World) -> Seen:
    handle = await w.arrives()
    await w.leaves(handle)
    before = await w.transaction(handle)
    await w.restores(handle, replace(before, state=TransactionState.CHECKING, changed=w.clock.now()))
    return await w.reads(handle)


async def waiting(w: World) -> Seen:
    handle = await w.arrives()
    await w.asks(handle)
    return await w.reads(handle)


async def help_withdrawn(w: World) -> Seen:
    handle = await w.arrives()
    await w.asks(handle)
    await w.sign_in.withdraw(handle, w.browser)
    return await w.reads(handle)


async def help_elsewhere(w: World) -> Seen:
    handle = await w.arrives()
    code = await w.asks(handle)
    before = await w.transaction(handle)
    # the transaction is out of reach when the code is used, and comes back: passing state may do that
    await w.restores(handle, replace(before, expires=w.clock.now() + 1))
    w.clock.advance(2)
    assert await w.sign_in.resume(code) is not None
    w.clock.advance(-1.5)
    await w.restores(handle, before)
    return await w.reads(handle)


async def help_declined(w: World) -> Seen:
    handle = await w.arrives()
    await w.asks(handle)
    f = await w.stage.session(ANN)
    had(await w.stage.console.decide(w.stage.present(ANN), f.ref, Decision.DECLINE, ("face_differs",)))
    return await w.reads(handle)


async def help_expired(w: World) -> Seen:
    handle = await w.arrives()
    await w.asks(handle)
    for _ in range(4):
        await w.stage.prolongs(handle)
        w.clock.advance(5 * 86400)
    return await w.reads(handle)


async def help_revoked(w: World) -> Seen:
    handle = await w.arrives()
    await w.asks(handle)
    f = await w.stage.approves(ANN)
    await w.stage.binds(handle, w.browser)
    case = await w.stage.facts.cases.load(f.case.id)
    assert case is not None
    lead = w.stage.present(LEA)
    found = had(await w.stage.console.open_by_reference(lead, case.reference, "complaint"))
    had(await w.stage.console.revoke(lead, found.ref, "mistake"))
    return await w.reads(handle)


WAYS: Mapping[str, Way] = {
    "begun": begun,
    "away": away,
    **{f"provider says {reason}": failing(reason) for reason in ProviderFailureReason},
    "two unsafe replies": failing(ProviderFailureReason.UNSAFE, 2),
    "too low a level": failing(Level.LOW, min_level=Level.SUBSTANTIAL),
    "every provider spent": tried_all,
    "every provider spent, and the picker again": tried_all_then_moved,
    "check and share": reading_what_is_shared,
    "sharing declined": declined,
    "answered": answered_at_once,
    "answered long ago": answered_long_ago,
    "identity kept": kept,
    "gave up": gave_up,
    "expired": expired,
    "crash after the answer, then expired": crashed_then_expired,
    "crash after the answer, then gave up": crashed_then_stopped,
    "pushed request opened again": opened_again,
    "another browser after the answer": in_another_browser,
    **{
        f"second tab: {before.__name__}, answered in the first, {after.__name__}": twice(before, after)
        for before, after in (
            (nothing, nothing),
            (nothing, stops),
            (nothing, time_passes),
            (nothing, proves_and_shares),
            (goes_to_alder, nothing),
            (goes_to_alder, stops),
            (goes_to_alder, time_passes),
            (goes_to_alder, proves_and_shares),
            (fails, nothing),
            (fails, stops),
            (fails, time_passes),
            (fails, proves_and_shares),
            (proves, shares),
            (proves, stops),
            (proves, time_passes),
            (waits, nothing),
            (waits, stops),
            (waits, time_passes),
            (stops, nothing),
        )
    },
    "provider off meanwhile": provider_off_meanwhile,
    "provider off while reading": provider_off_while_reading,
    "provider removed meanwhile": provider_removed_meanwhile,
    "provider leaves meanwhile": provider_leaves_meanwhile,
    "nobody new": nobody_new,
    "account off": account_off,
    "service off": service_off,
    "service off at the picker": service_off_at_the_picker,
    "service on again": service_on_again,
    "redirect URI removed": address_removed,
    "no route": no_route,
    "a route again": a_route_again,
    "another account": another_account,
    "session ended": session_ended,
    "away too long": away_too_long,
    "worker died": worker_died,
    "being checked": being_checked,
    "waiting for a person": waiting,
    "help withdrawn": help_withdrawn,
    "help elsewhere": help_elsewhere,
    "help declined": help_declined,
    "help expired": help_expired,
    "help taken back": help_revoked,
}


def pattern(text: str) -> re.Pattern[str]:
    """A text with anything in its holes."""
    return re.compile(re.sub(r"\\\{\w+\\\}", ".{1,60}?", re.escape(text)))


@pytest.mark.parametrize("name", WAYS)
async def test_every_sentence_of_a_page_is_true_however_the_page_was_reached(
    name: str, stage: Stage, written: PageRenderer
) -> None:
    view, page, facts = await WAYS[name](world(stage, written))
    read = [text for text in CLAIMS if pattern(text).search(page)]
    untrue = [text for text in read if not CLAIMS[text](facts)]
    assert untrue == [], (view, page, facts)
    assert "You do not have to start again." not in page or "Start again from" not in page


def test_every_text_of_a_failure_or_an_ending_is_known_to_claim_something_or_nothing() -> None:
    told = [
        telling for failure, telling in FAILURE_TEXTS.items() if failure not in ELSEWHERE and FAILURES[failure].page
    ]
    texts = {text for one in told for text in (one.title, *one.story, one.not_shared)}
    unknown = {text for text in texts - PLAIN if not any(claim in text for claim in CLAIMS)}
    assert unknown == set()

"""Interrupted sign-ins: crashes, kill switches, changed settings, other browsers, and assisted verification."""

from dataclasses import replace

from broker.actions.assisted.contacting import log_attempt
from broker.actions.browser import Browser
from broker.actions.freezing.freeze import revoke
from broker.actions.sign_in.authorize import AlreadyAnswered
from broker.actions.views import DeadEnd, PickerView
from broker.assisted.case_records import Decision
from broker.assisted.contact_log import ContactChannel, ContactOutcome
from broker.journey.transaction import TransactionState
from broker.model.kill_switches import KillSwitchKind
from tests.unit.actions.assisted.case_harness import ANN, LEA, STRANGER, had
from tests.unit.actions.page_world import ALDER, NAMES, Seen, World, answered


async def crashed_then_expired(w: World) -> Seen:
    handle = await w.proves()
    before = await w.transaction(handle)
    await w.agrees(handle)
    await w.restores(handle, before)
    w.clock.advance(86400 + 60)
    return await w.reads(handle)


async def crashed_then_stopped(w: World) -> Seen:
    handle = await w.proves()
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
    handle = await w.sets_out()
    await w.off(KillSwitchKind.PROVIDER, ALDER)
    await w.returns(handle)
    return await w.reads(handle)


async def provider_off_while_reading(w: World) -> Seen:
    handle = await w.proves()
    await w.off(KillSwitchKind.PROVIDER, ALDER)
    return await w.reads(handle)


async def provider_removed_meanwhile(w: World) -> Seen:
    handle = await w.proves()
    del w.shelf.providers[ALDER]
    w.removed = True
    return await w.reads(handle)


async def provider_leaves_meanwhile(w: World) -> Seen:
    handle = await w.proves()
    w.listing(ALDER, accept_sign_in_until=w.clock.now() - 1)
    w.removed = True
    return await w.reads(handle)


async def provider_stops_taking_new_citizens(w: World) -> Seen:
    handle = await w.sets_out()
    w.listing(ALDER, accept_new_until=w.clock.now() - 1)
    w.removed = True
    await w.returns(handle)
    return await w.reads(handle)


async def account_off(w: World) -> Seen:
    await answered(w)
    handle = await w.proves()
    await w.off(KillSwitchKind.ACCOUNT, await w.account())
    return await w.reads(handle)


async def service_off(w: World) -> Seen:
    handle = await w.proves()
    await w.off(KillSwitchKind.SERVICE, "library")
    return await w.reads(handle)


async def service_off_at_the_picker(w: World) -> Seen:
    handle = await w.arrives()
    await w.off(KillSwitchKind.SERVICE, "library")
    return await w.reads(handle)


async def service_on_again(w: World) -> Seen:
    handle = await w.proves()
    await w.off(KillSwitchKind.SERVICE, "library")
    await w.reads(handle)
    await w.stage.facts.kill_switches.turn_on(KillSwitchKind.SERVICE, "library", "operator", w.clock.now())
    seen = await w.reads(handle)
    assert isinstance(seen[0], PickerView)
    return seen


async def address_removed(w: World) -> Seen:
    handle = await w.proves()
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
    handle = await w.proves(expected_sub="somebody else")
    return await w.reads(handle)


async def session_ended(w: World) -> Seen:
    handle = await w.proves()
    shared = await w.sign_in.share(handle, w.browser, agree=True)
    assert not isinstance(shared, DeadEnd)
    w.browser = replace(w.browser, session=shared.session)
    again = await w.arrives(prompt=("consent",))
    assert (await w.transaction(again)).state is TransactionState.IDENTIFIED
    w.browser = replace(w.browser, session=None)
    await w.agrees(again)
    return await w.reads(again)


async def away_too_long(w: World) -> Seen:
    handle = await w.sets_out()
    w.clock.advance(16 * 60)
    return await w.reads(handle)


async def worker_died(w: World) -> Seen:
    handle = await w.sets_out()
    before = await w.transaction(handle)
    await w.restores(handle, replace(before, state=TransactionState.CHECKING, changed=w.clock.now()))
    w.clock.advance(20)
    return await w.reads(handle)


async def being_checked(w: World) -> Seen:
    handle = await w.sets_out()
    before = await w.transaction(handle)
    await w.restores(handle, replace(before, state=TransactionState.CHECKING, changed=w.clock.now()))
    return await w.reads(handle)


async def waiting(w: World) -> Seen:
    handle = await w.waits_for_help()
    return await w.reads(handle)


async def help_withdrawn(w: World) -> Seen:
    handle = await w.waits_for_help()
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
    handle = await w.waits_for_help()
    f = await w.stage.session(ANN)
    had(await w.stage.console.decide(w.stage.present(ANN), f.ref, Decision.DECLINE, ("face_differs",)))
    return await w.reads(handle)


async def help_expired(w: World) -> Seen:
    handle = await w.waits_for_help()
    for _ in range(4):
        await w.stage.prolongs(handle)
        w.clock.advance(5 * 86400)
    return await w.reads(handle)


async def help_unreached(w: World) -> Seen:
    handle = await w.waits_for_help()
    who, console, missed = w.stage.present(ANN), w.stage.console, (ContactChannel.CALL, ContactOutcome.NO_ANSWER)
    for number in range(w.stage.context.rules.policy.missed_contacts):
        if number:
            await w.stage.citizen.ready(handle, w.browser)
        f = had(await console.next_case(who))
        had(await log_attempt(w.stage.context, who, f.ref, missed, None))
    await w.stage.prolongs(handle)
    w.clock.advance(w.stage.context.rules.policy.closing)
    return await w.reads(handle)


async def help_revoked(w: World) -> Seen:
    handle = await w.waits_for_help()
    f = await w.stage.approves(ANN)
    await w.stage.binds(handle, w.browser)
    case = await w.stage.facts.cases.load(f.case.id)
    assert case is not None
    lead = w.stage.present(LEA)
    found = had(await w.stage.console.open_by_reference(lead, case.reference, "complaint"))
    had(await revoke(w.stage.freezing, lead, found.ref, "mistake"))
    return await w.reads(handle)

"""Sign-ins that lead to the citizens' pages: each scenario returns the view, the text of the page, and the facts."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from broker.journey.transaction import TransactionState
from broker.model.assurance import Level
from broker.provider import ProviderFailureReason
from tests.unit.actions.page_interruptions import (
    a_route_again,
    account_off,
    address_removed,
    another_account,
    away_too_long,
    being_checked,
    crashed_then_expired,
    crashed_then_stopped,
    help_declined,
    help_elsewhere,
    help_expired,
    help_revoked,
    help_unreached,
    help_withdrawn,
    in_another_browser,
    no_route,
    opened_again,
    provider_leaves_meanwhile,
    provider_off_meanwhile,
    provider_off_while_reading,
    provider_removed_meanwhile,
    provider_stops_taking_new_citizens,
    service_off,
    service_off_at_the_picker,
    service_on_again,
    session_ended,
    waiting,
    worker_died,
)
from tests.unit.actions.page_world import ALDER, BIRCH, Seen, Way, World, answered


async def begun(w: World) -> Seen:
    return await w.reads(await w.arrives())


async def away(w: World) -> Seen:
    handle = await w.sets_out()
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
    handle = await w.proves()
    return await w.reads(handle)


async def declined(w: World) -> Seen:
    handle = await w.proves()
    await w.sign_in.share(handle, w.browser, agree=False)
    return await w.reads(handle)


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
    """Two tabs of one pushed request: the other is answered while this one is at a step, then this one continues."""

    async def way(w: World) -> Seen:
        uri = await w.push()
        handle = await w.arrives(uri)
        await between(w, handle)
        other = await answered(w, uri)
        await after(w, handle)
        return await w.reads(handle, (other,))

    return way


async def nothing(_w: World, _handle: str) -> None:
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


async def time_passes(w: World, _handle: str) -> None:
    w.clock.advance(86400 + 3600)


async def shares(w: World, handle: str) -> None:
    await w.agrees(handle)


async def proves_and_shares(w: World, handle: str) -> None:
    if (await w.transaction(handle)).state is not TransactionState.AWAY:
        await w.leaves(handle)
    await w.returns(handle)
    await w.agrees(handle)


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
    "closed to new citizens": provider_stops_taking_new_citizens,
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
    "help unreached": help_unreached,
    "help taken back": help_revoked,
}

"""What every ephemeral store guarantees, in memory or in Redis."""

import asyncio
from dataclasses import replace

import pytest

from broker.journey.transaction import STUB_LIFE, TransactionState
from broker.model.handle import sha256_hex
from broker.model.rate_limit import RateLimit
from broker.model.session import PendingLogout
from broker.model.store_results import StoreUnavailable
from broker.stores.ephemeral.open import EphemeralStores
from tests.contracts.stores.samples import request, transaction
from tests.support.system import FakeClock

pytestmark = pytest.mark.store

LIMIT = 20


async def test_a_transaction_comes_back_as_it_was(passing: EphemeralStores, clock: FakeClock) -> None:
    begun = transaction(clock.now())
    assert await passing.transactions.create("handle", begun, LIMIT)
    assert await passing.transactions.load("handle") == begun


async def test_an_unknown_handle_gives_nothing(passing: EphemeralStores, clock: FakeClock) -> None:
    await passing.transactions.create("handle", transaction(clock.now()), LIMIT)
    assert await passing.transactions.load("handle ") is None
    assert await passing.transactions.load("") is None


async def test_a_save_on_top_of_what_was_read_is_kept(passing: EphemeralStores, clock: FakeClock) -> None:
    begun = transaction(clock.now())
    await passing.transactions.create("handle", begun, LIMIT)
    later = replace(begun, version=2, state=TransactionState.AWAY)
    assert await passing.transactions.save("handle", later)
    assert await passing.transactions.load("handle") == later


async def test_a_save_on_top_of_another_version_changes_nothing(passing: EphemeralStores, clock: FakeClock) -> None:
    begun = transaction(clock.now())
    await passing.transactions.create("handle", begun, LIMIT)
    for version in (1, 3, 0):
        assert not await passing.transactions.save(
            "handle", replace(begun, version=version, state=TransactionState.AWAY)
        )
    assert await passing.transactions.load("handle") == begun


async def test_a_save_of_a_transaction_that_is_not_there_makes_none(passing: EphemeralStores, clock: FakeClock) -> None:
    assert not await passing.transactions.save("handle", transaction(clock.now(), version=2))
    assert await passing.transactions.load("handle") is None


async def test_of_fifty_who_save_at_once_one_wins(passing: EphemeralStores, clock: FakeClock) -> None:
    begun = transaction(clock.now())
    await passing.transactions.create("handle", begun, LIMIT)
    rivals = [replace(begun, version=2, order_seed=number) for number in range(50)]
    won = await asyncio.gather(*(passing.transactions.save("handle", rival) for rival in rivals))
    assert won.count(True) == 1
    assert await passing.transactions.load("handle") == rivals[won.index(True)]


async def test_a_transaction_is_kept_for_its_time_and_no_moment_longer(
    passing: EphemeralStores, clock: FakeClock
) -> None:
    begun = transaction(clock.now())
    await passing.transactions.create("handle", begun, LIMIT)
    clock.set(begun.kept_until - 0.5)
    assert await passing.transactions.load("handle") == begun
    clock.set(begun.kept_until)
    assert await passing.transactions.load("handle") is None
    assert not await passing.transactions.save("handle", replace(begun, version=2))


async def test_the_stub_of_an_ended_transaction_is_kept_for_a_day(passing: EphemeralStores, clock: FakeClock) -> None:
    begun = transaction(clock.now())
    await passing.transactions.create("handle", begun, LIMIT)
    ended = replace(begun, version=2, state=TransactionState.ANSWERED, expires=clock.now() + STUB_LIFE)
    await passing.transactions.save("handle", ended)
    clock.advance(STUB_LIFE - 1)
    assert await passing.transactions.load("handle") == ended
    clock.advance(1)
    assert await passing.transactions.load("handle") is None


async def test_a_browser_has_at_most_twenty_open_transactions(passing: EphemeralStores, clock: FakeClock) -> None:
    begun = transaction(clock.now())
    made = [await passing.transactions.create(f"handle-{number}", begun, LIMIT) for number in range(22)]
    assert made == [True] * 20 + [False] * 2
    assert await passing.transactions.load("handle-20") is None
    assert await passing.transactions.load("handle-19") == begun


async def test_so_many_transactions_begin_in_a_window_and_no_more(passing: EphemeralStores, clock: FakeClock) -> None:
    clock.set(1_800_000_000)
    start = RateLimit("address", 2, 60)

    async def begin(number: int) -> bool:
        begun = transaction(clock.now(), browser=sha256_hex(f"browser-{number}"))
        return await passing.transactions.create(f"handle-{number}", begun, LIMIT, start)

    assert [await begin(number) for number in range(4)] == [True, True, False, False]
    assert await passing.transactions.load("handle-2") is None
    assert not await passing.rate_limits.allow(start.key, start.most, start.window)
    assert await passing.transactions.create("uncounted", transaction(clock.now()), LIMIT)
    clock.advance(60)
    assert [await begin(number) for number in range(4, 7)] == [True, True, False]


async def test_a_start_that_is_refused_for_its_browser_is_not_counted(
    passing: EphemeralStores, clock: FakeClock
) -> None:
    begun, start = transaction(clock.now()), RateLimit("address", 2, 60)
    assert await passing.transactions.create("a", begun, 1, start)
    assert not await passing.transactions.create("b", begun, 1, start)
    assert await passing.rate_limits.allow(start.key, start.most, start.window)


async def test_a_full_browser_learns_when_it_has_room_again(passing: EphemeralStores, clock: FakeClock) -> None:
    begun = transaction(clock.now())
    browser, ends = begun.browser, [begun.expires + offset for offset in (30, 10, 20)]
    for number, end in enumerate(ends):
        assert await passing.transactions.room_from(browser, 3) is None
        assert await passing.transactions.create(f"handle-{number}", replace(begun, expires=end), 3)
    assert await passing.transactions.room_from(browser, 3) == begun.expires + 10
    assert await passing.transactions.room_from(browser, 2) == begun.expires + 20
    assert await passing.transactions.room_from(sha256_hex("browser-2"), 3) is None
    clock.set(begun.expires + 10)
    assert await passing.transactions.room_from(browser, 3) is None


async def test_two_browsers_have_a_limit_each(passing: EphemeralStores, clock: FakeClock) -> None:
    one, other = transaction(clock.now()), transaction(clock.now(), browser=sha256_hex("browser-2"))
    assert await passing.transactions.create("a", one, 1)
    assert not await passing.transactions.create("b", one, 1)
    assert await passing.transactions.create("c", other, 1)


async def test_an_ended_transaction_makes_room_for_another(passing: EphemeralStores, clock: FakeClock) -> None:
    begun = transaction(clock.now())
    await passing.transactions.create("a", begun, 1)
    ended = replace(begun, version=2, state=TransactionState.REFUSED, expires=clock.now() + STUB_LIFE)
    assert await passing.transactions.save("a", ended)
    assert await passing.transactions.create("b", begun, 1)


async def test_an_expired_transaction_makes_room_for_another(passing: EphemeralStores, clock: FakeClock) -> None:
    begun = transaction(clock.now())
    await passing.transactions.create("a", begun, 1)
    clock.set(begun.expires)
    assert await passing.transactions.create("b", transaction(clock.now()), 1)


async def test_a_transaction_that_lives_longer_counts_for_longer(passing: EphemeralStores, clock: FakeClock) -> None:
    begun = transaction(clock.now())
    await passing.transactions.create("a", begun, 1)
    await passing.transactions.save("a", replace(begun, version=2, expires=begun.expires + 3600))
    clock.set(begun.expires + 10)
    assert not await passing.transactions.create("b", transaction(clock.now()), 1)


async def test_a_moved_transaction_counts_for_its_new_browser(passing: EphemeralStores, clock: FakeClock) -> None:
    begun = transaction(clock.now())
    await passing.transactions.create("a", begun, 1)
    assert await passing.transactions.save(
        "a", replace(begun, version=2, browser=sha256_hex("browser-2"), transferred=True)
    )
    assert await passing.transactions.create("b", begun, 1)
    assert not await passing.transactions.create("c", replace(begun, browser=sha256_hex("browser-2")), 1)


async def test_a_pushed_request_comes_back_as_often_as_it_is_read(passing: EphemeralStores, clock: FakeClock) -> None:
    await passing.pushed.put("handle", request(), clock.now() + 300)
    assert await passing.pushed.get("handle") == (request(), True)
    for _ in range(3):
        assert await passing.pushed.get("handle") == (request(), False)
    assert await passing.pushed.get("another") is None
    await passing.pushed.put("another", request(), clock.now() + 300)
    assert await passing.pushed.get("another") == (request(), True)


async def test_a_pushed_request_expires(passing: EphemeralStores, clock: FakeClock) -> None:
    await passing.pushed.put("handle", request(), clock.now() + 300)
    clock.advance(299)
    assert await passing.pushed.get("handle") == (request(), True)
    clock.advance(1)
    assert await passing.pushed.get("handle") is None


async def test_a_continuation_code_is_taken_once(passing: EphemeralStores, clock: FakeClock) -> None:
    await passing.continuations.put("ABCD2345", "handle", clock.now() + 600)
    assert await passing.continuations.take("ABCD2346") is None
    takers = await asyncio.gather(*(passing.continuations.take("ABCD2345") for _ in range(20)))
    assert sorted(taken for taken in takers if taken) == ["handle"]


async def test_a_continuation_code_expires(passing: EphemeralStores, clock: FakeClock) -> None:
    await passing.continuations.put("ABCD2345", "handle", clock.now() + 600)
    clock.advance(600)
    assert await passing.continuations.take("ABCD2345") is None


async def test_a_pending_logout_is_replaced_and_expires(passing: EphemeralStores, clock: FakeClock) -> None:
    first = PendingLogout(
        "browser", "tax", "https://tax.example/", ("https://tax.example/bye",), ("cy",), "bank", "https://b/"
    )
    await passing.pending_logouts.put("handle", first, clock.now() + 60)
    assert await passing.pending_logouts.get("handle") == first
    await passing.pending_logouts.put("handle", replace(first, returned=True), clock.now() + 60)
    assert await passing.pending_logouts.get("handle") == replace(first, returned=True)
    assert await passing.pending_logouts.get("another") is None
    clock.advance(60)
    assert await passing.pending_logouts.get("handle") is None


async def test_handles_of_different_kinds_are_never_taken_for_one_another(
    passing: EphemeralStores, clock: FakeClock
) -> None:
    await passing.transactions.create("same", transaction(clock.now()), LIMIT)
    assert await passing.pushed.get("same") is None
    assert await passing.pending_logouts.get("same") is None
    assert await passing.continuations.take("same") is None
    assert await passing.transactions.load("same") is not None


async def test_a_proof_is_new_once(passing: EphemeralStores, clock: FakeClock) -> None:
    epoch = await passing.proofs.epoch()
    first = await asyncio.gather(*(passing.proofs.first_use("jti", clock.now() + 30, epoch) for _ in range(20)))
    assert first.count(True) == 1
    assert await passing.proofs.first_use("another", clock.now() + 30, epoch)


async def test_a_proof_is_remembered_until_it_expires(passing: EphemeralStores, clock: FakeClock) -> None:
    epoch = await passing.proofs.epoch()
    assert await passing.proofs.first_use("jti", clock.now() + 30, epoch)
    clock.advance(29)
    assert not await passing.proofs.first_use("jti", clock.now() + 30, epoch)
    clock.advance(1)
    assert await passing.proofs.first_use("jti", clock.now() + 30, epoch)


async def test_a_proof_under_a_nonce_of_another_epoch_is_not_noted(passing: EphemeralStores, clock: FakeClock) -> None:
    with pytest.raises(StoreUnavailable, match="another one"):
        await passing.proofs.first_use("jti", clock.now() + 30, "of before")


async def test_the_epoch_of_proofs_stays_the_same_while_nothing_is_lost(passing: EphemeralStores) -> None:
    epoch = await passing.proofs.epoch()
    assert len(epoch) >= 16
    assert await passing.proofs.epoch() == epoch


async def test_a_window_lets_so_many_through_and_no_more(passing: EphemeralStores, clock: FakeClock) -> None:
    clock.set(clock.now() // 60 * 60)
    assert [await passing.rate_limits.allow("address", 3, 60) for _ in range(5)] == [True] * 3 + [False] * 2
    assert await passing.rate_limits.allow("another", 3, 60)
    clock.advance(59)
    assert not await passing.rate_limits.allow("address", 3, 60)
    clock.advance(1)
    assert await passing.rate_limits.allow("address", 3, 60)


async def test_a_use_given_back_is_free_again_in_its_window(passing: EphemeralStores, clock: FakeClock) -> None:
    clock.set(clock.now() // 60 * 60)
    assert [await passing.rate_limits.allow("address", 2, 60) for _ in range(2)] == [True, True]
    await passing.rate_limits.give_back("address", 60)
    assert [await passing.rate_limits.allow("address", 2, 60) for _ in range(2)] == [True, False]
    await passing.rate_limits.give_back("another", 60)
    clock.advance(60)
    await passing.rate_limits.give_back("address", 60)
    assert [await passing.rate_limits.allow("address", 2, 60) for _ in range(3)] == [True, True, False]


async def test_what_has_expired_stays_expired_when_the_clock_jumps_back(
    passing: EphemeralStores, clock: FakeClock
) -> None:
    begun = transaction(clock.now())
    await passing.transactions.create("handle", begun, LIMIT)
    await passing.continuations.put("code", "handle", clock.now() + 600)
    clock.advance(3 * 86_400)
    assert await passing.transactions.load("handle") is None
    clock.advance(-3 * 86_400)
    assert await passing.transactions.load("handle") is None
    assert await passing.continuations.take("code") is None


async def test_an_empty_memory_says_so_and_a_server_set_up_well_has_no_problems(passing: EphemeralStores) -> None:
    await passing.update_memory_usage()
    assert passing.memory_fullness() == 0.0
    assert not await passing.check_server()


async def test_departures_are_reserved_in_order_at_the_rate_and_no_more_than_may_wait(
    passing: EphemeralStores, clock: FakeClock
) -> None:
    now, gate = clock.now(), passing.departures
    reserved = [await gate.reserve("eid", 2.0, 3, now) for _ in range(6)]
    assert [None if at is None else round(at - now, 3) for at in reserved] == [-0.5, 0.0, 0.5, 1.0, 1.5, None]
    assert await gate.reserve("other", 2.0, 3, now) == pytest.approx(now - 0.5)
    again = await gate.reserve("eid", 2.0, 3, now + 60)
    assert again == pytest.approx(now + 59.5)


async def test_of_many_who_reserve_at_once_each_gets_another_departure(
    passing: EphemeralStores, clock: FakeClock
) -> None:
    now = clock.now()
    reserved = await asyncio.gather(*(passing.departures.reserve("eid", 5.0, 100, now) for _ in range(40)))
    assert sorted(reserved) == pytest.approx([now - 0.8 + number / 5 for number in range(40)])

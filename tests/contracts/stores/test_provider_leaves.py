"""A provider leaves the scheme in stages: a thousand accounts move to another one, none is lost and none is doubled.

Three processes take part, and services are answered all the while: some citizens sign in by the old way at the moment
at which they move in another browser, some press the button twice, some used the new provider before, and some never
move.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeVar

from broker.model.account import Dependents, LinkResult, LinkWrite
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.handle import sha256_hex
from broker.model.session import no_fan_out
from broker.model.store_results import AuthorizationWritten, StoreUnavailable
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.database_dumps import query
from tests.contracts.stores.samples import ISSUER, answer, code, identity, session
from tests.support.system import FakeClock

T = TypeVar("T")
PEOPLE: Final = 1_000
TRIES: Final = 20
AT_ONCE: Final = 8
POST: Final = "https://post.example"
SECTORS: Final = ("passports", "tax")
"""The services; who uses both has two subjects to lose."""


def citizen(number: int) -> str:
    """The subject of a citizen, at either provider."""
    return f"citizen-{number}"


async def until_answered(act: Callable[[], Awaitable[T]]) -> T:
    """The answer of a store; on a busy machine it may take longer than a store may, then the citizen tries again."""
    for _ in range(TRIES):
        with suppress(StoreUnavailable):
            return await act()
    raise AssertionError("the store is never in time")


async def sign_in(
    sql: SqlStores, now: float, number: int, service: str, issuer: str, visit: str
) -> AuthorizationWritten:
    """A service is answered."""
    name = f"{visit}-{number}-{service}"
    given = answer(
        now,
        name,
        citizen(number),
        issuer=issuer,
        provider="bank" if issuer == ISSUER else "post",
        sector=f"{service}.example",
        code=code(now, name, client_id=service),
        session=session(now, name, identity=identity(citizen(number), issuer=issuer)),
    )
    written = await until_answered(lambda: sql.authorizations.record(given))
    assert written is not None
    return written


async def move(sql: SqlStores, now: float, number: int, account: str) -> LinkResult:
    """A citizen moves from the bank to the post."""
    event = AuditEvent("identity_moved", now, "citizen", provider="post", account=account)
    first = session(now, f"first-{number}-{SECTORS[0]}", account=account, identity=identity(citizen(number)))
    there = identity(citizen(number), issuer=POST, provider="post", level=Level.HIGH)
    write = LinkWrite(
        account=account,
        first=first,
        identity=there,
        event=event,
        ended=replace(event, kind="session_ended"),
        logout_fan_out=no_fan_out,
        replaced=sql.identity_links.key(ISSUER, citizen(number)),
        session=replace(first, digest=sha256_hex(f"moved-{number}"), identity=there),
    )
    return await until_answered(lambda: sql.identity_links.link(write))


def moves(number: int) -> bool:
    """Whether this citizen moves before the provider has left: all but one of ten."""
    return number % 10 != 9


async def known(url: str) -> Mapping[tuple[str, str], set[str]]:
    """The ways (keys) that lead to each subject, by sector and subject."""
    rows = await query(
        url, "SELECT s.sector, s.sub, i.digest FROM pairwise_subjects s LEFT JOIN identities i USING (account_id)"
    )
    found: dict[tuple[str, str], set[str]] = {}
    for sector, sub, key in rows:
        found.setdefault((sector, sub), set()).update([] if key is None else [key])
    return found


async def test_a_thousand_accounts_move_and_none_is_lost_or_doubled(
    open_one: OpenSqlStores, sql_url: str, clock: FakeClock
) -> None:
    stores = [await open_one() for _ in range(1 if sql_url.startswith("sqlite:") else 3)]  # SQLite serves one process
    turn = asyncio.Semaphore(AT_ONCE)
    before: dict[int, Sequence[AuthorizationWritten]] = {}
    results: Counter[LinkResult] = Counter()
    conflicts: set[int] = set()

    async def first(number: int) -> None:
        """Everyone uses a service by the bank, some use two, and some have an account of their own at the post."""
        async with turn:
            sql, now = stores[number % len(stores)], clock.now()
            services = SECTORS if number % 4 == 0 else SECTORS[:1]
            before[number] = [await sign_in(sql, now, number, service, ISSUER, "first") for service in services]
            if number % 7 == 0:
                await sign_in(sql, now, number, "library", POST, "own")

    async def then(number: int) -> None:
        """Most move; meanwhile a service is answered in another browser, or the button is pressed once more."""
        async with turn:
            sql, other = stores[number % len(stores)], stores[(number + 1) % len(stores)]
            account, now = before[number][0].account, clock.now()
            if not moves(number):
                return
            moving = [move(sql, now, number, account)]
            if number % 5 == 0:
                result, again = await asyncio.gather(*moving, sign_in(other, now, number, "passports", POST, "then"))
                # the service was answered first, and knows two people now; or the citizen had moved by then
                assert result is LinkResult.CONFLICT or again == before[number][0]
                conflicts.update([number] if result is LinkResult.CONFLICT else [])
                results[result] += 1
            else:
                moving += [move(other, now, number, account)] if number % 3 == 0 else []
                results.update(await asyncio.gather(*moving))

    await asyncio.gather(*(first(number) for number in range(PEOPLE)))
    clock.advance(86_400)
    assert await until_answered(lambda: stores[0].identity_links.dependents("bank")) == Dependents(
        alone=PEOPLE, beside=0
    )
    await asyncio.gather(*(then(number) for number in range(PEOPLE)))
    assert results[LinkResult.GONE] == 0
    assert results[LinkResult.MERGED] > 0
    left = await until_answered(lambda: stores[0].identity_links.dependents("bank"))
    assert left == Dependents(alone=sum(not moves(n) for n in before) + len(conflicts), beside=0)
    keys = {
        issuer: [stores[0].identity_links.key(issuer, citizen(n)) for n in range(PEOPLE)] for issuer in (ISSUER, POST)
    }
    found = await known(sql_url)
    for number, written in before.items():
        moved = moves(number) and number not in conflicts
        for service, one in zip(SECTORS, written, strict=False):
            assert found[f"{service}.example", one.subject] == {keys[POST if moved else ISSUER][number]}, number
    assert all(len(ways) == 1 for ways in found.values())  # no subject is left behind, none has two citizens
    at_passports = sum(sector == "passports.example" for sector, _ in found)
    assert at_passports == PEOPLE + len(conflicts)
    [[moves_written]] = await query(sql_url, "SELECT count(*) FROM audit WHERE kind = 'identity_moved'")
    assert moves_written >= sum(map(moves, before)) - len(conflicts)

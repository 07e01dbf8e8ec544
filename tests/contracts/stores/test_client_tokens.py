"""What every SQL store guarantees about tokens of services for themselves, in SQLite or in PostgreSQL."""

import pytest

from broker.model.client_token import ClientToken
from broker.model.handle import sha256_hex
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.database_dumps import query
from tests.contracts.stores.samples import SERVICE, assertion, event
from tests.support.system import FakeClock

pytestmark = pytest.mark.store


def token(now: float, name: str = "1") -> ClientToken:
    """A token that is bound to a key."""
    return ClientToken(sha256_hex(f"own_{name}"), SERVICE, "ssf.read ssf.manage", now, now + 600, "jkt", "x5t")


async def test_a_token_is_found_until_its_service_revokes_it(sql: SqlStores, clock: FakeClock) -> None:
    now, made = clock.now(), token(clock.now())
    assert await sql.client_tokens.issue(made, None, event(now, "own_token_issued"))
    assert await sql.client_tokens.load(made.digest) == made
    assert await sql.client_tokens.load(token(now, "2").digest) is None
    assert not await sql.client_tokens.revoke(made.digest, "tax", now, event(now, "token_revoked"))
    assert await sql.client_tokens.load(made.digest) == made
    assert await sql.client_tokens.revoke(made.digest, SERVICE, now, event(now, "token_revoked"))
    assert not await sql.client_tokens.revoke(made.digest, SERVICE, now, event(now, "token_revoked"))
    assert await sql.client_tokens.load(made.digest) is None
    assert [one.kind for _, one in await sql.audit.read(0, 10)] == ["own_token_issued", "token_revoked"]


async def test_a_used_assertion_issues_nothing(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    assert await sql.client_tokens.issue(token(now), assertion(now), event(now))
    assert not await sql.client_tokens.issue(token(now, "2"), assertion(now), event(now))
    assert await sql.client_tokens.load(token(now, "2").digest) is None
    assert len(await sql.audit.read(0, 10)) == 1


async def test_a_token_of_an_earlier_epoch_is_unknown_and_an_old_one_is_deleted(
    sql: SqlStores, clock: FakeClock, sql_url: str
) -> None:
    now = clock.now()
    await sql.client_tokens.issue(token(now), None, event(now))
    await sql.counters.raise_epoch("olu", now)
    assert await sql.client_tokens.load(token(now).digest) is None
    await sql.sweep(now + 600 + 86_399)
    assert await query(sql_url, "SELECT count(*) FROM client_tokens") == [(1,)]
    await sql.sweep(now + 600 + 86_400)
    assert await query(sql_url, "SELECT count(*) FROM client_tokens") == [(0,)]

"""What every SQL store guarantees about codes, grants and tokens, in SQLite or in PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from broker.model.grant import AuthorizationCode, StoredToken
from broker.model.handle import sha256_hex
from broker.model.store_results import RedeemResult
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.samples import SERVICE, answer, assertion, code, event, grant, tokens
from tests.support.system import FakeClock

pytestmark = pytest.mark.store


async def issued(sql: SqlStores, clock: FakeClock, name: str = "1") -> AuthorizationCode:
    """A code that waits to be redeemed."""
    made = code(clock.now(), name)
    assert await sql.authorizations.record(answer(clock.now(), name, person=f"person-{name}", code=made))
    return made


async def redeemed(sql: SqlStores, clock: FakeClock, name: str = "1") -> AuthorizationCode:
    """A code that was redeemed: for the grant, the access token and the refresh token of the same name."""
    made = await issued(sql, clock, name)
    now = clock.now()
    done = await sql.grants.redeem(made.digest, grant(made, now, name), tokens(now, name), None, (event(now),))
    assert done is RedeemResult.DONE
    return made


async def test_an_unknown_code_is_unknown(sql: SqlStores) -> None:
    assert await sql.grants.code(sha256_hex("nothing")) is None


async def test_a_redeemed_code_leads_to_its_grant_and_tells_nothing_any_more(sql: SqlStores, clock: FakeClock) -> None:
    made = await redeemed(sql, clock)
    found = await sql.grants.code(made.digest)
    assert found is not None
    assert (found.redeemed, found.grant) == (True, "grant-1")
    assert (found.code.client_id, found.code.redirect_uri) == (made.client_id, made.redirect_uri)
    assert found.code.release.claims == {}
    assert found.code.release.verification is None


async def test_redemption_makes_the_grant_and_its_tokens(sql: SqlStores, clock: FakeClock) -> None:
    made = await redeemed(sql, clock)
    for token in tokens(clock.now()):
        assert await sql.grants.token(token.digest) == (token, grant(made, clock.now()))


async def test_fifty_redemptions_of_one_code_at_once_give_one_set_of_tokens(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores = [await open_one() for _ in range(3)]
    made = await issued(stores[0], clock)
    now = clock.now()
    outcomes = await asyncio.gather(
        *(
            stores[n % 3].grants.redeem(
                made.digest, grant(made, now, f"{n}"), tokens(now, f"{n}"), assertion(now, f"jti-{n}"), (event(now),)
            )
            for n in range(50)
        )
    )
    assert outcomes.count(RedeemResult.DONE) == 1
    assert outcomes.count(RedeemResult.USED_BEFORE) == 49
    live = [await stores[0].grants.token(token.digest) for n in range(50) for token in tokens(now, f"{n}")]
    assert [one is not None for one in live].count(True) == 2
    winner = outcomes.index(RedeemResult.DONE)
    assert await stores[0].grants.token(tokens(now, f"{winner}")[0].digest) is not None
    used = [await stores[0].grants.use_assertion(assertion(now, f"jti-{n}")) for n in range(50)]
    assert used.index(False) == winner
    assert used.count(False) == 1


async def test_a_replay_revokes_everything_that_was_issued_from_the_code(sql: SqlStores, clock: FakeClock) -> None:
    made = await redeemed(sql, clock)
    late = StoredToken(sha256_hex("access-late"), "access", clock.now(), clock.now() + 300)
    assert await sql.grants.refresh("grant-1", late, None, ()) is RedeemResult.DONE
    await sql.grants.revoke_code(made.digest, clock.now(), event(clock.now(), "code_replayed"))
    for token in (*tokens(clock.now()), late):
        assert await sql.grants.token(token.digest) is None
    assert await sql.grants.refresh("grant-1", replace(late, digest="x"), None, ()) is RedeemResult.USED_BEFORE


async def test_a_code_is_revoked_once(sql: SqlStores, clock: FakeClock) -> None:
    made = await redeemed(sql, clock)
    await sql.audit_chain.seal_once()
    for _ in range(3):
        await sql.grants.revoke_code(made.digest, clock.now(), event(clock.now(), "code_replayed"))
    assert await sql.audit_chain.seal_once() == 1


async def test_revoking_a_code_that_was_never_redeemed_does_nothing(sql: SqlStores, clock: FakeClock) -> None:
    made = await issued(sql, clock)
    await sql.audit_chain.seal_once()
    await sql.grants.revoke_code(made.digest, clock.now(), event(clock.now()))
    assert await sql.audit_chain.seal_once() == 0
    assert await sql.grants.code(made.digest) is not None


async def test_nothing_is_redeemed_with_an_assertion_that_was_used_before(sql: SqlStores, clock: FakeClock) -> None:
    made = await issued(sql, clock)
    now = clock.now()
    assert await sql.grants.use_assertion(assertion(now))
    await sql.audit_chain.seal_once()
    done = await sql.grants.redeem(made.digest, grant(made, now), tokens(now), assertion(now), (event(now),))
    assert done is RedeemResult.ASSERTION_USED_BEFORE
    assert await sql.grants.token(tokens(now)[0].digest) is None
    assert await sql.audit_chain.seal_once() == 0
    found = await sql.grants.code(made.digest)
    assert found is not None
    assert not found.redeemed
    done = await sql.grants.redeem(made.digest, grant(made, now), tokens(now), assertion(now, "jti-2"), (event(now),))
    assert done is RedeemResult.DONE


async def test_an_assertion_is_used_once_by_each_service(open_one: OpenSqlStores, clock: FakeClock) -> None:
    stores = [await open_one() for _ in range(3)]
    used = await asyncio.gather(*(stores[n % 3].grants.use_assertion(assertion(clock.now())) for n in range(20)))
    assert used.count(True) == 1
    assert await stores[0].grants.use_assertion(assertion(clock.now(), client_id="tax"))
    assert await stores[0].grants.use_assertion(assertion(clock.now(), "jti-2"))


async def test_a_refresh_gives_another_access_token_on_the_same_grant(sql: SqlStores, clock: FakeClock) -> None:
    made = await redeemed(sql, clock)
    clock.advance(400)
    access = StoredToken(sha256_hex("access-2"), "access", clock.now(), clock.now() + 300, "another-thumbprint")
    use = assertion(clock.now())
    assert await sql.grants.refresh("grant-1", access, use, (event(clock.now()),)) is RedeemResult.DONE
    assert await sql.grants.token(access.digest) == (access, grant(made, clock.now() - 400))
    again = replace(access, digest=sha256_hex("access-3"))
    assert await sql.grants.refresh("grant-1", again, use, ()) is RedeemResult.ASSERTION_USED_BEFORE
    assert await sql.grants.token(again.digest) is None


async def test_a_token_keeps_the_certificate_it_is_bound_to(sql: SqlStores, clock: FakeClock) -> None:
    made = await issued(sql, clock)
    now = clock.now()
    access, refresh = tokens(now)
    bound = replace(access, x5t="thumbprint")
    assert await sql.grants.redeem(made.digest, grant(made, now), (bound, refresh), None, ()) is RedeemResult.DONE
    assert await sql.grants.token(bound.digest) == (bound, grant(made, now))
    later = replace(bound, digest=sha256_hex("access-2"), x5t="another thumbprint")
    assert await sql.grants.refresh("grant-1", later, None, ()) is RedeemResult.DONE
    assert await sql.grants.token(later.digest) == (later, grant(made, now))
    assert await sql.grants.token(bound.digest) == (bound, grant(made, now))


# Refresh tokens that are good for one use


async def test_a_refresh_token_is_replaced_and_the_rest_of_its_grant_stays(sql: SqlStores, clock: FakeClock) -> None:
    made = await redeemed(sql, clock)
    began = clock.now()
    access, refresh = tokens(began)
    clock.advance(100)
    fresh = tokens(clock.now(), "2")
    await sql.audit_chain.seal_once()
    done = await sql.grants.rotate(refresh.digest, fresh, clock.now(), (event(clock.now()),))
    assert done is RedeemResult.DONE
    assert await sql.grants.token(refresh.digest) is None
    for token in (access, *fresh):
        assert await sql.grants.token(token.digest) == (token, grant(made, began))
    assert await sql.audit_chain.seal_once() == 1


async def test_of_twenty_uses_of_one_refresh_token_at_once_one_succeeds(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores = [await open_one() for _ in range(3)]
    await redeemed(stores[0], clock)
    now, refresh = clock.now(), tokens(clock.now())[1]
    outcomes = await asyncio.gather(
        *(stores[n % 3].grants.rotate(refresh.digest, tokens(now, f"new-{n}"), now, (event(now),)) for n in range(20))
    )
    assert (outcomes.count(RedeemResult.DONE), outcomes.count(RedeemResult.USED_BEFORE)) == (1, 19)
    live = [await stores[0].grants.token(token.digest) for n in range(20) for token in tokens(now, f"new-{n}")]
    assert [one is not None for one in live].count(True) == 2


async def test_a_refresh_token_that_comes_again_ends_everything_and_the_record_says_whose_it_was(
    sql: SqlStores, clock: FakeClock
) -> None:
    await redeemed(sql, clock)
    now = clock.now()
    access, refresh = tokens(now)
    fresh = tokens(now, "2")
    assert await sql.grants.rotate(refresh.digest, fresh, now, ()) is RedeemResult.DONE
    assert await sql.grants.revoke_used(refresh.digest, SERVICE, now, event(now, "refresh_token_replayed"))
    for token in (access, refresh, *fresh):
        assert await sql.grants.token(token.digest) is None
    assert await sql.grants.rotate(fresh[1].digest, tokens(now, "3"), now, ()) is RedeemResult.USED_BEFORE
    assert await sql.grants.token(tokens(now, "3")[0].digest) is None
    written = [row for _, row in await sql.audit.read(0, 100) if row.kind == "refresh_token_replayed"]
    assert [(row.grant, row.account) for row in written] == [("grant-1", "account-1")]
    await sql.audit_chain.seal_once()
    assert not await sql.grants.revoke_used(refresh.digest, SERVICE, now, event(now))
    assert await sql.audit_chain.seal_once() == 0


async def test_nothing_ends_by_a_refresh_token_that_was_not_used_or_is_another_s(
    sql: SqlStores, clock: FakeClock
) -> None:
    await redeemed(sql, clock)
    now = clock.now()
    access, refresh = tokens(now)
    await sql.audit_chain.seal_once()
    for of, client in ((refresh.digest, SERVICE), (access.digest, SERVICE), (sha256_hex("nothing"), SERVICE)):
        assert not await sql.grants.revoke_used(of, client, now, event(now))
    assert await sql.grants.rotate(access.digest, tokens(now, "2"), now, ()) is RedeemResult.USED_BEFORE
    assert await sql.grants.rotate(refresh.digest, tokens(now, "2"), now, ()) is RedeemResult.DONE
    assert not await sql.grants.revoke_used(refresh.digest, "tax", now, event(now))
    assert await sql.grants.token(access.digest) is not None
    assert await sql.audit_chain.seal_once() == 0


async def test_after_a_new_epoch_no_refresh_token_is_replaced(sql: SqlStores, clock: FakeClock) -> None:
    await redeemed(sql, clock)
    now, refresh = clock.now(), tokens(clock.now())[1]
    await sql.counters.raise_epoch("operator", now)
    assert await sql.grants.rotate(refresh.digest, tokens(now, "2"), now, ()) is RedeemResult.USED_BEFORE


async def test_a_used_refresh_token_is_known_as_such_until_it_expires(sql: SqlStores, clock: FakeClock) -> None:
    await redeemed(sql, clock)
    began, refresh = clock.now(), tokens(clock.now())[1]
    fresh = replace(tokens(began, "2")[1], expires=refresh.expires)
    assert await sql.grants.rotate(refresh.digest, (fresh,), began, ()) is RedeemResult.DONE
    clock.set(refresh.expires - 1)
    while await sql.sweep(clock.now()):
        pass
    assert await sql.grants.revoke_used(refresh.digest, SERVICE, clock.now(), event(clock.now()))


async def test_revoking_an_access_token_leaves_the_rest_of_its_grant(sql: SqlStores, clock: FakeClock) -> None:
    await redeemed(sql, clock)
    access, refresh = tokens(clock.now())
    assert await sql.grants.revoke(access.digest, SERVICE, clock.now(), event(clock.now()))
    assert await sql.grants.token(access.digest) is None
    assert await sql.grants.token(refresh.digest) is not None


async def test_revoking_a_refresh_token_takes_the_whole_grant_along(sql: SqlStores, clock: FakeClock) -> None:
    await redeemed(sql, clock)
    access, refresh = tokens(clock.now())
    assert await sql.grants.revoke(refresh.digest, SERVICE, clock.now(), event(clock.now()))
    assert await sql.grants.token(access.digest) is None
    assert await sql.grants.token(refresh.digest) is None
    assert await sql.grants.refresh("grant-1", replace(access, digest="x"), None, ()) is RedeemResult.USED_BEFORE


async def test_a_service_cannot_revoke_what_another_one_holds(sql: SqlStores, clock: FakeClock) -> None:
    await redeemed(sql, clock)
    await sql.audit_chain.seal_once()
    access, refresh = tokens(clock.now())
    assert not await sql.grants.revoke(refresh.digest, "tax", clock.now(), event(clock.now()))
    assert not await sql.grants.revoke(sha256_hex("nothing"), SERVICE, clock.now(), event(clock.now()))
    assert await sql.grants.token(access.digest) is not None
    assert await sql.audit_chain.seal_once() == 0


async def test_a_token_is_revoked_once(sql: SqlStores, clock: FakeClock) -> None:
    await redeemed(sql, clock)
    access, _ = tokens(clock.now())
    assert await sql.grants.revoke(access.digest, SERVICE, clock.now(), event(clock.now()))
    assert not await sql.grants.revoke(access.digest, SERVICE, clock.now(), event(clock.now()))


@pytest.mark.parametrize("later", [0, 86_400 * 365])
async def test_a_new_epoch_ends_codes_grants_and_tokens_of_the_earlier_ones(
    sql: SqlStores, clock: FakeClock, later: int
) -> None:
    waiting, made = await issued(sql, clock, "1"), await redeemed(sql, clock, "2")
    clock.advance(later)
    now = clock.now()
    assert await sql.counters.raise_epoch("operator", now) == 2
    access, refresh = tokens(now - later, "2")
    assert await sql.grants.code(waiting.digest) is None
    assert await sql.grants.code(made.digest) is None
    assert await sql.grants.token(access.digest) is None
    done = await sql.grants.redeem(waiting.digest, grant(waiting, now), tokens(now), None, ())
    assert done is RedeemResult.USED_BEFORE
    assert await sql.grants.refresh("grant-2", replace(access, digest="x"), None, ()) is RedeemResult.USED_BEFORE
    assert not await sql.grants.revoke(refresh.digest, SERVICE, now, event(now))
    fresh = await redeemed(sql, clock, "3")
    assert await sql.grants.token(tokens(now, "3")[0].digest) == (tokens(now, "3")[0], grant(fresh, now, "3"))


async def test_what_was_released_is_kept_while_a_token_lives_and_erased_with_the_last_one(
    sql: SqlStores, clock: FakeClock
) -> None:
    made = await redeemed(sql, clock)
    refresh = tokens(clock.now())[1]
    clock.set(refresh.expires - 1)
    await sql.sweep(clock.now())
    found = await sql.grants.token(refresh.digest)
    assert found is not None
    assert found[1].release == made.release
    clock.set(refresh.expires)
    assert await sql.sweep(clock.now()) > 0
    assert await sql.grants.token(refresh.digest) is None
    while await sql.sweep(clock.now()):
        pass


async def test_a_redeemed_code_still_answers_for_its_transaction_after_days_of_sweeping(
    sql: SqlStores, clock: FakeClock
) -> None:
    made = await redeemed(sql, clock)
    clock.advance(3 * 86_400)
    while await sql.sweep(clock.now()):
        pass
    again = code(clock.now(), "2", transaction=made.transaction)
    assert await sql.authorizations.record(answer(clock.now(), "2", code=again)) is None


async def test_an_assertion_is_remembered_beyond_its_expiry_by_every_sweep(sql: SqlStores, clock: FakeClock) -> None:
    use = assertion(clock.now())
    assert await sql.grants.use_assertion(use)
    clock.set(use.expires + 60)
    while await sql.sweep(clock.now()):
        pass
    assert not await sql.grants.use_assertion(use)

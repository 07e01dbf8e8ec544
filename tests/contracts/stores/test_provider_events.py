"""What every SQL store guarantees when a provider reports what happened to an account, in SQLite or in PostgreSQL."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from broker.model.account import LinkResult
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.handle import sha256_hex
from broker.model.identity import Identity
from broker.model.passkey import NewlyKept
from broker.model.provider_event import EventEffect, ProviderEvent
from broker.model.session import no_fan_out
from broker.model.store_results import RedeemResult
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores import full_database
from tests.contracts.stores.samples import (
    ISSUER,
    SECTOR,
    SERVICE,
    answer,
    code,
    event,
    grant,
    identity,
    release,
    session,
    tokens,
)
from tests.contracts.stores.test_backchannel_requests import asked, confirming
from tests.contracts.stores.test_identity_links import POST, link
from tests.support.system import FakeClock

pytestmark = pytest.mark.store


def reported(now: float, **changes: Any) -> ProviderEvent:
    """An event about Ann."""
    made = ProviderEvent(ISSUER, "jti-1", "urn:event", now, "ann")
    return replace(made, **changes)


async def apply(sql: SqlStores, found: ProviderEvent, effect: EventEffect, now: float) -> bool:
    """Applies an event of the bank."""
    record = AuditEvent("provider_event", now, "provider:bank", provider="bank")
    return await sql.provider_events.apply(found, effect, record, no_fan_out)


async def sign_in(sql: SqlStores, now: float, name: str, person: Identity, provider: str = "bank") -> str:
    """A session with a redeemed code and an unredeemed one. Returns the digest of the access token."""
    begun = session(now, name, identity=person)
    for suffix in ("", "-open"):
        coded = code(now, f"{name}{suffix}", release=release(provider=provider, session=begun.id))
        assert await sql.authorizations.record(
            answer(now, f"{name}{suffix}", person.subject, code=coded, session=begun)
        )
    stored = await sql.grants.code(sha256_hex(f"code-{name}"))
    assert stored is not None
    held = grant(stored.code, now, name, release=release(provider=provider, session=None))
    access, refresh = tokens(now, name)
    done = await sql.grants.redeem(stored.code.digest, held, [access, refresh], None, [event(now)])
    assert done is RedeemResult.DONE
    return access.digest


async def known(sql: SqlStores, subject: str = "ann") -> tuple[str | None, bool]:
    """The account of an identity, and whether it is blocked."""
    found = await sql.authorizations.linked_identity(ISSUER, subject, SECTOR, SERVICE)
    return (None, False) if found is None else (found.account, found.blocked)


async def test_an_event_counts_once_and_is_recorded_with_the_account(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await sql.authorizations.record(answer(now, identity_subject="ann"))
    before = len(await sql.audit.read(0, 100))
    assert await apply(sql, reported(now), EventEffect.RECORD, now)
    assert not await apply(sql, reported(now), EventEffect.SUSPEND, now)
    assert await apply(sql, reported(now, jti="jti-2", subject="nobody"), EventEffect.SUSPEND, now)
    rows = [one for _, one in await sql.audit.read(0, 100)][before:]
    assert [(one.kind, one.account) for one in rows] == [("provider_event", "account-1"), ("provider_event", None)]
    assert await known(sql) == ("account-1", False)


async def test_a_suspended_way_is_blocked_until_it_is_enabled(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await sql.authorizations.record(answer(now, identity_subject="ann"))
    assert await apply(sql, reported(now), EventEffect.SUSPEND, now)
    assert await known(sql) == ("account-1", True)
    meanwhile = answer(now, "2", "ann")
    assert await sql.authorizations.record(meanwhile) is None
    assert await sql.sessions.load(session(now, "2").digest) is None
    assert await apply(sql, reported(now - 60, jti="older"), EventEffect.ENABLE, now)
    assert await known(sql) == ("account-1", True)
    assert await apply(sql, reported(now + 60, jti="newer"), EventEffect.ENABLE, now + 60)
    assert await known(sql) == ("account-1", False)
    assert await sql.authorizations.record(meanwhile) is not None


async def test_a_removed_way_is_unlinked_and_its_subject_is_a_new_person(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await sql.authorizations.record(answer(now, identity_subject="ann"))
    assert await apply(sql, reported(now), EventEffect.REMOVE, now)
    assert await known(sql) == (None, False)


@pytest.mark.parametrize(
    "effect",
    [EventEffect.RECORD, EventEffect.END_SESSIONS, EventEffect.END_ALL, EventEffect.SUSPEND, EventEffect.REMOVE],
)
async def test_sessions_and_what_rests_on_the_provider_end_at_once(
    sql: SqlStores, clock: FakeClock, effect: EventEffect
) -> None:
    now = clock.now()
    ann = identity("ann", auth_time=int(now))
    mine = await sign_in(sql, now, "1", ann)
    other = await sign_in(sql, now, "2", replace(ann, provider="post"), provider="post")
    later = await sign_in(sql, now, "3", replace(ann, auth_time=int(now) + 60))
    stranger = await sign_in(sql, now, "4", identity("ben", auth_time=int(now)))
    assert await apply(sql, reported(now), effect, now)
    ended = effect is not EventEffect.RECORD
    grants_end = ended and effect is not EventEffect.END_SESSIONS
    assert (await sql.sessions.load(session(now, "1").digest) is None) is ended
    assert await sql.sessions.load(session(now, "3").digest) is not None
    assert await sql.sessions.load(session(now, "4").digest) is not None
    assert (await sql.grants.token(mine) is None) is grants_end
    assert (await sql.grants.token(later) is None) is grants_end
    assert await sql.grants.token(other) is not None
    assert await sql.grants.token(stranger) is not None
    open_code = await sql.grants.code(sha256_hex("code-3-open"))
    assert open_code is not None
    assert (open_code.code.expires <= now) is grants_end
    untouched = await sql.grants.code(sha256_hex("code-4-open"))
    assert untouched is not None
    assert untouched.code.expires > now


async def test_an_event_about_a_session_alone_ends_what_began_in_it(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    ann = identity("ann", auth_time=int(now), upstream_sid="up-1")
    kept = await sign_in(sql, now, "1", ann)
    await sign_in(sql, now, "2", replace(ann, upstream_sid="up-2"))
    assert await apply(sql, reported(now, subject=None, sid="up-1"), EventEffect.END_SESSIONS, now)
    assert await sql.sessions.load(session(now, "1").digest) is None
    assert await sql.sessions.load(session(now, "2").digest) is not None
    assert await sql.grants.token(kept) is not None


@pytest.mark.parametrize(("provider", "frozen"), [("bank", True), ("post", False)])
async def test_what_is_kept_of_a_suspended_account_is_frozen(sql: SqlStores, provider: str, *, frozen: bool) -> None:
    await sql.authorizations.record(full_database.answer("ann"))
    hers = full_database.kept(sql, "ann")
    hers = replace(hers, identity=replace(hers.identity, provider="bank"))
    key = full_database.passkey("ann", hers.key)
    assert await sql.kept_identities.keep(
        full_database.session("ann"), NewlyKept(hers, key, "passkey"), [event(full_database.NOW)]
    )
    record = AuditEvent("provider_event", full_database.NOW, f"provider:{provider}", provider=provider)
    found = ProviderEvent(full_database.ISSUER, "jti", "urn:event", full_database.NOW, "ann-at-bank")
    assert await sql.provider_events.apply(found, EventEffect.SUSPEND, record, no_fan_out)
    [kept] = await sql.kept_identities.of_account("account-ann")
    assert (kept.kept.frozen is not None) is frozen


@pytest.mark.parametrize("effect", [EventEffect.END_SESSIONS, EventEffect.END_ALL])
async def test_a_sign_in_from_before_an_event_is_not_written_and_a_later_one_is(
    sql: SqlStores, clock: FakeClock, effect: EventEffect
) -> None:
    now = clock.now()
    await sql.authorizations.record(answer(now, identity_subject="ann"))
    assert await apply(sql, reported(now + 10), effect, now + 10)
    found = await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE)
    assert found is not None
    assert [found.outdated(now + age) for age in (9, 10)] == [True, False]
    late = replace(answer(now, "2", "ann", session=session(now, "2", identity=identity("ann"))), proved=now + 9)
    assert await sql.authorizations.record(late) is None
    assert await sql.sessions.load(session(now, "2").digest) is None
    assert await sql.authorizations.record(replace(late, proved=now + 10)) is not None


@pytest.mark.parametrize("effect", [EventEffect.END_ALL, EventEffect.SUSPEND])
async def test_a_confirmation_and_a_session_of_the_account_from_before_an_event_are_not_written(
    sql: SqlStores, clock: FakeClock, effect: EventEffect
) -> None:
    now = clock.now()
    put = await asked(sql, now)
    assert await apply(sql, reported(now + 10), effect, now + 10)
    confirmation = replace(confirming(now, put), proved=now + 9)
    assert await sql.authorizations.record(confirmation) is None
    found = await sql.questions.load(put.id)
    assert found is not None
    assert found.is_pending(now)
    pages = answer(now, "2", sector=None, code=None, shared=(), session=session(now, "2", identity=identity("ann")))
    assert await sql.authorizations.record(replace(pages, proved=now + 9)) is None
    assert await sql.sessions.load(session(now, "2").digest) is None
    assert await apply(sql, reported(now + 11, jti="back"), EventEffect.ENABLE, now + 11)
    assert await sql.authorizations.record(replace(confirmation, proved=now + 10)) is not None
    assert await sql.authorizations.record(replace(pages, proved=now + 10)) is not None
    assert await sql.sessions.load(session(now, "2").digest) is not None


@pytest.mark.parametrize("whose", ["the account's own", "the linked one"])
@pytest.mark.parametrize("effect", [EventEffect.END_ALL, EventEffect.SUSPEND, EventEffect.REMOVE])
async def test_no_way_is_linked_by_a_sign_in_from_before_an_event(
    sql: SqlStores, clock: FakeClock, effect: EventEffect, whose: str
) -> None:
    now = clock.now()
    first = session(now, identity=identity("ann", auth_time=int(now)))
    await sql.authorizations.record(answer(now, identity_subject="ann", session=first))
    there = {"issuer": POST, "provider": "post"}
    await sql.authorizations.record(answer(now, "2", "ann-at-post", sector="tax.example", **there))
    issuer, subject = (ISSUER, "ann") if whose == "the account's own" else (POST, "ann-at-post")
    assert await apply(sql, reported(now + 10, issuer=issuer, subject=subject), effect, now + 10)
    second = identity("ann-at-post", **there, auth_time=int(now) + 9)
    removed_alone = effect is EventEffect.REMOVE and whose == "the linked one"
    result = await sql.identity_links.link(link(now, first=first, identity=second))
    assert result is (LinkResult.LINKED if removed_alone else LinkResult.OUTDATED)
    assert len(await sql.identity_links.ways("account-1")) == (
        2 if removed_alone else 0 if whose == "the account's own" and effect is EventEffect.REMOVE else 1
    )


async def test_of_an_event_and_confirmations_and_links_at_once_nothing_is_left_from_before(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    first = session(now, identity=identity("ann", auth_time=int(now)))
    put = await asked(sql, now)
    await sql.authorizations.record(answer(now, "1", "ann", session=first))
    names = [str(number) for number in range(2, 8)]

    async def opens(name: str) -> None:
        begun = session(now, name, identity=identity("ann"))
        pages = answer(now, name, sector=None, code=None, shared=(), session=begun)
        await sql.authorizations.record(replace(pages, proved=now))

    done = await asyncio.gather(
        *(opens(name) for name in names[:3]),
        sql.identity_links.link(link(now, first=first)),
        apply(sql, reported(now + 1), EventEffect.END_ALL, now + 1),
        sql.authorizations.record(replace(confirming(now, put), proved=now)),
        *(opens(name) for name in names[3:]),
    )
    assert done[4] is True
    assert [await sql.sessions.load(session(now, name).digest) for name in names] == [None] * len(names)
    assert done[3] in (LinkResult.LINKED, LinkResult.OUTDATED)
    found = await sql.grants.code(sha256_hex(put.handle))
    assert found is None or found.code.expires <= now + 1


@pytest.mark.parametrize("effect", [EventEffect.END_SESSIONS, EventEffect.SUSPEND, EventEffect.REMOVE])
async def test_a_citizen_whose_account_is_disabled_while_they_make_a_passkey_gets_none(
    sql: SqlStores, effect: EventEffect
) -> None:
    await sql.authorizations.record(full_database.answer("ann"))
    at, proof = full_database.NOW, full_database.session("ann")
    hers = full_database.kept(sql, "ann")
    new = NewlyKept(hers, full_database.passkey("ann", hers.key), "passkey")
    found = ProviderEvent(full_database.ISSUER, "jti", "urn:event", at, "ann-at-bank")
    assert await apply(sql, found, effect, at)
    rows = len(await sql.audit.read(0, 100))
    assert not await sql.kept_identities.keep(proof, new, [event(at)])
    assert not await sql.passkeys.add(new.passkey, proof, event(at))
    assert await sql.passkeys.find(new.passkey.digest) is None
    assert await sql.kept_identities.of_account("account-ann") == []
    assert len(await sql.audit.read(0, 100)) == rows


async def test_of_an_event_and_a_passkey_at_once_none_is_left_that_can_be_used(sql: SqlStores) -> None:
    at = full_database.NOW
    for person in full_database.PEOPLE:
        await sql.authorizations.record(full_database.answer(person))
    made = {person: full_database.kept(sql, person) for person in full_database.PEOPLE}
    made = {person: replace(one, identity=replace(one.identity, provider="bank")) for person, one in made.items()}

    async def keeps(person: str) -> bool:
        new = NewlyKept(made[person], full_database.passkey(person, made[person].key), "passkey")
        return await sql.kept_identities.keep(full_database.session(person), new, [event(at)])

    async def disabled(person: str) -> bool:
        found = ProviderEvent(full_database.ISSUER, f"jti-{person}", "urn:event", at, f"{person}-at-bank")
        return await apply(sql, found, EventEffect.SUSPEND, at)

    await asyncio.gather(*(act(person) for person in made for act in (keeps, disabled)))
    for person in made:
        kept = await sql.kept_identities.of_account(f"account-{person}")
        assert all(one.kept.frozen is not None for one in kept)


async def test_an_older_event_does_not_make_a_sign_in_count_again(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await sql.authorizations.record(answer(now, identity_subject="ann"))
    assert await apply(sql, reported(now + 10), EventEffect.END_ALL, now + 10)
    assert await apply(sql, reported(now, jti="older"), EventEffect.END_ALL, now + 11)
    found = await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE)
    assert found is not None
    assert found.fresh_after == now + 10


async def test_of_an_event_and_a_sign_in_at_once_no_session_is_left(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await sql.authorizations.record(answer(now, identity_subject="ann"))
    names = [str(number) for number in range(2, 10)]

    async def signs_in(name: str) -> None:
        begun = session(now, name, identity=identity("ann"))
        await sql.authorizations.record(replace(answer(now, name, "ann", session=begun), proved=now))

    event_at_once = apply(sql, reported(now + 1), EventEffect.END_ALL, now + 1)
    await asyncio.gather(*(signs_in(name) for name in names[:4]), event_at_once, *(signs_in(n) for n in names[4:]))
    assert [await sql.sessions.load(session(now, name).digest) for name in names] == [None] * len(names)


async def test_sign_ins_of_one_citizen_at_once_that_raise_the_level_do_not_deadlock(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    citizens = [f"ann{number}" for number in range(8)]
    for citizen in citizens:
        await sql.authorizations.record(replace(answer(now, citizen, citizen), level=Level.LOW))

    async def signs_in(name: str, citizen: str) -> bool:
        written = replace(answer(now, name, citizen), level=Level.HIGH)
        return await sql.authorizations.record(written) is not None

    for citizen in citizens:
        assert all(await asyncio.gather(*(signs_in(f"{citizen}-{number}", citizen) for number in range(6))))

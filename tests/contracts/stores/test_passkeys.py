"""What every SQL store guarantees about passkeys and kept identities, in SQLite or in PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from broker.assisted.case_records import HistoryEntry, IdentityBinding, Role
from broker.assisted.case_states import CaseState
from broker.assisted.case_work import CaseWork
from broker.model.account import UnlinkResult
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.handle import sha256_hex
from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.model.passkey import KeptWithPasskeys, KnownPasskey, NewlyKept
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.database_dumps import query
from tests.contracts.stores.full_database import NOW, answer, fan_out, kept, passkey, session
from tests.contracts.stores.samples import case

pytestmark = pytest.mark.store

ENDED = AuditEvent("session_ended", NOW, "citizen")


def event(kind: str) -> AuditEvent:
    return AuditEvent(kind, NOW, "citizen", account="account-ann")


async def keep(sql: SqlStores, person: str = "ann") -> KeptWithPasskeys:
    """A kept identity of a person with an account, and its first passkey."""
    await sql.authorizations.record(answer(person))
    hers = kept(sql, person)
    key = passkey(person, hers.key)
    new = NewlyKept(hers, key, "passkey")
    assert await sql.kept_identities.keep(session(person), new, [event("passkey_added")])
    return KeptWithPasskeys(hers, (key,))


async def test_a_passkey_leads_to_its_kept_identity_and_that_is_a_way_of_the_account(sql: SqlStores) -> None:
    made = await keep(sql)
    [first] = made.passkeys
    assert await sql.passkeys.find(first.digest) == KnownPasskey(first, made.kept)
    assert await sql.kept_identities.of_account("account-ann") == [made]
    assert await sql.kept_identities.of_account("account-bob") == []
    assert await sql.passkeys.find(sha256_hex("unknown")) is None
    ways = await sql.identity_links.ways("account-ann")
    assert [(way.provider, way.key) for way in ways] == [("bank", ways[0].key), ("passkey", made.kept.key)]
    identity = made.kept.identity
    found = await sql.authorizations.linked_identity(identity.issuer, identity.subject, "passports.example", "x", None)
    assert found is not None
    assert (found.account, found.subject) == ("account-ann", "sub-of-ann-passports")


async def test_a_credential_is_registered_once(sql: SqlStores) -> None:
    [first] = (await keep(sql)).passkeys
    assert not await sql.passkeys.add(replace(first, name="again"), session("ann"), event("passkey_added"))
    other = replace(kept(sql, "bob"), key="another")
    await sql.authorizations.record(answer("bob"))
    stolen = replace(first, owner="another")
    taken = NewlyKept(other, stolen, "passkey")
    assert not await sql.kept_identities.keep(session("bob"), taken, [event("passkey_added")])
    assert await sql.kept_identities.of_account("account-bob") == []


async def test_one_of_two_uses_with_the_same_counter_counts(sql: SqlStores) -> None:
    [first] = (await keep(sql)).passkeys
    both = await asyncio.gather(*(sql.passkeys.use(first, 9, NOW + 1) for _ in range(2)))
    assert sorted(both) == [False, True]
    known = await sql.passkeys.find(first.digest)
    assert known is not None
    assert (known.passkey.sign_count, known.passkey.used) == (9, NOW + 1)


async def test_after_a_passkey_was_removed_a_sign_in_of_the_same_second_counts(sql: SqlStores) -> None:
    made = await keep(sql)
    second = replace(passkey("second", made.kept.key), created=NOW + 1)
    assert await sql.passkeys.add(second, session("ann"), event("passkey_added"))
    removed = replace(event("passkey_removed"), at=NOW + 7.6)
    assert await sql.passkeys.remove(second, removed)
    proven = made.kept.identity
    found = await sql.authorizations.linked_identity(proven.issuer, proven.subject, "passports.example", "x", None)
    assert found is not None
    assert [found.outdated(int(NOW) + age) for age in (6, 7)] == [True, False]
    coming = replace(answer("ann"), issuer=proven.issuer, identity_subject=proven.subject, anchor=None)
    written = [await sql.authorizations.record(replace(coming, proved=int(NOW) + age)) for age in (6, 7)]
    assert [one is not None for one in written] == [False, True]


async def test_a_passkey_is_named_and_removed_by_its_owner_alone(sql: SqlStores) -> None:
    made = await keep(sql)
    [first] = made.passkeys
    second = replace(passkey("second", made.kept.key), created=NOW + 1)
    assert await sql.passkeys.add(second, session("ann"), event("passkey_added"))
    stranger = replace(second, owner="another", name="stolen")
    await sql.passkeys.rename(stranger)
    assert not await sql.passkeys.remove(stranger, event("passkey_removed"))
    await sql.passkeys.rename(replace(second, name="My key"))
    found = await sql.kept_identities.of_account("account-ann")
    assert [one.name for one in found[0].passkeys] == [first.name, "My key"]
    assert await sql.passkeys.remove(second, event("passkey_removed"))
    assert await sql.passkeys.find(second.digest) is None


async def test_a_renewed_identity_is_kept_longer(sql: SqlStores) -> None:
    made = await keep(sql)
    longer = replace(made.kept, since=NOW + 5, expires=NOW + 9)
    assert await sql.kept_identities.renew(longer, None, event("kept_identity_changed"))
    assert await sql.kept_identities.of_account("account-ann") == [KeptWithPasskeys(longer, made.passkeys)]
    assert not await sql.kept_identities.renew(replace(longer, key="another"), None, event("kept_identity_changed"))


async def test_freezing_ends_the_sessions_of_the_passkey_alone_until_it_is_released(sql: SqlStores) -> None:
    made = await keep(sql)
    key = made.kept.key
    write = answer("ann", ("tax", "tax.example"))
    assert write.session is not None
    by_passkey = replace(write.session, digest=sha256_hex("by passkey"), id="sid-2", identity=made.kept.identity)
    mine = made.kept.identity
    await sql.authorizations.record(
        replace(write, session=by_passkey, issuer=mine.issuer, identity_subject=mine.subject)
    )
    assert await sql.kept_identities.freeze(key, event("kept_identity_frozen"), ENDED, fan_out)
    assert await sql.sessions.load(sha256_hex("by passkey")) is None
    assert await sql.sessions.load(sha256_hex("session-ann")) is not None
    assert not await sql.kept_identities.freeze(key, event("kept_identity_frozen"), ENDED, fan_out)
    [frozen] = await sql.kept_identities.of_account("account-ann")
    assert frozen.kept == replace(made.kept, frozen=NOW)
    assert await sql.kept_identities.release(key, event("kept_identity_released"))
    assert not await sql.kept_identities.release(key, event("kept_identity_released"))
    assert await sql.kept_identities.of_account("account-ann") == [made]


@pytest.mark.parametrize("how", ["revoked", "unlinked"])
async def test_what_is_kept_goes_with_its_way_and_its_passkeys(sql: SqlStores, how: str) -> None:
    made = await keep(sql)
    key = made.kept.key
    if how == "revoked":
        assert await sql.kept_identities.revoke(key, event("kept_identity_revoked"), ENDED, fan_out)
        assert not await sql.kept_identities.revoke(key, event("kept_identity_revoked"), ENDED, fan_out)
    else:
        gone = await sql.identity_links.unlink("account-ann", key, event("unlinked"), ENDED, fan_out, last=False)
        assert gone is UnlinkResult.UNLINKED
    assert await sql.kept_identities.of_account("account-ann") == []
    assert await sql.passkeys.find(made.passkeys[0].digest) is None
    assert [way.provider for way in await sql.identity_links.ways("account-ann")] == ["bank"]


async def test_expired_identities_are_deleted_with_their_passkeys(sql: SqlStores) -> None:
    made = await keep(sql)
    await sql.sweep(made.kept.expires - 1)
    assert await sql.kept_identities.of_account("account-ann") == [made]
    while await sql.sweep(made.kept.expires):
        pass
    assert await sql.passkeys.find(made.passkeys[0].digest) is None


async def test_columns_in_the_clear_name_nobody(sql: SqlStores, sql_url: str) -> None:
    await keep(sql)
    for table in ("passkeys", "kept_identities"):
        text = repr(await query(sql_url, f"SELECT * FROM {table}"))
        for word in ("Ann", "telephone", "credential", "kept-ann", "1970-01-01"):
            assert word not in text, (table, word)


async def test_security_events_are_written_with_what_they_are_about_or_not_at_all(sql: SqlStores) -> None:
    def told(name: str) -> list[OutboundDelivery]:
        return [OutboundDelivery(f"event:{name}", DeliveryKind.SECURITY_EVENT, "passports", NOW, NOW + 60)]

    async def written() -> int:
        return sum(one.count for one in await sql.deliveries.waiting(NOW))

    made = await keep(sql)
    [first] = made.passkeys
    second = replace(passkey("second", made.kept.key), created=NOW + 1)
    assert await sql.passkeys.add(second, session("ann"), event("passkey_added"), told("added"))
    assert not await sql.passkeys.add(second, session("ann"), event("passkey_added"), told("again"))
    assert await written() == 1
    assert await sql.passkeys.remove(second, event("passkey_removed"), told("removed"))
    assert not await sql.passkeys.remove(second, event("passkey_removed"), told("again"))
    assert await written() == 2
    assert await sql.kept_identities.renew(made.kept, None, event("kept_identity_changed"), told("level"))
    assert not await sql.kept_identities.renew(
        replace(made.kept, key="x"), None, event("kept_identity_changed"), told("y")
    )
    assert await written() == 3
    other = replace(kept(sql, "bob"), key="another")
    await sql.authorizations.record(answer("bob"))
    events = [event("passkey_added")]
    stolen = replace(first, owner="another")
    taken = NewlyKept(other, stolen, "passkey")
    assert not await sql.kept_identities.keep(session("bob"), taken, events, told("stolen"))
    assert await written() == 3


async def test_a_passkey_and_the_identity_to_which_it_leads_are_written_with_their_case(sql: SqlStores) -> None:
    first = case(NOW, id="case-1", version=1)
    await sql.cases.create(first, [])
    made, other = passkey("mine", case_id="case-1"), passkey("other", case_id="case-1")
    for number, key in enumerate((other, made), 2):
        assert await sql.cases.save(replace(first, version=number), [], CaseWork(passkey=key))
    assert await sql.passkeys.find(made.digest) == KnownPasskey(made, None)
    assert not await sql.cases.save(replace(first, version=3), [], CaseWork(passkey=passkey("late", case_id="case-1")))
    assert await sql.passkeys.find(passkey("late").digest) is None

    hers = kept(sql, "ann")
    taken = IdentityBinding("s", NOW, Level.LOW, (), asking_browser=False, code=False, words=False, kept=hers.key)
    bound = replace(first, version=4, state=CaseState.BOUND, binding=taken)
    assert not await sql.cases.save(replace(bound, version=9), [], CaseWork(kept=hers, leads=made.digest))
    assert await sql.passkeys.find(made.digest) == KnownPasskey(made, None)
    assert await sql.cases.save(bound, [], CaseWork(kept=hers, leads=made.digest))
    assert await sql.passkeys.find(made.digest) == KnownPasskey(replace(made, owner=hers.key), hers)
    assert await sql.passkeys.find(other.digest) is None

    assert await sql.cases.save(replace(bound, version=5, state=CaseState.RELEASED), [])
    assert await sql.passkeys.find(made.digest) is not None
    released = HistoryEntry(NOW, "unfrozen", "lead", Role.LEAD, CaseState.RELEASED, CaseState.RELEASED)
    for version, since in ((6, NOW), (7, None)):
        after = replace(bound, version=version, state=CaseState.RELEASED, frozen=since, history=(released,))
        assert await sql.cases.save(after, [])
        known = await sql.passkeys.find(made.digest)
        assert known is not None
        assert known.kept == replace(hers, frozen=since)
    assert await sql.cases.save(replace(bound, version=8, state=CaseState.REVOKED), [])
    assert await sql.passkeys.find(made.digest) is None


@pytest.mark.parametrize("state", [CaseState.WITHDRAWN, CaseState.DECLINED, CaseState.EXPIRED, CaseState.BOUND])
async def test_a_closed_case_leaves_no_passkey_that_leads_nowhere(sql: SqlStores, state: CaseState) -> None:
    first = case(NOW, id="case-1", version=1)
    await sql.cases.create(first, [])
    made = passkey("mine", case_id="case-1")
    await sql.cases.save(replace(first, version=2), [], CaseWork(passkey=made))
    assert await sql.cases.save(replace(first, version=3, state=state), [])
    assert await sql.passkeys.find(made.digest) is None

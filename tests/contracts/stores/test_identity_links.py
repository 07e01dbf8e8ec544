"""What every SQL store guarantees about the ways of an account: links, moves, merges, and the end of a way."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from broker.model.account import Dependents, Disclosure, LinkResult, LinkWrite, UnlinkResult
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.session import EndedSession, no_fan_out
from broker.model.store_results import AuthorizationWritten, RedeemResult
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.samples import (
    ISSUER,
    SECTOR,
    SERVICE,
    answer,
    claim_due,
    code,
    delivery,
    grant,
    identity,
    session,
    tokens,
)
from tests.support.system import FakeClock

POST = "https://post.example"
TAX = {"sector": "tax.example", "client_id": "tax"}


def link(now: float, account: str = "account-1", subject: str = "ann-at-post", **changes: Any) -> LinkWrite:
    """A link of an identity at another provider, the post, to an account."""
    made = LinkWrite(
        account=account,
        first=session(now, account.removeprefix("account-")),
        identity=identity(subject, issuer=POST, provider="post", level=Level.HIGH),
        event=AuditEvent("identity_linked", now, "citizen", provider="post", account=account),
        ended=AuditEvent("session_ended", now, "citizen", details={"why": "unlinked"}),
        logout_fan_out=no_fan_out,
    )
    return replace(made, **changes)


async def sign_in(sql: SqlStores, now: float, name: str, person: str, **changes: Any) -> AuthorizationWritten:
    """Records a sign-in of a person by the bank, or with `issuer` by another provider."""
    coded = code(now, name, client_id=changes.pop("client_id", SERVICE))
    issuer = changes.get("issuer", ISSUER)
    begun = session(now, name, identity=identity(person, issuer=issuer))
    written = await sql.authorizations.record(answer(now, name, person, code=coded, session=begun, **changes))
    assert written is not None
    return written


async def unlink(sql: SqlStores, now: float, key: str, account: str = "account-1", **changes: Any) -> UnlinkResult:
    """Unlinks a way of an account."""
    event = AuditEvent("identity_unlinked", now, "citizen", account=account)
    ended = AuditEvent("session_ended", now, "citizen", details={"why": "unlinked"})
    fan_out = changes.get("fan_out", no_fan_out)
    return await sql.identity_links.unlink(account, key, event, ended, fan_out, last=changes.get("last", False))


async def audited(sql: SqlStores, *kinds: str) -> Sequence[AuditEvent]:
    """The audit rows of these kinds."""
    return [event for _, event in await sql.audit.read(0, 1000) if event.kind in kinds]


async def test_a_sign_in_records_the_provider_and_the_highest_level_of_an_identity(
    sql: SqlStores, clock: FakeClock
) -> None:
    for name, level in enumerate((Level.SUBSTANTIAL, Level.HIGH, Level.LOW)):
        await sign_in(sql, clock.now(), f"{name}", "ann", level=level)
    [way] = await sql.identity_links.ways("account-0")
    assert (way.issuer, way.provider, way.level, way.linked) == (ISSUER, "bank", Level.HIGH, clock.now())
    assert way.key == sql.identity_links.key(ISSUER, "ann")


async def test_a_sign_in_for_no_service_makes_an_account_without_a_pairwise_subject(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    assert await sql.authorizations.record(answer(now, "1", sector=None, code=None, shared=()))
    known = await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE)
    assert known is not None
    assert (known.account, known.subject, known.shared) == ("account-1", None, None)
    assert (await sign_in(sql, now, "2", "ann")).subject == "pairwise-2"


async def test_a_linked_identity_signs_in_to_the_account_with_its_subjects(sql: SqlStores, clock: FakeClock) -> None:
    first = await sign_in(sql, clock.now(), "1", "ann")
    assert await sql.identity_links.link(link(clock.now())) is LinkResult.LINKED
    assert [(way.provider, way.level) for way in await sql.identity_links.ways("account-1")] == [
        ("bank", Level.SUBSTANTIAL),
        ("post", Level.HIGH),
    ]
    assert await sign_in(sql, clock.now(), "2", "ann-at-post", issuer=POST) == first
    assert await sql.identity_links.link(link(clock.now())) is LinkResult.ALREADY
    [event] = await audited(sql, "identity_linked")
    assert (event.account, event.provider) == ("account-1", "post")


async def test_an_identity_is_linked_with_its_anchor_and_not_for_another_person(
    sql: SqlStores, clock: FakeClock
) -> None:
    now, at_post = clock.now(), {"issuer": POST, "provider": "post"}
    await sign_in(sql, now, "1", "ann")
    theirs = link(now, identity=identity("ann-at-post", **at_post, anchor="1991-01-01"))
    await sign_in(sql, now, "2", "ann-at-post", issuer=POST, anchor="1980-04-12", sector="tax.example")
    assert await sql.identity_links.link(theirs) is LinkResult.CONFLICT
    mine = link(now, identity=identity("ann-at-post", **at_post, anchor="1980-04-12"))
    assert await sql.identity_links.link(mine) is LinkResult.MERGED
    assert await sql.identity_links.link(theirs) is LinkResult.CONFLICT
    third = link(now, subject="third", identity=identity("third", **at_post, anchor="1980-04-12"))
    assert await sql.identity_links.link(third) is LinkResult.LINKED
    found = await sql.authorizations.linked_identity(POST, "third", SECTOR, SERVICE, "1991-01-01")
    assert found is not None
    assert found.reassigned


async def test_an_account_is_known_by_its_whole_id(sql: SqlStores, clock: FakeClock) -> None:
    await sign_in(sql, clock.now(), "1", "ann")
    known = [await sql.identity_links.has_account(account) for account in ("account-1", "account-11", "Account-1", "")]
    assert known == [True, False, False, False]


async def test_a_correction_is_taken_once_the_anchor_is_forgotten(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await sign_in(sql, now, "1", "ann", anchor="1980-04-12")
    forgotten = AuditEvent("anchor_forgotten", now, "admin", account="account-1", details={"why": "corrected"})
    assert await sql.identity_links.forget_anchors("account-1", forgotten) == 1
    assert await sql.identity_links.forget_anchors("account-1", forgotten) == 0
    await sign_in(sql, now, "2", "ann", anchor="1980-04-13")
    assert len(await audited(sql, "anchor_forgotten")) == 1


async def test_what_services_received_stays_listed_after_the_way_is_unlinked(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await sign_in(sql, now, "1", "ann")
    await sql.identity_links.link(link(now))
    clock.advance(60)
    await sign_in(sql, clock.now(), "2", "ann", **TAX, shared=("email",))
    assert await unlink(sql, clock.now(), sql.identity_links.key(ISSUER, "ann")) is UnlinkResult.UNLINKED
    assert await sql.identity_links.disclosures("account-1") == [
        Disclosure(SERVICE, "name", now, now),
        Disclosure(SERVICE, "sub", now, now),
        Disclosure("tax", "email", now + 60, now + 60),
        Disclosure("tax", "sub", now + 60, now + 60),
    ]


async def test_an_identity_with_an_account_of_its_own_brings_its_subjects_consents_sessions_and_grants(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    at_passports = await sign_in(sql, now, "1", "ann")
    at_tax = await sign_in(sql, now, "2", "ann-at-post", issuer=POST, **TAX, shared=("email",))
    made = grant(code(now, "2", client_id="tax", account="account-2"), now, "2")
    assert await sql.grants.redeem(code(now, "2").digest, made, tokens(now, "2"), None, ()) is RedeemResult.DONE
    assert await sql.identity_links.common_sectors("account-1", POST, "ann-at-post") == []
    assert await sql.identity_links.link(link(now)) is LinkResult.MERGED
    for name, person, issuer in (("3", "ann", ISSUER), ("4", "ann-at-post", POST)):
        both = [
            await sign_in(sql, now, name, person, issuer=issuer),
            await sign_in(sql, now, f"{name}-tax", person, issuer=issuer, **TAX),
        ]
        assert both == [at_passports, AuthorizationWritten("account-1", at_tax.subject)]
    assert {one.client_id for one in await sql.identity_links.disclosures("account-1")} == {SERVICE, "tax"}
    moved = await sql.sessions.load(session(now, "2").digest)
    assert moved is not None
    assert moved.account == "account-1"
    token = await sql.grants.token(tokens(now, "2")[0].digest)
    assert token is not None
    assert token[1].account == "account-1"
    assert await sql.identity_links.ways("account-2") == []
    [event] = await audited(sql, "identity_linked")
    assert event.details == {"merged": "account-2"}


async def test_accounts_that_one_service_knows_both_are_not_merged(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    mine = await sign_in(sql, now, "1", "ann")
    theirs = await sign_in(sql, now, "2", "ann-at-post", issuer=POST)
    await sign_in(sql, now, "3", "ann-at-post", issuer=POST, **TAX)
    assert await sql.identity_links.common_sectors("account-1", POST, "ann-at-post") == [SECTOR]
    moving = link(now, replaced=sql.identity_links.key(ISSUER, "ann"))
    assert await sql.identity_links.link(moving) is LinkResult.CONFLICT
    assert await sign_in(sql, now, "4", "ann") == mine
    assert await sign_in(sql, now, "5", "ann-at-post", issuer=POST) == theirs
    assert await audited(sql, "identity_linked") == []


async def test_an_account_that_became_part_of_another_one_takes_no_link(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await sign_in(sql, now, "1", "ann")
    await sign_in(sql, now, "2", "ann-at-post", issuer=POST, **TAX)
    assert await sql.identity_links.link(link(now)) is LinkResult.MERGED
    late = link(now, account="account-2", subject="ann-elsewhere")
    assert await sql.identity_links.link(late) is LinkResult.GONE


async def test_a_move_ends_the_sessions_that_the_old_way_proved_and_no_other(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    first = await sign_in(sql, now, "1", "ann")
    await sign_in(sql, now, "elsewhere", "ann")
    await sign_in(sql, now, "stranger", "bob")
    here = replace(session(now, "here", account="account-1"), id="sid-1")

    def logout_tokens(ended: EndedSession) -> Sequence[OutboundDelivery]:
        return [delivery(now, ended.id, client_id=client, expires=4e9) for client in ended.services]

    moving = link(
        now,
        replaced=sql.identity_links.key(ISSUER, "ann"),
        session=replace(here, identity=identity("ann-at-post", issuer=POST)),
        event=AuditEvent("identity_moved", now, "citizen", provider="post", account="account-1"),
        logout_fan_out=logout_tokens,
    )
    assert await sql.identity_links.link(moving) is LinkResult.LINKED
    assert [way.provider for way in await sql.identity_links.ways("account-1")] == ["post"]
    renewed = await sql.sessions.load(here.digest)
    assert renewed is not None
    assert (renewed.id, renewed.account, renewed.identity.issuer) == ("sid-1", "account-1", POST)
    assert await sql.sessions.load(session(now, "1").digest) is None  # its cookie was renewed
    assert await sql.sessions.load(session(now, "elsewhere").digest) is None
    assert await sql.sessions.load(session(now, "stranger").digest) is not None
    assert [one.id for one in await claim_due(sql, now, now + 1)] == ["logout:sid-elsewhere"]
    assert await sign_in(sql, now, "2", "ann-at-post", issuer=POST) == first
    assert (await sign_in(sql, now, "3", "ann")).account == "account-3"  # a new person there
    assert [event.kind for event in await audited(sql, "identity_moved", "session_ended")] == [
        "session_ended",
        "identity_moved",
    ]


async def test_the_last_way_is_unlinked_only_by_a_citizen_who_accepts_that(sql: SqlStores, clock: FakeClock) -> None:
    now, key = clock.now(), sql.identity_links.key(ISSUER, "ann")
    first = await sign_in(sql, now, "1", "ann")
    assert await unlink(sql, now, key) is UnlinkResult.LAST
    assert await unlink(sql, now, sql.identity_links.key(ISSUER, "bob")) is UnlinkResult.UNKNOWN
    assert await sign_in(sql, now, "2", "ann") == first
    assert await audited(sql, "identity_unlinked") == []
    assert await unlink(sql, now, key, last=True) is UnlinkResult.UNLINKED
    assert await unlink(sql, now, key, last=True) is UnlinkResult.UNKNOWN
    assert len(await audited(sql, "identity_unlinked")) == 1
    assert await sign_in(sql, now, "3", "ann") == AuthorizationWritten("account-3", "pairwise-3")


async def test_the_accounts_that_depend_on_a_provider_are_counted(sql: SqlStores, clock: FakeClock) -> None:
    for number in range(5):
        await sign_in(sql, clock.now(), f"{number}", f"person-{number}")
    await sql.identity_links.link(link(clock.now(), "account-1", "person-1"))
    await sql.identity_links.link(link(clock.now(), "account-2", "person-2"))
    assert await sql.identity_links.dependents("bank") == Dependents(alone=3, beside=2)
    assert await sql.identity_links.dependents("post") == Dependents(alone=0, beside=2)
    assert await sql.identity_links.dependents("none") == Dependents(0, 0)


async def test_a_way_of_another_account_is_not_unlinked(sql: SqlStores, clock: FakeClock) -> None:
    await sign_in(sql, clock.now(), "1", "ann")
    bobs = await sign_in(sql, clock.now(), "2", "bob")
    key = sql.identity_links.key(ISSUER, "bob")
    assert await unlink(sql, clock.now(), key, last=True) is UnlinkResult.UNKNOWN
    assert await sign_in(sql, clock.now(), "3", "bob") == bobs


async def test_a_move_that_fails_halfway_changes_nothing(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    first = await sign_in(sql, now, "1", "ann")

    def unlucky(_ended: EndedSession) -> Sequence[OutboundDelivery]:
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        await sql.identity_links.link(link(now, replaced=sql.identity_links.key(ISSUER, "ann"), logout_fan_out=unlucky))
    assert [way.provider for way in await sql.identity_links.ways("account-1")] == ["bank"]
    assert await sql.sessions.load(session(now, "1").digest) is not None
    assert await sign_in(sql, now, "2", "ann") == first
    assert await audited(sql, "identity_linked", "session_ended") == []


# --- races ---


async def test_of_two_accounts_that_link_one_identity_at_once_one_gets_it(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores, now = [await open_one() for _ in range(2)], clock.now()
    for number in range(6):
        names = [f"{number}-a", f"{number}-b"]
        for name in names:
            await sign_in(stores[0], now, name, f"person-{name}")
        wanted = [link(now, f"account-{name}", f"wanted-{number}") for name in names]
        found = await asyncio.gather(*(one.identity_links.link(w) for one, w in zip(stores, wanted, strict=True)))
        assert sorted(found) == [LinkResult.CONFLICT, LinkResult.LINKED]
        winner = names[found.index(LinkResult.LINKED)]
        signed_in = await sign_in(stores[0], now, f"{number}-c", f"wanted-{number}", issuer=POST)
        assert signed_in == AuthorizationWritten(f"account-{winner}", f"pairwise-{winner}")


async def test_a_link_and_a_first_sign_in_by_the_same_identity_at_once_leave_one_account(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores, now = [await open_one() for _ in range(2)], clock.now()
    for number in range(6):
        await sign_in(stores[0], now, f"{number}", f"person-{number}")
        _, result = await asyncio.gather(
            sign_in(stores[0], now, f"{number}-new", f"new-{number}", issuer=POST, **TAX),
            stores[1].identity_links.link(link(now, f"account-{number}", f"new-{number}")),
        )
        assert result in (LinkResult.LINKED, LinkResult.MERGED)
        again = await sign_in(stores[0], now, f"{number}-again", f"new-{number}", issuer=POST, **TAX)
        assert again == AuthorizationWritten(f"account-{number}", f"pairwise-{number}-new")


async def test_no_subject_is_lost_or_doubled_when_services_are_answered_during_a_merge(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores, now = [await open_one() for _ in range(3)], clock.now()
    for number in range(6):
        name, person, other = f"{number}", f"person-{number}", f"post-{number}"
        await sign_in(stores[0], now, name, person)
        await sign_in(stores[0], now, f"{name}-own", other, issuer=POST, sector="own.example", client_id="own")
        services = [{"sector": f"{one}.example", "client_id": f"{one}"} for one in ("tax", "health", "own", "roads")]
        answered = [
            sign_in(stores[at % 2], now, f"{name}-{at}", other, issuer=POST, **service)
            for at, service in enumerate(services)
        ]
        *given, result = await asyncio.gather(
            *answered, stores[2].identity_links.link(link(now, f"account-{name}", other))
        )
        assert result is LinkResult.MERGED
        for at, service in enumerate(services):
            for whose, issuer in ((person, ISSUER), (other, POST)):
                again = await sign_in(stores[0], now, f"{name}-{at}-{issuer[8]}", whose, issuer=issuer, **service)
                first = given[at]
                assert isinstance(first, AuthorizationWritten)
                assert again == AuthorizationWritten(f"account-{name}", first.subject)


async def test_two_accounts_that_are_merged_into_each_other_at_once_become_one(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores, now = [await open_one() for _ in range(2)], clock.now()
    for number in range(6):
        name, bank, post = f"{number}", f"bank-{number}", f"post-{number}"
        mine = await sign_in(stores[0], now, name, bank)
        theirs = await sign_in(stores[0], now, f"{name}-post", post, issuer=POST, **TAX)
        there = link(now, theirs.account, bank, identity=identity(bank))
        found = await asyncio.gather(
            stores[0].identity_links.link(link(now, mine.account, post)), stores[1].identity_links.link(there)
        )
        assert LinkResult.MERGED in found
        assert set(found) - {LinkResult.MERGED} <= {LinkResult.GONE, LinkResult.ALREADY}
        again = [
            await sign_in(stores[0], now, f"{name}-again-{at}", person, issuer=issuer, **service)
            for at, (person, issuer, service) in enumerate(
                ((bank, ISSUER, {}), (post, POST, {}), (bank, ISSUER, TAX), (post, POST, TAX))
            )
        ]
        assert len({one.account for one in again}) == 1
        assert [one.subject for one in again] == [mine.subject] * 2 + [theirs.subject] * 2


async def test_two_ways_that_are_unlinked_at_once_leave_one(open_one: OpenSqlStores, clock: FakeClock) -> None:
    stores, now = [await open_one() for _ in range(2)], clock.now()
    for number in range(6):
        account, person = f"account-{number}", f"person-{number}"
        await sign_in(stores[0], now, f"{number}", person)
        await stores[0].identity_links.link(link(now, account, person))
        keys = [stores[0].identity_links.key(issuer, person) for issuer in (ISSUER, POST)]
        found = await asyncio.gather(*(unlink(one, now, key, account) for one, key in zip(stores, keys, strict=True)))
        assert sorted(found) == [UnlinkResult.LAST, UnlinkResult.UNLINKED]
        assert len(await stores[0].identity_links.ways(account)) == 1

"""What every SQL store guarantees about answers to services, in SQLite or in PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from broker.model.session import no_fan_out
from broker.model.store_results import AuthorizationWritten, LinkedIdentity, RedeemResult
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.samples import (
    ISSUER,
    SECTOR,
    SERVICE,
    answer,
    code,
    event,
    grant,
    identity,
    session,
    tokens,
)
from tests.support.system import FakeClock

pytestmark = pytest.mark.store


async def test_no_identity_is_known_before_the_first_answer(sql: SqlStores) -> None:
    assert await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE) is None


async def test_an_answer_makes_account_subject_share_code_and_session_true_together(
    sql: SqlStores, clock: FakeClock
) -> None:
    given = answer(clock.now())
    assert await sql.authorizations.record(given) == AuthorizationWritten("account-1", "pairwise-1")
    assert await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE) == LinkedIdentity(
        "account-1", "pairwise-1", ("name",)
    )
    assert given.code is not None
    found = await sql.grants.code(given.code.digest)
    assert found is not None
    assert (found.code, found.redeemed, found.grant) == (given.code, False, None)
    assert await sql.sessions.load(session(clock.now()).digest) == given.session


async def test_the_account_and_subject_already_known_win_over_what_is_proposed(
    sql: SqlStores, clock: FakeClock
) -> None:
    await sql.authorizations.record(answer(clock.now(), "1"))
    assert await sql.authorizations.record(answer(clock.now(), "2")) == AuthorizationWritten("account-1", "pairwise-1")
    found = await sql.grants.code(code(clock.now(), "2").digest)
    assert found is not None
    assert (found.code.account, found.code.release.subject) == ("account-1", "pairwise-1")
    kept = await sql.sessions.load(session(clock.now(), "2").digest)
    assert kept is not None
    assert kept.account == "account-1"


async def test_a_person_has_one_subject_in_a_sector_and_another_in_each_other_one(
    sql: SqlStores, clock: FakeClock
) -> None:
    await sql.authorizations.record(answer(clock.now(), "1"))
    await sql.authorizations.record(answer(clock.now(), "2", sector="tax.example"))
    await sql.authorizations.record(answer(clock.now(), "3", sector="tax.example"))
    one = await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE)
    other = await sql.authorizations.linked_identity(ISSUER, "ann", "tax.example", SERVICE)
    assert one is not None
    assert other is not None
    assert one.account == other.account == "account-1"
    assert (one.subject, other.subject) == ("pairwise-1", "pairwise-2")


async def test_another_anchor_under_a_known_subject_is_another_person(sql: SqlStores, clock: FakeClock) -> None:
    """The digest of the anchor is stored, also with an identity that had none."""
    await sql.authorizations.record(answer(clock.now(), "1"))
    assert await known(sql, "1980-04-12") == (False, "account-1")
    assert await sql.authorizations.record(answer(clock.now(), "2", anchor="1980-04-12"))
    assert await known(sql, "1980-04-12") == await known(sql, None) == (False, "account-1")
    assert await known(sql, "1991-01-01") == (True, "account-1")


async def test_another_persons_anchor_writes_nothing(sql: SqlStores, clock: FakeClock) -> None:
    await sql.authorizations.record(answer(clock.now(), "1", anchor="1980-04-12"))
    for changes in ({}, {"code": None, "shared": ()}):
        theirs = answer(clock.now(), "2", anchor="1991-01-01", **changes)
        assert await sql.authorizations.record(theirs) is None
    assert await sql.grants.code(code(clock.now(), "2").digest) is None
    assert await sql.sessions.load(session(clock.now(), "2").digest) is None
    assert await sql.authorizations.record(answer(clock.now(), "3", anchor="1980-04-12"))


async def test_of_two_people_who_come_first_at_once_under_one_subject_one_is_signed_in(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores = [await open_one() for _ in range(3)]
    given = [answer(clock.now(), f"{number}", anchor=f"person-{number % 2}") for number in range(12)]
    recorded = await asyncio.gather(
        *(stores[number % 3].authorizations.record(one) for number, one in enumerate(given))
    )
    written = {number % 2 for number, one in enumerate(recorded) if one is not None}
    assert len(written) == 1
    assert sum(one is not None for one in recorded) == 6


async def known(sql: SqlStores, anchor: str | None) -> tuple[bool, str]:
    """Whether the identity of ann is another person's, and its account."""
    found = await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE, anchor)
    assert found is not None
    return found.reassigned, found.account


async def test_a_subject_is_never_shared_among_accounts(sql: SqlStores, clock: FakeClock) -> None:
    given = [await sql.authorizations.record(answer(clock.now(), f"{n}", person=f"person-{n}")) for n in range(5)]
    assert len({recorded.account for recorded in given if recorded}) == 5
    assert len({recorded.subject for recorded in given if recorded}) == 5


async def test_an_issuer_and_a_subject_belong_to_one_account_however_many_answer_at_once(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores = [await open_one() for _ in range(3)]
    answers = [answer(clock.now(), f"{number}") for number in range(12)]
    recorded = await asyncio.gather(
        *(stores[number % 3].authorizations.record(given) for number, given in enumerate(answers))
    )
    assert len(set(recorded)) == 1
    known = await stores[0].authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE)
    assert known is not None
    assert recorded[0] == AuthorizationWritten(known.account, str(known.subject))
    codes = [await stores[0].grants.code(given.code.digest) for given in answers if given.code]
    assert {found.code.account for found in codes if found} == {known.account}
    assert len(codes) == 12


async def test_the_same_subject_at_another_issuer_is_another_person(sql: SqlStores, clock: FakeClock) -> None:
    one = await sql.authorizations.record(answer(clock.now(), "1"))
    other = await sql.authorizations.record(answer(clock.now(), "2", issuer="https://other.example"))
    assert one is not None
    assert other is not None
    assert one.account != other.account


async def test_an_unredeemed_code_is_replaced_by_the_next_one_of_its_transaction(
    sql: SqlStores, clock: FakeClock
) -> None:
    first = code(clock.now(), "1")
    second = code(clock.now(), "2", transaction=first.transaction, pushed=first.pushed)
    assert await sql.authorizations.record(answer(clock.now(), "1", code=first))
    assert await sql.authorizations.record(answer(clock.now(), "2", code=second))
    assert await sql.grants.code(first.digest) is None
    assert await sql.grants.code(second.digest) is not None
    done = await sql.grants.redeem(first.digest, grant(first, clock.now()), tokens(clock.now()), None, ())
    assert done is RedeemResult.USED_BEFORE


async def test_a_transaction_whose_code_was_redeemed_is_not_answered_again_and_nothing_is_written(
    sql: SqlStores, clock: FakeClock
) -> None:
    first = code(clock.now(), "1")
    await sql.authorizations.record(answer(clock.now(), "1", code=first))
    await sql.grants.redeem(first.digest, grant(first, clock.now()), tokens(clock.now()), None, ())
    await sql.audit_chain.seal_once()
    again = code(clock.now(), "2", transaction=first.transaction, pushed=None)
    assert await sql.authorizations.record(answer(clock.now(), "2", person="bob", code=again)) is None
    assert await sql.authorizations.linked_identity(ISSUER, "bob", SECTOR, SERVICE) is None
    assert await sql.sessions.load(session(clock.now(), "2").digest) is None
    assert await sql.grants.code(again.digest) is None
    assert await sql.audit_chain.seal_once() == 0


async def test_a_pushed_request_is_answered_in_one_transaction_only(sql: SqlStores, clock: FakeClock) -> None:
    first = code(clock.now(), "1", pushed="the-request")
    other = code(clock.now(), "2", pushed="the-request")
    assert await sql.authorizations.record(answer(clock.now(), "1", code=first))
    assert await sql.authorizations.record(answer(clock.now(), "2", code=other)) is None
    assert await sql.grants.code(other.digest) is None


async def test_of_concurrent_answers_to_one_pushed_request_one_is_written(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores = [await open_one() for _ in range(3)]
    answers = [
        answer(clock.now(), f"{n}", person=f"person-{n}", code=code(clock.now(), f"{n}", pushed="the-request"))
        for n in range(12)
    ]
    recorded = await asyncio.gather(*(stores[n % 3].authorizations.record(given) for n, given in enumerate(answers)))
    assert [one is not None for one in recorded].count(True) == 1
    known = [await stores[0].authorizations.linked_identity(ISSUER, f"person-{n}", SECTOR, SERVICE) for n in range(12)]
    assert [one is not None for one in known] == [one is not None for one in recorded]


async def test_a_transaction_answered_many_times_at_once_has_one_live_code(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores = [await open_one() for _ in range(3)]
    answers = [
        answer(clock.now(), f"{n}", code=code(clock.now(), f"{n}", transaction="same", pushed="same")) for n in range(9)
    ]
    assert all(await asyncio.gather(*(stores[n % 3].authorizations.record(given) for n, given in enumerate(answers))))
    found = [await stores[0].grants.code(given.code.digest) for given in answers if given.code]
    assert [one is not None for one in found].count(True) == 1


async def test_a_double_click_answers_twice_with_the_same_code(open_one: OpenSqlStores, clock: FakeClock) -> None:
    stores = [await open_one() for _ in range(3)]
    for round_ in range(5):
        person, same = f"person-{round_}", code(clock.now(), f"{round_}")
        given = answer(clock.now(), f"{round_}", person=person, code=same)
        recorded = await asyncio.gather(*(stores[n % 3].authorizations.record(given) for n in range(6)))
        assert recorded == [AuthorizationWritten(f"account-{round_}", f"pairwise-{round_}")] * 6
        found = await stores[0].grants.code(same.digest)
        assert found is not None
        assert found.code == same


async def audit_count(sql: SqlStores, kind: str = "service_answered") -> int:
    """How many audit rows of a kind there are."""
    return [found.kind for _, found in await sql.audit.read(0, 1000)].count(kind)


@pytest.mark.parametrize("late", [False, True])
async def test_an_answer_that_is_given_many_times_at_once_has_one_audit_row(
    open_one: OpenSqlStores, clock: FakeClock, *, late: bool
) -> None:
    stores = [await open_one() for _ in range(3)]
    for round_ in range(1, 6):
        given = answer(clock.now(), f"{round_}", person=f"person-{round_}")
        same = replace(given, code=None, client_id=SERVICE) if late else given
        clicks = [replace(same, session=session(clock.now(), f"{round_}-{n}")) for n in range(6)]
        assert all(await asyncio.gather(*(stores[n % 3].authorizations.record(one) for n, one in enumerate(clicks))))
        assert await audit_count(stores[0]) == round_
    (row, *_) = [found for _, found in await stores[0].audit.read(0, 1)]
    assert row.account == "account-1"


async def test_an_answer_that_is_given_again_after_a_crash_has_one_audit_row_and_its_code_lives_anew(
    sql: SqlStores, clock: FakeClock
) -> None:
    first = code(clock.now(), "1")
    await sql.authorizations.record(answer(clock.now(), "1", code=first))
    clock.advance(50)
    again = code(clock.now(), "1")
    assert await sql.authorizations.record(answer(clock.now(), "1", code=again)) == AuthorizationWritten(
        "account-1", "pairwise-1"
    )
    found = await sql.grants.code(first.digest)
    assert found is not None
    assert found.code.expires == again.expires
    assert await audit_count(sql) == 1


async def test_a_code_in_place_of_another_is_another_answer_and_has_its_own_audit_row(
    sql: SqlStores, clock: FakeClock
) -> None:
    first = code(clock.now(), "1")
    second = code(clock.now(), "2", transaction=first.transaction, pushed=first.pushed)
    await sql.authorizations.record(answer(clock.now(), "1", code=first))
    await sql.authorizations.record(answer(clock.now(), "2", code=second))
    assert await audit_count(sql) == 2


async def test_what_was_shared_is_remembered_for_each_service(sql: SqlStores, clock: FakeClock) -> None:
    await sql.authorizations.record(answer(clock.now(), "1", shared=("name", "email")))
    await sql.authorizations.record(answer(clock.now(), "2", shared=("email", "birthdate")))
    known = await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE)
    assert known is not None
    assert known.shared == ("birthdate", "email", "name")
    other = await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, "tax")
    assert other is not None
    assert other.shared is None


async def test_sharing_nothing_but_the_subject_is_a_sharing_too(sql: SqlStores, clock: FakeClock) -> None:
    await sql.authorizations.record(answer(clock.now(), "1", shared=()))
    known = await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE)
    assert known is not None
    assert known.shared == ()


async def test_without_a_code_everything_else_is_written(sql: SqlStores, clock: FakeClock) -> None:
    late = answer(clock.now(), "1", code=None, client_id=SERVICE)
    assert await sql.authorizations.record(late) == AuthorizationWritten("account-1", "pairwise-1")
    assert await sql.authorizations.record(answer(clock.now(), "2", code=None)) == AuthorizationWritten(
        "account-1", "pairwise-1"
    )
    assert await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE) == LinkedIdentity(
        "account-1", "pairwise-1", ("name",)
    )
    assert await sql.sessions.load(session(clock.now()).digest) == late.session


async def test_without_a_session_none_is_written(sql: SqlStores, clock: FakeClock) -> None:
    assert await sql.authorizations.record(answer(clock.now(), session=None))
    assert await sql.sessions.load(session(clock.now()).digest) is None


async def test_a_session_that_answers_again_is_renewed(sql: SqlStores, clock: FakeClock) -> None:
    begun = session(clock.now())
    await sql.authorizations.record(answer(clock.now(), "1", session=begun))
    clock.advance(100)
    renewed = replace(begun, digest="a new cookie", used=clock.now(), identity=identity(amr=("otp",)))
    await sql.authorizations.record(answer(clock.now(), "2", session=renewed))
    assert await sql.sessions.load(renewed.digest) == renewed
    clock.advance(100)
    used = replace(renewed, used=clock.now())
    await sql.authorizations.record(answer(clock.now(), "3", session=used))
    assert await sql.sessions.load(renewed.digest) == used


async def test_a_session_that_was_ended_is_not_brought_back_by_an_answer(sql: SqlStores, clock: FakeClock) -> None:
    begun = session(clock.now())
    await sql.authorizations.record(answer(clock.now(), "1", session=begun))
    await sql.sessions.end(begun.digest, event(clock.now()), no_fan_out)
    assert await sql.authorizations.record(answer(clock.now(), "2", session=begun))
    assert await sql.sessions.load(begun.digest) is None


async def test_a_session_is_never_moved_to_another_account(sql: SqlStores, clock: FakeClock) -> None:
    begun = session(clock.now())
    await sql.authorizations.record(answer(clock.now(), "1", session=begun))
    stolen = session(clock.now(), "2", id=begun.id, digest=begun.digest, identity=identity("bob"))
    await sql.authorizations.record(answer(clock.now(), "2", person="bob", session=stolen))
    assert await sql.sessions.load(begun.digest) == begun

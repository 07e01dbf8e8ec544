"""What every SQL store guarantees about notices and frozen identities, in SQLite or in PostgreSQL."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from broker.assisted.case import Case
from broker.assisted.case_records import IdentityBinding
from broker.assisted.case_states import CaseState
from broker.assisted.case_work import CaseWork
from broker.assisted.freezing import FreezeWrite, ReleaseWrite
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.freeze_link import FreezeLink, LinkState
from broker.model.notification import NoticeStatus, NotificationKind, Recipient
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.passkey import NewlyKept
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.full_database import ISSUER, NOW, answer, fan_out, kept, passkey, session
from tests.contracts.stores.samples import case, event, notice

pytestmark = pytest.mark.store

LINK = FreezeLink("digest", "case-1", "ABCD-2345", NOW, NOW + 600, (Recipient("email", "ann@example.org", "en"),))
ENDED = AuditEvent("session_ended", NOW, "citizen")
LOST = AuditEvent("notice_undelivered", NOW, "broker", case="case-1")


def nothing(_account: str) -> Sequence[OutboundDelivery]:
    """No security events."""
    return ()


async def test_a_notice_goes_by_its_lane_at_its_time_and_its_fate_is_known_after_its_content(sql: SqlStores) -> None:
    notices = (
        notice(NOW, "mail", kind=NotificationKind.RESULT),
        notice(NOW + 1, "text", kind=NotificationKind.CLOSING, way="phone"),
        notice(NOW + 2, "later", kind=NotificationKind.REMINDER, not_before=NOW + 60, expires=NOW + 90),
    )
    await sql.cases.create(case(NOW), (), CaseWork(notices))
    mail, text = sql.notices.lane("email"), sql.notices.lane("phone")
    assert [one.id for one in await mail.claim(NOW, NOW + 30, 10)] == ["notice-mail"]
    assert [one.id for one in await text.claim(NOW, NOW + 30, 10)] == ["notice-text"]
    assert [one.id for one in await mail.claim(NOW + 60, NOW + 80, 10)] == ["notice-mail", "notice-later"]
    await mail.mark_sent("notice-mail", NOW + 60)
    await sql.notices.give_up("notice-text", LOST)
    found = [(one.id, one.kind, one.way, one.status) for one in await sql.notices.of_case("case-1", NOW + 91)]
    assert found == [
        ("notice-mail", NotificationKind.RESULT, "email", NoticeStatus.SENT),
        ("notice-text", NotificationKind.CLOSING, "phone", NoticeStatus.UNDELIVERED),
        ("notice-later", NotificationKind.REMINDER, "email", NoticeStatus.UNDELIVERED),
    ]
    lost = await sql.notices.undelivered(NOW + 91, 10)
    assert [(reference, one.id) for reference, one in lost] == [("CASE1", "notice-later"), ("CASE1", "notice-text")]
    assert len(await sql.notices.undelivered(NOW + 91, 1)) == 1
    assert [event.kind for _, event in await sql.audit.read(0, 10)] == ["notice_undelivered"]
    assert await sql.notices.record_receipt("notice-mail", LOST)
    assert not await sql.notices.record_receipt("notice-mail", None)


async def test_a_notice_is_withdrawn_only_while_it_waits(sql: SqlStores) -> None:
    warning = notice(NOW, "warning", kind=NotificationKind.CHECKED)
    waiting = notice(NOW + 1, "reminder", kind=NotificationKind.REMINDER, not_before=NOW + 60, expires=NOW + 500)
    sent = notice(NOW + 2, "sent", kind=NotificationKind.RESULT, expires=NOW + 500)
    await sql.cases.create(case(NOW), (), CaseWork((warning, waiting, sent)))

    async def withdrawn(name: str, at: float, case_id: str = "case-1") -> bool:
        return await sql.notices.withdraw(f"notice-{name}", case_id, replace(LOST, kind="notice_withdrawn", at=at))

    lane = sql.notices.lane("email")
    assert [one.id for one in await lane.claim(NOW + 5, NOW + 30, 10)] == ["notice-warning", "notice-sent"]
    may = {one.id: one.withdrawable for one in await sql.notices.of_case("case-1", NOW + 6)}
    assert may == {"notice-warning": False, "notice-reminder": True, "notice-sent": False}
    assert not await withdrawn("sent", NOW + 6), "a message that is being sent was withdrawn"
    assert not await withdrawn("reminder", NOW + 6, "case-2"), "a message of another case"
    assert await withdrawn("reminder", NOW + 6)
    assert not await withdrawn("reminder", NOW + 6), "withdrawn twice"
    await lane.postpone("notice-sent", NOW + 60)
    assert await withdrawn("sent", NOW + 7), "a message that waits for its next attempt"
    await lane.postpone("notice-warning", NOW + 60)
    assert not await withdrawn("warning", NOW + 7), "a warning was withdrawn"
    assert [one.id for one in await lane.claim(NOW + 61, NOW + 90, 10)] == ["notice-warning"]
    assert [event.kind for _, event in await sql.audit.read(0, 10)] == ["notice_withdrawn"] * 2
    found = {one.id: one.status for one in await sql.notices.of_case("case-1", NOW + 62)}
    assert found["notice-reminder"] is found["notice-sent"] is NoticeStatus.WITHDRAWN
    assert await sql.notices.undelivered(NOW + 600, 10) != []
    assert all(one.id == "notice-warning" for _, one in await sql.notices.undelivered(NOW + 600, 10))


async def test_notices_whose_reason_ended_are_withdrawn_with_the_change_of_the_case(sql: SqlStores) -> None:
    first = (
        notice(NOW, "being-sent", kind=NotificationKind.SCHEDULED),
        notice(NOW, "warning", kind=NotificationKind.CHECKED, way="phone"),
    )
    made = case(NOW)
    await sql.cases.create(made, (), CaseWork(first))
    lane = sql.notices.lane("email")
    assert [one.id for one in await lane.claim(NOW, NOW + 30, 10)] == ["notice-being-sent"]
    reminder = notice(NOW, "reminder", kind=NotificationKind.REMINDER, not_before=NOW + 60, expires=NOW + 90)
    later = replace(made, version=made.version + 1)
    assert await sql.cases.save(later, (), CaseWork((reminder,)))
    new = notice(NOW + 5, "new", kind=NotificationKind.SCHEDULED)
    gone = frozenset({NotificationKind.SCHEDULED, NotificationKind.REMINDER})
    again = replace(later, version=later.version + 1)
    assert await sql.cases.save(again, (), CaseWork((new,), outdated=gone, at=NOW + 5))
    found = {one.id: one.status for one in await sql.notices.of_case("case-1", NOW + 6)}
    assert found["notice-reminder"] is NoticeStatus.WITHDRAWN
    assert found["notice-new"] is found["notice-warning"] is NoticeStatus.WAITING
    await lane.postpone("notice-being-sent", NOW + 7)
    assert [one.id for one in await lane.claim(NOW + 60, NOW + 90, 10)] == ["notice-new"], "it was tried again"


async def test_a_letter_is_opened_and_posted_by_a_person_once(sql: SqlStores) -> None:
    letter = notice(NOW, "letter", kind=NotificationKind.CODE, way="post", expires=NOW + 500)
    mail = notice(NOW, "mail", kind=NotificationKind.CODE, expires=NOW + 500)
    await sql.cases.create(case(NOW), (), CaseWork((letter, mail)))
    assert [(one[0], one[1].id) for one in await sql.notices.letters(NOW + 1, 10)] == [("CASE1", "notice-letter")]
    assert await sql.notices.open_letter("notice-mail", NOW + 1) is None
    opened = await sql.notices.open_letter("notice-letter", NOW + 1)
    assert opened is not None
    assert (opened.fields, opened.address) == (letter.fields, letter.address)
    assert not await sql.notices.mark_posted("notice-mail", replace(LOST, kind="letter_posted", at=NOW + 2))
    posted = [
        await sql.notices.mark_posted("notice-letter", replace(LOST, kind="letter_posted", at=NOW + 2)) for _ in "12"
    ]
    assert posted == [True, False]
    assert await sql.notices.open_letter("notice-letter", NOW + 3) is None
    assert await sql.notices.letters(NOW + 3, 10) == []
    found = {one.id: one.status for one in await sql.notices.of_case("case-1", NOW + 3)}
    assert found == {"notice-letter": NoticeStatus.SENT, "notice-mail": NoticeStatus.WAITING}
    assert [event.kind for _, event in await sql.audit.read(0, 10)] == ["letter_posted"]


async def bound(sql: SqlStores, state: CaseState = CaseState.RELEASED) -> Case:
    """A case that proved the identity of Ann, whose account has a session, a code and a kept identity."""
    answered = answer("ann")
    await sql.authorizations.record(answered)
    hers = kept(sql, "ann")
    await sql.kept_identities.keep(session("ann"), NewlyKept(hers, passkey("ann", hers.key), "passkey"), [event(NOW)])
    binding = IdentityBinding("ann-at-bank", NOW, Level.LOW, ("otp",), asking_browser=True, code=True, words=True)
    made = case(NOW, state=state, binding=binding)
    await sql.cases.create(made, (), CaseWork(freeze_links=(LINK,)))
    return made


def frozen(made: Case) -> FreezeWrite:
    """The write that freezes it."""
    after = replace(made, version=made.version + 1, frozen=NOW)
    return FreezeWrite(LINK, after, ISSUER, [event(NOW, kind="case_frozen")], (), ENDED, fan_out, nothing)


async def test_freezing_ends_everything_of_the_account_in_one_transaction_and_a_release_brings_back_what_is_kept(
    sql: SqlStores,
) -> None:
    made = await bound(sql)
    assert await sql.freezes.state("digest", NOW) is LinkState.USABLE
    assert await sql.freezes.link("digest", NOW) == LINK
    assert await sql.freezes.link("digest", NOW + 600) is None
    write = frozen(made)
    assert await sql.freezes.freeze(write)
    assert not await sql.freezes.freeze(write)
    assert await sql.freezes.state("digest", NOW) is LinkState.USED
    assert await sql.freezes.link("digest", NOW) is None
    assert await sql.cases.load(made.id) == write.case
    [(one)] = await sql.kept_identities.of_account("account-ann")
    assert one.kept.frozen == NOW
    assert sorted({event.kind for _, event in await sql.audit.read(0, 50)} & {"case_frozen", "session_ended"}) == [
        "case_frozen",
        "session_ended",
    ]
    code = await sql.grants.code(answer("ann").code.digest)
    assert code is None or code.redeemed
    after = replace(write.case, version=write.case.version + 1, frozen=None)
    released = ReleaseWrite(after, NOW, ISSUER, [event(NOW, kind="case_unfrozen")], nothing)
    assert await sql.freezes.release(released)
    assert not await sql.freezes.release(released)
    [(one)] = await sql.kept_identities.of_account("account-ann")
    assert one.kept.frozen is None


async def test_a_freeze_on_top_of_an_older_version_changes_nothing(sql: SqlStores) -> None:
    made = await bound(sql)
    await sql.cases.save(replace(made, version=made.version + 1), ())
    assert not await sql.freezes.freeze(frozen(made))
    assert await sql.freezes.state("digest", NOW) is LinkState.USABLE
    [(one)] = await sql.kept_identities.of_account("account-ann")
    assert one.kept.frozen is None


async def test_of_concurrent_presses_one_freezes(open_one: OpenSqlStores) -> None:
    stores = [await open_one() for _ in range(2)]
    write = frozen(await bound(stores[0]))
    done = await asyncio.gather(*(stores[n % 2].freezes.freeze(write) for n in range(10)))
    assert sorted(done) == [False] * 9 + [True]


async def test_a_link_is_deleted_once_it_expired(sql: SqlStores) -> None:
    await bound(sql)
    await sql.sweep(NOW + 599)
    assert await sql.freezes.state("digest", NOW + 599) is LinkState.USABLE
    await sql.sweep(NOW + 600)
    assert await sql.freezes.state("digest", NOW) is LinkState.GONE

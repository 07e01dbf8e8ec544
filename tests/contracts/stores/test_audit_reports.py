"""Audit events are reported once they are committed, by each write that operators count, and never otherwise."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from broker.crypto.seal import Sealer
from broker.model.audit import AuditEvent
from broker.model.backchannel_request import BackchannelState
from broker.model.handle import sha256_hex
from broker.model.store_results import StoreUnavailable
from broker.platform.system import System
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import open_by_fake_clock
from tests.contracts.stores.samples import answer, case, code, event, grant, session, tokens
from tests.contracts.stores.test_backchannel_requests import question
from tests.support.system import FakeClock

pytestmark = pytest.mark.store


class ReportedEvents:
    """Receives reports, and returns those since the last call."""

    def __init__(self, sql: SqlStores) -> None:
        self._kinds: list[str] = []
        sql.audit.report_to(self._receive)

    def _receive(self, events: Sequence[AuditEvent]) -> None:
        self._kinds += [event.kind for event in events]

    def new(self) -> list[str]:
        """The kinds of the events that were reported since the last call."""
        kinds, self._kinds = self._kinds, []
        return kinds


async def test_answers_codes_and_tokens_are_reported_if_they_took_effect(sql: SqlStores, clock: FakeClock) -> None:
    counts, now, issued = ReportedEvents(sql), clock.now(), code(clock.now())
    assert await sql.authorizations.record(answer(now)) is not None
    assert counts.new() == ["service_answered"]
    made = grant(issued, now)
    for expected in (["code_redeemed"], []):
        await sql.grants.redeem(issued.digest, made, tokens(now), None, [event(now, "code_redeemed")])
        assert counts.new() == expected
    assert await sql.authorizations.record(answer(now, code=replace(issued, pushed=None))) is None
    assert counts.new() == []
    access, refresh = tokens(now, "2")
    for name, expected in ((made.id, ["grant_refreshed"]), ("unknown", [])):
        await sql.grants.refresh(name, replace(access, digest=f"{name}-access"), None, [event(now, "grant_refreshed")])
        assert counts.new() == expected
    used = sha256_hex("refresh-1")
    for expected in (["grant_refreshed"], []):
        await sql.grants.rotate(used, [replace(refresh, digest="next")], now, [event(now, "grant_refreshed")])
        assert counts.new() == expected
    for expected in (["refresh_token_replayed"], []):
        await sql.grants.revoke_used(used, made.client_id, now, event(now, "refresh_token_replayed"))
        assert counts.new() == expected


async def test_a_revocation_is_reported_once_and_each_replay_of_a_code(sql: SqlStores, clock: FakeClock) -> None:
    counts, now, issued = ReportedEvents(sql), clock.now(), code(clock.now())
    await sql.authorizations.record(answer(now))
    await sql.grants.redeem(issued.digest, grant(issued, now), tokens(now), None, [])
    counts.new()
    for expected in (["token_revoked"], []):
        await sql.grants.revoke(sha256_hex("access-1"), issued.client_id, now, event(now, "token_revoked"))
        assert counts.new() == expected
    for _ in range(2):
        await sql.grants.revoke_code(issued.digest, now, event(now, "code_replayed"))
        assert counts.new() == ["code_replayed"]


async def test_the_end_of_a_session_is_reported_once(sql: SqlStores, clock: FakeClock) -> None:
    counts, now = ReportedEvents(sql), clock.now()
    await sql.authorizations.record(answer(now))
    counts.new()
    for expected in (["session_ended"], []):
        await sql.sessions.end(session(now).digest, event(now, "session_ended"), lambda _: ())
        assert counts.new() == expected


async def test_cases_are_reported_if_they_were_saved(sql: SqlStores, clock: FakeClock) -> None:
    counts, made = ReportedEvents(sql), case(clock.now())
    for expected in (["case_submitted"], []):
        await sql.cases.create(made, [event(clock.now(), "case_submitted")])
        assert counts.new() == expected
        made = replace(made, id="case-2", reference="CASE-2", continuation=None)
    for expected in (["case_readied"], []):
        await sql.cases.save(case(clock.now(), version=2), [event(clock.now(), "case_readied")])
        assert counts.new() == expected


async def test_backchannel_requests_are_reported_if_they_were_written(sql: SqlStores, clock: FakeClock) -> None:
    counts, now, put = ReportedEvents(sql), clock.now(), question(clock.now())
    await sql.authorizations.record(answer(now))  # the account that is queried
    counts.new()
    for expected in (["question_put"], []):
        await sql.questions.create(put, None, (), [event(now, "question_put")])
        assert counts.new() == expected
        put = replace(put, id="question-2", handle="handle-2")
    for expected in (["question_declined"], []):
        await sql.questions.end(question(now).id, BackchannelState.DECLINED, now, [event(now, "question_declined")])
        assert counts.new() == expected


async def test_a_report_comes_after_the_commit(sqlite_url: str, sealer: Sealer, system: System) -> None:
    sql = await open_by_fake_clock(sqlite_url, sealer, system)
    seen = []

    def read(_: Sequence[AuditEvent]) -> None:
        with sqlite3.connect(Path(sqlite_url.removeprefix("sqlite:"))) as other:
            seen.append(other.execute("SELECT count(*) FROM audit").fetchone()[0])

    sql.audit.report_to(read)
    await sql.audit.write([event(system.now()), event(system.now())])
    await sql.authorizations.record(answer(system.now()))
    await sql.sessions.end(session(system.now()).digest, event(system.now()), lambda _: ())
    await sql.close()
    assert seen == [2, 3, 4]


async def test_what_could_not_be_written_is_not_reported(sqlite_url: str, sealer: Sealer, system: System) -> None:
    sql = await open_by_fake_clock(sqlite_url, sealer, system)
    counts = ReportedEvents(sql)
    with sqlite3.connect(Path(sqlite_url.removeprefix("sqlite:"))) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable):
            await sql.audit.write([event(system.now())])
    await sql.close()
    assert counts.new() == []

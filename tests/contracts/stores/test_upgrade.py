"""Upgrades: a database of an earlier release loses nothing that its stores wrote (see `database_dumps`)."""

import json
import math
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from broker.assisted.case_row import CaseFilter, CaseOrder, CaseRow
from broker.crypto.jose import load_signing_key, new_signing_key_pem, parse_keys, public_jwk
from broker.crypto.seal import Sealer
from broker.crypto.seal import sealer as make_sealer
from broker.model.backchannel_request import BackchannelState, PingNotification, PollResult
from broker.model.grant import Grant
from broker.model.handle import normalize_user_code, sha256_hex
from broker.model.kill_switches import KillSwitchKind
from broker.model.session import EndedSession
from broker.model.store_results import AuthorizationWritten, LinkedIdentity, RedeemResult
from broker.platform.system import System
from broker.stores.sql.audit_chain import ChainFault, CheckpointSigner
from broker.stores.sql.digests import DigestKeyLost
from broker.stores.sql.migrate import migrate
from broker.stores.sql_stores import SqlStores, open_sql_stores
from tests.contracts.stores.database_dumps import DUMPS, load_dump, query, tables
from tests.contracts.stores.full_database import (
    CASES,
    EVERY_EVENT,
    ISSUER,
    NOW,
    PASSPORTS,
    PEOPLE,
    SEALING_KEY,
    STAFF_ATTEMPT,
    STAFF_SESSION,
    TAX,
    answer,
    assertion,
    case,
    code,
    empty_fields,
    event,
    fan_out,
    grant,
    notice,
    question,
    session,
    tokens,
)
from tests.contracts.stores.samples import claim_due
from tests.support.postgres import PostgresServer
from tests.support.system import FakeClock

BEGIN = DUMPS / "schema_0009"
KINDS = ("sqlite", "postgres")


@pytest.fixture
def clock() -> FakeClock:
    """Some seconds after the dump was written: its codes are still valid."""
    return FakeClock(NOW + 5)


def sealing() -> Sealer:
    """The sealing key of the dump."""
    return make_sealer(SEALING_KEY, (), secrets.token_bytes)


@pytest.fixture
def sealer() -> Sealer:
    """The same."""
    return sealing()


@pytest.fixture(scope="module")
async def upgraded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dump of SQLite, upgraded; to be copied."""
    file = tmp_path_factory.mktemp("upgraded") / "facts.db"
    await load_dump(BEGIN, f"sqlite:{file}")
    await migrate(f"sqlite:{file}", sealing=sealing)
    return file


@pytest.fixture(scope="module")
async def upgraded_database(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """The dump of PostgreSQL, upgraded; the template of further databases."""
    with postgres_server.database() as url:
        await load_dump(BEGIN, url)
        await migrate(url, sealing=sealing)
        yield url


@pytest.fixture(params=KINDS)
def upgraded(request: pytest.FixtureRequest, postgres_server: PostgresServer, tmp_path: Path) -> Iterator[str]:
    """The address of an upgraded database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:{shutil.copy(request.getfixturevalue('upgraded_file'), tmp_path)}"
        return
    template: str = request.getfixturevalue("upgraded_database")
    with postgres_server.database(template.rpartition("/")[2]) as url:
        yield url


@pytest.fixture
async def sql(upgraded: str, sealer: Sealer, system: System) -> AsyncIterator[SqlStores]:
    """The stores over an upgraded database."""
    sql = await open_sql_stores(upgraded, sealer, system, tolerance=math.inf)
    yield sql
    await sql.close()


@pytest.fixture
def checkpoints(upgraded: str, tmp_path: Path) -> Path:
    """The audit checkpoints of the dump, to be continued."""
    kind = "sqlite" if upgraded.startswith("sqlite:") else "postgres"
    return Path(shutil.copy(BEGIN.with_suffix(f".{kind}.checkpoints"), tmp_path / "checkpoints"))


# --- the dump ---


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.store) for kind in KINDS])
async def test_every_table_of_a_dump_has_rows_so_that_none_is_upgraded_unseen(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:{tmp_path}/facts.db" if kind == "sqlite" else str(request.getfixturevalue("database"))
    await load_dump(BEGIN, url)
    for table in await tables(url):
        [[rows]] = await query(url, f"SELECT count(*) FROM {table}")
        assert rows, table


LATER_FIELDS = (
    ".second_contact",
    ".intake",
    ".intake.times",
    ".intake.language",
    ".intake.needs",
    ".intake.documents",
    ".intake.helper",
    ".intake.name",
    ".appointment",
    ".missed",
    ".closing",
    ".contacts",
    ".room",
    ".wanted",
    ".promise",
    ".verdict.wanted",
    ".complaint",
    ".redress_until",
    ".source",
    ".unsettled",
    ".resume_value",
    ".act",
    ".access_token",
    ".upstream_sid",
    ".anchor",
    ".session_state",
    ".grant",
    ".asker",
    ".meetings",
    ".not_before",
    ".frozen",
    ".verification.assurance",
    ".evidence[].checks[].lookup",
    ".checks[].lookup",
    ".bind_round",
    ".hold",
    ".call",
    ".calls",
    ".binding.call_back",
    ".flags[].seen",
    ".threads",
    ".passkey",
    ".purpose",
    ".former",
    ".binding.passkey",
    ".binding.kept",
    ".desk",
    ".verification.assurance",
)
"""Fields of sealed records that came after the dump: a record without them is read with their defaults."""


def test_every_field_of_a_sealed_record_in_the_dump_differs_from_its_default() -> None:
    tried = replace(notice("x"), tries=1)  # a number that is read from a column
    sealed = (CASES[0], code("ann").release, session("ann").identity, tried, STAFF_ATTEMPT, STAFF_SESSION)
    assert [[name for name in empty_fields(record) if name not in LATER_FIELDS] for record in sealed] == [[]] * len(
        sealed
    )
    assert set(LATER_FIELDS) == {*empty_fields(session("ann").identity), *empty_fields(CASES[0]), *empty_fields(tried)}
    assert list(empty_fields(question("x"))) == [".state"]  # its column decides


async def test_a_dump_opens_with_its_own_sealing_key_alone(upgraded: str, system: System) -> None:
    with pytest.raises(DigestKeyLost):
        await open_sql_stores(upgraded, make_sealer(b"\x07" * 32, (), system.random_bytes), system, tolerance=math.inf)


# --- what citizens and services hold ---


async def test_identities_pairwise_subjects_and_consents_are_found_after_an_upgrade(sql: SqlStores) -> None:
    for person in PEOPLE:
        found = await sql.authorizations.linked_identity(ISSUER, f"{person}-at-bank", PASSPORTS[1], PASSPORTS[0])
        assert found == LinkedIdentity(f"account-{person}", f"sub-of-{person}-passports", ("address", "given_name"))
        assert await sql.questions.account(PASSPORTS[1], f"sub-of-{person}-passports") == f"account-{person}"
    tax = await sql.authorizations.linked_identity(ISSUER, "cat-at-bank", TAX[1], TAX[0])
    assert tax == LinkedIdentity("account-cat", "sub-of-cat-tax", ("address", "given_name"))
    assert await sql.authorizations.linked_identity(ISSUER, "ann-at-bank", TAX[1], TAX[0]) == LinkedIdentity(
        "account-ann", None, None
    )
    assert await sql.authorizations.linked_identity(ISSUER, "another-at-bank", PASSPORTS[1], PASSPORTS[0]) is None


async def test_a_sign_in_after_an_upgrade_gives_the_service_the_same_sub(sql: SqlStores) -> None:
    again = answer("eve")
    assert again.code is not None
    assert again.session is not None
    renewed = replace(
        again,
        account="account-proposed",
        subject="sub-proposed",
        code=replace(again.code, digest=sha256_hex("code-2"), transaction="transaction-2", pushed="pushed-2"),
        session=replace(again.session, digest=sha256_hex("session-2"), id="sid-2"),
        fact="answer-2",
    )
    assert await sql.authorizations.record(renewed) == AuthorizationWritten("account-eve", "sub-of-eve-passports")


async def test_an_authorization_code_issued_before_an_upgrade_is_redeemed_once(
    sql: SqlStores, clock: FakeClock
) -> None:
    found = await sql.grants.code(sha256_hex("code-bob"))
    assert found is not None
    assert not found.redeemed
    assert not found.session_ended
    assert found.code == code("bob")
    made = replace(grant("bob"), created=clock.now())
    assert await sql.grants.redeem(sha256_hex("code-bob"), made, tokens("bob"), None, ()) is RedeemResult.DONE
    assert await sql.grants.redeem(sha256_hex("code-bob"), made, (), None, ()) is RedeemResult.USED_BEFORE
    redeemed = await sql.grants.code(sha256_hex("code-ann"))
    assert redeemed is not None
    assert redeemed.redeemed
    assert redeemed.grant == "grant-ann"
    ended = await sql.grants.code(sha256_hex("code-dan"))
    assert ended is not None
    assert ended.session_ended


async def test_a_transaction_or_pushed_request_answered_before_an_upgrade_counts_as_answered(
    sql: SqlStores,
) -> None:
    assert await sql.authorizations.code_issued("transaction-bob", None)
    assert await sql.authorizations.code_issued("another", "pushed-bob")
    assert not await sql.authorizations.code_issued("another", "pushed-another")


async def test_tokens_issued_before_an_upgrade_work_and_revoked_ones_do_not(sql: SqlStores) -> None:
    made: Grant = grant("ann")
    for token in tokens("ann"):
        assert await sql.grants.token(token.digest) == (token, made)
    refreshed = replace(tokens("ann")[0], digest=sha256_hex("access-ann-2"))
    assert await sql.grants.refresh("grant-ann", refreshed, None, ()) is RedeemResult.DONE
    for over in ("refresh-eve", "access-cat", "refresh-cat"):
        assert await sql.grants.token(sha256_hex(over)) is None
    rotated = await sql.grants.token(sha256_hex("refresh-eve-2"))
    assert rotated is not None
    assert rotated[1].account == "account-eve"
    assert await sql.grants.revoke_used(sha256_hex("refresh-eve"), "passports", NOW + 5, event("replayed"))
    assert await sql.grants.token(sha256_hex("refresh-eve-2")) is None


async def test_a_client_assertion_used_before_an_upgrade_is_a_replay(sql: SqlStores) -> None:
    for name in ("alone", "ann", "cat", "eve"):
        assert await sql.grants.assertion_used(assertion(f"jti-{name}"))
        assert not await sql.grants.use_assertion(assertion(f"jti-{name}"))
    again = await sql.questions.create(
        question("again", handle="ciba-again"),
        replace(assertion("jti-question"), client_id="/requests/passports"),
        (),
        (),
    )
    assert again is RedeemResult.ASSERTION_USED_BEFORE
    assert await sql.grants.use_assertion(assertion("jti-new"))


async def test_sessions_begun_before_an_upgrade_go_on_and_tell_the_same_clients_of_their_end(
    sql: SqlStores,
) -> None:
    assert await sql.sessions.load(sha256_hex("session-ann")) == session("ann")
    for over in ("session-cat", "session-dan"):
        assert await sql.sessions.load(sha256_hex(over)) is None
    ended = await sql.sessions.end(sha256_hex("session-ann"), event("session_ended"), fan_out)
    assert ended == EndedSession("sid-ann", "account-ann", {"passports": "sub-of-ann-passports"})


async def test_backchannel_requests_wait_and_are_answered_after_an_upgrade(sql: SqlStores, clock: FakeClock) -> None:
    now, waiting = clock.now(), question("waiting")
    assert await sql.questions.load("question-waiting") == waiting
    assert await sql.questions.by_code(waiting.code) == waiting
    of_case = await sql.questions.of_case("case-claimed")
    assert {one.id for one in of_case} == {f"question-{name}" for name in ("declined", "staff", "waiting")}
    assert await sql.questions.poll(sha256_hex("ciba-waiting"), "passports", now, None) == PollResult(
        BackchannelState.WAITING, waiting.expires, early=False
    )
    assert await sql.questions.poll(sha256_hex("ciba-declined"), "passports", now, None) == PollResult(
        BackchannelState.DECLINED, waiting.expires, early=False
    )
    assert waiting.token is not None
    ping = PingNotification("question-declined", "passports", "ciba-declined", waiting.token)
    assert await sql.pings.claim(now, now + 10, 10) == [replace(ping, tries=1)]
    confirmed = replace(
        answer("ann"),
        code=replace(code("ann"), digest=sha256_hex(waiting.handle), transaction="transaction-ciba", pushed=None),
        session=None,
        question=waiting.id,
        fact="answer-ciba",
    )
    assert await sql.authorizations.record(confirmed) == AuthorizationWritten("account-ann", "sub-of-ann-passports")


# --- what staff hold ---


async def test_open_cases_are_read_and_saved_after_an_upgrade(sql: SqlStores) -> None:
    for made in CASES:
        assert await sql.cases.load(made.id) == made
        assert await sql.cases.by_reference(made.reference) == made
        assert await sql.cases.by_transaction(made.transaction) == made
    assert await sql.cases.by_continuation(sha256_hex("continuation-claimed")) == CASES[0]
    listed = await sql.case_lists.page(CaseFilter(state=CASES[1].state), CaseOrder.DEADLINE, None, 10)
    assert listed.rows == (replace(CaseRow.of(CASES[1]), reference=normalize_user_code(CASES[1].reference)),)
    assert [one.id for one in await sql.cases.by_holder("agent-1")] == ["case-claimed"]
    assert await sql.cases.count_similar(["mark-document"], "case-claimed") == 2
    assert await sql.cases.count_similar(["mark-queued"], "case-claimed") == 1
    assert await sql.cases.attempts("case-claimed", "code") == 2
    assert await sql.cases.save(case("claimed", version=2, fingerprints=("mark-new",)), ())
    assert await sql.cases.count_similar(["mark-new"], "case-queued") == 1


async def test_staff_sessions_and_staff_sign_ins_go_on_after_an_upgrade(sql: SqlStores) -> None:
    assert await sql.staff_sessions.load(STAFF_SESSION.digest) == STAFF_SESSION
    assert await sql.staff_sessions.attempt(STAFF_ATTEMPT.digest) == STAFF_ATTEMPT
    assert await sql.staff_sessions.claim(STAFF_ATTEMPT.digest)


async def test_notifications_and_logout_tokens_not_sent_before_an_upgrade_are_sent_after_it(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    sent = {one.id: one for one in await sql.notices.lane("email").claim(now, now + 60, 10)}
    names = ("question", "case-claimed", "case-queued")
    assert sent == {f"n-{name}": replace(notice(name), tries=1) for name in names}
    delivered = {one.id: one for one in await claim_due(sql, now, now + 60)}
    expected = fan_out(EndedSession("sid-cat", "", {"passports": "sub-of-cat-passports", "tax": "sub-of-cat-tax"}))
    expected = [*expected, *fan_out(EndedSession("sid-dan", "", {"passports": "sub-of-dan-passports"}))]
    assert delivered == {one.id: replace(one, tries=1) for one in expected}


# --- what operators hold ---


async def test_kill_switches_stay_in_force_after_an_upgrade(sql: SqlStores) -> None:
    current = await sql.kill_switches.current()
    found = {(one.kind, one.id): (one.reason, one.who, one.at) for one in await sql.kill_switches.listing()}
    off = (KillSwitchKind.PROVIDER, "bank"), (KillSwitchKind.SERVICE, "tax"), (KillSwitchKind.ACCOUNT, "account-dan")
    assert found == dict.fromkeys(off, ("a reason", "olu", NOW))
    assert current.off == dict.fromkeys(found, "a reason")
    assert await sql.kill_switches.turn_on(KillSwitchKind.PROVIDER, "bank", "olu", NOW + 5)
    assert (await sql.kill_switches.current()).version == current.version + 1


async def test_the_epoch_the_reload_counter_and_the_time_noted_go_on_after_an_upgrade(sql: SqlStores) -> None:
    assert await sql.counters.epoch() == 2
    assert await sql.counters.reloads() == 1
    assert await sql.counters.ask_reload("olu", NOW) == 2
    assert await sql.counters.raise_epoch("olu", NOW + 5) == 3
    assert await sql.grants.token(sha256_hex("access-ann")) is None


async def test_the_audit_chain_verifies_and_is_continued_after_an_upgrade(
    sql: SqlStores, upgraded: str, checkpoints: Path
) -> None:
    earlier: Mapping[str, object] = json.loads(BEGIN.with_suffix(".key.json").read_text())
    key = load_signing_key(new_signing_key_pem("EdDSA"), "EdDSA")
    keys = parse_keys({"keys": [earlier, dict(public_jwk(key))]})
    assert await sql.audit_chain.verify(checkpoints, keys, NOW + 5) == []
    sealed, unsealed = await sql.audit_chain.counts()
    assert unsealed == 1
    rows = [event for _, event in await sql.audit.read(0, 100)]
    assert len(rows) == sealed + unsealed
    assert rows[-2] == EVERY_EVENT
    assert await sql.audit_chain.seal_once() == 1
    made = await sql.audit_chain.checkpoint(NOW + 5, CheckpointSigner(key, checkpoints))
    assert made is not None
    assert made.number == sealed + 1
    assert await sql.audit_chain.verify(checkpoints, keys, NOW + 5) == []
    changed = "UPDATE audit SET actor = 'another' WHERE number = 3"
    await query(upgraded, changed)
    assert [(one.flaw, one.number) for one in await sql.audit_chain.verify(checkpoints, keys, NOW + 5)] == [
        (ChainFault.CHANGED, 3)
    ]


async def test_the_retention_sweep_runs_over_an_upgraded_database(sql: SqlStores, clock: FakeClock) -> None:
    clock.advance(400 * 86_400)
    while await sql.sweep(clock.now()):
        pass
    assert await sql.grants.code(sha256_hex("code-bob")) is None
    assert not await sql.grants.assertion_used(assertion("jti-ann"))
    assert await sql.cases.load("case-queued") == CASES[1]

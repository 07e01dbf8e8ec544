"""`portico audit show|search|export`, `transaction explain` and `case explain`, over a real database."""

import asyncio
import json
import stat
from collections.abc import Sequence
from dataclasses import replace

import pytest

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Contact, ContactMethod, Safety
from broker.cli.audit_rows import as_line
from broker.cli.main import command_line
from broker.model.audit import AuditEvent
from broker.model.sign_in_failure import SignInFailure
from broker.wiring.admin import admin_stores
from tests.support.configuration import Configuration
from tests.unit.assisted.cases import draft, walked
from tests.unit.cli.conftest import Run, refused

pytestmark = pytest.mark.store

AT = 1_795_132_800.25
"""2026-11-20, 00:00:00.250 UTC."""
FAILED = AuditEvent(
    "attempt_failed", AT, "citizen", "sign-in-1", None, "demo-service", "northbank", details={"failure": "cancelled"}
)
ROWS = (
    FAILED,
    AuditEvent("code_issued", AT + 5, "citizen", "sign-in-1", None, "demo-service", "northbank", "acc_1"),
    AuditEvent("code_issued", AT + 9, "citizen", "sign-in-2", None, "library", "harbour", "acc_2"),
)


def filled(config: Configuration, *rows: AuditEvent, case: Case | None = None) -> None:
    """Migrates, and writes audit rows, the failed sign-in and a case."""

    async def write() -> None:
        settings = config.settings()
        async with admin_stores(settings) as stores:
            await stores.audit_log.write([row for row in rows if row is not FAILED])
            if FAILED in rows:
                failure = SignInFailure("BCDF1234", AT, "cancelled", "", "northbank", "demo-service", "req-7")
                await stores.failures.record(failure, [FAILED])
            if case is not None:
                await stores.cases.create(case, [])

    asyncio.run(write())


def test_rows_are_found_by_what_they_name(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    filled(config, *ROWS)
    found = run(config, "audit", "search", "--account", "acc_1")
    assert found == [as_line(1, ROWS[1])]
    assert found[0].startswith("2026-11-20T00:00:05.250Z  1  code_issued  actor=citizen  service=demo-service")
    assert len(run(config, "audit", "search", "--kind", "code_issued")) == 2
    assert run(config, "audit", "search", "--service", "library", "--kind", "code_issued") == [as_line(2, ROWS[2])]
    times = ("--since", "2026-11-20T00:00:00Z", "--until", "2026-11-20T00:00:01Z")
    (line,) = run(config, "audit", "search", *times, "--json")
    assert json.loads(line) == {
        "id": 3,
        "time": "2026-11-20T00:00:00.250Z",
        "at": AT,
        "kind": "attempt_failed",
        "actor": "citizen",
        "client_id": "demo-service",
        "provider": "northbank",
        "transaction": "sign-in-1",
        "details": {"failure": "cancelled"},
    }
    assert refused(run, config, "audit", "search", "--account", "acc_9") == "the audit record has no such row"


def test_the_newest_rows_are_shown_the_oldest_of_them_first(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    filled(config, *ROWS)
    assert run(config, "audit", "show", "--limit", "2") == [
        as_line(2, ROWS[2]),
        as_line(3, FAILED),
        "these are the newest 2: narrow the search, or raise --limit",
    ]
    assert run(config, "audit", "show", "2") == [as_line(2, ROWS[2])]
    assert refused(run, config, "audit", "show", "77") == "the audit record has no such row"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("search", "--limit", "0"), "write a number from 1 to 10000"),
        (("search", "--since", "2026-11-20"), "add the offset from UTC"),
        (("search", "--until", "yesterday"), "write it as"),
        (("search", "--kind", ""), "1 to 1000 characters"),
        (("export", "rows.jsonl", "--reason", "asked"), "--since"),
    ],
)
def test_wrong_words_are_refused_with_what_is_needed(
    words: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command_line().parse_args(["audit", *words])
    assert said in capsys.readouterr().err


def test_an_export_is_a_new_file_of_sealed_rows_and_an_audit_row(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    filled(config, *ROWS)
    place = config.folder.parent / "rows.jsonl"
    words = ("audit", "export", str(place), "--since", "2026-11-20T00:00:00Z", "--until", "2026-11-21T00:00:00Z")
    assert refused(run, config, *words, "--reason", "asked") == "no sealed row is of that time"
    assert not place.exists()
    asyncio.run(seal(config))
    assert run(config, *words, "--reason", "asked by the court") == [f"3 rows, numbers 1 to 3: {place}"]
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    rows = [json.loads(line) for line in place.read_text().splitlines()]
    assert [row["number"] for row in rows] == [1, 2, 3]
    assert [row["kind"] for row in rows] == ["code_issued", "code_issued", "attempt_failed"]
    assert "there is a file already" in refused(run, config, *words, "--reason", "again")
    (written,) = run(config, "audit", "search", "--kind", "audit_exported", "--json")
    assert json.loads(written)["details"] == {"why": "asked by the court", "first": "1", "last": "3"}
    nowhere = (*words[:2], str(place / "rows"), *words[3:])
    assert "cannot be written" in refused(run, config, *nowhere, "--reason", "asked")


async def seal(config: Configuration) -> None:
    """Seals the audit rows."""
    async with admin_stores(config.settings()) as stores:
        await stores.audit.sql.audit_chain.seal_once()


def test_a_failed_sign_in_is_explained_by_the_reference_that_a_citizen_quotes(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    filled(config, *ROWS)
    assert run(config, "transaction", "explain", "bcdf 1234") == [
        "2026-11-20T00:00:00.250Z  failed at northbank for demo-service: cancelled",
        "    The sign-in was not finished.",
        "    comes from: citizen; the citizen's page offers, as far as it applies: retry, another, help, later",
        "    in the log: request_id req-7",
        "Audit rows:",
        f"    {as_line(1, ROWS[1])}",
        f"    {as_line(3, FAILED)}",
    ]
    assert "has this reference" in refused(run, config, "transaction", "explain", "ZZZZ9999")


def test_a_case_is_explained_without_anything_personal(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    contact = Contact(ContactMethod.EMAIL, "ada@example.org")
    new = replace(draft(), reference="FGHJ5678", transaction="sign-in-1")
    case = walked(ev.Submitted(contact, Channel.VIDEO, Safety()), ev.ReadyForSession(), case=new)
    filled(config, *ROWS, case=replace(case, version=1))
    told = run(config, "case", "explain", "fghj-5678")
    assert told[0].startswith("FGHJ5678: queued since ")
    assert [line.split()[1] for line in told if "  by " in line] == [move.event for move in case.history]
    assert "ada@example.org" not in "\n".join(told)
    assert told[-1] == "No audit row names it."
    explained = run(config, "transaction", "explain", "FGHJ5678")
    assert explained[0].startswith("Help from a person: queued since ")
    assert len(explained) == 4
    assert "no request for help" in refused(run, config, "case", "explain", "BCDF1234")

"""Staff console: signed exports of the audit record by two persons, and their verification without the broker."""

import argparse
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from broker.actions.people import exports
from broker.cli import audit as command
from broker.crypto.jose import parse_keys
from broker.model.audit import AuditEvent
from broker.model.staff import StaffMember
from broker.platform.system import System
from broker.wiring.audit_export import verify_export
from broker.wiring.errors import CommandError
from tests.support.system import FakeClock
from tests.unit.web.staff import ADA, CARYS, FRESH, PEOPLE, RHYS, R, Ready, StaffClient, Stage, keys, staged

pytestmark = pytest.mark.store

NIA = StaffMember("nia", "staff-nia", "Nia Ortiz", frozenset({R.AUDITOR}))
DAYS = {"first": "2027-01-01", "last": "2027-02-28", "reason": "audit"}


@pytest.fixture
async def office(console_ready: Ready, tmp_path: Path, system: System) -> AsyncIterator[Stage]:
    """The console with a second auditor, and some sealed audit rows of January 2027."""
    async with staged(console_ready, tmp_path, system, people={**PEOPLE, NIA.id: NIA}) as stage:
        now = stage.system.now()
        rows = [AuditEvent("fact", now, "broker", details={"n": str(n), "text": 'é"\\'}) for n in range(7)]
        await stage.facts.audit.write(rows)
        await stage.facts.audit_chain.seal_once()
        yield stage


async def asked(client: StaffClient, **changes: str) -> str:
    """Asks for an export; returns where it leads."""
    sent = await client.send("/exports", "/exports", {**DAYS, **changes})
    return sent.headers.get("location", str(sent.status_code))


async def path_of(stage: Stage) -> str:
    """The path of the newest export."""
    [found, *_] = await stage.facts.audit_exports.recent(1)
    return f"/exports/{found.id}"


async def test_an_export_is_released_by_another_person_and_verified_with_the_published_keys(
    office: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nia, ada, rhys = [await office.sign_in(one) for one in (NIA, ADA, RHYS)]
    assert await asked(nia) == "/exports?told=export_asked"
    at = await path_of(office)
    assert (await nia.get(f"{at}/audit.jsonl")).status_code == 403
    own = await nia.send(at, "/exports", {"do": "release"})
    assert own.headers["location"] == "/exports?problem=same_export"
    done = await ada.send(at, "/exports", {"do": "release"})
    assert done.headers["location"] == "/exports?told=export_released"
    for other in (ada, rhys):
        assert (await other.get(f"{at}/audit.jsonl")).status_code == 403
        assert (await other.get(f"{at}/audit.jws")).status_code == 403
    rows, signature = await nia.get(f"{at}/audit.jsonl"), await nia.get(f"{at}/audit.jws")
    published = await office.client(None).get("/audit-keys.json")
    lines = [json.loads(line) for line in rows.text.splitlines()]
    assert [line["number"] for line in lines] == list(range(1, 8))
    assert lines[0]["details"] == {"n": "0", "text": 'é"\\'}
    assert "Nia" not in rows.text
    [export] = await office.facts.audit_exports.recent(5)
    assert (export.rows, export.sha256) == (7, hashlib.sha256(rows.content).hexdigest())
    kinds = [(row.kind, row.actor) for _, row in await office.facts.audit.read(0, 100) if "export" in row.kind]
    assert kinds == [
        ("audit_export_asked", "staff:nia"),
        ("audit_export_released", "staff:ada"),
        ("audit_export_downloaded", "staff:nia"),
    ]
    files = {"audit.jsonl": rows.content, "audit.jws": signature.content, "keys.json": published.content}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    given = argparse.Namespace(
        verb="verify-export", file=tmp_path / "audit.jsonl", signature=None, keys=tmp_path / "keys.json"
    )
    assert await command.run(given, None) == 0  # type: ignore[arg-type]
    assert "7 rows, numbers 1 to 7: the export is whole" in capsys.readouterr().out
    (tmp_path / "audit.jsonl").write_bytes(rows.content.replace(b'"n":"3"', b'"n":"4"'))
    with pytest.raises(CommandError, match="NOT whole"):
        await command.run(given, None)  # type: ignore[arg-type]


FORGERIES: dict[str, Callable[[bytes, str], tuple[bytes, str]]] = {
    "a row is left out": lambda rows, jws: (b"\n".join(rows.split(b"\n")[:3] + rows.split(b"\n")[4:]), jws),
    "a row is changed": lambda rows, jws: (rows.replace(b'"n":"3"', b'"n":"4"'), jws),
    "the end is cut off": lambda rows, jws: (b"\n".join(rows.split(b"\n")[:-2]) + b"\n", jws),
    "another algorithm": lambda rows, jws: (rows, f"eyJhbGciOiJub25lIn0..{jws.rpartition('.')[2]}"),
    "without a signature": lambda rows, jws: (rows, jws.rpartition(".")[0] + "."),
    "no JWS": lambda rows, _jws: (rows, "nothing"),
    "no JSON": lambda rows, jws: (b"{" + rows, jws),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
async def test_a_changed_export_does_not_verify(
    office: Stage, forge: Callable[[bytes, str], tuple[bytes, str]]
) -> None:
    nia, ada = await office.sign_in(NIA), await office.sign_in(ADA)
    await asked(nia)
    at = await path_of(office)
    await ada.send(at, "/exports", {"do": "release"})
    rows, signature = (await nia.get(f"{at}/audit.jsonl")).content, (await nia.get(f"{at}/audit.jws")).text
    known = parse_keys(json.loads(keys()))
    assert not verify_export(rows, signature, known).faults
    assert verify_export(*forge(rows, signature), known).faults


async def test_an_export_is_refused_to_other_roles_without_a_reason_days_or_a_recent_sign_in(
    office: Stage, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    nia, carys = await office.sign_in(NIA), await office.sign_in(CARYS)
    ada = await office.sign_in(ADA, auth_time=office.system.now() - FRESH - 1)
    assert await asked(carys) == "403"
    assert await asked(nia, reason="curious") == "/exports?problem=reason"
    for wrong in ({"first": "2027-02-30"}, {"first": ""}, {"last": "2026-12-31"}, {"first": "2199-01-01"}):
        assert await asked(nia, **wrong) == "/exports?problem=days", wrong
    await asked(nia, first="2020-01-01", last="2020-01-02")
    at = await path_of(office)
    stale = await ada.send(at, "/exports", {"do": "release"})
    assert stale.headers["location"] == "/exports?problem=not_fresh"
    assert (await carys.send(at, "/exports", {"do": "release"})).status_code == 403
    fresh = await office.sign_in(ADA)
    assert (await fresh.send(at, "/exports", {"do": "release"})).headers["location"] == "/exports?problem=no_rows"
    refused = await fresh.send(at, "/exports", {"do": "refuse"})
    assert refused.headers["location"] == "/exports?told=export_refused"
    assert (await fresh.send(at, "/exports", {"do": "release"})).headers["location"] == "/exports?problem=stale"
    forged = await fresh.send("/exports/export_AAAA", "/exports", {"do": "release"})
    assert forged.headers["location"] == "/exports?problem=stale"
    monkeypatch.setattr(exports, "MOST_ROWS", 3)
    await asked(nia)
    at = await path_of(office)
    assert (await fresh.send(at, "/exports", {"do": "release"})).headers["location"] == "/exports?problem=too_many_rows"
    clock.advance(7 * 24 * 3600)
    later = await office.sign_in(ADA)
    assert (await later.send(at, "/exports", {"do": "release"})).headers["location"] == "/exports?problem=stale"

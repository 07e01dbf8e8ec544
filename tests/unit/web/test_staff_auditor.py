"""Staff console: an auditor sees what leads see, and no form of the console changes anything for them."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest
from starlette.routing import Route

from broker.assisted import events as ev
from broker.model.staff import StaffMember
from broker.platform.system import System
from broker.web.shared.fast_router import FastRouter
from tests.unit.web.staff import PEOPLE, RHYS, R, Ready, Stage, staged
from tests.unit.web.staff_forms import now

pytestmark = pytest.mark.store

AUDITOR: Final = StaffMember("nia", "staff-nia", "Nia Ortiz", frozenset({R.AUDITOR}))
OWN: Final = {"/sign-out", "/language", "/views"}
"""Forms about the session, the language and the saved filters of the auditor alone."""
READS: Final = {"/open", "/find", "/acts"}
"""Forms that show something, with a reason that is recorded."""
EXPORTS: Final = {"/exports", "/exports/{export}"}
"""Forms for exports of the audit record: they add what was asked for, and change nothing (`test_staff_exports`)."""
FILLED: Final[Mapping[str, str]] = {
    "reason": "doubt",
    "reason.details_differ": "yes",
    "decline.details_differ": "yes",
    "decision": "decline",
    "channel": "video",
    "do": "approve",
    "to": "carys",
    "member": "carys",
    "role.admin": "yes",
    "note": "A note",
    "message": "A message",
    "by": "reference",
    "text": "BCDF0001",
    "sort": "deadline",
    "kind": "passport",
}


@pytest.fixture
async def audited(console_ready: Ready, tmp_path: Path, system: System) -> AsyncIterator[Stage]:
    """The console with an auditor who has no other role."""
    async with staged(console_ready, tmp_path, system, people={**PEOPLE, AUDITOR.id: AUDITOR}) as stage:
        yield stage


def posts(stage: Stage) -> Iterator[str]:
    """The path of every form of the console."""
    inside: object = stage.app
    while not isinstance(inside, FastRouter):
        inside = getattr(inside, "_app", None)
        assert inside is not None
    routes: Sequence[object] = inside._others.routes  # type: ignore[attr-defined]
    for route in routes:
        if isinstance(route, Route) and "POST" in (route.methods or ()):
            yield route.path


async def test_no_form_of_the_console_changes_anything_for_an_auditor(audited: Stage) -> None:
    case = await audited.case(ev.Held(RHYS.id, "doubt"))
    auditor = await audited.sign_in(AUDITOR)
    await auditor.send("/open", "/", {"reference": case.reference, "reason": "audit"})
    before, edition = await now(audited, case), str((await now(audited, case)).edit_version)
    names = {
        "case": case.id,
        "piece": "e1",
        "file": "f1",
        "source": "s1",
        "member": "carys",
        "change": "change_1",
        "feedback": "f1",
    }
    paths = set(posts(audited))
    assert paths > OWN | READS | EXPORTS
    for path in sorted(paths - OWN - READS - EXPORTS):
        at = path.format_map({**dict.fromkeys(_names(path), "x"), **names})
        rows = len(await audited.facts.audit.read(0, 1000))
        sent = await auditor.send(at, "/", {**FILLED, f"case.{case.id}": edition, "edition": edition})
        assert sent.status_code in (303, 403, 404), path
        assert "told=" not in sent.headers.get("location", ""), path
        assert "done=1" not in sent.headers.get("location", ""), path
        assert await now(audited, case) == before, path
        assert len(await audited.facts.audit.read(0, 1000)) == rows, path
    assert not await audited.facts.people.changes(audited.system.now())
    assert not await audited.facts.people.entries()


def _names(path: str) -> list[str]:
    return [part.strip("{}").partition(":")[0] for part in path.split("/") if part.startswith("{")]


@pytest.mark.parametrize("page", ["/people", "/people/carys", "/access", "/exports", "/look-ups", "/reports"])
async def test_an_auditor_reads_what_leads_read(audited: Stage, page: str) -> None:
    auditor = await audited.sign_in(AUDITOR)
    shown = await auditor.get(page)
    assert shown.status_code == 200
    assert "Take every role away" not in shown.text
    assert "Ask for other roles" not in shown.text

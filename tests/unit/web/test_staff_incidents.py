"""Staff console: what a lead asks for with every case of a filter, done by a worker, each case once after any crash."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from broker.actions.console import incidents
from broker.actions.console.incidents import run_incidents
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import HoldReason
from broker.assisted.case_states import CaseState
from broker.assisted.incidents import IncidentJob, IncidentState
from broker.stores.sql.cases import SqlCases
from broker.stores.sql.incidents import SqlIncidents
from tests.unit.web.staff import CARYS, MEI, PEOPLE, RHYS, TOM, StaffClient, Stage
from tests.unit.web.staff_forms import now

pytestmark = pytest.mark.store
AT = "/board/incident"
PAGE, FORM = f"{AT}?sort=deadline", {"sort": "deadline"}


async def work(stage: Stage) -> None:
    """What a worker does every second."""

    async def members() -> dict[str, Any]:
        return dict(PEOPLE)

    await run_incidents(stage.context, members)


async def job(stage: Stage) -> IncidentJob:
    """The newest job."""
    return (await stage.facts.incidents.recent(1))[0]


async def ask(lead: StaffClient, **form: str) -> str:
    """Where the answer leads."""
    return (await lead.send(AT, PAGE, {**FORM, **form})).headers["location"]


async def states(stage: Stage, cases: Sequence[Case]) -> list[CaseState]:
    return [(await now(stage, case)).state for case in cases]


async def test_an_incident_holds_the_cases_of_a_filter_and_lets_only_those_go_on(stage: Stage) -> None:
    welsh = [await stage.case(language="cy") for _ in range(3)]
    other, doubtful = await stage.case(), await stage.case(ev.Held(RHYS.id, "doubt"), language="cy")
    lead = await stage.sign_in(RHYS)
    first = (await lead.get(f"{AT}?language=cy&sort=deadline")).text
    assert "Open cases that fit and are not held: 3" in first
    assert (await ask(lead, language="cy", do="hold")).endswith("told=incident")
    assert set(await states(stage, welsh)) == {CaseState.QUEUED}
    assert "Under way" in (await lead.get(PAGE)).text
    later = await stage.case(language="cy", created=stage.system.now() + 60)
    await work(stage)
    for case in welsh:
        hold = (await now(stage, case)).hold
        assert hold is not None
        assert hold.reason is HoldReason.INCIDENT
    assert set(await states(stage, [other, later])) == {CaseState.QUEUED}
    page = (await lead.get(PAGE)).text
    assert "Finished" in page
    assert '<td data-label="Cases changed">3</td>' in page
    assert "See how far it is" not in page
    assert "problem=reason" in await ask(lead, language="cy", do="end_hold", reason="")
    assert "problem=choice" in await ask(lead, language="cy", do="reassign")
    await ask(lead, language="cy", do="end_hold", reason="cleared")
    await work(stage)
    assert set(await states(stage, welsh)) == {CaseState.QUEUED}
    assert (await now(stage, doubtful)).state is CaseState.HELD
    assert ((await job(stage)).progress.done, (await job(stage)).progress.left) == (3, 0)
    for member in (CARYS, MEI):
        client = await stage.sign_in(member)
        assert (await client.get(AT)).status_code == 403
        assert (await client.send(AT, "/", {**FORM, "do": "hold"})).status_code == 403
        assert (await client.send(AT, "/", {"do": "stop", "job": (await job(stage)).id})).status_code == 403


async def test_a_job_goes_on_over_many_batches_until_no_case_is_left(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incidents, "BATCH", 3)
    cases = [await stage.case() for _ in range(10)]
    await ask(await stage.sign_in(RHYS), do="hold")
    await work(stage)
    assert set(await states(stage, cases)) == {CaseState.HELD}
    done = await job(stage)
    assert (done.state, done.progress.done, done.progress.left) == (IncidentState.DONE, 10, 0)
    kinds = [row.kind for _, row in await stage.facts.audit.read(0, 100) if row.kind.startswith(("case_held", "inc"))]
    assert kinds == ["incident_asked", *["case_held"] * 10, "incident_ended"]


async def test_a_case_that_was_changed_meanwhile_is_done_in_another_pass(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [await stage.case() for _ in range(3)]
    await ask(await stage.sign_in(RHYS), do="hold")
    page, changed = stage.facts.case_lists.page, list[str]()

    async def overtaken(*given: Any) -> Any:
        found = await page(*given)
        if not changed:
            changed.append(cases[1].id)
            case = await now(stage, cases[1])
            after = replace(case, version=case.version + 1, edit_version=case.edit_version + 1)
            assert await stage.facts.cases.save(after, ())
        return found

    monkeypatch.setattr(stage.facts.case_lists, "page", overtaken)
    await work(stage)
    assert set(await states(stage, cases)) == {CaseState.HELD}
    assert ((await job(stage)).progress.done, (await job(stage)).progress.left) == (3, 0)


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("before", [True, False], ids=["before a write", "after a write"])
async def test_a_worker_that_is_killed_at_any_write_leaves_each_case_to_be_done_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, *, before: bool
) -> None:
    """Five cases in batches of two: each write of cases and of the job is the last one of a process, in turn."""
    monkeypatch.setattr(incidents, "BATCH", 2)
    monkeypatch.setattr(incidents, "LEASE", 0.0)  # the next process need not wait
    cases = [await stage.case() for _ in range(5)]
    await ask(await stage.sign_in(RHYS), do="hold")
    writes, stop = 0, 0

    def dying(write: Callable[..., Awaitable[bool]]) -> Callable[..., Awaitable[bool]]:
        async def written(*given: Any) -> bool:
            nonlocal writes
            writes += 1
            if before and writes == stop:
                raise Killed
            done = await write(*given)
            if not before and writes == stop:
                raise Killed
            return done

        return written

    for store, name in ((SqlCases, "save"), (SqlIncidents, "save"), (SqlIncidents, "end")):
        monkeypatch.setattr(store, name, dying(getattr(store, name)))
    crashes = 0
    while (await job(stage)).state is IncidentState.OPEN:
        writes, stop = 0, crashes % 4 + 1
        try:
            await work(stage)
        except Killed:
            crashes += 1
        assert crashes < 50
    assert crashes >= 3
    assert ((await job(stage)).progress.done, (await job(stage)).progress.left) == (5, 0)
    for case in cases:
        assert [move.event for move in (await now(stage, case)).history].count("held") == 1
    told = [event for _, event in await stage.facts.audit.read(0, 100) if event.kind == "case_held"]
    assert sorted(event.case or "" for event in told) == sorted(case.id for case in cases)
    assert {event.details["reason"] for event in told} == {"incident"}


async def test_a_job_stops_if_a_lead_stops_it_or_its_lead_is_a_lead_no_more(stage: Stage) -> None:
    case = await stage.case()
    lead = await stage.sign_in(RHYS)
    await ask(lead, do="hold")
    stopped = await job(stage)
    assert (await lead.send(AT, PAGE, {"do": "stop", "job": stopped.id})).status_code == 303
    await work(stage)
    assert ((await job(stage)).state, (await now(stage, case)).state) == (IncidentState.STOPPED, CaseState.QUEUED)
    assert "Stopped" in (await lead.get(AT)).text
    await ask(lead, do="hold")

    async def without() -> dict[str, Any]:
        return {TOM.id: TOM}

    await run_incidents(stage.context, without)
    assert ((await job(stage)).state, (await now(stage, case)).state) == (IncidentState.STOPPED, CaseState.QUEUED)
    assert [row.kind for _, row in await stage.facts.audit.read(0, 100) if row.kind.startswith("incident")] == [
        "incident_asked",
        "incident_stopped",
        "incident_asked",
        "incident_ended",
    ]

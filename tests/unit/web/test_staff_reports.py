"""Staff console: reports for leads and auditors, counted from the audit record, as page and CSV."""

import csv
import io

import pytest

from broker.actions.assisted.reports import Reports, count_new
from broker.assisted import events as ev
from broker.assisted.case_records import Channel
from tests.unit.web.staff import CARYS, RHYS, Stage
from tests.unit.web.staff_forms import now

pytestmark = pytest.mark.store


async def worked(stage: Stage) -> Reports:
    """Counts a case whose session broke off, and one that was put back; returns the reports."""
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    await context.send("/next", "/")
    await context.send(f"/cases/{case.id}/start", f"/cases/{case.id}", {"channel": "video"})
    await context.send(f"/cases/{case.id}/drop", f"/cases/{case.id}", {"reason": "line_lost"})
    assert (await now(stage, case)).state == "queued"
    await stage.facts.audit_chain.seal_once()
    reports = Reports(stage.facts.measures, stage.system)
    await count_new(reports)
    return reports


async def test_a_lead_reads_the_same_numbers_on_the_page_and_as_csv(stage: Stage) -> None:
    await worked(stage)
    lead = await stage.sign_in(RHYS)
    assert 'href="/reports"' in (await lead.get("/")).text
    page = (await lead.get("/reports")).text
    assert "Length of a session (1)" in page
    assert "By video" in page
    table = await lead.get("/reports.csv?days=7")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["content-disposition"].endswith('-7-days.csv"')
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [(row["measure"], row["channel"], row["language"], row["count"]) for row in rows] == [
        ("session_time", "video", "en", "1")
    ]


async def test_reports_are_closed_to_those_who_neither_lead_nor_audit(stage: Stage) -> None:
    agent = await stage.sign_in(CARYS)
    assert 'href="/reports"' not in (await agent.get("/")).text
    for path in ("/reports", "/reports.csv", "/reports?days=7"):
        assert (await agent.get(path)).status_code == 403


@pytest.mark.parametrize("days", ["", "0", "28 ", "9999", "<script>"])
async def test_a_time_span_that_is_not_offered_is_read_as_four_weeks(stage: Stage, days: str) -> None:
    lead = await stage.sign_in(RHYS)
    page = await lead.client.get("/reports", params={"days": days}, headers=dict(lead.headers))
    assert 'href="/reports.csv?days=28"' in page.text
    assert "Nothing was counted in this time." in page.text


async def test_a_report_of_outcomes_says_them_in_words(stage: Stage) -> None:
    case = await stage.case(ev.Claimed(CARYS.id), ev.SessionStarted(CARYS.id, Channel.VIDEO))
    lead = await stage.sign_in(RHYS)
    await lead.send("/open", "/", {"reference": case.reference, "reason": "complaint"})
    await lead.send(f"/cases/{case.id}/hold", f"/cases/{case.id}", {"reason": "safeguarding"})
    await stage.facts.audit_chain.seal_once()
    await count_new(Reports(stage.facts.measures, stage.system))
    assert "Held: Somebody may be in danger" in (await lead.get("/reports")).text

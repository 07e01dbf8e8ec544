"""Staff console: lists of cases, their filters, pages and saved views."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from broker.actions.console import lists
from broker.assisted import events as ev
from broker.assisted.case_records import Complaint
from broker.assisted.case_row import CaseFilter, CaseOrder
from broker.assisted.case_states import CaseState
from broker.crypto.seal import Sealer
from broker.platform.system import System
from tests.unit.web.staff import CARYS, MEI, RHYS, TOM, Ready, Stage, staged
from tests.unit.web.staff_forms import now

pytestmark = pytest.mark.store


def references(page: str) -> list[str]:
    """The references in the rows of a list, in order."""
    return re.findall(r'class="(?:govuk-link )?pt-spoken"[^>]*>([^<]+)<', page)


async def test_each_list_is_open_to_its_roles_alone(stage: Stage) -> None:
    await stage.case()
    for who, allowed in ((CARYS, ("/mine", "/queue")), (MEI, ("/mine", "/queue")), (RHYS, ("/queue", "/cases"))):
        client = await stage.sign_in(who)
        for path in ("/mine", "/queue", "/cases"):
            assert (await client.get(path)).status_code == (200 if path in allowed else 403), (who.id, path)
        home = (await client.get("/")).text
        assert [path for path in ("/mine", "/queue", "/cases") if f'href="{path}"' in home] == list(allowed)


async def test_lists_show_what_stands_in_columns_and_nothing_personal(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await stage.case()
    lead, agent = await stage.sign_in(RHYS), await stage.sign_in(CARYS)
    await agent.send("/next", "/")
    opened: list[str] = []
    monkeypatch.setattr(Sealer, "open", lambda _self, _value, place: opened.append(place))
    listed = await stage.context.stores.lists.page(CaseFilter(), CaseOrder.DEADLINE, None, 50)
    monkeypatch.undo()
    assert opened == []
    assert [row.id for row in listed.rows] == [case.id]
    page = (await lead.get("/cases")).text
    for text in ("BCDF 0001", "Riverside Library", "substantial", "By video", "Taken", "Carys Bevan"):
        assert text in page
    for text in ("+441632960001", case.phrase.first, f'href="/cases/{case.id}"'):
        assert text not in page
    assert f'href="/cases/{case.id}"' in (await agent.get("/mine")).text


async def test_the_lists_of_agents_hide_silent_flags_and_their_filter(stage: Stage) -> None:
    await stage.case(ev.Flagged(TOM.id, "fraud_signals"))
    lead, agent = await stage.sign_in(RHYS), await stage.sign_in(CARYS)
    assert "Signs of fraud" in (await lead.get("/queue")).text
    assert "Signs of fraud" not in (await agent.get("/queue")).text
    await stage.case()
    assert references((await lead.get("/cases?mark=fraud")).text) == ["BCDF 0001"]
    assert references((await agent.get("/queue?mark=fraud")).text) == ["BCDF 0001", "BCDF 0002"]


async def test_filters_select_and_stay_chosen(stage: Stage) -> None:
    await stage.case(language="cy")
    held = await stage.case(ev.Held(RHYS.id, "safeguarding"))
    await stage.case()
    lead = await stage.sign_in(RHYS)
    found = {
        "": 3,
        "stands=held": 1,
        "stands=held&language=cy": 0,
        "service=library": 3,
        "service=unknown": 0,
        "level=substantial": 3,
        "level=high": 0,
        "channel=video&sort=newest": 3,
        "holder=-": 3,
        "holder=carys": 0,
        "mark=safeguarding": 1,
        "age=4h": 0,
        "stands=nonsense&sort=nonsense": 3,
    }
    for query, count in found.items():
        assert len(references((await lead.get(f"/cases?{query}")).text)) == count, query
    page = (await lead.get("/cases?stands=held&mark=stopped")).text
    assert '<option value="held" selected>' in page
    assert references(page) == [f"BCDF {held.reference[4:]}"]
    assert "Held: Somebody may be in danger" in page


async def test_marks_that_outlive_a_case_are_listed_with_their_number_and_linked_from_the_board(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaint = Complaint(stage.system.now(), "you were rude")
    open_one, closed, bound = [await stage.case() for _ in range(3)]
    for after in (
        replace(open_one, complaint=complaint),
        replace(closed, complaint=complaint, state=CaseState.DECLINED),
        replace(bound, frozen=stage.system.now(), state=CaseState.BOUND),
    ):
        assert await stage.facts.cases.save(replace(after, version=2), ())
    lead, agent = await stage.sign_in(RHYS), await stage.sign_in(CARYS)
    for mark, cases in (("complaint", (open_one, closed)), ("frozen", (bound,)), ("redress", ())):
        page = (await lead.get(f"/cases?mark={mark}")).text
        assert set(references(page)) == {f"BCDF {case.reference[4:]}" for case in cases}, mark
        assert f"Cases that fit: {len(cases)}" in page or not cases
        board = (await lead.get("/board")).text
        assert re.search(rf'href="/cases\?mark={mark}">[^<]+</a>: {len(cases)}<', board), mark
    monkeypatch.setattr(lists, "PAGE", 1)
    first = (await lead.get("/cases?mark=complaint")).text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = (await lead.get(following[1].replace("&amp;", "&"))).text
    assert set(references(first) + references(second)) == {"BCDF 0001", "BCDF 0002"}
    assert "Stopped by the citizen" not in (await agent.get("/queue")).text


async def test_pages_of_a_list_lead_on_and_back_to_the_beginning(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "PAGE", 2)
    for _ in range(5):
        await stage.case()
    lead, seen = await stage.sign_in(RHYS), []
    at: str | None = "/cases?sort=oldest"
    while at is not None:
        page = (await lead.get(at)).text
        seen += references(page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        assert ("From the beginning" in page) == (at != "/cases?sort=oldest")
        at = None if following is None else following[1].replace("&amp;", "&")
    assert seen == [f"BCDF 000{n}" for n in range(1, 6)]


async def test_a_view_is_saved_under_a_name_for_its_member_of_staff_alone_and_removed(stage: Stage) -> None:
    lead, agent = await stage.sign_in(RHYS), await stage.sign_in(CARYS)
    for name in ("", " ", "x" * 41, "a\nb"):
        refused = await lead.send("/views", "/cases", {"list": "cases", "name": name, "stands": "held"})
        assert "problem=view" in refused.headers["location"]
    saved = await lead.send("/views", "/cases", {"list": "cases", "name": "Held <b>", "stands": "held", "x": "y"})
    assert saved.headers["location"] == "/cases?stands=held&told=view"
    page = (await lead.get("/cases")).text
    assert 'href="/cases?stands=held"><bdi>Held &lt;b&gt;</bdi>' in page
    assert "Held &lt;b&gt;" not in (await agent.get("/queue")).text
    await lead.send("/views", "/cases", {"list": "cases", "remove": "Held <b>"})
    assert "Held &lt;b&gt;" not in (await lead.get("/cases")).text


async def test_a_view_beyond_the_limit_is_refused(stage: Stage) -> None:
    lead = await stage.sign_in(RHYS)
    for number in range(lists.MOST_VIEWS):
        await lead.send("/views", "/cases", {"list": "cases", "name": f"{number}"})
    refused = await lead.send("/views", "/cases", {"list": "cases", "name": "another"})
    assert refused.headers["location"] == "/cases?problem=view"


async def test_a_member_of_staff_holds_as_many_cases_as_their_capacity(
    console_ready: Ready, tmp_path: Path, system: System
) -> None:
    two = replace(CARYS, capacity=2)
    async with staged(console_ready, tmp_path, system, people={two.id: two}) as stage:
        cases = [await stage.case() for _ in range(3)]
        agent = await stage.sign_in(two)
        for number in (1, 2, 1):
            assert (await agent.send("/next", "/")).headers["location"] == f"/cases/case-{number}"
        assert [(await now(stage, case)).agent for case in cases] == [two.id, two.id, None]
        assert references((await agent.get("/mine")).text) == ["BCDF 0001", "BCDF 0002"]


async def test_a_lead_gives_ticked_cases_to_a_colleague_holds_them_and_lets_them_go_on(stage: Stage) -> None:
    one, two = await stage.case(), await stage.case()
    lead = await stage.sign_in(RHYS)
    ticks = {f"case.{case.id}": str(case.edit_version) for case in (one, two)}
    given = {**ticks, "do": "assign", "to": "carys", "reason": "shared_out", "language": "en"}
    done = await lead.send("/cases/do", "/cases", given)
    assert done.headers["location"] == "/cases?language=en&done=2&left=0"
    assert "2 cases were changed." in (await lead.get(done.headers["location"])).text
    held = await now(stage, one)
    assert (held.agent, held.history[-1].event, held.history[-1].reason) == ("carys", "assigned", "carys shared_out")
    stale = await lead.send("/cases/do", "/cases", {**ticks, "do": "hold", "reason": "incident"})
    assert stale.headers["location"] == "/cases?done=0&left=2"
    fresh = {f"case.{one.id}": str(held.edit_version)}
    await lead.send("/cases/do", "/cases", {**fresh, "do": "hold", "reason": "incident"})
    assert (await now(stage, one)).state is CaseState.HELD
    fresh = {f"case.{one.id}": str((await now(stage, one)).edit_version)}
    await lead.send("/cases/do", "/cases", {**fresh, "do": "end_hold", "reason": "cleared"})
    assert (await now(stage, one)).state is CaseState.QUEUED


async def test_rows_are_changed_by_leads_alone_with_a_reason_and_only_for_whom_the_case_is(stage: Stage) -> None:
    case = await stage.case(requester="carys")
    tick = {f"case.{case.id}": str(case.edit_version)}
    lead = await stage.sign_in(RHYS)
    for form, answer in (
        ({**tick, "do": "assign", "to": "carys", "reason": "shared_out"}, "/cases?done=0&left=1"),
        ({**tick, "do": "assign", "to": "ada", "reason": "shared_out"}, "/cases?done=0&left=1"),
        ({**tick, "do": "assign", "reason": "shared_out"}, "/cases?problem=choice"),
        ({**tick, "do": "hold", "reason": "shared_out"}, "/cases?problem=reason"),
        ({**tick, "do": "hold"}, "/cases?problem=reason"),
        ({**tick, "do": "release", "reason": "doubt"}, "/cases?problem=choice"),
        ({"do": "hold", "reason": "doubt"}, "/cases?problem=rows"),
    ):
        assert (await lead.send("/cases/do", "/cases", form)).headers["location"] == answer
    hold = {**tick, "do": "hold", "reason": "doubt"}
    assert (await (await stage.sign_in(CARYS)).send("/cases/do", "/queue", hold)).status_code == 403
    assert (await now(stage, case)).history == case.history

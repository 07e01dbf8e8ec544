"""Staff console: cases that a partner desk met."""

import pytest

from broker.assisted import events as ev
from broker.assisted.case_records import Decision
from broker.assisted.case_states import CaseState
from tests.unit.assisted.cases import DESK, desk_visit, evidence, verdict
from tests.unit.web.staff import MEI, RHYS, Stage
from tests.unit.web.staff_forms import now

pytestmark = pytest.mark.store

MET = (
    ev.DeskAccepted(desk_visit()),
    ev.WordsExchanged(DESK),
    ev.EvidenceRecorded(DESK, evidence()),
    ev.DetailsRecorded(DESK, {"name": "Ada Example", "birthdate": "1990-01-02"}),
)


async def test_a_reviewer_gives_their_own_view_before_they_read_what_the_desk_recommends(stage: Stage) -> None:
    case = await stage.case(*MET, ev.Recommended(verdict(Decision.DECLINE, by=DESK)))
    reviewer, at = await stage.sign_in(MEI), f"/cases/{case.id}"
    assert (await reviewer.send("/next", "/")).headers["location"] == at
    for path in (at, f"{at}/view"):
        text = (await reviewer.get(path)).text
        assert "What the counter of a partner recommends" not in text
        assert "A partner’s counter recommends: " not in text
        assert "you see what the counter of a partner recommends" in text
        assert "agent decided" not in text
    assert (await reviewer.get(f"{at}/review")).headers["location"] == f"{at}?problem=not_now"
    await reviewer.send(f"{at}/view", f"{at}/view", {"decision": "decline", "decline.face_differs": "yes"})
    told = (await reviewer.get(f"{at}/review")).text
    assert "What the counter of a partner recommends" in told
    assert "What the agent decided" not in told
    form = {"decision": "agree", "agree.convinced": "yes"}
    done = await reviewer.send(f"{at}/review", f"{at}/review", form)
    assert done.headers["location"] == "/done/reviewed"
    assert (await now(stage, case)).state is CaseState.DECLINED


async def test_staff_read_that_the_citizen_is_at_a_counter_and_who_acted(stage: Stage) -> None:
    case = await stage.case(*MET)
    lead = await stage.sign_in(RHYS)
    found = await lead.send("/open", "/", {"reference": case.reference, "reason": "follow_up"})
    text = (await lead.get(found.headers["location"])).text
    assert "The citizen is at the counter of a partner." in text
    assert "Came to the counter of a partner" in text
    assert DESK in text


async def test_a_list_shows_the_counter_that_holds_a_case(stage: Stage) -> None:
    case = await stage.case(*MET)
    lead = await stage.sign_in(RHYS)
    page = await lead.get("/cases")
    assert page.status_code == 200
    assert f"{case.reference[:4]} {case.reference[4:]}" in page.text

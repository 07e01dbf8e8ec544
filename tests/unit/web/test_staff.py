"""Staff console over the real actions: sign-in, what each role may see and do, and rejected forms."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.actions.assisted.staff_login import LoginFailure
from broker.assisted import events as ev
from broker.assisted.case import Case, CaseState, CheckOutcome
from broker.assisted.reasons import ReasonContext
from broker.assisted.separation_of_duties import SecondReviewReason
from broker.assisted.transitions import EVENTS, name
from broker.model.audit import AuditEvent
from broker.model.backchannel_request import BackchannelState
from broker.platform.system import System
from broker.web import staff as console
from broker.web.citizens import SHEETS as CITIZENS
from broker.web.middleware.security_headers import POLICY
from broker.web.staff import labels
from broker.web.staff.login import TELLINGS
from tests.support.system import FakeClock
from tests.unit.web.staff import (
    ADA,
    CARYS,
    FRESH,
    IDLE,
    MEI,
    RHYS,
    TERMS,
    TOM,
    Ready,
    StaffClient,
    Stage,
    hidden,
    staged,
)

PASSPORT = {"kind": "passport", "field.number": "PQ8812345", "field.country": "GBR", "field.expires": "2031-04-09"} | {
    f"check.{check}": "yes" for check in ("seen", "valid", "features", "details_match", "record", "face")
}
NAME = re.compile(r' name="([^"]+)"')
PERSON = {
    f"check.{check}": "yes"
    for check in ("active_months", "active_years", "not_deceased", "not_reported", "not_at_risk")
}
DETAILS = {"field.given_name": "Amina", "field.family_name": "Hughes", "field.birthdate": "1987-04-12"}


@pytest.fixture
async def stage(console_ready: Ready, tmp_path: Path, system: System) -> AsyncIterator[Stage]:
    """The console without sessions."""
    async with staged(console_ready, tmp_path, system) as set_up:
        yield set_up


async def now(stage: Stage, case: Case) -> Case:
    """The stored case."""
    found = await stage.facts.cases.load(case.id)
    assert found is not None
    return found


async def prepare_decision(stage: Stage, context: StaffClient, case: Case) -> str:
    """Assigns the case and completes all steps before the decision; returns its path."""
    at = f"/cases/{case.id}"
    taken = await context.send("/next", "/")
    assert taken.headers["location"] == at
    for path, page, form in (
        (f"{at}/start", at, {"channel": "video"}),
        (f"{at}/words", at, {}),
        (f"{at}/evidence/new", f"{at}/evidence/new?kind=passport", PASSPORT),
        (f"{at}/person", f"{at}/person", PERSON),
        (f"{at}/details", f"{at}/details", DETAILS),
        (f"{at}/end", at, {}),
    ):
        done = await context.send(path, page, form)
        assert (done.status_code, done.headers["location"].split("?")[0]) == (303, at), path
    return at


# --- sign-in and sign-out ---


async def test_an_unauthenticated_request_is_redirected_to_the_sign_in_and_back(stage: Stage) -> None:
    anonymous = stage.client(None)
    led = await anonymous.get("/cases/case-1/details")
    assert (led.status_code, led.headers["location"]) == (303, "/sign-in?then=%2Fcases%2Fcase-1%2Fdetails")
    page = await anonymous.get(led.headers["location"])
    assert '/sign-in/go?then=/cases/case-1/details"' in page.text


@pytest.mark.parametrize("then", ["//evil.test/", "https://evil.test/", "/\\evil.test", "/ok?next=//evil.test"])
async def test_a_sign_in_leads_back_to_a_path_of_ours_and_nowhere_else(stage: Stage, then: str) -> None:
    page = await stage.client(None).get(f"/sign-in?then={then}")
    assert "evil" not in page.text
    assert '/sign-in/go?then=/"' in page.text


async def test_a_session_ends_when_nothing_is_done_in_it(stage: Stage, clock: FakeClock) -> None:
    context = await stage.sign_in(CARYS)
    clock.advance(IDLE - 1)
    assert (await context.get("/")).status_code == 200
    clock.advance(IDLE)
    assert (await context.get("/")).headers["location"].startswith("/sign-in")


async def test_signing_out_ends_the_session_for_good(stage: Stage) -> None:
    context = await stage.sign_in(CARYS)
    out = await context.send("/sign-out", "/")
    assert out.headers["location"] == "/signed-out"
    assert "__Host-portico-staff=; Max-Age=0" in out.headers["set-cookie"]
    assert (await context.get("/")).status_code == 303


async def test_a_callback_without_a_login_request_creates_no_session(stage: Stage) -> None:
    answer = await stage.client(None).get("/callback?code=abc&state=staff_made-up")
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


# --- headers, tokens, methods ---


async def test_every_response_has_security_headers_and_no_store(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    await context.send("/next", "/")
    for path in ("/", f"/cases/{case.id}", f"/cases/{case.id}/person", "/sign-in", "/no-such-page", "/cases/no-such"):
        answer = await context.get(path)
        assert answer.headers["content-security-policy"] == POLICY, path
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "max-age" in answer.headers["strict-transport-security"]


async def test_no_page_holds_script_or_style_of_its_own_or_anything_from_elsewhere(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(stage, context, case)
    for path in ("/", at, f"{at}/evidence/e1", f"{at}/person", f"{at}/details", f"{at}/decision"):
        page = (await context.get(path)).text
        assert "<script" not in page
        assert " style=" not in page
        assert not re.search(r"""(src|href|action)="(https?:)?//""", page), path


async def test_a_form_without_its_token_changes_nothing(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    other = await stage.sign_in(CARYS)
    foreign = hidden((await other.get("/")).text)["token"]
    for token in ("", "made-up", foreign):
        refused = await context.send("/next", "/", token=token)
        assert (refused.status_code, refused.headers["location"]) == (303, "/?problem=again")
    assert (await now(stage, case)).state is CaseState.QUEUED


@pytest.mark.parametrize("header", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.test"}])
async def test_a_form_that_another_site_sent_changes_nothing(stage: Stage, header: dict[str, str]) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    filled = hidden((await context.get("/")).text)
    refused = await context.client.post("/next", data=filled, headers={**context.headers, **header})
    assert refused.headers["location"] == "/?problem=again"
    assert (await now(stage, case)).state is CaseState.QUEUED


async def test_every_form_on_a_case_needs_its_token_and_ends_in_a_redirect(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(stage, context, case)
    before = await now(stage, case)
    posts = [
        route.path.format(case=case.id, piece="e1")
        for route in console.staff_routes(None)  # type: ignore[arg-type]
        if route.methods and "POST" in route.methods and "{case}" in route.path
    ]
    assert len(posts) > 18
    for path in posts:
        refused = await context.client.post(
            path, data={"edition": str(before.edit_version)}, headers=dict(context.headers)
        )
        assert (refused.status_code, refused.headers["location"]) == (303, f"{at}?problem=again"), path
    assert await now(stage, case) == before


# --- queue and search ---


async def test_the_next_case_is_assigned_and_no_second_one_while_it_is_held(stage: Stage) -> None:
    first = await stage.case()
    await stage.case()
    context = await stage.sign_in(CARYS)
    for _ in range(2):
        assert (await context.send("/next", "/")).headers["location"] == f"/cases/{first.id}"
    assert (await now(stage, first)).agent == CARYS.id
    home = (await context.get("/")).text
    assert "BCDF 0001" in home
    assert "BCDF 0002" not in home


async def test_two_who_take_the_next_case_at_once_get_two_cases(stage: Stage) -> None:
    await stage.case()
    await stage.case()
    taken = {(await (await stage.sign_in(who)).send("/next", "/")).headers["location"] for who in (CARYS, MEI)}
    assert taken == {"/cases/case-1", "/cases/case-2"}


async def test_an_empty_queue_is_shown_on_the_home_page(stage: Stage) -> None:
    context = await stage.sign_in(CARYS)
    led = await context.send("/next", "/")
    assert led.headers["location"] == "/?problem=nothing"
    assert "No case waits that you can serve" in (await context.get(led.headers["location"])).text


async def test_a_case_opens_by_its_exact_reference_with_a_reason_that_is_kept_and_shows_nothing_personal(
    stage: Stage,
) -> None:
    case = await stage.case()
    context = await stage.sign_in(TOM)
    for reference, reason, problem in (
        ("BCDF000", "citizen_called", "reference"),
        ("BCDF%", "citizen_called", "reference"),
        ("BCDF 0001", "curiosity", "reason"),
    ):
        refused = await context.send("/open", "/", {"reference": reference, "reason": reason})
        assert refused.headers["location"] == f"/?problem={problem}"
    assert (await context.get(f"/cases/{case.id}")).status_code == 404
    opened = await context.send("/open", "/", {"reference": "bcdf 0001", "reason": "citizen_called"})
    page = (await context.get(opened.headers["location"])).text
    assert "The citizen waits" in page
    assert "+441632960001" not in page
    assert case.phrase.first not in page
    last = (await now(stage, case)).history[-1]
    assert (last.event, last.who, last.reason) == ("opened", TOM.id, "citizen_called")


async def test_a_case_held_by_another_agent_cannot_be_opened_by_its_url(stage: Stage) -> None:
    case = await stage.case()
    await (await stage.sign_in(CARYS)).send("/next", "/")
    page = await (await stage.sign_in(MEI)).get(f"/cases/{case.id}")
    assert page.status_code == 404
    assert "This case is not open to you" in page.text


# --- the session ---


async def test_no_form_has_a_field_for_a_level_or_for_a_secret_of_the_citizen(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(stage, context, case)
    names: set[str] = set()
    for path in (at, f"{at}/evidence/new?kind=passport", f"{at}/person", f"{at}/details", f"{at}/decision"):
        fields = re.findall(r"<(?:input|select|textarea)[^>]*>", (await context.get(path)).text)
        assert not [field for field in fields if 'type="password"' in field or "one-time-code" in field]
        names |= {name for field in fields if 'type="checkbox"' not in field for name in NAME.findall(field)}
    assert {"decision", "note", "field.number", "check.face"} <= names
    assert not [name for name in names if re.search(r"level|acr|code|password|pin|secret|words", name)]


async def test_what_is_recorded_counts_and_a_level_that_is_sent_along_does_not(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(stage, context, case)
    decided = await context.send(
        f"{at}/decision", f"{at}/decision", {"decision": "approve"}, level="high", profile="H1A"
    )
    assert decided.headers["location"] == "/done/decided"
    after = await now(stage, case)
    assert after.state is CaseState.APPROVED
    assert after.verdict is not None
    assert after.verdict.level is not None
    assert (after.verdict.level.name, after.verdict.profile) == ("SUBSTANTIAL", "M1B")


async def test_an_answer_that_could_not_be_given_keeps_its_reason(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await context.send("/next", "/")
    await context.send(f"{at}/start", at, {"channel": "video"})
    form = PASSPORT | {"check.record": "could_not.source_down"}
    await context.send(f"{at}/evidence/new", f"{at}/evidence/new?kind=passport", form)
    recorded = {check.check: check for check in (await now(stage, case)).evidence[0].checks}
    assert (recorded["record"].outcome, recorded["record"].reason) == (CheckOutcome.COULD_NOT, "source_down")
    page = (await context.get(f"{at}/evidence/e1")).text
    assert re.search(r'value="could_not\.source_down" checked', page)


async def test_evidence_can_be_changed_and_removed(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(stage, context, case)
    form = PASSPORT | {"field.number": "ZZ1", "check.face": "no"}
    await context.send(f"{at}/evidence/e1", f"{at}/evidence/e1", form)
    changed = (await now(stage, case)).evidence
    assert [(one.details["number"], len(one.checks)) for one in changed] == [("ZZ1", 6)]
    assert "No level yet" in (await context.get(at)).text
    await context.send(f"{at}/evidence/e1/remove", f"{at}/evidence/e1")
    assert (await now(stage, case)).evidence == ()


@pytest.mark.parametrize(
    ("path", "form", "problem"),
    [
        ("details", DETAILS | {"field.birthdate": "2999-01-01"}, "problem=not_a_date&at=birthdate"),
        ("details", {"field.birthdate": "1987-04-12"}, "problem=missing&at=given_name"),
        ("details", DETAILS | {"field.sub": "somebody"}, "problem=unknown&at=sub"),
        ("evidence/new", PASSPORT | {"check.seen": ""}, "problem=missing&at=seen"),
        ("evidence/new", PASSPORT | {"check.chip": "yes"}, "problem=not_in_this_channel&at=chip"),
        ("evidence/new", PASSPORT | {"check.face": "could_not"}, "problem=reason&at=face"),
    ],
)
async def test_what_is_wrong_with_a_form_is_said_and_nothing_typed_stands_in_the_address(
    stage: Stage, path: str, form: dict[str, str], problem: str
) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await context.send("/next", "/")
    await context.send(f"{at}/start", at, {"channel": "video"})
    before = await now(stage, case)
    told = await context.send(f"{at}/{path}", f"{at}/{path}?kind=passport", form)
    assert told.headers["location"].startswith(f"{at}/{path}?{problem}")
    assert await now(stage, case) == before
    page = (await context.get(told.headers["location"])).text
    assert 'class="govuk-error-summary__title"' in page
    assert f'href="#at-{problem.rpartition("=")[2]}"' in page


# --- decision ---


async def test_a_note_that_looks_like_a_code_is_refused_and_not_kept_anywhere(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(stage, context, case)
    form = {"decision": "decline", "decline.details_differ": "yes", "note": "the code was 493027"}
    told = await context.send(f"{at}/decision", f"{at}/decision", form)
    assert told.headers["location"] == f"{at}/decision?problem=note&decision=decline&reasons=details_differ"
    page = (await context.get(told.headers["location"])).text
    assert "493027" not in page
    assert re.search(r'id="decision-decline"[^>]* checked', page)
    assert re.search(r'id="decline-details_differ"[^>]* checked', page)
    assert (await now(stage, case)).state is CaseState.DECISION


async def test_the_citizen_is_asked_with_the_words_that_both_see(stage: Stage) -> None:
    case, context = await stage.case(), await stage.sign_in(CARYS)
    at = await prepare_decision(stage, context, case)
    page = (await context.get(at)).text
    assert "What do you ask the citizen to confirm?" in page and "own_device" not in page
    done = await context.send(f"{at}/ask", at, {"message": "https://elsewhere.example"})
    assert done.headers["location"] == f"{at}?problem=message"
    done = await context.send(f"{at}/ask", at, {"message": "Your call <with> us"})
    assert done.headers["location"] == f"{at}?told=asked"
    [question] = await stage.facts.questions.of_case(case.id)
    page = (await context.get(at)).text
    assert "Your call &lt;with&gt; us" in page and question.code in page and "id.test/confirm" in page
    done = await context.send(f"{at}/ask", at, {"message": "Another"})
    assert done.headers["location"] == f"{at}?problem=asked"
    told = AuditEvent("question_declined", question.created, "citizen")
    assert await stage.facts.questions.settle(question.id, BackchannelState.DECLINED, question.created, [told])
    page = (await context.get(at)).text
    assert "The citizen declined." in page and question.code not in page


async def test_a_decision_against_the_citizen_needs_a_listed_reason(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(stage, context, case)
    for form in ({"decision": "decline"}, {"decision": "decline", "decline.convinced": "yes"}):
        told = await context.send(f"{at}/decision", f"{at}/decision", form)
        assert "problem=reason" in told.headers["location"]
    assert (await now(stage, case)).state is CaseState.DECISION


async def test_a_decision_needs_a_fresh_sign_in(stage: Stage, clock: FakeClock) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(stage, context, case)
    filled = hidden((await context.get(f"{at}/decision")).text)
    clock.advance(FRESH)
    page = await context.get(f"{at}/decision")
    assert "Show that it is still you" in page.text
    assert f'/sign-in/go?then={at}/decision"' in page.text
    late = await context.client.post(
        f"{at}/decision", data=filled | {"decision": "approve"}, headers=dict(context.headers)
    )
    assert late.headers["location"] == f"{at}/decision?decision=approve"
    assert (await now(stage, case)).state is CaseState.DECISION
    again = await stage.sign_in(CARYS)
    await again.send(f"{at}/decision", f"{at}/decision", {"decision": "approve"})
    assert (await now(stage, case)).state is CaseState.APPROVED


async def test_an_approval_is_not_offered_before_the_evidence_supports_it(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await context.send("/next", "/")
    for step in ("start", "end"):
        await context.send(f"{at}/{step}", at, {"channel": "video"})
    page = (await context.get(f"{at}/decision")).text
    assert 'value="approve"' not in page
    assert "“Approve” is not offered" in page
    told = await context.send(f"{at}/decision", f"{at}/decision", {"decision": "approve"})
    assert "problem=level" in told.headers["location"]
    assert (await now(stage, case)).state is CaseState.DECISION


# --- review ---


async def case_in_review(stage: Stage) -> tuple[Case, StaffClient]:
    """A case approved by an agent in training, and the client of the reviewer who took it."""
    case = await stage.case()
    agent = await stage.sign_in(TOM)
    at = await prepare_decision(stage, agent, case)
    await agent.send(f"{at}/decision", f"{at}/decision", {"decision": "approve", "note": "Calm and clear throughout"})
    assert (await now(stage, case)).state is CaseState.REVIEW
    reviewer = await stage.sign_in(MEI)
    assert (await reviewer.send("/next", "/")).headers["location"] == at
    return case, reviewer


async def test_a_reviewer_gives_their_own_view_before_they_see_the_agents(stage: Stage) -> None:
    case, context = await case_in_review(stage)
    at = f"/cases/{case.id}"
    for page in (at, f"{at}/view"):
        text = (await context.get(page)).text
        assert "Calm and clear" not in text
        assert "What the agent decided" not in text
    assert (await context.get(f"{at}/review")).headers["location"] == f"{at}?problem=not_now"
    early = await context.send(f"{at}/review", at, {"decision": "agree"})
    assert early.headers["location"] == f"{at}?problem=not_now"
    assert (await now(stage, case)).review is None
    await context.send(f"{at}/view", f"{at}/view", {"decision": "approve"})
    assert "Calm and clear" in (await context.get(f"{at}/review")).text
    done = await context.send(f"{at}/review", f"{at}/review", {"decision": "agree"})
    assert done.headers["location"] == "/done/reviewed"
    assert (await now(stage, case)).state is CaseState.APPROVED


async def test_a_reviewer_who_disagrees_says_why_and_a_lead_gets_the_case(stage: Stage) -> None:
    case, context = await case_in_review(stage)
    at = f"/cases/{case.id}"
    await context.send(f"{at}/view", f"{at}/view", {"decision": "decline", "decline.face_differs": "yes"})
    told = await context.send(f"{at}/review", f"{at}/review", {"decision": "disagree"})
    assert "problem=reason" in told.headers["location"]
    await context.send(f"{at}/review", f"{at}/review", {"decision": "disagree", "disagree.face_differs": "yes"})
    assert (await now(stage, case)).state is CaseState.HELD
    lead = await stage.sign_in(RHYS)
    assert "BCDF 0001" in (await lead.get("/")).text


async def test_the_agent_of_a_case_is_never_its_reviewer(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(MEI)
    at = await prepare_decision(stage, context, case)
    await context.send(f"{at}/flag", at, {"reason": "coached", "back": at})
    await context.send(f"{at}/decision", f"{at}/decision", {"decision": "approve"})
    assert (await now(stage, case)).state is CaseState.REVIEW
    assert (await context.send("/next", "/")).headers["location"] == "/?problem=nothing"


# --- roles ---

LEAD_VERBS = {
    "hold": "doubt",
    "take-back": "absent_colleague",
    "end-hold": "cleared",
    "decline": "",
    "revoke": "not_me",
}


@pytest.mark.parametrize("who", [MEI, CARYS, ADA], ids=lambda one: one.id)
@pytest.mark.parametrize("verb", LEAD_VERBS)
async def test_what_a_lead_may_do_is_refused_to_everybody_else(stage: Stage, who: object, verb: str) -> None:
    case = await stage.case(ev.Held(RHYS.id, "doubt"))
    before = await now(stage, case)
    context = await stage.sign_in(who)  # type: ignore[arg-type]
    form = {"reason.details_differ": "yes", "edition": str(before.edit_version)}
    refused = await context.send(f"/cases/{case.id}/{verb}", "/", form | {"reason": LEAD_VERBS[verb]})
    assert (refused.status_code, "This is not for you" in refused.text) == (403, True)
    assert await now(stage, case) == before


@pytest.mark.parametrize("who", [RHYS, ADA], ids=lambda one: one.id)
async def test_who_is_no_agent_cannot_take_work_on_or_decide_a_case(stage: Stage, who: object) -> None:
    case = await stage.case()
    context = await stage.sign_in(who)  # type: ignore[arg-type]
    assert "Take the next case" not in (await context.get("/")).text
    assert (await context.send("/next", "/")).headers["location"] == "/?problem=nothing"
    before = await now(stage, case)
    for verb, form in (
        ("start", {"channel": "video"}),
        ("end", {}),
        ("decision", {"decision": "decline", "decline.details_differ": "yes"}),
        ("view", {"decision": "approve"}),
        ("review", {"decision": "agree"}),
    ):
        refused = await context.send(f"/cases/{case.id}/{verb}", "/", form, edition=str(before.edit_version))
        assert refused.status_code == 403, verb
        assert "This is not for you" in refused.text
    assert await now(stage, case) == before


async def test_an_administrator_opens_no_case(stage: Stage) -> None:
    await stage.case()
    context = await stage.sign_in(ADA)
    refused = await context.send("/open", "/", {"reference": "BCDF0001", "reason": "audit"})
    assert refused.status_code == 403


async def test_a_lead_holds_a_case_lets_it_go_on_and_reads_its_history(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(RHYS)
    at = f"/cases/{case.id}"
    await context.send("/open", "/", {"reference": "BCDF0001", "reason": "safeguarding"})
    held = await context.send(f"{at}/hold", at, {"reason": "safeguarding"})
    assert held.headers["location"] == "/done/settled"
    page = (await context.get(at)).text
    assert "Let the case go on" in page
    assert "Rhys Adeyemi" in page
    assert "Somebody may be in danger" in page
    await context.send(f"{at}/end-hold", at, {"reason": "cleared"})
    assert (await now(stage, case)).state is CaseState.QUEUED


# --- concurrent edits and expired leases ---


async def test_of_two_tabs_the_second_learns_that_the_case_has_changed(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(stage, context, case)
    stale = hidden((await context.get(f"{at}/details")).text)
    await context.send(f"{at}/details", f"{at}/details", DETAILS | {"field.given_name": "Aminah"})
    late = await context.client.post(f"{at}/details", data=stale | DETAILS, headers=dict(context.headers))
    assert late.headers["location"] == f"{at}/overtaken"
    assert "Somebody else was faster" in (await context.get(f"{at}/overtaken")).text
    assert (await now(stage, case)).details.claims["given_name"] == "Aminah"


async def test_a_lead_who_takes_a_case_back_is_faster_than_its_agent(stage: Stage) -> None:
    case = await stage.case()
    agent, lead = await stage.sign_in(CARYS), await stage.sign_in(RHYS)
    at = await prepare_decision(stage, agent, case)
    filled = hidden((await agent.get(f"{at}/decision")).text)
    await lead.send("/open", "/", {"reference": "BCDF0001", "reason": "safeguarding"})
    await lead.send(f"{at}/take-back", at, {"reason": "absent_colleague"})
    await agent.client.post(f"{at}/decision", data=filled | {"decision": "approve"}, headers=dict(agent.headers))
    assert (await now(stage, case)).state is CaseState.QUEUED
    assert "This case is not open to you" in (await agent.get(at)).text


async def test_after_an_expired_lease_nothing_is_written_and_the_holder_sees_why(
    stage: Stage, clock: FakeClock
) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(stage, context, case)
    filled = hidden((await context.get(f"{at}/decision")).text)
    clock.advance(TERMS.lease + 1)
    context = await stage.sign_in(CARYS)
    filled["token"] = hidden((await context.get("/")).text)["token"]
    late = await context.client.post(
        f"{at}/decision", data=filled | {"decision": "approve"}, headers=dict(context.headers)
    )
    assert late.headers["location"] == f"{at}/lapsed"
    page = (await context.get(f"{at}/lapsed")).text
    assert "Your time with this case ran out" in page
    assert "Your time with this case ran out" in (await context.get(at)).text
    assert (await now(stage, case)).state is CaseState.QUEUED


async def test_the_lease_shows_and_can_be_kept_longer(stage: Stage, clock: FakeClock) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await context.send("/next", "/")
    assert "Yours until <strong>08:30</strong>" in (await context.get(at)).text
    clock.advance(600)
    await context.send(f"{at}/renew", at)
    assert "Yours until <strong>08:40</strong>" in (await context.get(at)).text


# --- flags ---


@pytest.mark.parametrize("page", ["", "/person", "/details", "/evidence/e1", "/decision"])
async def test_a_flag_can_be_raised_on_every_page_of_a_case_and_shows_nowhere(stage: Stage, page: str) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(stage, context, case)
    here = f"{at}{page}"
    assert 'action="/cases/case-1/flag"' in (await context.get(here)).text
    raised = await context.send(f"{at}/flag", here, {"reason": "under_pressure", "back": here})
    assert raised.headers["location"] == f"{here}?told=noted"
    flags = (await now(stage, case)).flags
    assert [(flag.by, flag.reason) for flag in flags] == [(CARYS.id, "under_pressure")]
    other = await stage.sign_in(TOM)
    await other.send("/open", "/", {"reference": "BCDF0001", "reason": "follow_up"})
    assert "Somebody is under pressure</bdi>" not in (await other.get(at)).text


async def test_the_way_back_from_a_flag_leads_nowhere_else(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    await context.send("/next", "/")
    at = f"/cases/{case.id}"
    raised = await context.send(f"{at}/flag", at, {"reason": "coached", "back": "//evil.test/"})
    assert raised.headers["location"] == "/?told=noted"


async def test_who_knows_the_citizen_says_so_and_does_not_get_the_case_again(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await context.send("/next", "/")
    gone = await context.send(f"{at}/interest", at)
    assert gone.headers["location"] == "/done/stranger"
    assert (await context.send("/next", "/")).headers["location"] == "/?problem=nothing"


async def test_names_and_notes_are_text_and_never_markup(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(stage, context, case)
    await context.send(f"{at}/details", f"{at}/details", DETAILS | {"field.family_name": "<b>O'Neill</b>"})
    await context.send(f"{at}/note", at, {"note": "<img src=x>"})
    page = (await context.get(at)).text
    assert "&lt;b&gt;O&#39;Neill&lt;/b&gt;" in page
    assert "<img src=x>" not in page
    assert "&lt;img src=x&gt;" in page


def test_everything_that_can_happen_to_a_case_and_every_reason_has_words() -> None:
    assert {name(event) for event in EVENTS} - set(labels.EVENTS) == {"renewed"}
    assert {occasion.value for occasion in ReasonContext} == set(labels.WHY)
    assert set(labels.STATES) == set(CaseState)
    assert set(labels.TWO_PEOPLE) == set(SecondReviewReason)


def test_the_console_shares_no_page_with_the_citizens_but_the_names_of_errors() -> None:
    own = {sheet.template for sheet in console.SHEETS}
    assert all(template.startswith("staff/") for template in own)
    assert own.isdisjoint({sheet.template for sheet in CITIZENS})


def test_every_way_of_being_turned_away_has_words_of_its_own() -> None:
    assert set(TELLINGS) == set(LoginFailure)
    assert len(set(TELLINGS.values())) == len(LoginFailure)

"""Staff console: response headers, CSRF tokens, escaping, and the texts of events and reasons."""

import re
from types import SimpleNamespace

import pytest

from broker.assisted.case_states import CaseState
from broker.assisted.reasons import ReasonContext
from broker.assisted.separation_of_duties import SecondReviewReason
from broker.assisted.transitions import EVENTS, name
from broker.web import staff as console
from broker.web.citizens import SHEETS as CITIZENS
from broker.web.middleware.security_headers import POLICY
from broker.web.staff import labels
from tests.unit.web.staff import CARYS, Stage, hidden
from tests.unit.web.staff_forms import DETAILS, now, prepare_decision


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
    at = await prepare_decision(context, case)
    for path in ("/", at, f"{at}/evidence/e1", f"{at}/person", f"{at}/details", f"{at}/decision"):
        page = (await context.get(path)).text
        assert not re.search(r'<script(?! src="/static/)', page), path
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
    await prepare_decision(context, case)
    before = await now(stage, case)
    posts = [
        route.path.format(case=case.id, piece="e1", source="s1")
        for route in console.staff_routes(SimpleNamespace(files=None, letters=None))  # type: ignore[arg-type]
        if route.methods and "POST" in route.methods and "{case}" in route.path
    ]
    assert len(posts) > 18
    for path in posts:
        refused = await context.client.post(
            path, data={"edition": str(before.edit_version)}, headers=dict(context.headers)
        )
        assert refused.status_code == 303, path
        assert refused.headers["location"].endswith("?problem=again"), path
    assert await now(stage, case) == before


async def test_names_and_notes_are_text_and_never_markup(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(context, case)
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

"""Staff console: recording a session, its checks, evidence and details."""

import re

import pytest

from broker.assisted.case_records import CheckOutcome
from broker.assisted.case_states import CaseState
from tests.unit.web.staff import CARYS, Stage
from tests.unit.web.staff_forms import DETAILS, PASSPORT, now, prepare_decision

pytestmark = pytest.mark.store

NAME = re.compile(r' name="([^"]+)"')


async def test_no_form_has_a_field_for_a_level_or_for_a_secret_of_the_citizen(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(context, case)
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
    at = await prepare_decision(context, case)
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
    at = await prepare_decision(context, case)
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
async def test_form_errors_are_shown_and_no_typed_value_is_in_the_url(
    stage: Stage, path: str, form: dict[str, str], problem: str
) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await context.send("/next", "/")
    await context.send(f"{at}/start", at, {"channel": "video"})
    before = await now(stage, case)
    response = await context.send(f"{at}/{path}", f"{at}/{path}?kind=passport", form)
    assert response.headers["location"].startswith(f"{at}/{path}?{problem}")
    assert await now(stage, case) == before
    page = (await context.get(response.headers["location"])).text
    assert 'class="govuk-error-summary__title"' in page
    assert f'href="#at-{problem.rpartition("=")[2]}"' in page

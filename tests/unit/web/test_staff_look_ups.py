"""Staff console: dates, machine readable zones, look-ups with sources, vouchers, and what a reviewer sees of them."""

import re

import pytest

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel
from broker.assisted.case_states import CaseState
from tests.support.system import FakeClock
from tests.unit.assisted.test_mrz import zone
from tests.unit.web.staff import CARYS, StaffClient, Stage
from tests.unit.web.staff_forms import DETAILS, PASSPORT, PERSON, case_in_review, now

pytestmark = pytest.mark.store

VOUCH = {
    "kind": "vouch",
    "field.name": "Dr. Ruth Adeyemi",
    "field.birthdate": "1970-02-03",
    "field.office": "doctor",
    "field.organization": "Riverside Surgery",
    "field.relation": "professional",
    "field.since": "2015-05-01",
    "field.contact": "+441632960777",
    "field.declared": "2020-01-14",
} | {f"check.{name}": "yes" for name in ("voucher_known", "voucher_sure", "voucher_apart", "details_match", "face")}


async def in_session(stage: Stage, *, words: str = "right") -> tuple[Case, StaffClient, str]:
    """A case in session, the client of its agent, and its path."""
    case, agent = await stage.case(), await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await agent.send("/next", "/")
    await agent.send(f"{at}/start", at, {"channel": "video", "words": words})
    return case, agent, at


async def put(agent: StaffClient, at: str, form: dict[str, str]) -> str:
    """Sends a new piece of evidence; returns where the response leads, within the case."""
    page = f"{at}/evidence/new?kind={form['kind']}"
    return str((await agent.send(f"{at}/evidence/new", page, form)).headers["location"]).removeprefix(at)


async def test_one_press_starts_a_session_with_both_words_and_leads_to_the_evidence(stage: Stage) -> None:
    case, agent, at = await in_session(stage)
    stored = await now(stage, case)
    assert (stored.state, stored.phrase_verified, stored.channel) == (CaseState.IN_SESSION, True, Channel.VIDEO)
    assert await put(agent, at, PASSPORT) == "/person?told=saved"
    led = await agent.send(f"{at}/person", f"{at}/person", PERSON)
    assert led.headers["location"] == f"{at}/details?told=saved"
    led = await agent.send(f"{at}/details", f"{at}/details", DETAILS, do="over")
    assert led.headers["location"] == f"{at}/decision"
    assert (await now(stage, case)).state is CaseState.DECISION


async def test_a_session_without_the_words_leads_to_the_case(stage: Stage) -> None:
    case, agent, at = await in_session(stage, words="later")
    assert not (await now(stage, case)).phrase_verified
    assert await put(agent, at, PASSPORT) == "?told=saved"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"field.issued": "2099-01-01", "field.expires": "2099-12-31"}, "in_future&at=issued"),
        ({"field.issued": "2020-01-01", "field.expires": "2019-12-31"}, "before_issue&at=expires"),
        ({"field.zone": "P<GBR"}, "mrz_form&at=zone"),
        ({"field.zone": zone().replace("L898902C3", "L898902C4")}, "mrz_number&at=zone"),
        ({"field.zone": zone()}, "mrz_differs&at=number"),
        ({"reference.issuer": " "}, "source&at=record"),
        ({"source.issuer": ""}, "source&at=record"),
    ],
)
async def test_impossible_dates_zones_and_look_ups_are_refused_by_name(
    stage: Stage, changed: dict[str, str], problem: str
) -> None:
    case, agent, at = await in_session(stage)
    assert await put(agent, at, PASSPORT | changed) == f"/evidence/new?problem={problem}&kind=passport"
    assert (await now(stage, case)).evidence == ()


async def test_a_machine_readable_zone_fills_the_evidence_and_the_details(stage: Stage) -> None:
    case, agent, at = await in_session(stage)
    bare = {name: value for name, value in PASSPORT.items() if not name.startswith("field.")}
    typed = {"kind": "passport", "field.zone": zone().lower(), "do": "zone"}
    assert await put(agent, at, typed) == "/evidence/new?kind=passport&told=zone"
    page = (await agent.get(f"{at}/evidence/new?kind=passport")).text
    assert [f'value="{value}"' in page for value in ("L898902C3", "UTO", "2031-04-09")] == [True] * 3
    assert 'value="Anna Maria"' in (await agent.get(f"{at}/details")).text
    assert await put(agent, at, bare | {"field.zone": zone()}) == "/person?told=saved"
    [piece] = (await now(stage, case)).evidence
    assert piece.details == {"number": "L898902C3", "country": "UTO", "expires": "2031-04-09", "zone": "TD3"}
    assert "TD3, its check digits are right" in (await agent.get(at)).text


async def test_one_answer_for_a_look_up_answers_what_was_not_answered_by_itself(stage: Stage, clock: FakeClock) -> None:
    case, agent, at = await in_session(stage)
    form = {
        "source.register": "Register of deaths",
        "reference.register": "RD-9",
        "lookup.register": "as_expected",
        "covers.register": "not_deceased not_reported not_at_risk",
        "check.not_at_risk": "no",
    }
    await agent.send(f"{at}/person", f"{at}/person", form)
    recorded = {check.check: check for check in (await now(stage, case)).checks}
    assert {name: check.outcome.value for name, check in recorded.items()} == {
        "not_deceased": "yes",
        "not_reported": "yes",
        "not_at_risk": "no",
    }
    found = recorded["not_deceased"].lookup
    assert found is not None
    assert (found.kind, found.source, found.reference, found.at) == (
        "register",
        "Register of deaths",
        "RD-9",
        clock.now(),
    )


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"field.relation": "family"}, "vouch_relation&at=relation"),
        ({"field.relation": "cousin"}, "not_a_choice&at=relation"),
        ({"field.declared": "2099-01-01"}, "in_future&at=declared"),
        ({"field.office": ""}, "missing&at=office"),
    ],
)
async def test_a_vouch_that_the_rules_refuse_is_not_recorded(
    stage: Stage, changed: dict[str, str], problem: str
) -> None:
    case, agent, at = await in_session(stage)
    assert await put(agent, at, VOUCH | changed) == f"/evidence/new?problem={problem}&kind=vouch"
    assert (await now(stage, case)).evidence == ()


async def test_one_person_vouches_for_so_many_and_no_more(stage: Stage) -> None:
    clients = []
    for _ in range(6):
        case = await stage.case(ev.Claimed(CARYS.id), ev.SessionStarted(CARYS.id, Channel.VIDEO))
        clients.append(f"/cases/{case.id}")
    agent = await stage.sign_in(CARYS)
    led = [await put(agent, at, VOUCH | {"field.name": f"Dr Ruth{' ' * n} Adeyemi"}) for n, at in enumerate(clients, 1)]
    assert led[:5] == ["?told=saved"] * 5
    assert led[5] == "/evidence/new?problem=vouch_too_often&at=name&kind=vouch"


async def test_a_channel_that_cannot_reach_the_level_is_named_at_once(stage: Stage) -> None:
    case, agent = await stage.case(), await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await agent.send("/next", "/")
    await agent.send(f"{at}/start", at, {"channel": "phone"})
    page = (await agent.get(at)).text
    assert "This way of meeting cannot reach it, whatever is shown: it carries low at most." in page
    assert "It can be reached: By video; By what the citizen sent; In person." in page


async def test_the_level_panel_names_the_shortest_way_in_words(stage: Stage) -> None:
    _, agent, at = await in_session(stage)
    await put(agent, at, PASSPORT)
    page = re.sub(r"\s+", " ", (await agent.get(at)).text)
    assert "No level yet." in page
    assert "The shortest way there, about 7 minutes:" in page
    assert "The identity is not reported as stolen or misused" in page.split("Scores and profiles")[0]


async def test_a_reviewer_sees_every_value_date_check_and_source(stage: Stage) -> None:
    case, reviewer = await case_in_review(stage)
    page = re.sub(r"\s+", " ", (await reviewer.get(f"/cases/{case.id}/view")).text)
    for text in ("PQ8812345", "GBR", "In date until 9 April 2031.", "Passport Office, reference PO-77/2,", "RD-9"):
        assert text in page, text
    assert "What the agent decided" not in page

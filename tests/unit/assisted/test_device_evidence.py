"""Device evidence: what a confirmation on the citizen's own device gives to a case."""

import dataclasses
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, CheckOutcome
from broker.assisted.case_states import CaseState
from broker.assisted.device_evidence import KIND, MATCH, STRONGLY, device_evidence, matches
from broker.assisted.levels import score
from broker.assisted.profiles import default_profiles
from broker.assisted.transitions import refusal
from broker.model.assurance import Level
from tests.unit.assisted.cases import NOW, TERMS, standing, walked
from tests.unit.normalize.spellings import NAME, hidden, respelled_name

DETAILS = {"given_name": "Ada", "family_name": "Example", "birthdate": "1990-01-02"}
PROFILES = default_profiles()


@pytest.mark.parametrize(
    ("claims", "same"),
    [
        (DETAILS, True),
        ({**DETAILS, "given_name": "ADA "}, True),
        ({"name": "ada  example", "birthdate": "1990-01-02"}, True),
        ({**DETAILS, "family_name": "Exemple"}, False),
        ({**DETAILS, "birthdate": "1990-02-01"}, False),
        ({"given_name": "Ada", "family_name": "Example"}, False),
        ({"birthdate": "1990-01-02"}, False),
        ({**DETAILS, "given_name": None}, False),
        ({}, False),
        ({**DETAILS, "given_name": "Ａｄａ\u200e", "birthdate": "1990\u201101\u201102"}, True),
        ({**DETAILS, "family_name": "", "name": "Ada Example"}, True),
        ({**DETAILS, "middle_name": "Maria"}, True),
        ({**DETAILS, "name": "Ada Maria Example"}, True),
        ({**DETAILS, "given_name": "Example", "family_name": "Ada", "name": "Ada Example"}, False),
        ({**DETAILS, "family_name": ["Example"]}, False),
        ({**DETAILS, "birthdate": "1990"}, False),
        ({**DETAILS, "birthdate": 19900102}, False),
    ],
)
def test_name_and_date_of_birth_must_be_the_same(claims: dict[str, str], *, same: bool) -> None:
    assert matches(DETAILS, claims) is same
    assert not matches({}, claims)


@pytest.mark.parametrize(
    ("details", "claims", "same"),
    [
        ({"given_name": "Suharto"}, {"given_name": "SUHARTO"}, True),
        ({"given_name": "Suharto"}, {"family_name": "Suharto"}, True),
        ({"family_name": "Suharto"}, {"name": "Suharto"}, True),
        ({"family_name": "Suharto"}, {"given_name": "-", "family_name": "Suharto", "name": "Suharto"}, True),
        ({"family_name": "Suharto"}, {"given_name": "", "family_name": "Suharto"}, True),
        ({"given_name": "Suharto"}, {"given_name": "Suharto", "family_name": "Example"}, False),
        ({"given_name": "Suharto"}, {"name": "Suharto Example"}, False),
        ({"given_name": "Suharto"}, {"given_name": "Sukarno"}, False),
        ({"given_name": "Ada", "family_name": "Example"}, {"given_name": "Ada"}, False),
        ({"given_name": "Ada", "family_name": "O'Neill"}, {"given_name": "ADA", "family_name": "O\u2019Neill"}, True),
        ({"given_name": "Zoë", "family_name": "A"}, {"given_name": "Zoe\u0308", "family_name": "A"}, True),
        ({"given_name": "Zoë", "family_name": "A"}, {"given_name": "Zoe", "family_name": "A"}, False),
        ({"given_name": "Anne-Marie", "family_name": "A"}, {"given_name": "Anne  Marie", "family_name": "A"}, True),
    ],
)
@pytest.mark.parametrize("born", ["1990-01-02", "1990", "1990-01", "0000-01-02"])
def test_one_name_and_other_spellings_match_with_any_precision_of_the_birthdate(
    details: dict[str, str], claims: dict[str, str], born: str, *, same: bool
) -> None:
    assert matches({**details, "birthdate": born}, {**claims, "birthdate": born}) is same
    for other in {"1990-01-02", "1990", "1990-01", "0000-01-02", "1991"} - {born}:
        assert not matches({**details, "birthdate": born}, {**claims, "birthdate": other})


@given(st.data(), NAME, NAME, st.dates(date(1900, 1, 1), date(2020, 1, 1)))
def test_another_spelling_of_a_provider_is_the_same_person(
    data: st.DataObject, given_name: str, family_name: str, born: date
) -> None:
    details = {"given_name": given_name, "family_name": family_name, "birthdate": born.isoformat()}
    claims = {
        "given_name": data.draw(respelled_name(given_name)),
        "family_name": data.draw(respelled_name(family_name)),
        "birthdate": data.draw(hidden(born.isoformat())),
    }
    assert matches(details, claims)
    assert not matches(details, {**claims, "family_name": f"{family_name}x"})


def confirmed(level: Level, claims: dict[str, str]) -> Case:
    """A case in session with the details recorded, in which the citizen confirmed."""
    case = walked(ev.DetailsRecorded("agent-1", DETAILS), case=standing(CaseState.IN_SESSION))
    case = dataclasses.replace(case, channel=Channel.VIDEO)
    return walked(ev.DeviceConfirmed(device_evidence(case, "q1", level, "Bank", claims, NOW)), case=case)


@pytest.mark.parametrize(
    ("level", "claims", "strength", "validity"),
    [
        (Level.LOW, DETAILS, 2, 2),
        (Level.SUBSTANTIAL, DETAILS, 3, 3),
        (Level.HIGH, DETAILS, 3, 3),
        (Level.HIGH, {}, 3, 0),
    ],
)
def test_the_profile_file_says_what_it_is_worth(
    level: Level, claims: dict[str, str], strength: int, validity: int
) -> None:
    [scored] = score(confirmed(level, claims), PROFILES).evidence
    assert (scored.strength, scored.validity) == (strength, validity)


def test_device_evidence_is_recorded_by_the_broker_and_stores_no_claims() -> None:
    case = confirmed(Level.LOW, DETAILS)
    [one] = case.evidence
    assert (one.id, one.kind, one.by, one.details) == ("q-q1", KIND, "broker", {"way": "Bank"})
    answers = {check.check: check.outcome for check in one.checks}
    assert answers[STRONGLY] is CheckOutcome.NO
    assert answers[MATCH] is CheckOutcome.YES
    assert (case.history[-1].event, case.history[-1].who) == ("device_confirmed", "citizen")
    assert not PROFILES.kinds[KIND].by_staff


def test_the_same_confirmation_counts_once_and_the_page_of_the_agent_is_overtaken() -> None:
    case = confirmed(Level.LOW, DETAILS)
    again = walked(ev.DeviceConfirmed(device_evidence(case, "q1", Level.LOW, "Bank", DETAILS, NOW)), case=case)
    assert len(again.evidence) == 1
    assert again.edit_version == case.edit_version + 1


@pytest.mark.parametrize("state", CaseState)
def test_it_is_taken_in_only_while_an_agent_records_or_decides(state: CaseState) -> None:
    case = standing(state)
    event = ev.DeviceConfirmed(device_evidence(case, "q1", Level.LOW, "Bank", {}, NOW))
    possible = refusal(case, event, NOW, TERMS) is None
    assert possible == (state in (CaseState.IN_SESSION, CaseState.DECISION))

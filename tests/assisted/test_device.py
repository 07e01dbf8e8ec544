"""What a confirmation on the citizen's own device is worth to a case."""

import dataclasses

import pytest

from broker.assisted import events as ev
from broker.assisted.case import Case, Channel, Outcome, State
from broker.assisted.device import KIND, MATCH, STRONGLY, device_evidence, matches
from broker.assisted.levels import score
from broker.assisted.profiles import shipped
from broker.assisted.table import barred
from broker.model.assurance import Level
from tests.assisted.cases import NOW, TERMS, standing, walked

DETAILS = {"given_name": "Ada", "family_name": "Example", "birthdate": "1990-01-02"}
PROFILES = shipped()


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
    ],
)
def test_name_and_date_of_birth_must_be_the_same(claims: dict[str, str], same: bool) -> None:
    assert matches(DETAILS, claims) is same
    assert not matches({}, claims)


def confirmed(level: Level, claims: dict[str, str]) -> Case:
    """A case in session with the details recorded, in which the citizen confirmed."""
    case = walked(ev.DetailsRecorded("agent-1", DETAILS), case=standing(State.IN_SESSION))
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


def test_it_is_evidence_that_nobody_of_the_staff_recorded_and_that_keeps_no_claims() -> None:
    case = confirmed(Level.LOW, DETAILS)
    [one] = case.evidence
    assert (one.id, one.kind, one.by, one.details) == ("q-q1", KIND, "broker", {"way": "Bank"})
    answers = {check.check: check.outcome for check in one.checks}
    assert answers[STRONGLY] is Outcome.NO and answers[MATCH] is Outcome.YES
    assert (case.history[-1].event, case.history[-1].who) == ("device_confirmed", "citizen")
    assert not PROFILES.kinds[KIND].by_staff


def test_the_same_confirmation_counts_once_and_the_page_of_the_agent_is_overtaken() -> None:
    case = confirmed(Level.LOW, DETAILS)
    again = walked(ev.DeviceConfirmed(device_evidence(case, "q1", Level.LOW, "Bank", DETAILS, NOW)), case=case)
    assert len(again.evidence) == 1 and again.edition == case.edition + 1


@pytest.mark.parametrize("state", State)
def test_it_is_taken_in_only_while_an_agent_records_or_decides(state: State) -> None:
    case = standing(state)
    event = ev.DeviceConfirmed(device_evidence(case, "q1", Level.LOW, "Bank", {}, NOW))
    possible = barred(case, event, NOW, TERMS) is None
    assert possible == (state in (State.IN_SESSION, State.DECISION))

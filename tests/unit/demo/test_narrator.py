"""What the demonstration tells in its terminal."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.demo.narrator import Narrator
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.failures import FailureClass
from broker.platform.log_context import bind_ids, bind_request, unbind_request
from tests.unit.assisted.cases import NOW
from tests.unit.journey.examples import begun
from tests.unit.web.examples import SERVICE

SERVICES = {SERVICE.client_id: SERVICE}
NAME = SERVICE.name("en")


def told(*events: AuditEvent, place: str = "") -> list[str]:
    """The lines, without their times."""
    lines: list[str] = []
    Narrator(lambda: SERVICES, lines.append, place=place).recorded(events)
    return [re.sub(r"^  \d\d:\d\d:\d\d  ", "", line) for line in lines]


def event(kind: str, actor: str = "citizen", case: str | None = None, **details: str) -> AuditEvent:
    """An audit row of the example service."""
    provider = details.pop("provider", None)
    return AuditEvent(kind, NOW, actor, case=case, client_id=SERVICE.client_id, provider=provider, details=details)


def test_a_sign_in_is_told_with_way_level_and_names_of_details() -> None:
    answered = event("service_answered", provider="birch", level="substantial", claims="birthdate name")
    assert told(answered) == [f"{NAME}: signed in by birch, level substantial. It gets: birthdate, name"]
    assert told(event("service_answered", level="low"))[0] == (
        f"{NAME}: signed in by a person, level low. It gets: no details"
    )


@pytest.mark.parametrize("failure", FailureClass)
def test_a_failure_is_told_with_its_class_its_reference_and_the_command_that_explains_it(failure: FailureClass) -> None:
    token = bind_request("request-1")
    bind_ids(reference="BCDF-1234")
    try:
        lines = told(event("attempt_failed", provider="birch", failure=failure), place=" --config council/config")
    finally:
        unbind_request(token)
    assert lines[0].startswith(f"{NAME}: failed at birch: {failure.replace('_', ' ')}.")
    command = 'portico transaction explain "BCDF 1234" --config council/config'
    assert lines[1:] == [f"            reference BCDF 1234: {command}"]


def test_the_start_of_a_sign_in_is_told_with_the_level_that_the_service_asks_for() -> None:
    lines: list[str] = []
    Narrator(lambda: SERVICES, lines.append).started(begun(client_id=SERVICE.client_id, min_level=Level.SUBSTANTIAL))
    assert [line[12:] for line in lines] == [f"{NAME}: a citizen begins to sign in; it asks for level substantial"]


def test_work_of_staff_is_told_by_its_name_and_looks_and_counts_are_not() -> None:
    claimed = event("case_claimed", "staff:carys", case="1", reason="a reason that someone typed")
    assert told(claimed) == ["staff:carys, a request for help: claimed"]
    assert told(event("case_opened", "staff:carys", case="1"), event("sign_ins_started", "broker")) == []


@given(
    st.text("abcdefghijklmnopqrstuvwxyz_{}", min_size=1),
    st.dictionaries(st.sampled_from(("level", "claims", "failure", "why")), st.text(max_size=5)),
)
def test_a_row_of_any_kind_is_told_once_without_what_was_typed(kind: str, details: Mapping[str, str]) -> None:
    [line] = told(AuditEvent(kind, NOW, "operator", details={**details, "reason": "as typed", "free": "as typed"}))
    assert "as typed" not in line

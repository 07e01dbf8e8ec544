"""Names in the documents are names of the code: metrics with their labels, log events, settings, error codes."""

import re
from functools import cache
from pathlib import Path

import pytest

from broker.actions.outbox.worker import DeliveryOutcome
from broker.model.failures import FAILURES, FailureClass
from broker.settings.reference import tables
from broker.settings.schema import BrokerSettings
from tests.documents.code import GRAVE, log_events, metrics, words
from tests.documents.markdown import CURRENT, ROOT, name, rows, section, spans, text

OPERATING = ROOT / "docs" / "operating.md"
SERVICES = ROOT / "docs" / "for-services" / "README.md"
PAGES = pytest.mark.parametrize("page", CURRENT, ids=name)


def in_code(cell: str) -> list[str]:
    """The code spans of a table's cell."""
    return re.findall(r"`([^`]+)`", cell)


def test_the_table_of_metrics_is_what_the_broker_exposes() -> None:
    documented = {in_code(row[0])[0]: tuple(in_code(row[1])) for row in rows(section(OPERATING, "What is counted"))}
    assert documented == metrics()


@PAGES
def test_every_metric_and_label_that_a_page_names_exists(page: Path) -> None:
    known = metrics()
    for metric, labels in re.findall(r"\b(portico_[a-z_]+)(?:\{([^}]*)\})?", text(page)):
        if metric in NO_METRICS:
            continue
        base = re.sub(r"_(bucket|count|sum)$", "", metric)
        assert base in known, metric
        assert set(re.findall(r"(\w+)=", labels)) <= set(known[base]), f"{metric}{{{labels}}}"


def test_every_log_event_of_a_warning_or_an_error_is_in_the_operators_table_and_no_other() -> None:
    documented = {event for row in rows(section(OPERATING, "What the log says")) for event in in_code(row[0])}
    logged = {event for event, levels in log_events().items() if levels & GRAVE}
    assert {event for event in logged if not event.endswith("_")} <= documented
    every = log_events()
    beginnings = tuple(event for event in every if event.endswith("_"))
    assert {event for event in documented if event not in every and not event.startswith(beginnings)} == set()
    assert all(
        any(event.startswith(beginning) for event in documented) for beginning in logged if beginning.endswith("_")
    )


@PAGES
def test_every_name_in_a_code_span_is_a_word_of_the_code(page: Path) -> None:
    named = {span for span in spans(page) if re.fullmatch(r"[a-z]+(?:_[a-z0-9]+)+", span)}
    assert named - words() - OF_OTHERS - set(metrics()) == set()


@cache
def settings_of_broker_toml() -> frozenset[str]:
    """The path of every table and of every setting."""
    known: set[str] = set()
    for table in tables(BrokerSettings):
        path = table.heading.strip("[]")
        known |= {path, *(f"{path}.{setting.name}" if path else setting.name for setting in table.settings)}
    return frozenset(known)


@PAGES
def test_every_setting_of_broker_toml_that_a_page_names_exists(page: Path) -> None:
    known = settings_of_broker_toml()
    first = {path.partition(".")[0] for path in known if "." in path}
    named = {span.strip("[]") for span in spans(page) if re.fullmatch(r"\[?[a-z_]+(?:\.[a-z_]+)+\]?", span)}
    assert {path for path in named if path.partition(".")[0] in first} - known - FILES == set()


NO_METRICS = ("portico_demonstration", "portico_resume")
"""Names that begin like a metric."""

OF_OTHERS = {
    "pg_dump",
    *(f"delivery_{outcome}" for outcome in DeliveryOutcome),
    *(f"question_{end}" for end in ("confirmed", "declined", "other_person")),
}
"""A program of PostgreSQL, and names that the code puts together: log events and audit events."""

FILES = {"keys.toml", "broker.toml", "staff.toml"}
"""What has the form of a setting and is none."""


def test_every_error_that_a_service_may_receive_for_a_failure_is_explained_to_services() -> None:
    documented = {code for row in rows(section(SERVICES, "When something goes wrong")) for code in in_code(row[0])}
    sent = {
        str(code) for kind in FAILURES.values() for code in (kind.error, *kind.alternative_errors) if code is not None
    }
    assert sent <= documented


def test_every_failure_class_that_the_operators_alarms_name_exists() -> None:
    named = re.findall(r'failure="(\w+)"', text(OPERATING))
    assert named
    assert set(named) <= {str(failure) for failure in FailureClass}


def test_every_fact_that_the_operators_alarms_count_is_an_audit_event() -> None:
    named = set(re.findall(r'kind="(\w+)"', text(OPERATING)))
    assert named
    assert named <= words()

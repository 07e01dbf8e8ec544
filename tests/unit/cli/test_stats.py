"""`portico stats`: published figures are shown, proven by the audit record, and corrected in public."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing

import pytest

from broker.journey.figures import STARTS
from broker.stores.sql.audit import COLUMNS
from tests.support.configuration import Configuration
from tests.unit.cli.conftest import Run, refused

pytestmark = pytest.mark.store

DAY = "2026-11-20"
AT = 1_795_132_800.0
"""2026-11-20, 00:00 UTC."""


@pytest.fixture
def published(config: Configuration, run: Run) -> Configuration:
    """A database with a published day of 40 started sign-ins, of which the audit record has 40."""
    run(config, "migrate")
    columns = ", ".join(f"{name}" for name in COLUMNS)
    details = json.dumps({"started": DAY, "en": "40"})
    row = (STARTS, AT, "broker", None, None, "library", None, None, None, details)
    with closing(sqlite3.connect(config.folder.parent / ".demo" / "facts.db")) as connection, connection:
        marks = ", ".join("?" for _ in COLUMNS)
        connection.execute(f"INSERT INTO audit ({columns}, number, hash) VALUES ({marks}, 1, 'h')", row)
        lines = json.dumps([["started", "", 40]])
        connection.execute("INSERT INTO published_days VALUES (?, 1, ?, '', ?)", (DAY, AT + 3 * 86_400, lines))
    return config


def count_more(config: Configuration) -> None:
    """Sign-ins that the audit record got after the publication."""
    with closing(sqlite3.connect(config.folder.parent / ".demo" / "facts.db")) as connection, connection:
        connection.execute("UPDATE audit SET details = replace(details, '40', '55') WHERE number = 1")


def test_published_figures_are_shown_and_proven(published: Configuration, run: Run) -> None:
    assert run(published, "stats", "show", DAY) == [
        "day,revision,published,reason,measure,detail,count",
        f"{DAY},1,2026-11-23T00:00:00Z,,started,,40",
    ]
    assert run(published, "stats", "verify", DAY) == [
        f"{DAY}: 1 published figure. 1 audit row of sign-ins of that day. They say the same"
    ]


def test_a_figure_that_the_record_does_not_have_is_named(published: Configuration, run: Run) -> None:
    count_more(published)
    assert refused(run, published, "stats", "verify", DAY).splitlines() == [
        "started in all: published 40, the audit record says 55",
        "1 audit row of sign-ins of that day.",
        f"{DAY}: the figures are NOT those of the audit record",
    ]


def test_a_correction_is_published_with_its_reason(published: Configuration, run: Run) -> None:
    assert "nothing to correct" in refused(run, published, "stats", "correct", DAY, "--reason", "late rows")
    count_more(published)
    assert "--reason" in refused(run, published, "stats", "correct", DAY, "--reason", " ")
    assert run(published, "stats", "correct", DAY, "--reason", "late rows")[-1] == f"{DAY}: corrected, revision 2"
    shown = run(published, "stats", "show")
    assert shown[1].endswith(",started,,40")
    assert ",late rows,started,,55" in shown[2]
    assert "correction 1" in run(published, "stats", "verify", DAY)[0]


@pytest.mark.parametrize("words", [("show", "2026-11-21"), ("verify", "2026-11-21")])
def test_a_day_that_is_not_published_is_refused(published: Configuration, run: Run, words: Sequence[str]) -> None:
    assert "2026-11-21: not published" in refused(run, published, "stats", *words)


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "2026-11-3x"])
def test_a_day_in_another_form_is_a_usage_error(
    config: Configuration, run: Run, capsys: pytest.CaptureFixture[str], day: str
) -> None:
    with pytest.raises(SystemExit):
        run(config, "stats", "verify", day)
    assert "write a day as YYYY-MM-DD" in capsys.readouterr().err


def test_what_was_released_is_listed_and_an_alarm_is_refused(published: Configuration, run: Run) -> None:
    with closing(sqlite3.connect(published.folder.parent / ".demo" / "facts.db")) as connection, connection:
        connection.execute("INSERT INTO claim_releases VALUES ('demo-service', 'no_such_claim', ?, ?, NULL)", (AT, AT))
    assert run(published, "stats", "releases") == [
        f"demo-service no_such_claim: {DAY} to {DAY} (not registered now)",
    ]
    with closing(sqlite3.connect(published.folder.parent / ".demo" / "facts.db")) as connection, connection:
        connection.execute("UPDATE claim_releases SET alarm = last")
    refusal = refused(run, published, "stats", "releases")
    assert refusal == f"released although it was not registered: no_such_claim to demo-service on {DAY}"

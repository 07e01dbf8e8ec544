"""`portico status`: notes of the operator are written, changed, ended and withdrawn, each with an audit row."""

import json
import sqlite3
from contextlib import closing

import pytest

from broker.cli.main import command_line
from tests.support.configuration import Configuration
from tests.unit.cli.conftest import Run, refused

pytestmark = pytest.mark.store


@pytest.fixture
def migrated(config: Configuration, run: Run) -> Configuration:
    """A configuration with its tables."""
    run(config, "migrate")
    return config


def rows(config: Configuration) -> list[tuple[str, str, str | None, str]]:
    """The audit rows of notes: kind, actor, provider, languages."""
    with closing(sqlite3.connect(config.folder.parent / ".demo" / "facts.db")) as file:
        found = file.execute("SELECT kind, actor, provider, details FROM audit ORDER BY id").fetchall()
    return [(kind, actor, provider, json.loads(details)["languages"]) for kind, actor, provider, details in found]


def test_a_note_is_written_changed_ended_and_withdrawn(migrated: Configuration, run: Run) -> None:
    assert run(migrated, "status", "list") == ["there are no notes"]
    words = (
        "status",
        "note",
        "--about",
        "northbank",
        "--since",
        "2027-01-15T07:30:00Z",
        "--text",
        "en=They repair it.",
    )
    [made] = run(migrated, *words)
    name = made.split()[0]
    assert made == f"{name}  northbank  since 2027-01-15 07:30 UTC, lasts  en: They repair it."
    [changed] = run(migrated, "status", "update", name, "--text", "cy=Maen nhw'n ei drwsio.", "--by", "Ada")
    assert changed.endswith("lasts  en: They repair it. / cy: Maen nhw'n ei drwsio.")
    [ended] = run(migrated, "status", "end", name, "--text", "en=It works again.")
    assert "until 2027-01-15 08:00 UTC  en: It works again. / cy: " in ended
    assert run(migrated, "status", "list") == [ended]
    assert run(migrated, "status", "withdraw", name) == [f"{name} is withdrawn"]
    assert run(migrated, "status", "list") == ["there are no notes"]
    assert rows(migrated) == [
        ("status_note_written", "olu", "northbank", "en"),
        ("status_note_changed", "Ada", "northbank", "en cy"),
        ("status_note_ended", "olu", "northbank", "en cy"),
        ("status_note_withdrawn", "olu", "northbank", "en cy"),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("note", "--about", "northbnk", "--text", "en=x"), 'did you mean "northbank"?'),
        (("note", "--text", "fr=x"), '"fr" is not a language of the broker'),
        (("note", "--text", "en=x", "--since", "2099-01-01T00:00:00Z"), "still to come"),
        (("update", "nothing", "--text", "en=x"), 'there is no note "nothing"'),
        (("end", "nothing"), "`portico status list` prints their ids"),
        (("withdraw", "nothing"), 'there is no note "nothing"'),
    ],
)
def test_a_note_that_cannot_be_written_is_refused_and_nothing_is(
    migrated: Configuration, run: Run, words: tuple[str, ...], said: str
) -> None:
    assert said in refused(run, migrated, "status", *words)
    assert rows(migrated) == []


@pytest.mark.parametrize(
    "words", [("note",), ("update", "n"), ("note", "--text", "no language"), ("note", "--text", "en= ")]
)
def test_a_note_needs_a_text_with_its_language(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line().parse_args(["status", *words])
    assert ended.value.code == 2
    assert "--text" in capsys.readouterr().err

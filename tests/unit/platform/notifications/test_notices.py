"""What citizens are sent."""

import json
import stat
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from broker.model.notification import (
    FIELDS,
    FieldType,
    NoticeTimes,
    Notification,
    NotificationKind,
    Recipient,
    new_notification,
)
from broker.platform.notifications.files import FileNotifier
from broker.platform.notifications.texts import fields_in_words, notice_text, texts
from broker.platform.system import real_system

ZONE = ZoneInfo("Europe/London")
VALUES = {FieldType.DURATION: "86400", FieldType.MOMENT: "1784725500"}
CODE = {"code": "123456", "life": "600", "reference": "ABCD-2345"}
NOTICE = Notification("n1", NotificationKind.CODE, "email", "ada@example.org", "en", 1_800_000_000, 1_800_000_600, CODE)


def example(kind: NotificationKind, language: str) -> Notification:
    """A notification with every field of its kind; a text is named after its field."""
    fields = {name: VALUES.get(type_, f"<{name}>") for name, type_ in FIELDS[kind].items()}
    return replace(NOTICE, kind=kind, language=language, fields=fields)


@pytest.mark.parametrize("kind", NotificationKind)
@pytest.mark.parametrize("language", ["en", "cy", "ar"])
def test_every_kind_of_notice_has_its_text_in_every_language(kind: NotificationKind, language: str) -> None:
    said = notice_text(example(kind, language), ZONE)
    shown = fields_in_words(example(kind, language), ZONE)
    assert said.subject
    for text in (said.text, said.message):
        assert "{" not in text
        assert all(value in text for value in shown.values()), "a text leaves out a field of its kind"
    assert len(said.message) <= 300, "a text message of more than two or three parts"
    assert said != notice_text(example(kind, "en"), ZONE) or language == "en"


@pytest.mark.parametrize("kind", NotificationKind)
def test_no_text_uses_a_field_that_its_kind_does_not_have(kind: NotificationKind) -> None:
    for text in texts()[kind].values():
        used = {name for part in (text.subject, text.text, text.message) for _, name, _, _ in Formatter().parse(part)}
        assert used - {None} == set(FIELDS[kind])


def test_a_moment_is_shown_in_the_zone_of_the_service_and_a_duration_in_words() -> None:
    begins = notice_text(example(NotificationKind.SCHEDULED, "en"), ZONE)
    assert begins.text.splitlines()[0] == "Your appointment: Wednesday, 22 July 2026, 14:05 (BST)"
    arabic = notice_text(example(NotificationKind.SCHEDULED, "ar"), UTC).message
    assert "الأربعاء، 22 يوليو 2026، 1:05 م" in arabic
    assert "It works for 24 hours." in notice_text(example(NotificationKind.CODE, "en")).text


@pytest.mark.parametrize("fields", [{}, {"reference": "R"}, {"reference": "R", "code": "1", "life": 60, "name": "Ann"}])
def test_a_notification_with_other_fields_than_those_of_its_kind_is_not_made(fields: dict[str, str | float]) -> None:
    with pytest.raises(ValueError, match="code needs"):
        new_notification(
            real_system(), NotificationKind.CODE, Recipient("email", "a@example.org", "en"), NoticeTimes(1), fields
        )


async def test_a_text_message_is_short_and_has_no_subject(tmp_path: Path) -> None:
    await FileNotifier(tmp_path).deliver(replace(NOTICE, way="phone", address="+447700900123"))
    assert json.loads((tmp_path / "n1.json").read_text())["text"] == (
        "Your code is 123456. It works for 10 minutes. Reference ABCD-2345."
    )


def test_a_language_without_texts_falls_back_to_english() -> None:
    assert notice_text(replace(NOTICE, language="fr")) == notice_text(NOTICE)


def test_no_notice_contains_a_link_or_says_how_a_case_was_decided() -> None:
    for languages in texts().values():
        for text in languages.values():
            lowered = (text.subject + text.text + text.message).casefold()
            assert "http" not in lowered
            assert "www" not in lowered
            assert not any(word in lowered for word in ("approved", "declined", "rejected", "confirmed your identity"))


async def test_in_development_a_notice_becomes_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    folder = FileNotifier(tmp_path / "outbox")
    await folder.deliver(NOTICE)
    await folder.deliver(NOTICE)
    [file] = (tmp_path / "outbox").iterdir()
    assert file.name == "n1.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    body = json.loads(file.read_text())
    assert (body["address"], body["way"]) == ("ada@example.org", "email")
    assert "123456" in body["text"]

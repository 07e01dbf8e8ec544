"""Checks of [notifications]: who sends what, and the templates of GOV.UK Notify."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from broker.cli.main import main
from broker.model.notification import NotificationKind
from broker.platform.http_client import HttpClients
from broker.platform.notifications.letters import LetterGateway, PrintedByStaff
from broker.platform.notifications.notify import NotifyNotifier
from broker.platform.notifications.smtp import SmtpNotifier
from broker.platform.notifications.text_gateway import TextGateway
from broker.platform.system import real_system
from broker.wiring.notifiers import build_notifiers
from tests.support.configuration import Configuration, as_toml, prepared

SMTP = {"host": "mail.example", "sender": "a@mail.example"}
GATEWAY = {"url": "https://texts.example/send"}
NOTIFY = {"key_file": "notify-key", "templates": "notify.toml"}
ID = str(uuid.UUID(int=7))
KEY = f"portico-{uuid.UUID(int=1)}-{uuid.UUID(int=2)}"
LANGUAGES = ("en", "cy")


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    """The examples with a key and every template of Notify."""
    made = prepared(tmp_path)
    (made.folder / "notify-key").write_text(KEY)
    write_templates(made, ("email", "text", "letter"))
    return made


def write_templates(config: Configuration, ways: tuple[str, ...], **changes: Any) -> None:
    """Writes the file of template ids."""
    kinds: dict[str, Any] = {kind.value: dict.fromkeys(LANGUAGES, ID) for kind in NotificationKind}
    table = dict.fromkeys(ways, kinds | changes)
    (config.folder / "notify.toml").write_text(as_toml(table))


@pytest.mark.parametrize(
    ("table", "senders"),
    [
        ({"smtp": SMTP}, {"email": SmtpNotifier}),
        ({"smtp": SMTP, "text_gateway": GATEWAY}, {"email": SmtpNotifier, "phone": TextGateway}),
        ({"smtp": SMTP, "letter_gateway": GATEWAY}, {"email": SmtpNotifier, "post": LetterGateway}),
        ({"smtp": SMTP, "print_letters": True}, {"email": SmtpNotifier, "post": PrintedByStaff}),
        ({"notify": NOTIFY}, dict.fromkeys(("email", "phone", "post"), NotifyNotifier)),
    ],
)
def test_each_way_has_the_sender_that_is_configured(
    config: Configuration, table: Mapping[str, Any], senders: Mapping[str, type]
) -> None:
    config.change("broker.toml", "notifications", table)
    built = build_notifiers(config.settings().broker, HttpClients(), real_system())
    assert {way: type(one) for way, one in built.items()} == senders


def test_notify_sends_letters_beside_another_mail_server_and_gateway(config: Configuration) -> None:
    write_templates(config, ("letter",))
    config.change("broker.toml", "notifications", {"smtp": SMTP, "text_gateway": GATEWAY, "notify": NOTIFY})
    built = build_notifiers(config.settings().broker, HttpClients(), real_system())
    assert {way: type(one) for way, one in built.items()} == {
        "email": SmtpNotifier,
        "phone": TextGateway,
        "post": NotifyNotifier,
    }


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "either outbox, or something that sends"),
        ({"outbox": "x", "notify": NOTIFY}, "either outbox, or something that sends"),
        ({"text_gateway": GATEWAY}, "nothing sends mails"),
        ({"smtp": SMTP, "notify": NOTIFY}, "two senders for [email]"),
        ({"notify": NOTIFY, "text_gateway": GATEWAY}, "two senders for [text]"),
        ({"notify": NOTIFY, "letter_gateway": GATEWAY}, "two senders for [letter]"),
        ({"notify": NOTIFY, "print_letters": True}, "two senders for [letter]"),
        ({"smtp": SMTP, "letter_gateway": GATEWAY, "print_letters": True}, "letters are sent in another way"),
        ({"outbox": "x", "print_letters": True}, "letters are sent in another way"),
        ({"smtp": SMTP, "letter_gateway": {"url": "letters"}}, "an absolute URL is required"),
        ({"smtp": SMTP, "letter_gateway": GATEWAY | {"authorization_file": "nowhere"}}, "missing"),
        ({"notify": NOTIFY | {"url": "https://notify.example/path"}}, "an origin has no path"),
        ({"smtp": SMTP, "text_gateway": {"url": "texts"}}, "an absolute URL is required"),
        ({"notify": NOTIFY | {"templates": "nowhere.toml"}}, "missing"),
        ({"notify": NOTIFY | {"key_file": "broker.toml"}}, "not an API key"),
        ({"smtp": SMTP, "text_gateway": GATEWAY | {"authorization_file": "nowhere"}}, "missing"),
    ],
)
def test_a_way_without_a_sender_or_with_two_is_a_problem(
    config: Configuration, table: Mapping[str, Any], said: str
) -> None:
    config.change("broker.toml", "notifications", table)
    found = [problem for problem in config.problems() if problem.path.startswith("broker.toml: notifications")]
    assert any(said in problem.what for problem in found)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "there are no templates"),
        ("email", "Expected '=' after a key"),
        ("fax = {}", "fax: write a table for one of email, text, letter"),
        ("[email.codes]\nen = 'x'", "email.codes: there is no such kind of message"),
        ("[email]\ncode = 'x'", "email.code: write a template id for each language"),
        ("[email.code]\nen = 'x'", "email.code.en: this is not a template id"),
        (f"[email.code]\nen = '{ID}'", "there is no template for code.cy"),
    ],
)
def test_a_file_of_templates_that_cannot_be_used_is_a_problem(config: Configuration, content: str, said: str) -> None:
    (config.folder / "notify.toml").write_text(content)
    config.change("broker.toml", "notifications", {"notify": NOTIFY})
    assert any(said in problem.what for problem in config.problems()), config.problems()


def test_every_kind_of_message_needs_a_template_in_every_language(config: Configuration) -> None:
    write_templates(config, ("email",), checked={"en": ID, "cy-GB": ID})
    config.change("broker.toml", "notifications", {"notify": NOTIFY})
    [problem] = config.problems()
    assert (problem.path, problem.what) == (
        "broker.toml: notifications.notify.templates: email",
        "there is no template for checked.cy",
    )


def test_the_texts_to_paste_are_printed_with_the_place_of_each_id(
    config: Configuration, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["notices", "templates", "--config", str(config.folder), "--way", "email", "--way", "text"]) == 0
    printed = capsys.readouterr().out
    for kind in NotificationKind:
        for language in LANGUAGES:
            assert (
                printed.count(f"# [email.{kind}] {language}\n") == printed.count(f"# [text.{kind}] {language}\n") == 1
            )
    assert "# [letter." not in printed
    assert "# [email.code] en\nYour code\n\nYour code is ((code)).\n\nIt works for ((life))." in printed
    assert "# [text.code] en\n\nYour code is ((code)). It works for ((life)). Reference ((reference)).\n" in printed


ROOMS = {"url": "https://tool.example/rooms", "links": "https://rooms.example/"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (ROOMS | {"url": "rooms"}, "an absolute URL is required"),
        (ROOMS | {"links": "https://rooms.example"}, "another host could begin like this"),
        (ROOMS | {"authorization_file": "nowhere"}, "missing"),
    ],
)
def test_a_link_to_a_video_room_begins_with_the_whole_host(
    config: Configuration, table: Mapping[str, Any], said: str
) -> None:
    config.change("broker.toml", "assisted", {"video_rooms": table})
    assert any(said in problem.what for problem in config.problems() if "video_rooms" in problem.path)
    config.change("broker.toml", "assisted", {"video_rooms": ROOMS})
    assert config.settings().broker.assisted.video_rooms is not None

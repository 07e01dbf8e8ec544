"""What citizens are sent, and how it goes out."""

import asyncio
import json
import ssl
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from broker.model.notification import (
    FIELDS,
    DeliveryFailed,
    FieldType,
    NoticeTimes,
    Notification,
    NotificationKind,
    Recipient,
    new_notification,
)
from broker.platform.notifications.files import FileNotifier
from broker.platform.notifications.smtp import SmtpNotifier
from broker.platform.notifications.texts import fields_in_words, notice_text, texts
from broker.platform.system import real_system
from broker.settings import NotificationSettings, SmtpSettings
from broker.wiring.notifier import build_notifier
from tests.support.certificates import Authority
from tests.support.configuration import prepared

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


def test_no_notice_carries_a_link_or_says_how_a_case_was_decided() -> None:
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


# --- a mail server ---


@dataclass
class MailServer:
    """As much of a mail server as submission needs (RFC 5321, 3207, 4954), under TLS or without it."""

    context: ssl.SSLContext | None
    starttls: bool = True
    refuse: bool = False
    port: int = 0
    heard: list[str] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One conversation."""
        secure = False
        writer.write(b"220 mail.test\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.split()[0].upper()
            self.heard.append(line if verb != "AUTH" else f"AUTH secure={secure}")
            if verb == "EHLO":
                offer = b"250-STARTTLS\r\n" if self.starttls and not secure else b"250-AUTH PLAIN\r\n"
                writer.write(b"250-mail.test\r\n" + offer + b"250 8BITMIME\r\n")
            elif verb == "STARTTLS" and self.context is not None:
                writer.write(b"220 go on\r\n")
                await writer.drain()
                await writer.start_tls(self.context)
                secure = True
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                self.taken.append(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 taken\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(
                    b"550 no\r\n"
                    if self.refuse and verb == "RCPT"
                    else b"235 yes\r\n"
                    if verb == "AUTH"
                    else b"250 yes\r\n"
                )
            await writer.drain()
        writer.close()


@pytest.fixture
async def mail_server(authority: Authority) -> AsyncIterator[MailServer]:
    """A mail server for localhost that offers STARTTLS."""
    certificate = authority.certificate("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.chain, certificate.key)
    server = MailServer(context)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


def mail(server: MailServer, authority: Authority) -> SmtpNotifier:
    """A carrier that trusts the tests' authority."""
    return SmtpNotifier(
        "localhost", "Help <noreply@broker.example>", server.port, "portico", "secret", authority.trust()
    )


async def test_a_mail_goes_out_under_tls_with_the_password_never_in_the_clear(
    mail_server: MailServer, authority: Authority
) -> None:
    await mail(mail_server, authority).deliver(replace(NOTICE, language="cy"))
    assert "AUTH secure=True" in mail_server.heard
    assert b"\r\nMessage-ID: <n1@broker.example>\r\n" in mail_server.taken[0]
    message = message_from_bytes(mail_server.taken[0], policy=default)
    assert (message["To"], message["Subject"]) == ("ada@example.org", "Eich cod")
    assert message["Content-Language"] == "cy"
    assert "123456" in message.get_content()


async def test_nothing_is_sent_to_a_server_that_offers_no_tls(mail_server: MailServer, authority: Authority) -> None:
    mail_server.starttls = False
    with pytest.raises(DeliveryFailed):
        await mail(mail_server, authority).deliver(NOTICE)
    assert mail_server.taken == []
    assert not any(line.startswith("AUTH") for line in mail_server.heard)


async def test_nothing_is_sent_to_a_server_that_is_not_the_one(mail_server: MailServer) -> None:
    stranger = SmtpNotifier("localhost", "noreply@broker.example", mail_server.port)
    with pytest.raises(DeliveryFailed, match="SSLCertVerificationError"):
        await stranger.deliver(NOTICE)
    assert mail_server.taken == []


async def test_an_undeliverable_notification_raises_delivery_failed(
    mail_server: MailServer, authority: Authority
) -> None:
    carrier = mail(mail_server, authority)
    with pytest.raises(DeliveryFailed):
        await carrier.deliver(replace(NOTICE, way="phone"))
    with pytest.raises(DeliveryFailed):
        await carrier.deliver(replace(NOTICE, address="ada@example.org\r\nBcc: eve@example.org"))
    mail_server.refuse = True
    with pytest.raises(DeliveryFailed) as caught:
        await carrier.deliver(NOTICE)
    assert "ada" not in caught.value.detail
    assert mail_server.taken == []


async def test_a_mail_to_an_international_domain_goes_out_in_ascii(
    mail_server: MailServer, authority: Authority
) -> None:
    """A case of an older release may still hold the domain as it was typed."""
    for typed in ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"):
        await mail(mail_server, authority).deliver(replace(NOTICE, address=typed))
    assert [line for line in mail_server.heard if line.startswith("rcpt")] == [
        "rcpt TO:<ada@xn--bcher-kva.example>"
    ] * 2
    assert {message_from_bytes(taken, policy=default)["To"] for taken in mail_server.taken} == {
        "ada@xn--bcher-kva.example"
    }


async def test_a_delivery_error_does_not_contain_the_address(mail_server: MailServer, authority: Authority) -> None:
    with pytest.raises(DeliveryFailed) as caught:
        await mail(mail_server, authority).deliver(replace(NOTICE, address="j\u00f6rg@example.org"))
    assert caught.value.detail == "mail cannot be sent to this address"
    assert mail_server.taken == []


def test_sender_and_mail_server_at_international_domains_are_written_in_ascii(tmp_path: Path) -> None:
    smtp = SmtpSettings("mail.b\u00fccher.example", "noreply@b\u00fccher.example")
    broker = prepared(tmp_path).settings().broker
    made = build_notifier(replace(broker, notifications=NotificationSettings(smtp=smtp)))
    assert isinstance(made, SmtpNotifier)
    assert (made.host, made.sender) == ("mail.xn--bcher-kva.example", "noreply@xn--bcher-kva.example")

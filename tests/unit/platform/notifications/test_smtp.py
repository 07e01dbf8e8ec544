"""Mails through aiosmtpd, a mail server that knows nothing of the broker."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from broker.model.notification import DeliveryFailed
from broker.platform.notifications.smtp import CONNECTIONS, SmtpNotifier
from broker.settings import SmtpSettings
from broker.wiring.notifiers import smtp_notifier
from tests.support.certificates import Authority
from tests.unit.platform.notifications.test_notices import NOTICE, ZONE


@dataclass
class MailServer:
    """What the server answers, and what it took. `hold` keeps each message waiting until it is set."""

    recipient: str = "250 OK"
    data: str = "250 taken"
    password: bytes = b"secret"
    port: int = 0
    logins: list[bool] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    taken: list[Message] = field(default_factory=list)
    hold: asyncio.Event | None = None
    at_once: int = 0
    most: int = 0

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _: Any) -> str:  # noqa: N802
        """Answers RCPT TO."""
        self.recipients.append(address)
        envelope.rcpt_tos.append(address)
        return self.recipient.format(address=address)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Takes a message."""
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        if self.hold is not None:
            await self.hold.wait()
        self.at_once -= 1
        assert isinstance(envelope.content, bytes)
        self.taken.append(message_from_bytes(envelope.content, policy=default))
        return self.data

    def login(self, _server: SMTP, session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
        """Compares a password."""
        self.logins.append(session.ssl is not None)
        assert isinstance(given, LoginPassword)
        return AuthResult(success=given.login == b"portico" and given.password == self.password, handled=False)


def tls(authority: Authority) -> ssl.SSLContext:
    """The TLS context of a server for localhost."""
    certificate = authority.certificate("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.chain, certificate.key)
    return context


@pytest.fixture
async def mail_server(authority: Authority) -> AsyncIterator[MailServer]:
    """A mail server for localhost that requires STARTTLS and a password."""
    server, context = MailServer(), tls(authority)

    def connection() -> SMTP:
        return SMTP(server, tls_context=context, require_starttls=True, auth_required=True, authenticator=server.login)

    listening = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


def mail(server: MailServer, authority: Authority) -> SmtpNotifier:
    """A notifier that trusts the tests' authority."""
    return SmtpNotifier(
        "localhost", "Help <noreply@broker.example>", server.port, "portico", "secret", authority.trust(), ZONE
    )


async def test_a_mail_goes_out_under_tls_with_the_password_never_in_the_clear(
    mail_server: MailServer, authority: Authority
) -> None:
    await mail(mail_server, authority).deliver(replace(NOTICE, language="cy"))
    assert mail_server.logins == [True]
    [message] = mail_server.taken
    assert (message["To"], message["Subject"]) == ("ada@example.org", "Eich cod")
    assert (message["Content-Language"], message["Message-ID"]) == ("cy", "<n1@broker.example>")
    assert "123456" in str(message.get_payload(decode=True))


async def test_nothing_is_sent_to_a_server_that_offers_no_tls(authority: Authority) -> None:
    server = MailServer()
    listening = await asyncio.get_running_loop().create_server(lambda: SMTP(server), "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        with pytest.raises(DeliveryFailed) as caught:
            await mail(server, authority).deliver(NOTICE)
    assert not caught.value.permanent
    assert (server.taken, server.recipients, server.logins) == ([], [], [])


async def test_nothing_is_sent_to_a_server_that_is_not_the_one(mail_server: MailServer) -> None:
    stranger = SmtpNotifier("localhost", "noreply@broker.example", mail_server.port)
    with pytest.raises(DeliveryFailed):
        await stranger.deliver(NOTICE)
    assert (mail_server.taken, mail_server.recipients) == ([], [])


@pytest.mark.parametrize(
    ("recipient", "data", "password", "permanent", "detail"),
    [
        ("550 5.1.1 no such person {address}", "250 taken", b"secret", True, "SMTPRecipientRefused 550"),
        ("450 4.2.1 {address} is greylisted", "250 taken", b"secret", False, "SMTPRecipientRefused 450"),
        ("250 OK", "554 5.7.1 refused", b"secret", True, "SMTPDataError 554"),
        ("250 OK", "451 4.3.0 later", b"secret", False, "SMTPDataError 451"),
        ("250 OK", "250 taken", b"another", False, "SMTPAuthenticationError 535"),
    ],
)
async def test_a_permanent_refusal_is_told_from_a_temporary_one(
    mail_server: MailServer,
    authority: Authority,
    recipient: str,
    data: str,
    password: bytes,
    permanent: bool,  # noqa: FBT001
    detail: str,
) -> None:
    mail_server.recipient, mail_server.data, mail_server.password = recipient, data, password
    with pytest.raises(DeliveryFailed) as caught:
        await mail(mail_server, authority).deliver(NOTICE)
    assert (caught.value.permanent, caught.value.detail) == (permanent, detail)


@pytest.mark.parametrize("address", ["ada@example.org\r\nBcc: eve@example.org", "jörg@example.org"])
async def test_an_address_that_mail_cannot_reach_is_refused_without_a_word_of_it(
    mail_server: MailServer, authority: Authority, address: str
) -> None:
    with pytest.raises(DeliveryFailed) as caught:
        await mail(mail_server, authority).deliver(replace(NOTICE, address=address))
    assert (caught.value.permanent, caught.value.detail) == (True, "mail cannot be sent to this address")
    assert mail_server.recipients == []


async def test_a_mail_to_an_international_domain_goes_out_in_ascii(
    mail_server: MailServer, authority: Authority
) -> None:
    """A case of an older release may still hold the domain as it was typed."""
    for typed in ("ada@bücher.example", "ada@xn--bcher-kva.example"):
        await mail(mail_server, authority).deliver(replace(NOTICE, address=typed))
    assert mail_server.recipients == ["ada@xn--bcher-kva.example"] * 2
    assert {message["To"] for message in mail_server.taken} == {"ada@xn--bcher-kva.example"}


async def test_a_cancelled_delivery_leaves_no_connection_and_no_thread(
    mail_server: MailServer, authority: Authority
) -> None:
    mail_server.hold = asyncio.Event()
    notifier = mail(mail_server, authority)
    waiting = [asyncio.create_task(notifier.deliver(replace(NOTICE, id=f"n{number}"))) for number in range(10)]
    while mail_server.at_once < CONNECTIONS:
        await asyncio.sleep(0.01)
    for task in waiting[:5]:
        task.cancel()
    await asyncio.gather(*waiting[:5], return_exceptions=True)
    mail_server.hold.set()
    await asyncio.gather(*waiting[5:])
    assert mail_server.most <= 2 * CONNECTIONS
    assert {message["Message-ID"] for message in mail_server.taken} >= {f"<n{n}@broker.example>" for n in range(5, 10)}


async def test_the_connection_check_signs_in_and_sends_nothing(mail_server: MailServer, authority: Authority) -> None:
    await mail(mail_server, authority).greet()
    assert (mail_server.logins, mail_server.recipients) == ([True], [])
    mail_server.password = b"another"
    with pytest.raises(DeliveryFailed, match="535"):
        await mail(mail_server, authority).greet()


def test_sender_and_mail_server_at_international_domains_are_written_in_ascii() -> None:
    made = smtp_notifier(SmtpSettings("mail.b\u00fccher.example", "noreply@b\u00fccher.example"), ZONE)
    assert (made.host, made.sender) == ("mail.xn--bcher-kva.example", "noreply@xn--bcher-kva.example")

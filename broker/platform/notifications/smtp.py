"""SMTP notifier for production: notifications are sent through an SMTP server, always with TLS."""

import asyncio
import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from email.message import EmailMessage
from email.utils import formatdate, parseaddr

from broker.model.notification import DeliveryFailed, Notification
from broker.normalize.email import sendable
from broker.platform.notifications.texts import notice_text

TIMEOUT = 15.0
"""Timeout in seconds of each SMTP step."""

IMPLICIT_TLS = 465
"""The port of implicit TLS (RFC 8314 3.3); on every other port STARTTLS is required."""


@dataclass(frozen=True, slots=True)
class SmtpNotifier:
    """Sends by SMTP submission (RFC 6409). `password` belongs to `user`."""

    host: str
    sender: str
    port: int = 587
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)
    zone: tzinfo = UTC

    @property
    def contact_methods(self) -> frozenset[str]:
        """Supports email only."""
        return frozenset({"email"})

    async def greet(self) -> None:
        """Authenticates at the SMTP server, and sends nothing. Raises DeliveryFailed with the reason."""
        try:
            await asyncio.to_thread(self._send, None)
        except (OSError, smtplib.SMTPException, ValueError) as fault:
            raise DeliveryFailed(f"{type(fault).__name__}: {fault}") from fault

    async def deliver(self, notice: Notification) -> None:
        """Sends the message to the SMTP server. Raises DeliveryFailed."""
        if notice.way not in self.contact_methods:
            raise DeliveryFailed(f"an SMTP server cannot deliver by {notice.way}")
        address = sendable(notice.address)
        if address is None:
            raise DeliveryFailed("mail cannot be sent to this address")
        try:
            await asyncio.to_thread(self._send, self._message(notice, address))
        except (OSError, smtplib.SMTPException, ValueError) as fault:
            raise DeliveryFailed(type(fault).__name__) from fault

    def _message(self, notice: Notification, address: str) -> EmailMessage:
        said = notice_text(notice, self.zone)
        message = EmailMessage()
        message.set_content(said.text)
        message["From"], message["To"], message["Subject"] = self.sender, address, said.subject
        message["Date"] = formatdate(notice.created)
        message["Message-ID"] = f"<{notice.id}@{parseaddr(self.sender)[1].partition('@')[2]}>"
        message["Content-Language"] = notice.language
        message["Auto-Submitted"] = "auto-generated"
        return message

    def _send(self, message: EmailMessage | None) -> None:
        if self.port == IMPLICIT_TLS:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=self.trust)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)
        with server:
            if self.port != IMPLICIT_TLS:
                server.starttls(context=self.trust)
            if self.user is not None:
                server.login(self.user, self.password or "")
            if message is None:
                server.noop()
            else:
                server.send_message(message)

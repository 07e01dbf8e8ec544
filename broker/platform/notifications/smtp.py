"""SMTP notifier for production: notifications are sent through an SMTP server, always with TLS."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Final

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from broker.model.notification import DeliveryFailed, Notification
from broker.normalize.email import sendable
from broker.platform.notifications.texts import notice_text

TIMEOUT: Final = 15.0
"""Timeout in seconds of one message."""

QUIT_TIMEOUT: Final = 2.0
"""Timeout in seconds of the good-bye, when the server has the message already."""

CONNECTIONS: Final = 4
"""Connections to the server at a time."""

IMPLICIT_TLS: Final = 465
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
    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS), repr=False, compare=False)

    async def greet(self) -> None:
        """Authenticates at the SMTP server, and sends nothing. Raises DeliveryFailed with the reason."""
        try:
            await self._send(None)
        except (OSError, SMTPException, ValueError) as fault:
            raise DeliveryFailed(f"{type(fault).__name__}: {fault}") from fault

    async def deliver(self, notice: Notification) -> None:
        """Sends the message to the SMTP server. Raises DeliveryFailed.

        A refusal of this recipient or of this message (5xx) is permanent. A server that refuses the broker's sender or
        password may accept the message once an operator has corrected that.
        """
        address = sendable(notice.address)
        if address is None:
            raise DeliveryFailed("mail cannot be sent to this address", permanent=True)
        try:
            await self._send(self._message(notice, address))
        except (OSError, SMTPException, ValueError) as fault:
            raise _failure(fault) from fault

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

    async def _send(self, message: EmailMessage | None) -> None:
        implicit = self.port == IMPLICIT_TLS
        async with self.free, asyncio.timeout(TIMEOUT):
            server = SMTP(
                hostname=self.host,
                port=self.port,
                username=self.user,
                password=self.password or "" if self.user is not None else None,
                use_tls=implicit,
                start_tls=not implicit,
                tls_context=self.trust,
                timeout=TIMEOUT,
            )
            # not `async with server`: it waits for the answer to QUIT also when it is cancelled
            try:
                await server.connect()
                if message is None:
                    await server.noop()
                else:
                    await server.send_message(message)
                with suppress(SMTPException):
                    await server.quit(timeout=QUIT_TIMEOUT)
            finally:
                server.close()


def _failure(fault: OSError | SMTPException | ValueError) -> DeliveryFailed:
    """The failure without the server's own words, which may contain the address."""
    if isinstance(fault, SMTPRecipientsRefused):
        fault = fault.recipients[0]
    if not isinstance(fault, SMTPResponseException):
        return DeliveryFailed(type(fault).__name__)
    permanent = isinstance(fault, SMTPRecipientRefused | SMTPDataError) and fault.code >= 500
    return DeliveryFailed(f"{type(fault).__name__} {fault.code}", permanent=permanent)

"""Schema of `[notifications]` in broker.toml."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from broker.platform.toml_loader import Range


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """SMTP server for notifications."""

    host: str
    """Host name."""
    sender: str
    """Sender address. Its domain may contain letters of any script (IDNA 2008)."""
    port: Annotated[int, Range(1, 65535)] = 587
    """587 for STARTTLS, 465 for TLS from the start."""
    user: str | None = None
    """User name, if the server requires authentication."""
    password_file: Path | None = None
    """The file that holds the password and nothing else."""


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """Delivery of confirmation codes and messages to citizens: exactly one of the two."""

    outbox: Path | None = None
    """Development: a file to which notifications are appended, for the inbox page. Nothing is sent."""
    smtp: SmtpSettings | None = None
    """Production: an SMTP server. STARTTLS or TLS is required."""

"""What broker.toml may say about notices to citizens: `[notifications]`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from broker.platform.toml_loader import Range


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """A mail server that takes notices."""

    host: str
    """Its name."""
    sender: str
    """The address that notices come from. Its domain may have letters of any script (IDNA 2008)."""
    port: Annotated[int, Range(1, 65535)] = 587
    """587 for STARTTLS, 465 for TLS from the start."""
    user: str | None = None
    """The name to sign in with, if the server wants one."""
    password_file: Path | None = None
    """The file that holds the password and nothing else."""


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """How confirmation codes and messages reach citizens: exactly one of the two."""

    outbox: Path | None = None
    """Development: a file that notices are appended to, for the inbox page. Nothing is sent."""
    smtp: SmtpSettings | None = None
    """Production: a mail server. STARTTLS or TLS is always demanded."""

"""Schema of the table [notifications]: how confirmation codes and messages reach citizens."""

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
class NotifySettings:
    """GOV.UK Notify, which sends mails, text messages and letters from templates."""

    key_file: Path
    """The file that holds the API key and nothing else."""
    templates: Path
    """The file of template ids (TOML): a table for each way (`email`, `text`, `letter`) with a table for each kind of
    message, which names the template of each language. Notify is used for the ways that it lists. `portico notices
    templates` prints the texts to paste, and `portico check --connect` compares the templates with them."""
    url: str = "https://api.notifications.service.gov.uk"
    """Origin of the API."""
    receipts_token_file: Path | None = None
    """The file with the bearer token of Notify's delivery receipts. With it the broker takes them at
    `/notifications/receipts`, and staff see what did not arrive. Left out: receipts are not taken."""


@dataclass(frozen=True, slots=True)
class TextGatewaySettings:
    """A gateway for text messages: it takes a POST of `{"to", "text", "reference", "sender"}` as JSON."""

    url: str
    """URL of the gateway."""
    authorization_file: Path | None = None
    """The file that holds the value of the header `Authorization`, such as `Bearer ...`, and nothing else."""
    sender: str = ""
    """The sender that the telephone shows, if the gateway takes one."""


@dataclass(frozen=True, slots=True)
class LetterGatewaySettings:
    """A print service: it takes a POST of `{"to", "subject", "text", "language", "reference"}` as JSON. `to` are the
    lines of the address."""

    url: str
    """URL of the print service."""
    authorization_file: Path | None = None
    """The file that holds the value of the header `Authorization`, such as `Bearer ...`, and nothing else."""


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """Delivery of confirmation codes and messages to citizens: by mail through `smtp` or `notify`, by text message
    through `notify` or `text_gateway`, by letter through `notify` or `letter_gateway`, or posted by staff."""

    outbox: Path | None = None
    """Development: a folder in which each notification becomes a file, for the inbox page. Nothing is sent, except
    letters if there is a print service."""
    smtp: SmtpSettings | None = None
    """Mails: an SMTP server. STARTTLS or TLS is required."""
    notify: NotifySettings | None = None
    """Mails, text messages or letters: GOV.UK Notify."""
    text_gateway: TextGatewaySettings | None = None
    """Text messages: a gateway."""
    letter_gateway: LetterGatewaySettings | None = None
    """Letters: a print service."""
    print_letters: bool = False
    """Letters: staff print them in the console (`/letters`), post them and say so. A person with a part in a case
    cannot open its letters."""

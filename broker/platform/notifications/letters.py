"""Letters: through any print service that takes a JSON object, or printed and posted by staff."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Final

from broker.model.notification import DeliveryFailed, Notification
from broker.platform.http_client import HttpClient
from broker.platform.notifications.http_answers import check_answer
from broker.platform.notifications.texts import notice_text, text_language
from broker.platform.system import System

ADDRESS_LINES: Final = range(3, 8)
"""Lines of a letter's address."""


def address_lines(notice: Notification) -> list[str]:
    """The lines of a letter's address. Raises DeliveryFailed if it is no address to which a letter can be sent."""
    lines = [line.strip() for line in notice.address.splitlines() if line.strip()]
    if len(lines) not in ADDRESS_LINES:
        raise DeliveryFailed("a letter needs an address of three to seven lines", permanent=True)
    return lines


@dataclass(frozen=True, slots=True)
class LetterGateway:
    """Posts `{"to", "subject", "text", "language", "reference"}` to the print service's URL; `to` are the lines of the
    address.

    `authorization` is the value of the header Authorization. The reference is the notification's id: a print service
    that remembers references prints a repeated one once.
    """

    url: str
    client: HttpClient
    system: System
    authorization: str | None = field(default=None, repr=False)
    zone: tzinfo = field(default=UTC)

    async def deliver(self, notice: Notification) -> None:
        """Hands a letter to the print service. Raises DeliveryFailed."""
        said = notice_text(notice, self.zone)
        body = {
            "to": address_lines(notice),
            "subject": said.subject,
            "text": said.text,
            "language": text_language(notice),
            "reference": notice.id,
        }
        headers: Mapping[str, str] = {} if self.authorization is None else {"Authorization": self.authorization}
        check_answer(await self.client.post_json(self.url, body, headers), self.system.now())


class PrintedByStaff:
    """Letters that staff print in the console, and mark as posted. No program sends them."""

    async def deliver(self, _notice: Notification) -> None:
        """Raises DeliveryFailed: a person posts the letter."""
        raise DeliveryFailed("staff print and post letters")

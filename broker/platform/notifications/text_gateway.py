"""Text messages through any HTTP gateway that takes a JSON object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from broker.model.notification import Notification
from broker.platform.http_client import HttpClient
from broker.platform.notifications.http_answers import check_answer
from broker.platform.notifications.texts import notice_text
from broker.platform.system import System


@dataclass(frozen=True, slots=True)
class TextGateway:
    """Posts `{"to", "text", "reference"}`, and `sender` if there is one, to the gateway's URL.

    `authorization` is the value of the header Authorization. The reference is the notification's id: a gateway that
    remembers references sends a repeated one once.
    """

    url: str
    client: HttpClient
    system: System
    sender: str = ""
    authorization: str | None = field(default=None, repr=False)
    zone: tzinfo = field(default=UTC)

    async def deliver(self, notice: Notification) -> None:
        """Hands a text message to the gateway. Raises DeliveryFailed."""
        body = {"to": notice.address, "text": notice_text(notice, self.zone).message, "reference": notice.id}
        sender = {"sender": self.sender} if self.sender else {}
        headers: Mapping[str, str] = {} if self.authorization is None else {"Authorization": self.authorization}
        check_answer(await self.client.post_json(self.url, {**body, **sender}, headers), self.system.now())

"""Notification to a citizen: kind, address, language and fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class NotificationKind(StrEnum):
    """Closed set of notifications."""

    CODE = "code"
    RESULT = "result"
    MORE_NEEDED = "more_needed"
    CHECKED = "checked"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Recipient of a notification: `way` is "email" or "phone", with the address and the language (BCP 47)."""

    way: str
    address: str
    language: str


@dataclass(frozen=True, slots=True)
class Notification:
    """Notification to send. `way` is "email" or "phone"; `fields` fill the text of its kind.

    Address and fields are personal data and may contain a confirmation code: the outbox stores them encrypted and
    erases them once the notification was sent or `expires` (seconds since 1970 UTC) has passed. `tries` counts the
    attempts begun.
    """

    id: str
    kind: NotificationKind
    way: str
    address: str
    language: str
    created: float
    expires: float
    fields: Mapping[str, str] = field(default_factory=dict)
    case: str | None = None
    tries: int = 0


class DeliveryFailed(Exception):
    """Attempt to send a notification failed. `detail` is for operators and contains no address and no code."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

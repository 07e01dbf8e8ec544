"""A notice to a citizen: what is to be said, to whom, in which language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class NotificationKind(StrEnum):
    """The closed set of what is sent."""

    CODE = "code"
    RESULT = "result"
    MORE_NEEDED = "more_needed"
    CHECKED = "checked"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class Notification:
    """One message that has to go out. `way` is "email" or "phone", `fields` fill the text of its kind.

    The address and the fields are personal (a confirmation code stands among them): an outbox keeps them sealed and
    erases them once the message went out or `expires` (seconds since 1970 UTC) has passed.
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


class DeliveryFailed(Exception):
    """A notice did not go out this time. `detail` is for operators: no address, no code."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

"""Notification to a citizen: kind, address, language and fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from broker.model import handle as handles
from broker.platform.system import System


class NotificationKind(StrEnum):
    """Closed set of notifications."""

    CODE = "code"
    ASKED = "asked"
    SCHEDULED = "scheduled"
    REMINDER = "reminder"
    MISSED = "missed"
    CLOSING = "closing"
    CLOSED = "closed"
    ADDRESS_REMOVED = "address_removed"
    RESULT = "result"
    MORE_NEEDED = "more_needed"
    NEW_LOOK = "new_look"
    CHECKED = "checked"
    FROZEN = "frozen"
    KEPT_ENDING = "kept_ending"
    REBIND = "rebind"
    REBIND_STOPPED = "rebind_stopped"
    QUESTION = "question"
    MESSAGE = "message"


class FieldType(StrEnum):
    """How a field is rendered.

    TEXT: as it is. DURATION: whole seconds, in words. MOMENT: seconds since 1970 UTC, as date and time in the time zone
    of the service.
    """

    TEXT = "text"
    DURATION = "duration"
    MOMENT = "moment"


_CASE: Final = {"reference": FieldType.TEXT}
_HELP: Final = {"contact": FieldType.TEXT}

FIELDS: Final[Mapping[NotificationKind, Mapping[str, FieldType]]] = MappingProxyType(
    {
        NotificationKind.CODE: _CASE | {"code": FieldType.TEXT, "life": FieldType.DURATION},
        NotificationKind.ASKED: _CASE,
        NotificationKind.SCHEDULED: _CASE | {"begins": FieldType.MOMENT, "place": FieldType.TEXT},
        NotificationKind.REMINDER: _CASE | {"begins": FieldType.MOMENT, "place": FieldType.TEXT},
        NotificationKind.MISSED: _CASE,
        NotificationKind.CLOSING: _CASE | {"ends": FieldType.MOMENT},
        NotificationKind.CLOSED: _CASE,
        NotificationKind.ADDRESS_REMOVED: _CASE | _HELP | {"address": FieldType.TEXT},
        NotificationKind.RESULT: _CASE,
        NotificationKind.MORE_NEEDED: _CASE,
        NotificationKind.NEW_LOOK: _CASE,
        NotificationKind.CHECKED: _CASE
        | _HELP
        | {"service": FieldType.TEXT, "time": FieldType.MOMENT, "link": FieldType.TEXT},
        NotificationKind.FROZEN: _CASE | _HELP | {"time": FieldType.MOMENT},
        NotificationKind.KEPT_ENDING: {"ends": FieldType.MOMENT, "address": FieldType.TEXT},
        NotificationKind.MESSAGE: {"text": FieldType.TEXT},
        NotificationKind.REBIND: _CASE | _HELP | {"starts": FieldType.MOMENT, "link": FieldType.TEXT},
        NotificationKind.REBIND_STOPPED: _CASE | _HELP | {"time": FieldType.MOMENT},
        NotificationKind.QUESTION: {
            "service": FieldType.TEXT,
            "message": FieldType.TEXT,
            "address": FieldType.TEXT,
            "code": FieldType.TEXT,
            "life": FieldType.DURATION,
        },
    }
)
"""The fields that a notification of a kind needs, all of them and no other."""


WARNINGS: Final = frozenset(
    {
        NotificationKind.ADDRESS_REMOVED,
        NotificationKind.CHECKED,
        NotificationKind.FROZEN,
        NotificationKind.KEPT_ENDING,
    }
)
"""Kinds that warn a person of what is done with their identity: they are never withdrawn."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Recipient of a notification: `way` is "email", "phone" (a text message) or "post", with the address and the
    language (BCP 47).
    """

    way: str
    address: str
    language: str


@dataclass(frozen=True, slots=True)
class Notification:
    """Notification to send. `way`, `address` and `language` are those of `Recipient`; `fields` fill the text of its
    kind (`FIELDS`).

    Address and fields are personal data and may contain a confirmation code: the outbox stores them encrypted and
    erases them once the notification was sent or `expires` (seconds since 1970 UTC) has passed. It is not sent before
    `not_before`. `tries` counts the attempts begun.
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
    not_before: float | None = None


class NoticeStatus(StrEnum):
    """What became of a notification. SENT: a server took it. DELIVERED: a receipt says that it arrived.

    UNDELIVERED: it was refused for good, or expired before a server took it, or a receipt says that it did not arrive.
    WITHDRAWN: a member of staff withdrew it, or its reason ended, before it was sent.
    """

    WAITING = "waiting"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class NoticeRecord:
    """A notification without its content, as staff see it. `kind` is None for one of an earlier release.

    `withdrawable` says that it waits, is not being sent, and may be withdrawn.
    """

    id: str
    kind: NotificationKind | None
    way: str
    case: str | None
    created: float
    sent: float | None
    status: NoticeStatus
    withdrawable: bool = False


@dataclass(frozen=True, slots=True)
class NoticeTimes:
    """When a notification may be sent: until `expires`, and not before `not_before` (seconds since 1970 UTC)."""

    expires: float
    not_before: float | None = None


def new_notification(
    system: System,
    kind: NotificationKind,
    recipient: Recipient,
    times: NoticeTimes,
    fields: Mapping[str, str | float],
    case: str | None = None,
) -> Notification:
    """Returns a notification with a new id. Durations and moments are numbers of seconds.

    Raises ValueError if a field of the kind is missing or unknown.
    """
    if fields.keys() != FIELDS[kind].keys():
        raise ValueError(f"{kind} needs {sorted(FIELDS[kind])}, not {sorted(fields)}")
    return Notification(
        id=handles.new_handle(system, size=16),
        kind=kind,
        way=recipient.way,
        address=recipient.address,
        language=recipient.language,
        created=system.now(),
        expires=times.expires,
        fields={name: value if isinstance(value, str) else str(int(value)) for name, value in fields.items()},
        case=case,
        not_before=times.not_before,
    )


class DeliveryFailed(Exception):
    """Attempt to send a notification failed. `detail` is for operators and contains no address and no code.

    `permanent`: the receiving side refuses this notification, and would refuse it again. `retry_after` (seconds) is
    how long the receiving side asks to be left alone; 0 if it did not say.
    """

    def __init__(self, detail: str, *, permanent: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(detail)
        self.detail = detail
        self.permanent = permanent
        self.retry_after = retry_after

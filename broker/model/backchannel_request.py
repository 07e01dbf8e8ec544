"""Backchannel authentication request: the citizen confirms on their own device (OpenID CIBA Core 1.0).

A service sends one to the backchannel authentication endpoint; support staff send one for a verification case.
"""

from dataclasses import dataclass
from enum import StrEnum

from broker.model.assurance import Level


class BackchannelState(StrEnum):
    """States of a backchannel request. All except WAITING are final; an expired request stays in WAITING."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    OTHER_PERSON = "other_person"


@dataclass(frozen=True, slots=True)
class BackchannelRequestRef:
    """Reference from the transaction in which the citizen answers to its backchannel request.

    `message` is the binding message, displayed on both devices.
    """

    id: str
    message: str | None = None
    case: str | None = None


@dataclass(frozen=True, slots=True)
class BackchannelRequest:
    """Backchannel request. Times are seconds since 1970 UTC.

    `id` is public. `handle` is the `auth_req_id` with which the service polls (empty for a request of staff); `code` is
    the user code that the citizen types in, as displayed. `account` and `subject` identify the only person who may
    answer; both are None for a request of staff, who identify the person by the verification case `case`. `token` is
    the `client_notification_token` of a service in ping mode.
    """

    id: str
    client_id: str
    created: float
    expires: float
    code: str
    minimum: Level
    scope: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    message: str | None = None
    handle: str = ""
    account: str | None = None
    subject: str | None = None
    case: str | None = None
    token: str | None = None
    state: BackchannelState = BackchannelState.WAITING

    def is_pending(self, now: float) -> bool:
        """Whether the request can still be answered."""
        return self.state is BackchannelState.WAITING and now < self.expires


@dataclass(frozen=True, slots=True)
class PollResult:
    """Result of a poll: the state of the request, its expiry, and whether the poll came before the interval
    was over.
    """

    state: BackchannelState
    expires: float
    early: bool


@dataclass(frozen=True, slots=True)
class PingNotification:
    """Ping to send to a service: `handle` is the `auth_req_id`, `token` its bearer token (CIBA Core 1.0, 10.2).

    `tries` counts the attempts begun. A ping does not expire: tokens may be fetched for some time after the request
    expired, if the citizen confirmed just before.
    """

    id: str
    client_id: str
    handle: str
    token: str
    tries: int = 0
    expires: None = None

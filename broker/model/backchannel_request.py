"""A question that a citizen answers on a device of their own, away from whoever asks (OpenID CIBA Core 1.0).

A service asks with a backchannel authentication request; support staff ask for the sake of a verification case.
"""

from dataclasses import dataclass
from enum import StrEnum

from broker.model.assurance import Level


class BackchannelState(StrEnum):
    """How a question stands. Nothing leads back to WAITING; one whose time is over stays there, and is dead."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    OTHER_PERSON = "other_person"


@dataclass(frozen=True, slots=True)
class BackchannelRequestRef:
    """A question as the transaction carries it in which the citizen answers. `message` is shown on both sides."""

    id: str
    message: str | None = None
    case: str | None = None


@dataclass(frozen=True, slots=True)
class BackchannelRequest:
    """Everything about one question. Times are seconds since 1970 UTC.

    `id` is public. `handle` is the `auth_req_id` that the asking service polls with (empty where staff ask), `code`
    what the citizen types in, as they read it. `account` and `subject` say who alone may answer; both are None where
    staff ask, who know the person by the verification case `case`. `token` is the `client_notification_token` of a
    service that wants to be pinged.
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
        """Whether it can still be answered."""
        return self.state is BackchannelState.WAITING and now < self.expires


@dataclass(frozen=True, slots=True)
class PollResult:
    """What a poll found: how the question stands, until when, and whether the poll came too early."""

    state: BackchannelState
    expires: float
    early: bool


@dataclass(frozen=True, slots=True)
class PingNotification:
    """One notification to send: `handle` is the `auth_req_id`, `token` what it is sent with (CIBA Core 1.0, 10.2)."""

    id: str
    client_id: str
    handle: str
    token: str

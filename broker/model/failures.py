"""The failure taxonomy: every way a journey can go wrong, in one table.

Failure pages, the simulator's outcomes, the explainer at `error_uri`, audit reasons and metric labels come from here.
"""

from enum import StrEnum


class FailureClass(StrEnum):
    """The closed set of what can go wrong."""

    CANCELLED = "cancelled"
    DECLINED_SHARING = "declined_sharing"
    COULD_NOT_SIGN_IN = "could_not_sign_in"
    NOT_VERIFIED = "not_verified"
    LEVEL_TOO_LOW = "level_too_low"
    NO_ROUTE = "no_route"
    PAUSED = "paused"
    PROVIDER_DOWN = "provider_down"
    PROVIDER_BUSY = "provider_busy"
    TOOK_TOO_LONG = "took_too_long"
    UNSAFE_REPLY = "unsafe_reply"
    INCOMPLETE_REPLY = "incomplete_reply"
    BLOCKED_BY_YOU = "blocked_by_you"
    CANNOT_USE = "cannot_use"
    REQUEST_EXPIRED = "request_expired"
    LOST_PLACE = "lost_place"
    BAD_LINK = "bad_link"
    BAD_REQUEST = "bad_request"
    SILENT = "silent"
    HELP_WAITING = "help_waiting"
    HELP_DECLINED = "help_declined"
    HELP_EXPIRED = "help_expired"
    OVERLOADED = "overloaded"
    OUR_FAULT = "our_fault"
    SERVICE_OFF = "service_off"

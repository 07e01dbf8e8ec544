"""The failure taxonomy: every way a journey can go wrong, in one table.

Failure pages, the simulator's outcomes, the explainer at `error_uri`, audit reasons and metric labels come from here.
What a citizen reads stands in the language catalogues, keyed by class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


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
    CANNOT_USE = "cannot_use"
    WAY_CLOSED = "way_closed"
    NO_NEWCOMERS = "no_newcomers"
    ACCOUNT_OFF = "account_off"
    OTHER_ACCOUNT = "other_account"
    SESSION_ENDED = "session_ended"
    REQUEST_EXPIRED = "request_expired"
    LOST_PLACE = "lost_place"
    BAD_LINK = "bad_link"
    BAD_REQUEST = "bad_request"
    SILENT = "silent"
    HELP_WAITING = "help_waiting"
    HELP_DECLINED = "help_declined"
    HELP_EXPIRED = "help_expired"
    HELP_WITHDRAWN = "help_withdrawn"
    HELP_ELSEWHERE = "help_elsewhere"
    HELP_TOO_LOW = "help_too_low"
    HELP_REVOKED = "help_revoked"
    OVERLOADED = "overloaded"
    OUR_FAULT = "our_fault"
    SERVICE_OFF = "service_off"


class Origin(StrEnum):
    """Where a failure comes from. It says nothing of blame."""

    CITIZEN = "citizen"
    PROVIDER = "provider"
    HELP = "help"
    REQUEST = "request"
    BROKER = "broker"


class NextStep(StrEnum):
    """The closed set of what a citizen may be offered after a failure."""

    RETRY = "retry"
    """The same provider once more, from the start."""
    RESUME = "resume"
    """The same provider, where it was left off."""
    STEP_UP = "step_up"
    """The same provider, which can reach the level with more effort there."""
    ANOTHER = "another"
    """Another provider."""
    WHAT_YOU_HAVE = "what_you_have"
    """Say what one has at hand, and see what fits."""
    HELP = "help"
    """Be helped by a person."""
    STATUS = "status"
    """See how the open case stands."""
    CHANGE_HELP = "change_help"
    """Change what was arranged for the open case."""
    WITHDRAW = "withdraw"
    """Take the open case back."""
    LATER = "later"
    """Get a code and go on later."""
    USE_CODE = "use_code"
    """Go on with a code got earlier."""
    WHAT_AND_WHY = "what_and_why"
    """See what would be shared and why."""
    CONTACT = "contact"
    """Get in touch with the service."""
    CONTACT_PROVIDER = "contact_provider"
    """Get in touch with the provider."""
    OTHER_WAYS = "other_ways"
    """How the service can be reached without signing in."""
    START_AGAIN = "start_again"
    """Begin anew from the service."""
    HOME = "home"
    """The service's home page."""


class ErrorCode(StrEnum):
    """Registered error codes that a service may receive for a failure.

    RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6, and OpenID Connect Core Error Code unmet_authentication_requirements.
    """

    ACCESS_DENIED = "access_denied"
    SERVER_ERROR = "server_error"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    INVALID_REQUEST = "invalid_request"
    INVALID_SCOPE = "invalid_scope"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    INVALID_REQUEST_OBJECT = "invalid_request_object"
    INVALID_REQUEST_URI = "invalid_request_uri"
    REQUEST_NOT_SUPPORTED = "request_not_supported"
    REQUEST_URI_NOT_SUPPORTED = "request_uri_not_supported"
    REGISTRATION_NOT_SUPPORTED = "registration_not_supported"
    LOGIN_REQUIRED = "login_required"
    INTERACTION_REQUIRED = "interaction_required"
    CONSENT_REQUIRED = "consent_required"
    UNMET_AUTHENTICATION_REQUIREMENTS = "unmet_authentication_requirements"


@dataclass(frozen=True, slots=True)
class FailureSpec:
    """What holds for one class of failure.

    `reason` is the provider contract's word it comes from. `error` is what the service receives if the citizen leaves
    (None: the service is told nothing), `description` its public sentence, free of persons and providers; `kin` are
    codes that may stand in the place of `error` where the request says more. `next` is what may be offered, in the
    order of the page. `alarm` calls an operator: a log line at ERROR and a metric with an alert rule. `tries` is after
    how many such failures a provider is no longer offered in one transaction.
    """

    origin: Origin
    error: ErrorCode | None
    description: str = ""
    next: tuple[NextStep, ...] = ()
    reason: str | None = None
    alternative_errors: tuple[ErrorCode, ...] = ()
    page: bool = True
    alarm: bool = False
    tries: int | None = None


C, F, N, FROM = ErrorCode, FailureClass, NextStep, Origin

# fmt: off
FAILURES: Mapping[FailureClass, FailureSpec] = MappingProxyType({
    F.CANCELLED: FailureSpec(
        FROM.CITIZEN, C.ACCESS_DENIED, "The sign-in was not finished.",
        (N.RETRY, N.ANOTHER, N.HELP, N.LATER), reason="cancelled"),
    F.DECLINED_SHARING: FailureSpec(
        FROM.CITIZEN, C.ACCESS_DENIED, "The citizen chose not to share their details.",
        (N.WHAT_AND_WHY, N.RETRY, N.ANOTHER, N.OTHER_WAYS), reason="declined"),
    F.COULD_NOT_SIGN_IN: FailureSpec(
        FROM.CITIZEN, C.ACCESS_DENIED, "The citizen could not sign in.",
        (N.ANOTHER, N.RETRY, N.HELP, N.LATER), reason="not_recognised"),
    F.NOT_VERIFIED: FailureSpec(
        FROM.PROVIDER, C.ACCESS_DENIED, "The identity could not be confirmed.",
        (N.ANOTHER, N.WHAT_YOU_HAVE, N.HELP, N.OTHER_WAYS), reason="not_verified"),
    F.LEVEL_TOO_LOW: FailureSpec(
        FROM.PROVIDER, C.UNMET_AUTHENTICATION_REQUIREMENTS, "The level of assurance asked for was not reached.",
        (N.STEP_UP, N.ANOTHER, N.HELP, N.OTHER_WAYS), reason="too_weak"),
    F.NO_ROUTE: FailureSpec(
        FROM.REQUEST, C.UNMET_AUTHENTICATION_REQUIREMENTS, "Nothing on offer reaches the level of assurance asked for.",
        (N.HELP, N.OTHER_WAYS, N.CONTACT)),
    F.PAUSED: FailureSpec(
        FROM.PROVIDER, C.ACCESS_DENIED, "The sign-in is waiting for another step.",
        (N.RESUME, N.LATER, N.ANOTHER, N.HELP), reason="paused"),
    F.PROVIDER_DOWN: FailureSpec(
        FROM.PROVIDER, C.TEMPORARILY_UNAVAILABLE, "The chosen way to sign in is not working.",
        (N.RETRY, N.ANOTHER, N.HELP, N.LATER), reason="unavailable"),
    F.PROVIDER_BUSY: FailureSpec(
        FROM.PROVIDER, C.TEMPORARILY_UNAVAILABLE, "The chosen way to sign in is very busy.",
        (N.RETRY, N.ANOTHER, N.LATER), reason="busy"),
    F.TOOK_TOO_LONG: FailureSpec(
        FROM.CITIZEN, C.ACCESS_DENIED, "The sign-in took too long.",
        (N.RETRY, N.ANOTHER, N.HELP, N.LATER)),
    F.UNSAFE_REPLY: FailureSpec(
        FROM.PROVIDER, C.SERVER_ERROR, "A reply could not be trusted.",
        (N.RETRY, N.ANOTHER, N.HELP), reason="unsafe", alarm=True, tries=2),
    F.INCOMPLETE_REPLY: FailureSpec(
        FROM.PROVIDER, C.ACCESS_DENIED, "Details that the service needs are missing.",
        (N.RETRY, N.ANOTHER, N.HELP), reason="incomplete"),
    F.CANNOT_USE: FailureSpec(
        FROM.PROVIDER, C.ACCESS_DENIED, "This way to sign in cannot be used for the service.",
        (N.CONTACT_PROVIDER, N.ANOTHER, N.HELP), reason="suspended", tries=1),
    F.WAY_CLOSED: FailureSpec(
        FROM.BROKER, C.ACCESS_DENIED, "This way to sign in is no longer offered for the service.",
        (N.ANOTHER, N.HELP, N.OTHER_WAYS, N.CONTACT)),
    F.NO_NEWCOMERS: FailureSpec(
        FROM.BROKER, C.ACCESS_DENIED, "This way to sign in takes nobody new.",
        (N.ANOTHER, N.HELP, N.OTHER_WAYS)),
    F.ACCOUNT_OFF: FailureSpec(
        FROM.BROKER, C.ACCESS_DENIED, "The account cannot be used right now.",
        (N.OTHER_WAYS, N.CONTACT)),
    F.OTHER_ACCOUNT: FailureSpec(
        FROM.CITIZEN, C.ACCESS_DENIED, "Another account was asked for.",
        (N.RETRY, N.ANOTHER, N.HELP)),
    F.SESSION_ENDED: FailureSpec(
        FROM.CITIZEN, C.ACCESS_DENIED, "The earlier sign-in has ended.",
        (N.RETRY, N.ANOTHER, N.HELP, N.LATER)),
    F.REQUEST_EXPIRED: FailureSpec(
        FROM.REQUEST, C.ACCESS_DENIED, "The request has ended.",
        (N.START_AGAIN,)),
    F.LOST_PLACE: FailureSpec(
        FROM.REQUEST, C.ACCESS_DENIED, "The sign-in could not be continued in this browser.",
        (N.USE_CODE, N.START_AGAIN)),
    F.BAD_LINK: FailureSpec(
        FROM.REQUEST, None,
        next=(N.HOME,)),
    F.BAD_REQUEST: FailureSpec(
        FROM.REQUEST, C.INVALID_REQUEST, "The request is not valid.",
        alternative_errors=(C.INVALID_SCOPE, C.UNSUPPORTED_RESPONSE_TYPE, C.INVALID_REQUEST_OBJECT,
        C.INVALID_REQUEST_URI,
             C.REQUEST_NOT_SUPPORTED, C.REQUEST_URI_NOT_SUPPORTED, C.REGISTRATION_NOT_SUPPORTED,
             C.UNAUTHORIZED_CLIENT), page=False),
    F.SILENT: FailureSpec(
        FROM.REQUEST, C.LOGIN_REQUIRED, "The citizen has to take part.",
        alternative_errors=(C.INTERACTION_REQUIRED, C.CONSENT_REQUIRED, C.UNMET_AUTHENTICATION_REQUIREMENTS),
        page=False),
    F.HELP_WAITING: FailureSpec(
        FROM.HELP, C.ACCESS_DENIED, "The identity is being checked by a person.",
        (N.STATUS, N.CHANGE_HELP, N.WITHDRAW, N.ANOTHER, N.LATER)),
    F.HELP_DECLINED: FailureSpec(
        FROM.HELP, C.ACCESS_DENIED, "The identity could not be confirmed.",
        (N.ANOTHER, N.OTHER_WAYS, N.CONTACT)),
    F.HELP_EXPIRED: FailureSpec(
        FROM.HELP, C.ACCESS_DENIED, "The check by a person was not finished in time.",
        (N.HELP, N.ANOTHER, N.OTHER_WAYS)),
    F.HELP_WITHDRAWN: FailureSpec(
        FROM.HELP, C.ACCESS_DENIED, "The request for a check by a person was taken back.",
        (N.ANOTHER, N.HELP, N.LATER, N.OTHER_WAYS)),
    F.HELP_ELSEWHERE: FailureSpec(
        FROM.HELP, C.ACCESS_DENIED, "The check by a person goes on in another browser.",
        (N.USE_CODE, N.ANOTHER, N.OTHER_WAYS)),
    F.HELP_TOO_LOW: FailureSpec(
        FROM.HELP, C.UNMET_AUTHENTICATION_REQUIREMENTS, "The level of assurance asked for was not reached.",
        (N.ANOTHER, N.HELP, N.OTHER_WAYS)),
    F.HELP_REVOKED: FailureSpec(
        FROM.HELP, C.ACCESS_DENIED, "The confirmation of the identity was taken back.",
        (N.ANOTHER, N.OTHER_WAYS, N.CONTACT)),
    F.OVERLOADED: FailureSpec(
        FROM.BROKER, None,
        next=(N.OTHER_WAYS,)),
    F.OUR_FAULT: FailureSpec(
        FROM.BROKER, C.SERVER_ERROR, "Something went wrong here.",
        (N.RETRY, N.ANOTHER, N.HELP), alarm=True),
    F.SERVICE_OFF: FailureSpec(
        FROM.BROKER, C.UNAUTHORIZED_CLIENT, "The service cannot be used right now.",
        (N.CONTACT,)),
})
# fmt: on

_BY_REASON = MappingProxyType({kind.reason: failure for failure, kind in FAILURES.items() if kind.reason is not None})


def from_reason(reason: str) -> FailureClass:
    """The class of a failure whose reason a provider gave, by the word of the provider contract (`Reason`)."""
    return _BY_REASON[reason]

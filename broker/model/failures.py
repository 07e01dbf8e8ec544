"""Failure taxonomy: every way in which a journey can fail, in one table.

Failure pages, the simulator's outcomes, the pages at `error_uri`, audit reasons and metric labels use it. The texts for
citizens are in the language catalogues, keyed by class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class FailureClass(StrEnum):
    """Closed set of failures."""

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
    PASSKEY_UNUSABLE = "passkey_unusable"
    ACTING_FOR_ANOTHER = "acting_for_another"
    WAY_CLOSED = "way_closed"
    NO_NEWCOMERS = "no_newcomers"
    ACCOUNT_OFF = "account_off"
    SERVICE_REFUSED = "service_refused"
    WAY_STOPPED = "way_stopped"
    OTHER_ACCOUNT = "other_account"
    OTHER_PERSON = "other_person"
    SESSION_ENDED = "session_ended"
    REQUEST_EXPIRED = "request_expired"
    LOST_PLACE = "lost_place"
    BAD_LINK = "bad_link"
    BAD_REQUEST = "bad_request"
    SILENT = "silent"
    HELP_WAITING = "help_waiting"
    HELP_DECLINED = "help_declined"
    HELP_EXPIRED = "help_expired"
    HELP_UNREACHED = "help_unreached"
    HELP_WITHDRAWN = "help_withdrawn"
    HELP_ELSEWHERE = "help_elsewhere"
    HELP_TOO_LOW = "help_too_low"
    HELP_REVOKED = "help_revoked"
    OVERLOADED = "overloaded"
    OUR_FAULT = "our_fault"
    SERVICE_OFF = "service_off"


class Origin(StrEnum):
    """Origin of a failure. It does not assign blame."""

    CITIZEN = "citizen"
    PROVIDER = "provider"
    HELP = "help"
    REQUEST = "request"
    BROKER = "broker"


class NextStep(StrEnum):
    """Closed set of steps that a citizen may be offered after a failure."""

    RETRY = "retry"
    """Retry the same provider from the start."""
    RESUME = "resume"
    """Continue at the same provider."""
    STEP_UP = "step_up"
    """Reach a higher level at the same provider."""
    ANOTHER = "another"
    """Choose another provider."""
    WHAT_YOU_HAVE = "what_you_have"
    """Filter the providers by the documents and devices the citizen has."""
    HELP = "help"
    """Request assisted verification."""
    NEW_LOOK = "new_look"
    """Read why a case was declined, ask for a new look, complain."""
    STATUS = "status"
    """Open the status of the current case."""
    CHANGE_HELP = "change_help"
    """Change the arrangements of the current case."""
    WITHDRAW = "withdraw"
    """Withdraw the current case."""
    LATER = "later"
    """Get a continuation code and continue later."""
    USE_CODE = "use_code"
    """Enter a continuation code."""
    WHAT_AND_WHY = "what_and_why"
    """See which claims would be released and why."""
    CONTACT = "contact"
    """Contact the service."""
    CONTACT_PROVIDER = "contact_provider"
    """Contact the provider."""
    OTHER_WAYS = "other_ways"
    """Use the service without signing in."""
    OWN_SERVICES = "own_services"
    """See the services in one's own account, and lift a block."""
    START_AGAIN = "start_again"
    """Start again at the service."""
    HOME = "home"
    """Open the service's home page."""


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
    """Specification of a failure class.

    `reason` is the corresponding word of the provider contract. `error` is the code that the service receives if the
    citizen returns to it (None: the service receives nothing), `description` its public sentence, without persons and
    providers; `alternative_errors` are more specific codes that may replace `error`. `next` are the steps to offer, in
    the order of the page. `page` is False for a failure without a page of its own. `alarm` marks failures that alert an
    operator: a log line at ERROR and a metric with an alert rule. After `tries` such failures, a provider is not
    offered again in the transaction.
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
    F.PASSKEY_UNUSABLE: FailureSpec(
        FROM.CITIZEN, C.ACCESS_DENIED, "The passkey cannot be used.",
        (N.ANOTHER, N.RETRY, N.HELP, N.LATER), reason="passkey_unusable"),
    F.ACTING_FOR_ANOTHER: FailureSpec(
        FROM.CITIZEN, C.ACCESS_DENIED, "The sign-in was on behalf of somebody else.",
        (N.RETRY, N.ANOTHER, N.HELP, N.OTHER_WAYS)),
    F.WAY_CLOSED: FailureSpec(
        FROM.BROKER, C.ACCESS_DENIED, "This way to sign in is no longer offered for the service.",
        (N.ANOTHER, N.HELP, N.OTHER_WAYS, N.CONTACT)),
    F.NO_NEWCOMERS: FailureSpec(
        FROM.BROKER, C.ACCESS_DENIED, "This way to sign in takes nobody new.",
        (N.ANOTHER, N.HELP, N.OTHER_WAYS)),
    F.ACCOUNT_OFF: FailureSpec(
        FROM.BROKER, C.ACCESS_DENIED, "The account cannot be used right now.",
        (N.OTHER_WAYS, N.CONTACT)),
    F.SERVICE_REFUSED: FailureSpec(
        FROM.CITIZEN, C.ACCESS_DENIED, "The citizen does not let the service in.",
        (N.OWN_SERVICES, N.OTHER_WAYS, N.CONTACT)),
    F.WAY_STOPPED: FailureSpec(
        FROM.CITIZEN, C.ACCESS_DENIED, "The citizen stopped this way to sign in.",
        (N.ANOTHER, N.HELP, N.OTHER_WAYS, N.CONTACT), tries=1),
    F.OTHER_ACCOUNT: FailureSpec(
        FROM.CITIZEN, C.ACCESS_DENIED, "Another account was asked for.",
        (N.RETRY, N.ANOTHER, N.HELP)),
    F.OTHER_PERSON: FailureSpec(
        FROM.PROVIDER, C.ACCESS_DENIED, "The account belongs to another person.",
        (N.ANOTHER, N.HELP, N.CONTACT_PROVIDER, N.OTHER_WAYS), alarm=True, tries=1),
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
        (N.NEW_LOOK, N.HELP, N.ANOTHER, N.OTHER_WAYS, N.CONTACT)),
    F.HELP_EXPIRED: FailureSpec(
        FROM.HELP, C.ACCESS_DENIED, "The check by a person was not finished in time.",
        (N.HELP, N.ANOTHER, N.OTHER_WAYS)),
    F.HELP_UNREACHED: FailureSpec(
        FROM.HELP, C.ACCESS_DENIED, "The person who asked for a check could not be reached.",
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
    """Failure class for a reason of the provider contract (`Reason`)."""
    return _BY_REASON[reason]

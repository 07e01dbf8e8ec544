"""Backchannel authentication (CIBA Core 1.0): the request to authenticate on the citizen's own device, and its polls.

Push mode is not supported: services fetch tokens with their own credentials and key (FAPI-CIBA Profile 5.2.2).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NotRequired, TypedDict

from broker.crypto.jose import KeySet
from broker.model.assurance import Level
from broker.model.backchannel_request import BackchannelRequest, BackchannelState, PollResult
from broker.model.grant import AssertionUse
from broker.model.lifetimes import TokenLifetimes
from broker.model.service import CibaDeliveryMode, Service
from broker.oidc import acr
from broker.oidc.authorization_checks import ServerContext, subject_of
from broker.oidc.ciba_request_object import check_outside, signed_parameters
from broker.oidc.errors import EndpointError, ProtocolError
from broker.oidc.scopes import read_scope, requested_claims

HINTS: Final = ("login_hint_token", "id_token_hint", "login_hint")
LONGEST_MESSAGE: Final = 200
"""Maximum length of a binding message in characters, so that citizens can compare it."""

LONGEST_HINT: Final = 16_384
LONGEST_TOKEN: Final = 1024
"""Maximum length of a `client_notification_token` in characters (CIBA Core 1.0, 7.1)."""

LEAST_TOKEN: Final = 22
"""Minimum length of a `client_notification_token`: 128 bits in base64 (CIBA Core 1.0, 7.1)."""

_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
_SECONDS: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CibaLifetimes:
    """Times in seconds: default and maximum lifetime of a request, and the interval between polls."""

    default: int = TokenLifetimes().backchannel_request
    max: int = 3600
    interval: int = 5


class CibaFields(TypedDict, total=False):
    """Fields of BackchannelRequest that the checks set, each its own."""

    scope: tuple[str, ...]
    asked: tuple[str, ...]
    minimum: Level
    message: str
    token: str


class BackchannelAcknowledgement(TypedDict):
    """Response to an accepted request (CIBA Core 1.0, 7.3), with members of RFC 8628 3.2."""

    auth_req_id: str
    expires_in: int
    interval: int
    user_code: NotRequired[str]
    verification_uri: NotRequired[str]
    verification_uri_complete: NotRequired[str]


@dataclass(frozen=True, slots=True)
class CibaParameters:
    """Backchannel authentication request that passed every check.

    `subject` is the requested citizen. `use` is the `jti` of a signed
    request, recorded so that it is not accepted again.
    """

    fields: CibaFields
    subject: str
    lifetime: int
    use: AssertionUse | None = None


@dataclass(frozen=True, slots=True)
class CibaContext:
    """Request to check."""

    parameters: Mapping[str, str]
    service: Service
    server: ServerContext


def check_may_ask(service: Service) -> None:
    """The service is registered for CIBA (CIBA Core 1.0, 13: `unauthorized_client`). Raises EndpointError."""
    if service.ciba.mode is None:
        raise EndpointError("unauthorized_client", "this service may not ask citizens on their own device")


def authentication_request(
    parameters: Mapping[str, str],
    service: Service,
    keys: KeySet,
    server: ServerContext,
    times: CibaLifetimes,
    now: float,
) -> CibaParameters:
    """Checks the request of an authenticated service (CIBA Core 1.0, 7.1, 7.1.1, 7.2; FAPI-CIBA 5.2.2).

    `keys` are the service's own. The store decides whether the subject exists. Raises EndpointError.
    """
    check_may_ask(service)
    use = None
    try:
        if "request" in parameters:
            check_outside(parameters)
            parameters, use = signed_parameters(parameters["request"], service, keys, server.issuer, now)
        elif service.requires_signed_ciba_request:
            raise ProtocolError("invalid_request", "the request must be signed and sent as the parameter request")
        context = CibaContext(parameters, service, server)
        fields: CibaFields = {}
        for check in CHECKS:
            fields.update(check(context))
        subject, lifetime = subject_from_hint(context), effective_lifetime(context, times)
    except ProtocolError as refusal:
        raise EndpointError(refusal.code, refusal.description, refusal.detail) from None
    return CibaParameters(fields, subject, lifetime, use)


# Checks


def check_scope(context: CibaContext) -> CibaFields:
    """`scope` contains `openid`; unknown or unregistered values are dropped (CIBA Core 1.0, 7.1)."""
    scope = read_scope(context.parameters.get("scope"), context.service)
    return {"scope": scope, "asked": requested_claims(scope, {}, context.service)}


def check_assurance(context: CibaContext) -> CibaFields:
    """Minimum level: `acr_values` is voluntary, the service's own level is the lower limit (CIBA Core 1.0, 7.1)."""
    acr_values = context.parameters.get("acr_values", "")
    return {"minimum": acr.requested_level(acr_values, {}, context.service, context.server.ladder)}


def check_message(context: CibaContext) -> CibaFields:
    """`binding_message` is a short line of plain text (CIBA Core 1.0, 7.1); required in FAPI-CIBA (5.2.2)."""
    message = context.parameters.get("binding_message")
    if message is None:
        if context.service.requires_signed_ciba_request:
            raise ProtocolError("invalid_request", "the parameter binding_message is missing")
        return {}
    return {"message": binding_message(message)}


def binding_message(text: str) -> str:
    """Validates a binding message: one printable line. Raises ProtocolError.

    No line ends and no bidirectional controls, which could disguise the text; no URLs, which citizens might follow.
    """
    fit = text.isprintable() and bool(text.strip()) and "://" not in text
    if not fit or len(text) > LONGEST_MESSAGE:
        rule = f"the binding_message must be a line of up to {LONGEST_MESSAGE} printable characters, without links"
        raise ProtocolError("invalid_binding_message", rule, f"{len(text)} characters")
    return text


def check_notification_token(context: CibaContext) -> CibaFields:
    """`client_notification_token` authenticates the ping to the service (CIBA Core 1.0, 7.1); ignored in poll mode."""
    if context.service.ciba.mode is not CibaDeliveryMode.PING:
        return {}
    token = context.parameters.get("client_notification_token")
    if token is None:
        raise ProtocolError("invalid_request", "the parameter client_notification_token is missing")
    if not LEAST_TOKEN <= len(token) <= LONGEST_TOKEN or not _BEARER.fullmatch(token):
        description = "the client_notification_token is no bearer token of 22 to 1024 characters"
        raise ProtocolError("invalid_request", description, f"{len(token)} characters")
    return {"token": token}


CHECKS: Final[tuple[Callable[[CibaContext], CibaFields], ...]] = (
    check_scope,
    check_message,
    check_notification_token,
    check_assurance,
)
"""Checks in their order, besides subject and lifetime."""


def subject_from_hint(context: CibaContext) -> str:
    """`sub` that the only hint of the request names (CIBA Core 1.0, 7.1, 7.2). Raises ProtocolError.

    A `login_hint` is the `sub` under which the service knows the citizen, an `id_token_hint` an ID token of the broker
    for this service, of any age. `login_hint_token` is not supported.
    """
    given = [name for name in HINTS if name in context.parameters]
    if len(given) != 1:
        description = "exactly one of login_hint_token, id_token_hint and login_hint is needed"
        raise ProtocolError("invalid_request", description, f"given: {', '.join(given) or 'none'}")
    value = context.parameters[given[0]]
    if not 0 < len(value) <= LONGEST_HINT:
        raise ProtocolError("invalid_request", f"the parameter {given[0]} is empty or too long")
    match given[0]:
        case "login_hint":
            return value
        case "id_token_hint":
            return subject_of(value, context.service, context.server)
        case _:
            raise ProtocolError("invalid_request", "the parameter login_hint_token is not supported here")


def effective_lifetime(context: CibaContext, times: CibaLifetimes) -> int:
    """Lifetime of the request in seconds: as requested, up to the maximum (CIBA Core 1.0, 7.1). Raises
    ProtocolError.
    """
    text = context.parameters.get("requested_expiry")
    if text is None:
        return times.default
    if not _SECONDS.fullmatch(text):
        raise ProtocolError("invalid_request", "the parameter requested_expiry is not a positive whole number")
    return min(int(text), max(times.max, times.default))


def unknown_user() -> EndpointError:
    """Error for a hint that names no user of this service (CIBA Core 1.0, 13)."""
    return EndpointError("unknown_user_id", "the hint names nobody whom this service knows here")


# Responses


def acknowledgement(
    question: BackchannelRequest, times: CibaLifetimes, confirm: str | None
) -> BackchannelAcknowledgement:
    """Response to an accepted request (CIBA Core 1.0, 7.3).

    `confirm` is the URL of the page where the citizen types in the user code. It and the code are included if no
    notification could be sent, so that the service can pass them on; the members are those of RFC 8628 3.2.
    """
    response: BackchannelAcknowledgement = {
        "auth_req_id": question.handle,
        "expires_in": int(question.expires - question.created),
        "interval": times.interval,
    }
    if confirm is None:
        return response
    complete = f"{confirm}?code={question.code}"
    return {**response, "user_code": question.code, "verification_uri": confirm, "verification_uri_complete": complete}


def check_polled(polled: PollResult | None, now: float) -> None:
    """Checks whether a poll may be answered with tokens (CIBA Core 1.0, 11). Raises EndpointError.

    `polled` is None if the `auth_req_id` is unknown or belongs to another service.
    """
    if polled is None:
        raise EndpointError("invalid_grant", "the auth_req_id is not valid here")
    match polled.state:
        case BackchannelState.CONFIRMED:
            return
        case BackchannelState.DECLINED | BackchannelState.OTHER_PERSON:
            raise EndpointError("access_denied", "the citizen did not confirm", f"question {polled.state}")
        case BackchannelState.WAITING if now >= polled.expires:
            raise expired()
        case BackchannelState.WAITING if polled.early:
            raise EndpointError("slow_down", "wait 5 seconds longer between two polls than before")
        case BackchannelState.WAITING:
            raise EndpointError("authorization_pending", "the citizen has not answered yet")


def expired() -> EndpointError:
    """Error for an expired `auth_req_id` (CIBA Core 1.0, 11)."""
    return EndpointError("expired_token", "the auth_req_id has expired: ask again")

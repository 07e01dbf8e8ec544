"""Asking a citizen on a device of their own: the backchannel authentication request and its polls (CIBA Core 1.0).

No push: tokens go to whoever fetches them with its own credentials and its own key (FAPI-CIBA Profile 5.2.2).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from broker.jose import KeySet
from broker.model.grant import AssertionUse
from broker.model.question import Polled, Question, QuestionState
from broker.model.service import Delivery, Service
from broker.oidc import assurance
from broker.oidc.checks import Door, subject_of
from broker.oidc.ciba_object import check_outside, signed_parameters
from broker.oidc.errors import Refusal, TokenError
from broker.oidc.scopes import asked_by, read_scope

HINTS: Final = ("login_hint_token", "id_token_hint", "login_hint")
LONGEST_MESSAGE: Final = 200
"""Characters of a binding message at most: more would not be compared with care by anybody."""

LONGEST_HINT: Final = 16_384
LONGEST_TOKEN: Final = 1024
"""Characters of a `client_notification_token` at most (CIBA Core 1.0, 7.1)."""

LEAST_TOKEN: Final = 22
"""Characters of a `client_notification_token` at least: 128 bits in base64 (CIBA Core 1.0, 7.1)."""

_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
_SECONDS: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: how long a question waits if its service names no time, at most, and between two polls."""

    usual: int = 600
    longest: int = 3600
    interval: int = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """A backchannel authentication request that passed every check.

    `fields` are those of `Question`, `subject` is whom it names. `use` is the signed request's own id, to be recorded
    so that it is never accepted again.
    """

    fields: Mapping[str, Any]
    subject: str
    lifetime: int
    use: AssertionUse | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """One request under its checks."""

    parameters: Mapping[str, str]
    service: Service
    door: Door


Fields = Mapping[str, Any]


def check_may_ask(service: Service) -> None:
    """The service is registered for it (CIBA Core 1.0, 13: `unauthorized_client`). Raises TokenError."""
    if service.ciba is None:
        raise TokenError("unauthorized_client", "this service may not ask citizens on their own device")


def authentication_request(
    parameters: Mapping[str, str], service: Service, keys: KeySet, door: Door, times: Times, now: float
) -> Asked:
    """The request of an authenticated service, after every check (CIBA Core 1.0, 7.1, 7.1.1, 7.2; FAPI-CIBA 5.2.2).

    `keys` are the service's own. That the hint names somebody is for a store to say. Raises TokenError.
    """
    check_may_ask(service)
    use = None
    try:
        if "request" in parameters:
            check_outside(parameters)
            parameters, use = signed_parameters(parameters["request"], service, keys, door.issuer, now)
        elif service.asks_signed:
            raise Refusal("invalid_request", "the request must be signed and sent as the parameter request")
        asking = Asking(parameters, service, door)
        fields: dict[str, Any] = {}
        for check in CHECKS:
            fields.update(check(asking))
        subject, lifetime = hinted(asking), wanted_lifetime(asking, times)
    except Refusal as refusal:
        raise TokenError(refusal.code, refusal.description, refusal.detail) from None
    return Asked(fields, subject, lifetime, use)


# The checks


def check_scope(asking: Asking) -> Fields:
    """The scope holds `openid`; what is unknown, or not this service's, is left out (CIBA Core 1.0, 7.1)."""
    scope = read_scope(asking.parameters.get("scope"), asking.service)
    return {"scope": scope, "asked": asked_by(scope, {}, asking.service)}


def check_assurance(asking: Asking) -> Fields:
    """The level that is demanded: `acr_values` is voluntary, the service's own level the floor (CIBA Core 1.0, 7.1)."""
    acr_values = asking.parameters.get("acr_values", "")
    return {"minimum": assurance.demanded(acr_values, {}, asking.service, asking.door.ladder)}


def check_message(asking: Asking) -> Fields:
    """A short line of plain text that both sides can show (CIBA Core 1.0, 7.1); needed in FAPI-CIBA (5.2.2)."""
    message = asking.parameters.get("binding_message")
    if message is None:
        if asking.service.asks_signed:
            raise Refusal("invalid_request", "the parameter binding_message is missing")
        return {}
    return {"message": binding_message(message)}


def binding_message(text: str) -> str:
    """The message, if it can be shown as one line that says what it seems to say. Raises Refusal.

    No line ends and no marks that turn the writing around; and no address, which people would follow.
    """
    fit = text.isprintable() and bool(text.strip()) and "://" not in text
    if not fit or len(text) > LONGEST_MESSAGE:
        told = f"the binding_message must be a line of up to {LONGEST_MESSAGE} printable characters, without links"
        raise Refusal("invalid_binding_message", told, f"{len(text)} characters")
    return text


def check_notification_token(asking: Asking) -> Fields:
    """What a service that wants to be pinged knows the ping by (CIBA Core 1.0, 7.1); ignored in poll mode."""
    if asking.service.ciba is not Delivery.PING:
        return {}
    token = asking.parameters.get("client_notification_token")
    if token is None:
        raise Refusal("invalid_request", "the parameter client_notification_token is missing")
    if not LEAST_TOKEN <= len(token) <= LONGEST_TOKEN or not _BEARER.fullmatch(token):
        told = "the client_notification_token is no bearer token of 22 to 1024 characters"
        raise Refusal("invalid_request", told, f"{len(token)} characters")
    return {"token": token}


CHECKS: Final[tuple[Callable[[Asking], Fields], ...]] = (
    check_scope,
    check_message,
    check_notification_token,
    check_assurance,
)
"""What is checked, in this order, besides whom the request names and how long it waits."""


def hinted(asking: Asking) -> str:
    """The `sub` that the request's one hint names (CIBA Core 1.0, 7.1, 7.2). Raises Refusal.

    A `login_hint` is the `sub` by which the service knows the citizen, an `id_token_hint` an ID token of ours for this
    service, of any age. There is no agreement on a `login_hint_token` with anybody.
    """
    given = [name for name in HINTS if name in asking.parameters]
    if len(given) != 1:
        told = "exactly one of login_hint_token, id_token_hint and login_hint is needed"
        raise Refusal("invalid_request", told, f"given: {', '.join(given) or 'none'}")
    value = asking.parameters[given[0]]
    if not 0 < len(value) <= LONGEST_HINT:
        raise Refusal("invalid_request", f"the parameter {given[0]} is empty or too long")
    match given[0]:
        case "login_hint":
            return value
        case "id_token_hint":
            return subject_of(value, asking.service, asking.door)
        case _:
            raise Refusal("invalid_request", "the parameter login_hint_token is not supported here")


def wanted_lifetime(asking: Asking, times: Times) -> int:
    """For how many seconds the question waits: as asked, but never too long (CIBA Core 1.0, 7.1). Raises Refusal."""
    text = asking.parameters.get("requested_expiry")
    if text is None:
        return times.usual
    if not _SECONDS.fullmatch(text):
        raise Refusal("invalid_request", "the parameter requested_expiry is not a positive whole number")
    return min(int(text), max(times.longest, times.usual))


def unknown_user() -> TokenError:
    """The error for a hint that names nobody this service knows (CIBA Core 1.0, 13)."""
    return TokenError("unknown_user_id", "the hint names nobody whom this service knows here")


# Answers


def acknowledged(question: Question, times: Times, confirm: str | None) -> dict[str, Any]:
    """The answer to a request that was taken (CIBA Core 1.0, 7.3).

    `confirm` is the address of our page where the citizen's code is typed in. It and the code go along where no
    notice could be sent, so that the service can pass them on; they are named as in RFC 8628 3.2.
    """
    told = {
        "auth_req_id": question.handle,
        "expires_in": int(question.expires - question.created),
        "interval": times.interval,
    }
    if confirm is None:
        return told
    complete = f"{confirm}?code={question.code}"
    return {**told, "user_code": question.code, "verification_uri": confirm, "verification_uri_complete": complete}


def check_polled(polled: Polled | None, now: float) -> None:
    """Whether a poll may be answered with tokens (CIBA Core 1.0, 11). Raises TokenError.

    None is what a store finds under an `auth_req_id` that nobody was given, or somebody else.
    """
    if polled is None:
        raise TokenError("invalid_grant", "the auth_req_id is not valid here")
    match polled.state:
        case QuestionState.CONFIRMED:
            return
        case QuestionState.DECLINED | QuestionState.OTHER_PERSON:
            raise TokenError("access_denied", "the citizen did not confirm", f"question {polled.state}")
        case QuestionState.WAITING if now >= polled.expires:
            raise expired()
        case QuestionState.WAITING if polled.early:
            raise TokenError("slow_down", "wait 5 seconds longer between two polls than before")
        case QuestionState.WAITING:
            raise TokenError("authorization_pending", "the citizen has not answered yet")


def expired() -> TokenError:
    """The error for an `auth_req_id` whose time is over (CIBA Core 1.0, 11)."""
    return TokenError("expired_token", "the auth_req_id has expired: ask again")

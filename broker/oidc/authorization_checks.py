"""What an authorization request is checked for, in which order (OpenID Connect Core 3.1.2.2, RFC 6749 4.1.1).

CHECKS is the documentation. Each check looks at one thing and gives the fields it answers for, or raises ProtocolError.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from broker.crypto.jose import SIGNATURE_ALGORITHMS, InvalidToken, KeySet, verify
from broker.crypto.jwe import DecryptionKey
from broker.model.assurance import AcrLevels
from broker.model.request import ResponseMode
from broker.model.service import SecurityProfile, Service
from broker.oidc import acr
from broker.oidc.claims_parameter import DESTINATIONS
from broker.oidc.errors import ProtocolError
from broker.oidc.scopes import read_scope

PROMPTS: Final = ("none", "login", "consent", "select_account", "create")
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,8}", re.ASCII)
_PROVIDER: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_LONGEST: Final[Mapping[str, int]] = {"state": 4096, "nonce": 512, "login_hint": 512, "id_token_hint": 16_384}


class RequestSource(StrEnum):
    """How a request came: in the browser's address, or pushed by the service itself (RFC 9126)."""

    PLAIN = "plain"
    PUSHED = "pushed"


@dataclass(frozen=True, slots=True)
class ServerContext:
    """What the checks know of the broker: issuer, ladder of levels, own public keys as of now.

    `response_modes` are those that the doors really answer in; the metadata has to say the same. `decryption` gives the
    broker's keys, by `kid`, that requests may be encrypted to.
    """

    issuer: str
    ladder: AcrLevels
    keys: Callable[[], KeySet]
    response_modes: tuple[ResponseMode, ...] = (ResponseMode.QUERY,)
    decryption: Callable[[], Mapping[str, DecryptionKey]] = dict


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One request under its checks; `claims` is its `claims` parameter, cut down to what the service may have."""

    parameters: Mapping[str, str]
    service: Service
    source: RequestSource
    server: ServerContext
    claims: Mapping[str, Any]


Fields = Mapping[str, Any]
"""Fields of AuthorizationRequest that a check answers for."""


def _short(context: RequestContext, name: str) -> str | None:
    value = context.parameters.get(name)
    if value is not None and len(value) > _LONGEST[name]:
        raise ProtocolError(
            "invalid_request", f"the parameter {name} is too long", f"{name} has {len(value)} characters"
        )
    return value


def effective_response_mode(parameters: Mapping[str, str], service: Service, door: ServerContext) -> ResponseMode:
    """How the answer travels, errors too: as asked, or in the query where that is not possible (JARM 2.3.4)."""
    usual = ResponseMode.JWT if service.signed_response else ResponseMode.QUERY
    mode = parameters.get("response_mode")
    wanted = ResponseMode(mode) if mode in door.response_modes else usual
    return wanted if wanted.signed or not service.signed_response else usual


# Before anything can be redirected


def check_client_id(parameters: Mapping[str, str], service: Service) -> None:
    """The request names the service that sent it (RFC 6749 4.1.1; RFC 9126 2.1)."""
    client_id = parameters.get("client_id")
    if client_id is None:
        raise ProtocolError("invalid_request", "the parameter client_id is missing")
    if client_id != service.client_id:
        raise ProtocolError(
            "invalid_request", "the parameter client_id names another service", f"client_id {client_id!r:.80}"
        )


def check_redirect_uri(parameters: Mapping[str, str], service: Service) -> None:
    """The redirect URI is registered (OpenID Connect Core 3.1.2.1, RFC 9700 2.1, RFC 9126 2.4)."""
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None:
        raise ProtocolError("invalid_request", "the parameter redirect_uri is missing")
    if not service.redirects_to(redirect_uri):
        raise ProtocolError(
            "invalid_request",
            "the redirect_uri is not registered for this service",
            f"redirect_uri {redirect_uri!r:.400}",
        )


def check_request_uri(parameters: Mapping[str, str], arrival: RequestSource) -> None:
    """Nothing is fetched from a service's address; a pushed request names no other (RFC 9101 10.4, RFC 9126 2.1)."""
    if "request_uri" not in parameters:
        return
    if arrival is RequestSource.PUSHED:
        raise ProtocolError("invalid_request", "the parameter request_uri must not be pushed")
    raise ProtocolError("request_uri_not_supported", "the parameter request_uri takes pushed requests only")


# The checks whose errors go back to the service


def check_par_required(context: RequestContext) -> Fields:
    """A service of the `fapi2` profile pushes its requests (FAPI 2.0 Security Profile 5.3.2.2)."""
    if context.service.profile is SecurityProfile.FAPI2 and context.source is RequestSource.PLAIN:
        raise ProtocolError("invalid_request", "this service has to push its authorization requests")
    return {}


def check_registration(context: RequestContext) -> Fields:
    """A service is registered by its file and never by a request (OpenID Connect Core 7.2.1)."""
    if "registration" in context.parameters:
        raise ProtocolError("registration_not_supported", "the parameter registration is not supported")
    return {}


def check_response_type(context: RequestContext) -> Fields:
    """Only the code flow: nothing secret ever travels in the browser's address (RFC 9700 2.1.2)."""
    match context.parameters.get("response_type"):
        case "code":
            return {}
        case None:
            raise ProtocolError("invalid_request", "the parameter response_type is missing")
        case other:
            raise ProtocolError(
                "unsupported_response_type", "the response_type must be code", f"response_type {other!r:.80}"
            )


def check_response_mode(context: RequestContext) -> Fields:
    """Answers travel in the query or in a form (Form Post Response Mode 2), as a JWT where that is asked (JARM 2.3)."""
    mode = context.parameters.get("response_mode")
    if mode is not None and mode not in context.server.response_modes:
        raise ProtocolError("invalid_request", "this response_mode is not supported", f"response_mode {mode!r:.80}")
    wanted = effective_response_mode(context.parameters, context.service, context.server)
    if mode is not None and wanted != mode:
        raise ProtocolError("invalid_request", "this service takes its answers as signed JWTs: response_mode jwt")
    return {"response_mode": wanted}


def check_scope(context: RequestContext) -> Fields:
    """The scope holds `openid`; what is unknown, or not this service's, is left out (OpenID Connect Core 3.1.2.1)."""
    return {"scope": read_scope(context.parameters.get("scope"), context.service)}


def check_state(context: RequestContext) -> Fields:
    """The state is the service's own and goes back as it came (RFC 6749 4.1.1)."""
    return {"state": _short(context, "state")}


def check_nonce(context: RequestContext) -> Fields:
    """The nonce goes into the ID token; a service can be held to sending one (OpenID Connect Core 3.1.2.1)."""
    nonce = _short(context, "nonce")
    if nonce is None and context.service.nonce_required:
        raise ProtocolError("invalid_request", "the parameter nonce is missing")
    return {"nonce": nonce}


def check_code_challenge(context: RequestContext) -> Fields:
    """PKCE with S256, demanded in `fapi2`, of apps, and wherever the service can (RFC 7636 4.3, RFC 9700 2.1.1)."""
    challenge = context.parameters.get("code_challenge")
    method = context.parameters.get("code_challenge_method")
    if challenge is None:
        if method is not None:
            raise ProtocolError("invalid_request", "code_challenge_method without code_challenge")
        service = context.service
        if service.profile is SecurityProfile.FAPI2 or service.is_public or service.pkce_required:
            raise ProtocolError("invalid_request", "the parameter code_challenge is missing")
        return {}
    if method != "S256":
        raise ProtocolError("invalid_request", "the code_challenge_method must be S256", f"method {method!r:.80}")
    if not _THUMBPRINT.fullmatch(challenge):
        raise ProtocolError("invalid_request", "the code_challenge is not a SHA-256 in base64url")
    return {"code_challenge": challenge}


def check_dpop_jkt(context: RequestContext) -> Fields:
    """The key that the code will be bound to (RFC 9449 10)."""
    thumbprint = context.parameters.get("dpop_jkt")
    if thumbprint is not None and not _THUMBPRINT.fullmatch(thumbprint):
        raise ProtocolError("invalid_request", "the parameter dpop_jkt is not a thumbprint")
    return {"dpop_jkt": thumbprint}


def check_prompt(context: RequestContext) -> Fields:
    """`none` stands alone; words nobody knows are refused (OpenID Connect Core 3.1.2.1)."""
    words = tuple(dict.fromkeys(context.parameters.get("prompt", "").split()))
    if any(word not in PROMPTS for word in words):
        raise ProtocolError("invalid_request", "the parameter prompt has an unknown value", f"prompt {words!r:.80}")
    if "none" in words and len(words) > 1:
        raise ProtocolError("invalid_request", "the prompt none must stand alone")
    return {"prompt": words}


def check_max_age(context: RequestContext) -> Fields:
    """The oldest sign-in allowed, in whole seconds (OpenID Connect Core 3.1.2.1)."""
    text = context.parameters.get("max_age")
    if text is None:
        return {}
    if not _SECONDS.fullmatch(text):
        raise ProtocolError("invalid_request", "the parameter max_age is not a number of seconds")
    return {"max_age": int(text)}


def check_assurance(context: RequestContext) -> Fields:
    """The level that is demanded, and whether nothing else will do (OpenID Connect Core 5.5.1.1)."""
    acr_values = context.parameters.get("acr_values", "")
    return {"min_level": acr.requested_level(acr_values, context.claims, context.service, context.server.ladder)}


def check_subject(context: RequestContext) -> Fields:
    """Whom the service expects: an ID token of ours, of any age, or a `sub` (OpenID Connect Core 3.1.2.1, 5.5.1)."""
    requests = [context.claims.get(place, {}).get("sub") or {} for place in DESTINATIONS]
    wanted = {request["value"] for request in requests if isinstance(request.get("value"), str)}
    hint = _short(context, "id_token_hint")
    if hint is not None:
        wanted.add(subject_of(hint, context.service, context.server))
    if len(wanted) > 1:
        raise ProtocolError("invalid_request", "the id_token_hint and the claims name different people")
    return {"expected_sub": next(iter(wanted), None)}


def is_id_token(claims: Mapping[str, Any]) -> bool:
    """Whether verified claims have what every ID token has, and neither our answers nor userinfo in JWTs (Core 2)."""
    return isinstance(claims.get("sub"), str) and "exp" in claims


def subject_of(hint: str, service: Service, door: ServerContext) -> str:
    """The `sub` in an `id_token_hint`: an ID token of ours for this service, of any age. Raises ProtocolError."""
    try:
        known = verify(hint, door.keys(), SIGNATURE_ALGORITHMS).claims
    except InvalidToken as problem:
        raise ProtocolError("invalid_request", "the id_token_hint is not an ID token of ours", problem.detail) from None
    if known.get("iss") != door.issuer or known.get("aud") != service.client_id:
        raise ProtocolError("invalid_request", "the id_token_hint was issued to another service")
    if not is_id_token(known):
        raise ProtocolError("invalid_request", "the id_token_hint is not an ID token of ours", "no sub, or no exp")
    return str(known["sub"])


def check_hints(context: RequestContext) -> Fields:
    """Languages, login hint, provider hint: wishes, left out where unmeetable (OpenID Connect Core 3.1.2.1)."""
    languages = context.parameters.get("ui_locales", "").split()[:16]
    provider = context.parameters.get("provider_hint", "")
    return {
        "ui_locales": tuple(language for language in languages if _LANGUAGE.fullmatch(language)),
        "login_hint": _short(context, "login_hint"),
        "provider_hint": provider if context.service.provider_hint and _PROVIDER.fullmatch(provider) else None,
    }


CHECKS: Final[tuple[Callable[[RequestContext], Fields], ...]] = (
    check_response_mode,
    check_par_required,
    check_registration,
    check_response_type,
    check_scope,
    check_state,
    check_nonce,
    check_code_challenge,
    check_dpop_jkt,
    check_prompt,
    check_max_age,
    check_assurance,
    check_subject,
    check_hints,
)
"""The order in which a request is checked once its redirect URI is known to be the service's own."""

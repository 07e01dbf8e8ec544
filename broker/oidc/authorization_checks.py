"""Checks of an authorization request, in order (OpenID Connect Core 3.1.2.2, RFC 6749 4.1.1).

CHECKS is the documentation. Each check validates one thing and returns the fields of AuthorizationRequest that it sets,
or raises ProtocolError.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypedDict

from broker.crypto.jose import SIGNATURE_ALGORITHMS, InvalidToken, KeySet, verify
from broker.crypto.jwe import DecryptionKey
from broker.model.assurance import AcrLevels, Level
from broker.model.claims import ClaimRequests
from broker.model.json_types import JsonObject
from broker.model.request import ResponseMode
from broker.model.service import SecurityProfile, Service
from broker.oidc import acr
from broker.oidc.claims_parameter import DESTINATIONS
from broker.oidc.dropped_values import dropped_values
from broker.oidc.errors import ProtocolError, public
from broker.oidc.resume_value import PARAMETER, read_resume_value
from broker.oidc.scopes import read_scope

PROMPTS: Final = ("none", "login", "consent", "select_account", "create")
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,8}", re.ASCII)
_PROVIDER: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_LONGEST: Final[Mapping[str, int]] = {"state": 4096, "nonce": 512, "login_hint": 512, "id_token_hint": 16_384}


class RequestSource(StrEnum):
    """Source of a request: the browser's address, or pushed by the service (RFC 9126)."""

    PLAIN = "plain"
    PUSHED = "pushed"


@dataclass(frozen=True, slots=True)
class ServerContext:
    """Broker as the checks see it: issuer, levels of assurance, current public keys.

    `response_modes` are those that the endpoints support, the same as in the metadata. `decryption` returns the
    broker's keys, by `kid`, that requests may be encrypted to. `refuses_ignored_values` is for development: what a
    request would be ignored for is an error.
    """

    issuer: str
    ladder: AcrLevels
    keys: Callable[[], KeySet]
    response_modes: tuple[ResponseMode, ...] = (ResponseMode.QUERY,)
    decryption: Callable[[], Mapping[str, DecryptionKey]] = dict
    refuses_ignored_values: bool = False


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Request to check; `claims` is its `claims` parameter, reduced to what the service may have."""

    parameters: Mapping[str, str]
    service: Service
    source: RequestSource
    server: ServerContext
    claims: ClaimRequests


class RequestFields(TypedDict, total=False):
    """Fields of AuthorizationRequest that the checks set, each its own."""

    scope: tuple[str, ...]
    min_level: Level
    state: str | None
    nonce: str | None
    response_mode: ResponseMode
    code_challenge: str
    prompt: tuple[str, ...]
    max_age: int
    ui_locales: tuple[str, ...]
    login_hint: str | None
    provider_hint: str | None
    resume_value: str | None
    dpop_jkt: str | None
    expected_sub: str | None


def _short(context: RequestContext, name: str) -> str | None:
    value = context.parameters.get(name)
    if value is not None and len(value) > _LONGEST[name]:
        raise ProtocolError(
            "invalid_request", f"the parameter {name} is too long", f"{name} has {len(value)} characters"
        )
    return value


def effective_response_mode(parameters: Mapping[str, str], service: Service, server: ServerContext) -> ResponseMode:
    """Response mode of the answer, also for errors: as requested, or the default if that is not possible
    (JARM 2.3.4).
    """
    usual = ResponseMode.JWT if service.signing.signed_response else ResponseMode.QUERY
    mode = parameters.get("response_mode")
    wanted = ResponseMode(mode) if mode in server.response_modes else usual
    return wanted if wanted.signed or not service.signing.signed_response else usual


# Checks whose errors are displayed, before redirecting is safe


def check_client_id(parameters: Mapping[str, str], service: Service) -> None:
    """`client_id` is that of the service that sent the request (RFC 6749 4.1.1; RFC 9126 2.1)."""
    client_id = parameters.get("client_id")
    if client_id is None:
        raise ProtocolError("invalid_request", "the parameter client_id is missing")
    if client_id != service.client_id:
        raise ProtocolError(
            "invalid_request", "the parameter client_id names another service", f"client_id {client_id!r:.80}"
        )


def check_redirect_uri(parameters: Mapping[str, str], service: Service) -> None:
    """`redirect_uri` is registered (OpenID Connect Core 3.1.2.1, RFC 9700 2.1, RFC 9126 2.4)."""
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
    """`request_uri` is rejected: only pushed requests are supported (RFC 9101 10.4, RFC 9126 2.1)."""
    if "request_uri" not in parameters:
        return
    if arrival is RequestSource.PUSHED:
        raise ProtocolError("invalid_request", "the parameter request_uri must not be pushed")
    raise ProtocolError("request_uri_not_supported", "the parameter request_uri takes pushed requests only")


# Checks whose errors are redirected to the service


def check_par_required(context: RequestContext) -> RequestFields:
    """A service of the `fapi2` profile must push its requests (FAPI 2.0 Security Profile 5.3.2.2)."""
    if context.service.profile is SecurityProfile.FAPI2 and context.source is RequestSource.PLAIN:
        raise ProtocolError("invalid_request", "this service has to push its authorization requests")
    return {}


def check_registration(context: RequestContext) -> RequestFields:
    """`registration` is rejected: a request cannot register a service (OpenID Connect Core 7.2.1)."""
    if "registration" in context.parameters:
        raise ProtocolError("registration_not_supported", "the parameter registration is not supported")
    return {}


def check_response_type(context: RequestContext) -> RequestFields:
    """`response_type` is `code`, so that no token appears in the browser's address (RFC 9700 2.1.2)."""
    match context.parameters.get("response_type"):
        case "code":
            return {}
        case None:
            raise ProtocolError("invalid_request", "the parameter response_type is missing")
        case other:
            raise ProtocolError(
                "unsupported_response_type", "the response_type must be code", f"response_type {other!r:.80}"
            )


def check_response_mode(context: RequestContext) -> RequestFields:
    """`response_mode` is query or form post (Form Post Response Mode 2), or their JWT variants (JARM 2.3)."""
    mode = context.parameters.get("response_mode")
    if mode is not None and mode not in context.server.response_modes:
        raise ProtocolError("invalid_request", "this response_mode is not supported", f"response_mode {mode!r:.80}")
    wanted = effective_response_mode(context.parameters, context.service, context.server)
    if mode is not None and wanted != mode:
        raise ProtocolError("invalid_request", "this service takes its answers as signed JWTs: response_mode jwt")
    return {"response_mode": wanted}


def check_scope(context: RequestContext) -> RequestFields:
    """`scope` contains `openid`; unknown or unregistered values are dropped (OpenID Connect Core 3.1.2.1)."""
    return {"scope": read_scope(context.parameters.get("scope"), context.service)}


def check_state(context: RequestContext) -> RequestFields:
    """`state` is returned unchanged (RFC 6749 4.1.1)."""
    return {"state": _short(context, "state")}


def check_nonce(context: RequestContext) -> RequestFields:
    """`nonce` goes into the ID token; a service can be required to send one (OpenID Connect Core 3.1.2.1)."""
    nonce = _short(context, "nonce")
    if nonce is None and context.service.nonce_required:
        raise ProtocolError("invalid_request", "the parameter nonce is missing")
    return {"nonce": nonce}


def check_code_challenge(context: RequestContext) -> RequestFields:
    """PKCE with S256, required in `fapi2`, for apps, and unless the service is exempt (RFC 7636 4.3, RFC 9700
    2.1.1).
    """
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


def check_dpop_jkt(context: RequestContext) -> RequestFields:
    """`dpop_jkt` is the key that the code will be bound to (RFC 9449 10)."""
    thumbprint = context.parameters.get("dpop_jkt")
    if thumbprint is not None and not _THUMBPRINT.fullmatch(thumbprint):
        raise ProtocolError("invalid_request", "the parameter dpop_jkt is not a thumbprint")
    return {"dpop_jkt": thumbprint}


def check_prompt(context: RequestContext) -> RequestFields:
    """`prompt` has known values, and `none` only alone (OpenID Connect Core 3.1.2.1)."""
    words = tuple(dict.fromkeys(context.parameters.get("prompt", "").split()))
    if any(word not in PROMPTS for word in words):
        raise ProtocolError("invalid_request", "the parameter prompt has an unknown value", f"prompt {words!r:.80}")
    if "none" in words and len(words) > 1:
        raise ProtocolError("invalid_request", "the prompt none must stand alone")
    return {"prompt": words}


def check_max_age(context: RequestContext) -> RequestFields:
    """`max_age` is the maximum age of the sign-in in whole seconds (OpenID Connect Core 3.1.2.1)."""
    text = context.parameters.get("max_age")
    if text is None:
        return {}
    if not _SECONDS.fullmatch(text):
        raise ProtocolError("invalid_request", "the parameter max_age is not a number of seconds")
    return {"max_age": int(text)}


def check_assurance(context: RequestContext) -> RequestFields:
    """Minimum level of assurance (OpenID Connect Core 5.5.1.1)."""
    acr_values = context.parameters.get("acr_values", "")
    return {"min_level": acr.requested_level(acr_values, context.claims, context.service, context.server.ladder)}


def check_subject(context: RequestContext) -> RequestFields:
    """Expected subject, from an `id_token_hint` of any age or a requested `sub` (OpenID Connect Core 3.1.2.1,
    5.5.1).
    """
    requests = [context.claims.get(place, {}).get("sub") for place in DESTINATIONS]
    values = [request.get("value") for request in requests if isinstance(request, Mapping)]
    wanted = {value for value in values if isinstance(value, str)}
    hint = _short(context, "id_token_hint")
    if hint is not None:
        wanted.add(subject_of(hint, context.service, context.server))
    if len(wanted) > 1:
        raise ProtocolError("invalid_request", "the id_token_hint and the claims name different people")
    return {"expected_sub": next(iter(wanted), None)}


def is_id_token(claims: JsonObject) -> bool:
    """Whether verified claims are those of an ID token, and not of another JWT of the broker (Core 2)."""
    return isinstance(claims.get("sub"), str) and "exp" in claims


def subject_of(hint: str, service: Service, server: ServerContext) -> str:
    """`sub` of an `id_token_hint`: an ID token of the broker for this service, of any age. Raises ProtocolError."""
    try:
        known = verify(hint, server.keys(), SIGNATURE_ALGORITHMS).claims
    except InvalidToken as problem:
        raise ProtocolError("invalid_request", "the id_token_hint is not an ID token of ours", problem.detail) from None
    if known.get("iss") != server.issuer or known.get("aud") != service.client_id:
        raise ProtocolError("invalid_request", "the id_token_hint was issued to another service")
    if not is_id_token(known):
        raise ProtocolError("invalid_request", "the id_token_hint is not an ID token of ours", "no sub, or no exp")
    return str(known["sub"])


def check_hints(context: RequestContext) -> RequestFields:
    """Languages, login hint, provider hints (best first). Values that cannot be honoured are dropped.

    (OpenID Connect Core 3.1.2.1.)
    """
    languages = context.parameters.get("ui_locales", "").split()[:16]
    named = context.parameters.get("provider_hint", "").split()[:8] if context.service.provider_hint else []
    providers = " ".join(provider for provider in named if _PROVIDER.fullmatch(provider))
    return {
        "ui_locales": tuple(language for language in languages if _LANGUAGE.fullmatch(language)),
        "login_hint": _short(context, "login_hint"),
        "provider_hint": providers or None,
    }


def check_resume_value(context: RequestContext) -> RequestFields:
    """`portico_resume`, the service's own value for a citizen who finishes in another browser (an additional parameter,
    RFC 6749 8.2)."""
    return {"resume_value": read_resume_value(context.parameters.get(PARAMETER), context.service)}


def check_ignored_values(context: RequestContext) -> RequestFields:
    """Unknown scopes, acr values and claims are ignored, or refused if the broker is set so in development (OpenID
    Connect Core 3.1.2.1, 5.5).
    """
    if context.server.refuses_ignored_values:
        ignored = dropped_values(context.parameters, (), context.service, context.server.ladder)
        if ignored:
            code = "invalid_scope" if ignored[0].parameter == "scope" else "invalid_request"
            raise ProtocolError(code, public(f"a value would be ignored: {ignored[0]}"))
    return {}


CHECKS: Final[tuple[Callable[[RequestContext], RequestFields], ...]] = (
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
    check_resume_value,
    check_ignored_values,
)
"""Checks in their order, after the redirect URI was found to be registered."""

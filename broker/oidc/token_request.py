"""Token request: checks of codes and refresh tokens, and the response (RFC 6749 4.1.3, 5, 6).

Order: client authentication, `token_request`, `dpop.check_proof`, load, `check_code` or `check_refresh`, record,
`token_response`. The store redeems a code in one conditional step.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NotRequired, TypedDict

from broker.crypto.jose import Certificate
from broker.model.grant import AuthorizationCode, Grant, StoredToken
from broker.model.handle import sha256_hex
from broker.model.lifetimes import TokenLifetimes
from broker.model.service import BindingMethod, Service
from broker.oidc.dpop import DpopProof
from broker.oidc.errors import EndpointError, Scheme
from broker.oidc.scopes import MALFORMED, OFFLINE_ACCESS, split
from broker.platform import base64url

ACCESS: Final = "access"
REFRESH: Final = "refresh"
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_LONGEST: Final = 512


class GrantType(StrEnum):
    """Grant types (RFC 6749 4.1.3, 6; CIBA Core 1.0, 10.1)."""

    CODE = "authorization_code"
    REFRESH = "refresh_token"
    CIBA = "urn:openid:params:grant-type:ciba"
    CLIENT_CREDENTIALS = "client_credentials"


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """Request to redeem a code (RFC 6749 4.1.3)."""

    code: str
    redirect_uri: str | None
    verifier: str | None


@dataclass(frozen=True, slots=True)
class RefreshRequest:
    """Request for a new access token (RFC 6749 6). `scope` is None if not given."""

    token: str
    scope: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class ClientCredentialsRequest:
    """Request for a token of the service's own (RFC 6749 4.4.2). `scope` is None if not given."""

    scope: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class CibaTokenRequest:
    """Request for the tokens of a backchannel request (CIBA Core 1.0, 10.1)."""

    handle: str


def invalid_grant(detail: str) -> EndpointError:
    """Error for a code or refresh token that is not valid for this caller, or no longer (RFC 6749 5.2)."""
    return EndpointError("invalid_grant", "the code or refresh token is not valid, or no longer", detail)


def token_request(
    parameters: Mapping[str, str],
) -> CodeRequest | RefreshRequest | CibaTokenRequest | ClientCredentialsRequest:
    """Parses a token request (RFC 6749 4.1.3, 4.4.2, 6; CIBA Core 1.0, 10.1). Raises EndpointError."""
    match parameters.get("grant_type"):
        case GrantType.CODE:
            code = _needed(parameters, "code")
            return CodeRequest(code, parameters.get("redirect_uri"), parameters.get("code_verifier"))
        case GrantType.REFRESH:
            return RefreshRequest(_needed(parameters, "refresh_token"), _scope(parameters))
        case GrantType.CIBA:
            return CibaTokenRequest(_needed(parameters, "auth_req_id"))
        case GrantType.CLIENT_CREDENTIALS:
            return ClientCredentialsRequest(_scope(parameters))
        case None:
            raise EndpointError("invalid_request", "the parameter grant_type is missing")
        case other:
            raise EndpointError(
                "unsupported_grant_type", "this grant_type is not supported", f"grant_type {other!r:.80}"
            )


def token_parameter(parameters: Mapping[str, str]) -> str:
    """`token` of an introspection or revocation request; the hint is not needed (RFC 7009 2.1, RFC 7662 2.1)."""
    return _needed(parameters, "token")


def _scope(parameters: Mapping[str, str]) -> tuple[str, ...] | None:
    scope = parameters.get("scope")
    words = None if scope is None else split(scope)
    if scope is not None and words is None:
        raise EndpointError("invalid_scope", MALFORMED)
    return words


def _needed(parameters: Mapping[str, str], name: str) -> str:
    value = parameters.get(name)
    if value is None:
        raise EndpointError("invalid_request", f"the parameter {name} is missing")
    if len(value) > _LONGEST:
        raise EndpointError("invalid_request", f"the parameter {name} is too long", f"{len(value)} characters")
    return value


def check_binding(
    service: Service, proof: DpopProof | None, certificate: Certificate | None = None, now: float = 0
) -> str | None:
    """Checks that the proof or certificate for the service's tokens is present (FAPI 2.0 Security Profile 5.3.2.1, RFC
    8705 3).

    Returns the thumbprint of the certificate that the tokens are bound to, if it is one. Raises EndpointError.
    """
    match service.token_binding:
        case BindingMethod.MTLS if proof is not None:
            raise EndpointError("invalid_dpop_proof", "tokens of this service are bound to its certificate")
        case BindingMethod.MTLS if certificate is not None and certificate.good_at(now):
            return certificate.thumbprint
        case BindingMethod.MTLS:
            detail = "no client certificate came through a trusted proxy, or it has expired"
            raise EndpointError("invalid_request", "a client certificate is needed", detail)
        case BindingMethod.DPOP if proof is None:
            raise EndpointError("invalid_dpop_proof", "a DPoP proof is needed", "no DPoP header")
    return None


def check_code(
    request: CodeRequest, code: AuthorizationCode, service: Service, proof: DpopProof | None, now: float
) -> None:
    """Checks that this caller may redeem this code now (RFC 6749 4.1.3, RFC 7636 4.6, RFC 9449 10).

    The store checks that it was not redeemed before. Raises EndpointError.
    """
    if code.client_id != service.client_id:
        raise invalid_grant("the code was issued to another service")
    if now >= code.expires:
        raise invalid_grant("the code has expired")
    if not code.redirect_uri:
        raise invalid_grant("an auth_req_id was presented as a code")
    if request.redirect_uri != code.redirect_uri:
        raise invalid_grant("redirect_uri differs from the authorization request")
    _check_verifier(request.verifier, code.code_challenge)
    if code.dpop_jkt is not None and (proof is None or proof.jkt != code.dpop_jkt):
        raise invalid_grant("the code is bound to another DPoP key")


def _check_verifier(verifier: str | None, code_challenge: str | None) -> None:
    """PKCE in both directions: a challenge requires a verifier, and a verifier a challenge (RFC 9700 2.1.1)."""
    if code_challenge is None and verifier is None:
        return
    if code_challenge is None or verifier is None:
        raise invalid_grant("code_verifier without code_challenge, or the other way round")
    if not _VERIFIER.fullmatch(verifier):
        raise invalid_grant("code_verifier is malformed")
    hashed = base64url.encode(hashlib.sha256(verifier.encode("ascii")).digest())
    if not hmac.compare_digest(hashed.encode(), code_challenge.encode()):
        raise invalid_grant("code_verifier does not fit the code_challenge")


def grant_from_code(
    code: AuthorizationCode, grant_id: str, proof: DpopProof | None, lifetimes: TokenLifetimes, now: float
) -> Grant:
    """Grant of a redeemed code. Its tokens are bound to the key of the proof, if there is one (RFC 9449 5)."""
    refreshable = OFFLINE_ACCESS in code.scope
    return Grant(
        id=grant_id,
        client_id=code.client_id,
        account=code.account,
        scope=code.scope,
        release=code.release,
        created=now,
        expires=now + (lifetimes.refresh if refreshable else lifetimes.access),
        nonce=code.nonce,
        dpop_jkt=proof.jkt if proof is not None else None,
    )


def access_token(
    handle: str, grant: Grant, proof: DpopProof | None, lifetimes: TokenLifetimes, now: float, x5t: str | None = None
) -> StoredToken:
    """Record of an access token, bound to the key of this request's proof (RFC 9449 5); it ends with its grant.

    `x5t` is the thumbprint of the certificate that it is bound to instead (RFC 8705 3).
    """
    another = None if proof is None or proof.jkt == grant.dpop_jkt else proof.jkt
    return StoredToken(sha256_hex(handle), ACCESS, now, min(now + lifetimes.access, grant.expires), another, x5t)


def narrow_scope(token: StoredToken, request: RefreshRequest, grant: Grant) -> StoredToken:
    """Access token of a refresh with the requested scope, in the order granted (RFC 6749 6).

    Only this token is narrowed. The refresh token keeps the granted scope, so the next refresh may request all of it.
    """
    if request.scope is None or set(request.scope) == set(grant.scope):
        return token
    return replace(token, scope=" ".join(word for word in grant.scope if word in request.scope))


def scope_of(token: StoredToken, grant: Grant) -> tuple[str, ...]:
    """Scope of a token: that of its grant, unless a refresh requested less."""
    return grant.scope if token.scope is None else tuple(token.scope.split(" "))


def dpop_thumbprint(token: StoredToken, grant: Grant) -> str | None:
    """Thumbprint of the DPoP key an access token is bound to; None if there is none."""
    return token.dpop_jkt or grant.dpop_jkt


def refresh_token(handle: str, grant: Grant, now: float) -> StoredToken | None:
    """Record of a refresh token that lives as long as its grant; None without `offline_access`.

    It is not rotated for a confidential client (FAPI 2.0 Security Profile 5.3.2.1); that of an app can be used once
    (RFC 9700 4.14.2), and its successor does not outlive the grant.
    """
    return StoredToken(sha256_hex(handle), REFRESH, now, grant.expires) if OFFLINE_ACCESS in grant.scope else None


def check_refresh(
    request: RefreshRequest, token: StoredToken, grant: Grant, service: Service, proof: DpopProof | None, now: float
) -> None:
    """Checks that this caller may refresh this grant now (RFC 6749 6, RFC 9449 5).

    The refresh token of a confidential client is bound to its authentication and not to a key: each refresh may use a
    new key, but must have one if the grant has (RFC 9449 5). An app must use the same key throughout, or has a refresh
    token for one use if it has none. The scope may be narrower than the granted one, never wider (RFC 6749 6). Raises
    EndpointError.
    """
    if token.kind != REFRESH:
        raise invalid_grant(f"a token of kind {token.kind} was presented as a refresh token")
    if grant.client_id != service.client_id:
        raise invalid_grant("the refresh token was issued to another service")
    if now >= token.expires or now >= grant.expires:
        raise invalid_grant("the refresh token has expired")
    if not service.tokens.refresh:
        raise invalid_grant("the service may no longer refresh")
    if grant.dpop_jkt is not None and proof is None:
        raise invalid_grant("the tokens of the grant are bound to a DPoP key")
    if service.is_public and (proof.jkt if proof is not None else None) != grant.dpop_jkt:
        raise invalid_grant("the refresh token of an app is bound to another DPoP key")
    if grant.dpop_jkt is None and proof is not None:
        raise invalid_grant("the tokens of the grant are not bound to a DPoP key")
    if request.scope is not None and not set(request.scope) <= set(grant.scope):
        raise EndpointError("invalid_scope", "the scope holds more than was granted")


class TokenEndpointResponse(TypedDict):
    """Successful response of the token endpoint (RFC 6749 5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    id_token: NotRequired[str]
    refresh_token: NotRequired[str]


def token_response(
    access: str,
    record: StoredToken,
    grant: Grant,
    now: float,
    *,
    id_token: str | None = None,
    refresh: str | None = None,
) -> TokenEndpointResponse:
    """JSON response to a token request (RFC 6749 5.1, OpenID Connect Core 3.1.3.3, RFC 9449 5).

    `access` and `refresh` are the handles, `record` is that of the access token.
    """
    response: TokenEndpointResponse = {
        "access_token": access,
        "token_type": Scheme.DPOP.value if dpop_thumbprint(record, grant) is not None else Scheme.BEARER.value,
        "expires_in": max(0, int(record.expires - now)),
        "scope": " ".join(scope_of(record, grant)),
    }
    if id_token is not None:
        response["id_token"] = id_token
    if refresh is not None:
        response["refresh_token"] = refresh
    return response

"""Authorization response: the code or error that the browser carries to the service's redirect URI."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from broker.model.request import AuthorizationRequest, ClientRedirect, ResponseMode
from broker.oidc.errors import RedirectedError, ResponseTarget

JWT_LIFETIME: Final = 600
"""Lifetime of a response JWT in seconds: the maximum that JARM 2.1 recommends."""


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """Response to one service with its response mode. `fields` are the plain parameters."""

    client_id: str
    redirect_uri: str
    mode: ResponseMode
    fields: Mapping[str, str]


def code_response(
    request: AuthorizationRequest, code: str, issuer: str, session_state: str | None = None
) -> AuthorizationResponse:
    """Successful response (RFC 6749 4.1.2; `iss` by RFC 9207 2; `session_state` by Session Management 1.0, 2)."""
    fields = {"code": code, **({"session_state": session_state} if session_state is not None else {})}
    return _response(request.client_id, _target(request), issuer, fields)


def error_response(
    request: AuthorizationRequest, issuer: str, code: str, description: str, error_uri: str | None = None
) -> AuthorizationResponse:
    """Error response to a request that passed its checks (OpenID Connect Core 3.1.2.6, RFC 9207 2)."""
    fields = _error(code, description, error_uri)
    return _response(request.client_id, _target(request), issuer, fields)


def redirected_response(error: RedirectedError, issuer: str, error_uri: str | None = None) -> AuthorizationResponse:
    """Error response to a request that did not pass its checks (RFC 6749 4.1.2.1, RFC 9207 2)."""
    fields = _error(error.code, error.description, error_uri)
    return _response(error.client_id, error.target, issuer, fields)


def _error(code: str, description: str, error_uri: str | None) -> dict[str, str]:
    fields = {"error": code, "error_description": description}
    return fields if error_uri is None else {**fields, "error_uri": error_uri}


def _target(request: AuthorizationRequest) -> ResponseTarget:
    return ResponseTarget(request.redirect_uri, request.state, request.response_mode)


def _response(client_id: str, target: ResponseTarget, issuer: str, fields: Mapping[str, str]) -> AuthorizationResponse:
    whole = {**fields, **({"state": target.state} if target.state is not None else {}), "iss": issuer}
    return AuthorizationResponse(client_id, target.redirect_uri, target.response_mode, whole)


def jwt_claims(response: AuthorizationResponse, now: float) -> dict[str, object]:
    """Claims of a response JWT: its parameters, audience and expiry (JARM 2.1)."""
    return {**response.fields, "aud": response.client_id, "exp": int(now) + JWT_LIFETIME}


def client_redirect(response: AuthorizationResponse, jwt: str | None = None) -> ClientRedirect:
    """Redirect of the browser with the response. `jwt` is its signed form, for the modes that need one (JARM 2.3)."""
    fields = response.fields if jwt is None else {"response": jwt}
    if response.mode.posted:
        return ClientRedirect(response.redirect_uri, fields)
    return ClientRedirect(with_query(response.redirect_uri, fields))


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """Adds parameters to the query of a URL, leaving the rest unchanged byte for byte (RFC 6749 3.1.2)."""
    joint = "?" if "?" not in url else "" if url.endswith(("?", "&")) else "&"
    return f"{url}{joint}{urlencode(parameters, quote_via=quote, safe='')}"

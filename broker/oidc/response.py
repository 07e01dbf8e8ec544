"""The answer that travels back through the browser: a code or an error, at the service's redirect URI."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from broker.model.request import AuthorizationRequest, ResponseMode
from broker.oidc.errors import Redirected


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """Where the browser goes. `fields` is None for a plain visit of `url`; else they are posted there (`form_post`)."""

    url: str
    fields: Mapping[str, str] | None = None


def code_response(
    request: AuthorizationRequest, code: str, issuer: str, session_state: str | None = None
) -> AuthorizationResponse:
    """A successful answer (RFC 6749 4.1.2; `iss` by RFC 9207 2; `session_state` by Session Management 1.0, 2)."""
    fields = {"code": code, **({"session_state": session_state} if session_state is not None else {})}
    return _response(request.redirect_uri, request.response_mode, fields, request.state, issuer)


def error_response(
    request: AuthorizationRequest, issuer: str, code: str, description: str, error_uri: str | None = None
) -> AuthorizationResponse:
    """An answer without a code to a request that passed its checks (OpenID Connect Core 3.1.2.6, RFC 9207 2)."""
    fields = _error(code, description, error_uri)
    return _response(request.redirect_uri, request.response_mode, fields, request.state, issuer)


def redirected_response(error: Redirected, issuer: str, error_uri: str | None = None) -> AuthorizationResponse:
    """The answer to a request that did not pass its checks (RFC 6749 4.1.2.1, RFC 9207 2)."""
    fields = _error(error.code, error.description, error_uri)
    return _response(error.redirect_uri, error.response_mode, fields, error.state, issuer)


def _error(code: str, description: str, error_uri: str | None) -> dict[str, str]:
    fields = {"error": code, "error_description": description}
    return fields if error_uri is None else {**fields, "error_uri": error_uri}


def _response(
    redirect_uri: str, mode: ResponseMode, fields: Mapping[str, str], state: str | None, issuer: str
) -> AuthorizationResponse:
    whole = {**fields, **({"state": state} if state is not None else {}), "iss": issuer}
    match mode:
        case ResponseMode.FORM_POST:
            return AuthorizationResponse(redirect_uri, whole)
        case ResponseMode.QUERY:
            return AuthorizationResponse(with_query(redirect_uri, whole))


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """A URL with parameters added to its query, everything already there kept to the byte (RFC 6749 3.1.2)."""
    joint = "?" if "?" not in url else "" if url.endswith(("?", "&")) else "&"
    return f"{url}{joint}{urlencode(parameters, quote_via=quote, safe='')}"

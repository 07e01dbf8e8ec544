"""Token requests with a code (OpenID Connect Core 3.1.3), and with a refresh token (12)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from broker.model.json_types import JsonObject
from broker.platform.http_client import HttpResponse, NotJson
from providers.openid.direct_calls import DirectCalls
from providers.openid.error_mapping import ErrorMap
from providers.openid.errors import REFRESH, TOKEN, Endpoint, UpstreamError, UpstreamFault
from providers.openid.metadata import Metadata

REFRESH_TOKEN: Final = "refresh_token"
"""The grant type, and the member of a response."""

LONGEST_REFRESH_TOKEN: Final = 4096
"""Maximum length of a refresh token that is stored."""


@dataclass(frozen=True, slots=True)
class RefreshResponse:
    """The tokens of a refresh. The ID token may be missing, and the refresh token if it stays the same (12.2)."""

    access_token: str = field(repr=False)
    id_token: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """The tokens of a token response."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CodeGrant:
    """Authorization code with its PKCE verifier, if the request had a challenge, and the redirect URI to which it was
    sent (RFC 6749 4.1.3)."""

    code: str
    verifier: str | None
    redirect_uri: str

    def form(self) -> Mapping[str, str]:
        """Parameters of the token request (RFC 7636 4.5)."""
        proof = {} if self.verifier is None else {"code_verifier": self.verifier}
        return {"grant_type": "authorization_code", "code": self.code, "redirect_uri": self.redirect_uri, **proof}


async def redeem(
    calls: DirectCalls, metadata: Metadata, errors: ErrorMap, grant: CodeGrant, note: JsonObject
) -> TokenResponse:
    """Exchanges the code for tokens, once. Raises UpstreamError."""
    found = await _tokens(calls, metadata, errors, TOKEN, grant.form(), note)
    if found.id_token is None:
        raise UpstreamError(UpstreamFault.TOKEN_MISSING, "token endpoint: no ID token")
    return TokenResponse(found.id_token, found.access_token, found.refresh_token)


async def refresh(
    calls: DirectCalls, metadata: Metadata, errors: ErrorMap, refresh_token: str, note: JsonObject
) -> RefreshResponse:
    """Exchanges a refresh token for new tokens. It may be used up then. Raises UpstreamError."""
    form = {"grant_type": REFRESH_TOKEN, REFRESH_TOKEN: refresh_token}
    return await _tokens(calls, metadata, errors, REFRESH, form, note)


async def _tokens(
    calls: DirectCalls,
    metadata: Metadata,
    errors: ErrorMap,
    endpoint: Endpoint,
    form: Mapping[str, str],
    note: JsonObject,
) -> RefreshResponse:
    answer = await calls.post(metadata, metadata.token_endpoint, form, note)
    if not isinstance(answer, HttpResponse):
        raise endpoint.failed(answer)
    if answer.status != 200:
        raise errors.of_endpoint(endpoint, answer)
    document = answer.json()
    if isinstance(document, NotJson):
        raise endpoint.failed(document)
    return _read(document, calls.token_type)


def _read(document: JsonObject, token_type: str) -> RefreshResponse:
    id_token, access_token, kind = (document.get(name) for name in ("id_token", "access_token", "token_type"))
    if not isinstance(id_token, str | None) or not isinstance(access_token, str):
        raise UpstreamError(UpstreamFault.TOKEN_MISSING, "token endpoint: no ID token or no access token")
    if not isinstance(kind, str) or kind.lower() != token_type:
        raise UpstreamError(UpstreamFault.TOKEN_TYPE, f"token endpoint: token_type is not {token_type}")
    if not (access_token.isascii() and access_token.isprintable()):
        raise UpstreamError(UpstreamFault.TOKEN_UNSENDABLE, "token endpoint: the access token is not valid in a header")
    refreshing = document.get(REFRESH_TOKEN)
    fits = isinstance(refreshing, str) and 1 <= len(refreshing) <= LONGEST_REFRESH_TOKEN
    return RefreshResponse(access_token, id_token, str(refreshing) if fits else None)

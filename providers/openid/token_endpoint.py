"""Token request (OpenID Connect Core 3.1.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.model.json_types import JsonObject
from broker.platform.http_client import HttpResponse, NotJson
from providers.openid.direct_calls import DirectCalls
from providers.openid.error_mapping import ErrorMap
from providers.openid.errors import TOKEN, UpstreamError, UpstreamFault
from providers.openid.metadata import Metadata


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """The tokens of a token response."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)


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
    answer = await calls.post(metadata, metadata.token_endpoint, grant.form(), note)
    if not isinstance(answer, HttpResponse):
        raise TOKEN.failed(answer)
    if answer.status != 200:
        raise errors.of_endpoint(TOKEN, answer)
    document = answer.json()
    if isinstance(document, NotJson):
        raise TOKEN.failed(document)
    return _tokens(document, calls.token_type)


def _tokens(document: JsonObject, token_type: str) -> TokenResponse:
    id_token, access_token, kind = (document.get(name) for name in ("id_token", "access_token", "token_type"))
    if not isinstance(id_token, str) or not isinstance(access_token, str):
        raise UpstreamError(UpstreamFault.TOKEN_MISSING, "token endpoint: no ID token or no access token")
    if not isinstance(kind, str) or kind.lower() != token_type:
        raise UpstreamError(UpstreamFault.TOKEN_TYPE, f"token endpoint: token_type is not {token_type}")
    if not (access_token.isascii() and access_token.isprintable()):
        raise UpstreamError(UpstreamFault.TOKEN_UNSENDABLE, "token endpoint: the access token is not valid in a header")
    return TokenResponse(id_token, access_token)

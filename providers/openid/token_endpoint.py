"""Token request (OpenID Connect Core 3.1.3) and userinfo request (5.3)."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote_plus

from broker.crypto.jose import SigningKey, sign
from broker.model.json_types import JsonObject
from broker.platform.http_client import HttpClient, HttpResponse, NotJson
from broker.platform.system import System
from providers.openid.config import OpenIdConfig, UpstreamAssertionAudience, UpstreamAuthentication
from providers.openid.describe import TokenForm, describe_token, token_form
from providers.openid.error_mapping import of_token_error
from providers.openid.errors import TOKEN, USERINFO, UpstreamError, UpstreamFault

ASSERTION_LIFE: Final = 60
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Credentials = Callable[[str], tuple[Mapping[str, str], Mapping[str, str]]]
"""Client authentication for a token endpoint: form fields and headers."""


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """The tokens of a token response."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)


def credentials(config: OpenIdConfig, key: SigningKey | None, secret: str | None, system: System) -> Credentials:
    """Client authentication as configured (OpenID Connect Core 9, RFC 7523 3, RFC 6749 2.3.1)."""
    if config.authentication is UpstreamAuthentication.PRIVATE_KEY_JWT and key is not None:
        return lambda endpoint: (_assertion(config, key, endpoint, system), {})
    if secret is None:
        raise ValueError(f"{config.authentication} has neither a key nor a secret")
    if config.authentication is UpstreamAuthentication.CLIENT_SECRET_POST:
        return lambda _: ({"client_id": config.client_id, "client_secret": secret}, {})
    pair = f"{quote_plus(config.client_id)}:{quote_plus(secret)}".encode()
    basic = {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
    return lambda _: ({}, basic)


def _assertion(config: OpenIdConfig, key: SigningKey, endpoint: str, system: System) -> Mapping[str, str]:
    now = int(system.now())
    claims = {
        "iss": config.client_id,
        "sub": config.client_id,
        "aud": config.issuer if config.assertion_audience is UpstreamAssertionAudience.ISSUER else endpoint,
        "jti": system.random_bytes(16).hex(),
        "iat": now,
        "exp": now + ASSERTION_LIFE,
    }
    return {
        "client_id": config.client_id,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": sign(claims, key),
    }


@dataclass(frozen=True, slots=True)
class CodeGrant:
    """Authorization code with its PKCE verifier and the redirect URI to which it was sent (RFC 6749 4.1.3)."""

    code: str
    verifier: str
    redirect_uri: str

    def form(self) -> Mapping[str, str]:
        """Parameters of the token request (RFC 7636 4.5)."""
        return {
            "grant_type": "authorization_code",
            "code": self.code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }


async def redeem(
    client: HttpClient, endpoint: str, proof: Credentials, config: OpenIdConfig, grant: CodeGrant
) -> TokenResponse:
    """Exchanges the code for tokens, once. Raises UpstreamError."""
    fields, headers = proof(endpoint)
    answer = await client.post(endpoint, {**grant.form(), **fields}, headers)
    if not isinstance(answer, HttpResponse):
        raise TOKEN.failed(answer)
    document = answer.json()
    if 400 <= answer.status < 500 and answer.status != 429:
        error = None if isinstance(document, NotJson) else document.get("error")
        raise of_token_error(error, answer, config.errors)
    if answer.status != 200:
        raise TOKEN.failed(answer)
    if isinstance(document, NotJson):
        raise TOKEN.failed(document)
    return _tokens(document)


def _tokens(document: JsonObject) -> TokenResponse:
    id_token, access_token, kind = (document.get(name) for name in ("id_token", "access_token", "token_type"))
    if not isinstance(id_token, str) or not isinstance(access_token, str):
        raise UpstreamError(UpstreamFault.TOKEN_MISSING, "token endpoint: no ID token or no access token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise UpstreamError(UpstreamFault.TOKEN_TYPE, "token endpoint: token_type is not Bearer")
    if not (access_token.isascii() and access_token.isprintable()):
        raise UpstreamError(UpstreamFault.TOKEN_UNSENDABLE, "token endpoint: the access token is not valid in a header")
    return TokenResponse(id_token, access_token)


def check_encryption(id_token: str) -> None:
    """Rejects an encrypted ID token; the log says what was received and which setting to change. Raises
    UpstreamError."""
    if token_form(id_token) is TokenForm.ENCRYPTED:
        came = f"ID token: encrypted (JWE, {describe_token(id_token)}), but only signed ones are supported"
        fix = "have the provider unset id_token_encrypted_response_alg for this client"
        raise UpstreamError(UpstreamFault.ID_TOKEN_ENCRYPTED, f"{came}: {fix}")


async def ask_userinfo(client: HttpClient, endpoint: str, access_token: str, subject: str) -> JsonObject:
    """Fetches the claims of the userinfo endpoint, which must have the subject of the ID token (5.3.2). Raises
    UpstreamError."""
    answer = await client.get(endpoint, {"Authorization": f"Bearer {access_token}"})
    if not isinstance(answer, HttpResponse) or answer.status != 200:
        raise USERINFO.failed(answer)
    document = answer.json()
    if isinstance(document, NotJson):
        raise _userinfo_token(answer) or USERINFO.failed(document)
    if document.get("sub") != subject:
        raise UpstreamError(UpstreamFault.USERINFO_SUBJECT, "userinfo: sub is not that of the ID token")
    return document


def _userinfo_token(answer: HttpResponse) -> UpstreamError | None:
    """The description of a JWT instead of JSON (5.3.2), and the setting to change. None for any other response."""
    text = answer.body.strip(b' \t\r\n"').decode("ascii", "replace")
    form = token_form(text)
    if form is None and answer.media_type != "application/jwt":
        return None
    fix = "or set userinfo = false if the ID token contains the claims"
    if form is TokenForm.ENCRYPTED:
        came = f"userinfo: encrypted JWT ({describe_token(text)}), but only JSON is supported"
        unset = "have the provider unset userinfo_encrypted_response_alg for this client"
        return UpstreamError(UpstreamFault.USERINFO_ENCRYPTED, f"{came}: {unset}, {fix}")
    came = f"userinfo: signed JWT ({describe_token(text)}), but only JSON is supported"
    unset = "have the provider unset userinfo_signed_response_alg for this client"
    return UpstreamError(UpstreamFault.USERINFO_SIGNED, f"{came}: {unset}, {fix}")

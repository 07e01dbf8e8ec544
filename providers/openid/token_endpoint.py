"""The token request (OpenID Connect Core 3.1.3) and the userinfo request (5.3)."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus

from broker.crypto.jose import SigningKey, sign
from broker.platform.http_client import HttpClient, HttpResponse, NotJson
from broker.platform.system import System
from providers.openid.config import OpenIdConfig, UpstreamAssertionAudience, UpstreamAuthentication
from providers.openid.describe import TokenForm, describe_token, token_form
from providers.openid.error_mapping import of_token_error
from providers.openid.errors import TOKEN, USERINFO, UpstreamError, UpstreamFault

ASSERTION_LIFE: Final = 60
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Credentials = Callable[[str], tuple[Mapping[str, str], Mapping[str, str]]]
"""For a token endpoint: the form fields and the headers that prove who we are."""


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """What the token endpoint gave."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)


def credentials(config: OpenIdConfig, key: SigningKey | None, secret: str | None, system: System) -> Credentials:
    """How we prove who we are, as configured (OpenID Connect Core 9, RFC 7523 3, RFC 6749 2.3.1)."""
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


async def redeem(
    client: HttpClient, endpoint: str, proof: Credentials, config: OpenIdConfig, code: str, verifier: str, callback: str
) -> TokenResponse:
    """Trades the code for tokens, once. Raises UpstreamError."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback, "code_verifier": verifier}
    fields, headers = proof(endpoint)
    answer = await client.post(endpoint, {**form, **fields}, headers)
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


def _tokens(document: Mapping[str, Any]) -> TokenResponse:
    id_token, access_token, kind = (document.get(name) for name in ("id_token", "access_token", "token_type"))
    if not isinstance(id_token, str) or not isinstance(access_token, str):
        raise UpstreamError(UpstreamFault.TOKEN_MISSING, "token endpoint: no ID token or no access token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise UpstreamError(UpstreamFault.TOKEN_TYPE, "token endpoint: token_type is not Bearer")
    if not (access_token.isascii() and access_token.isprintable()):
        raise UpstreamError(UpstreamFault.TOKEN_UNSENDABLE, "token endpoint: the access token cannot be sent")
    return TokenResponse(id_token, access_token)


def check_encryption(id_token: str) -> None:
    """An ID token that is encrypted is refused, and the log says what came and what to set. Raises UpstreamError."""
    if token_form(id_token) is TokenForm.ENCRYPTED:
        came = f"ID token: an encrypted one came (JWE, {describe_token(id_token)}), and only signed ones are read"
        fix = "have the provider unset id_token_encrypted_response_alg for this client"
        raise UpstreamError(UpstreamFault.ID_TOKEN_ENCRYPTED, f"{came}: {fix}")


async def ask_userinfo(client: HttpClient, endpoint: str, access_token: str, subject: str) -> Mapping[str, Any]:
    """The claims at the userinfo endpoint, which must be about the subject of the ID token (5.3.2). Raises
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
    """A JWT in the place of JSON (5.3.2): what came, and what to set. None if it is none."""
    text = answer.body.strip(b' \t\r\n"').decode("ascii", "replace")
    form = token_form(text)
    if form is None and answer.media_type != "application/jwt":
        return None
    fix = "or set userinfo = false if the ID token holds the claims"
    if form is TokenForm.ENCRYPTED:
        came = f"userinfo: an encrypted JWT came ({describe_token(text)}), and only JSON is read"
        unset = "have the provider unset userinfo_encrypted_response_alg for this client"
        return UpstreamError(UpstreamFault.USERINFO_ENCRYPTED, f"{came}: {unset}, {fix}")
    came = f"userinfo: a signed JWT came ({describe_token(text)}), and only JSON is read"
    unset = "have the provider unset userinfo_signed_response_alg for this client"
    return UpstreamError(UpstreamFault.USERINFO_SIGNED, f"{came}: {unset}, {fix}")

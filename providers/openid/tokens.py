"""The token request (OpenID Connect Core 3.1.3) and the userinfo request (5.3)."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus

from broker.ambient import Ambient
from broker.jose import SigningKey, sign
from broker.outgoing import Client, NotJson, Response
from broker.provider import Reason
from providers.openid.config import Audience, Authentication, OpenIdConfig
from providers.openid.reasons import of_token_error
from providers.openid.refused import Refused, outage

ASSERTION_LIFE: Final = 60
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Credentials = Callable[[str], tuple[Mapping[str, str], Mapping[str, str]]]
"""For a token endpoint: the form fields and the headers that prove who we are."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint gave."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)


def credentials(config: OpenIdConfig, key: SigningKey | None, secret: str | None, ambient: Ambient) -> Credentials:
    """How we prove who we are, as configured (OpenID Connect Core 9, RFC 7523 3, RFC 6749 2.3.1)."""
    if config.authentication is Authentication.PRIVATE_KEY_JWT and key is not None:
        return lambda endpoint: (_assertion(config, key, endpoint, ambient), {})
    if secret is None:
        raise ValueError(f"{config.authentication} has neither a key nor a secret")
    if config.authentication is Authentication.CLIENT_SECRET_POST:
        return lambda _: ({"client_id": config.client_id, "client_secret": secret}, {})
    pair = f"{quote_plus(config.client_id)}:{quote_plus(secret)}".encode()
    basic = {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
    return lambda _: ({}, basic)


def _assertion(config: OpenIdConfig, key: SigningKey, endpoint: str, ambient: Ambient) -> Mapping[str, str]:
    now = int(ambient.now())
    claims = {
        "iss": config.client_id,
        "sub": config.client_id,
        "aud": config.issuer if config.assertion_audience is Audience.ISSUER else endpoint,
        "jti": ambient.draw(16).hex(),
        "iat": now,
        "exp": now + ASSERTION_LIFE,
    }
    return {
        "client_id": config.client_id,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": sign(claims, key),
    }


async def redeem(
    client: Client, endpoint: str, proof: Credentials, config: OpenIdConfig, code: str, verifier: str, callback: str
) -> Tokens:
    """Trades the code for tokens, once. Raises Refused."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback, "code_verifier": verifier}
    fields, headers = proof(endpoint)
    answer = await client.post(endpoint, {**form, **fields}, headers)
    if not isinstance(answer, Response) or not 200 <= answer.status < 500 or answer.status == 429:
        raise outage("token endpoint", answer, about_one=True)
    document = answer.json()
    if answer.status != 200:
        error = None if isinstance(document, NotJson) else document.get("error")
        raise of_token_error(error, answer.status, config.errors)
    if isinstance(document, NotJson):
        raise outage("token endpoint", document)
    return _tokens(document)


def _tokens(document: Mapping[str, Any]) -> Tokens:
    id_token, access_token, kind = (document.get(name) for name in ("id_token", "access_token", "token_type"))
    if not isinstance(id_token, str) or not isinstance(access_token, str):
        raise Refused(Reason.UNSAFE, "token endpoint: no ID token or no access token", outage=True)
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise Refused(Reason.UNSAFE, "token endpoint: token_type is not Bearer", outage=True)
    if not (access_token.isascii() and access_token.isprintable()):
        raise Refused(Reason.UNSAFE, "token endpoint: the access token cannot be sent", outage=True)
    return Tokens(id_token, access_token)


async def ask_userinfo(client: Client, endpoint: str, access_token: str, subject: str) -> Mapping[str, Any]:
    """The claims at the userinfo endpoint, which must be about the subject of the ID token (5.3.2). Raises Refused."""
    answer = await client.get(endpoint, {"Authorization": f"Bearer {access_token}"})
    if not isinstance(answer, Response) or answer.status != 200:
        raise outage("userinfo", answer, about_one=True)
    document = answer.json()
    if isinstance(document, NotJson):
        raise outage("userinfo", document)
    if document.get("sub") != subject:
        raise Refused(Reason.UNSAFE, "userinfo: sub is not that of the ID token", outage=True)
    return document

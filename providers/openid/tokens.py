"""The token request (OpenID Connect Core 3.1.3) and the userinfo request (5.3)."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus

from broker.ambient import Ambient
from broker.jose import SigningKey, sign
from broker.outgoing import Client, NotJson, Response
from providers.openid.config import Audience, Authentication, OpenIdConfig
from providers.openid.describe import TokenForm, describe_token, token_form
from providers.openid.reasons import of_token_error
from providers.openid.refused import TOKEN, USERINFO, Fault, Refused

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
    if not isinstance(answer, Response):
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


def _tokens(document: Mapping[str, Any]) -> Tokens:
    id_token, access_token, kind = (document.get(name) for name in ("id_token", "access_token", "token_type"))
    if not isinstance(id_token, str) or not isinstance(access_token, str):
        raise Refused(Fault.TOKEN_MISSING, "token endpoint: no ID token or no access token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise Refused(Fault.TOKEN_TYPE, "token endpoint: token_type is not Bearer")
    if not (access_token.isascii() and access_token.isprintable()):
        raise Refused(Fault.TOKEN_UNSENDABLE, "token endpoint: the access token cannot be sent")
    return Tokens(id_token, access_token)


def check_encryption(id_token: str) -> None:
    """An ID token that is encrypted is refused, and the log says what came and what to set. Raises Refused."""
    if token_form(id_token) is TokenForm.ENCRYPTED:
        came = f"ID token: an encrypted one came (JWE, {describe_token(id_token)}), and only signed ones are read"
        mend = "have the provider unset id_token_encrypted_response_alg for this client"
        raise Refused(Fault.ID_TOKEN_ENCRYPTED, f"{came}: {mend}")


async def ask_userinfo(client: Client, endpoint: str, access_token: str, subject: str) -> Mapping[str, Any]:
    """The claims at the userinfo endpoint, which must be about the subject of the ID token (5.3.2). Raises Refused."""
    answer = await client.get(endpoint, {"Authorization": f"Bearer {access_token}"})
    if not isinstance(answer, Response) or answer.status != 200:
        raise USERINFO.failed(answer)
    document = answer.json()
    if isinstance(document, NotJson):
        raise _userinfo_token(answer) or USERINFO.failed(document)
    if document.get("sub") != subject:
        raise Refused(Fault.USERINFO_SUBJECT, "userinfo: sub is not that of the ID token")
    return document


def _userinfo_token(answer: Response) -> Refused | None:
    """A JWT in the place of JSON (5.3.2): what came, and what to set. None if it is none."""
    text = answer.body.strip(b' \t\r\n"').decode("ascii", "replace")
    form = token_form(text)
    if form is None and answer.media_type != "application/jwt":
        return None
    mend = "or set userinfo = false if the ID token holds the claims"
    if form is TokenForm.ENCRYPTED:
        came = f"userinfo: an encrypted JWT came ({describe_token(text)}), and only JSON is read"
        unset = "have the provider unset userinfo_encrypted_response_alg for this client"
        return Refused(Fault.USERINFO_ENCRYPTED, f"{came}: {unset}, {mend}")
    came = f"userinfo: a signed JWT came ({describe_token(text)}), and only JSON is read"
    unset = "have the provider unset userinfo_signed_response_alg for this client"
    return Refused(Fault.USERINFO_SIGNED, f"{came}: {unset}, {mend}")

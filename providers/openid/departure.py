"""The authorization request to a provider (OpenID Connect Core 3.1.2.1), its constant part made once."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from broker.model.assurance import Level
from broker.provider import Ask
from providers.openid.config import OpenIdConfig


def prefixes(config: OpenIdConfig, endpoint: str) -> Mapping[Level, str]:
    """For each level that can be asked for, the URL up to what differs with every departure; it ends with `&`."""
    constant = {"response_type": "code", "client_id": config.client_id, "scope": " ".join(config.scopes)}
    made = {}
    for level in Level:
        names = acr_values(config, level)
        if names is not None:
            query = {**constant, **config.parameters} | ({"acr_values": names} if names else {})
            join = "&" if "?" in endpoint else "?"
            made[level] = f"{endpoint}{join}{urlencode(query, quote_via=quote)}&code_challenge_method=S256&"
    return made


def acr_values(config: OpenIdConfig, level: Level) -> str | None:
    """What to ask for so that at least this level comes back: empty for nothing, None where nothing would do."""
    if not config.acr_request:
        return ""
    enough = [asked for asked in config.acr_request if asked >= level]
    return config.acr_request[min(enough)] if enough else None


def challenge(verifier: str) -> str:
    """The PKCE code challenge of a verifier, method S256 (RFC 7636 4.2)."""
    return base64url(hashlib.sha256(verifier.encode("ascii")).digest())


def base64url(data: bytes) -> str:
    """Bytes in base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def address(prefix: str, config: OpenIdConfig, ask: Ask, nonce: str, verifier: str, development: bool) -> str:
    """The whole URL. The state travels unchanged; a login hint travels in development only."""
    query = {
        "redirect_uri": ask.callback,
        "state": ask.state,
        "nonce": nonce,
        "code_challenge": challenge(verifier),
        "ui_locales": config.languages.get(ask.language, ask.language),
    }
    if ask.fresh:
        query["prompt"] = "login"
    if ask.fresh or ask.max_age is not None:
        query["max_age"] = "0" if ask.fresh else str(ask.max_age)
    if development and ask.hint:
        query["login_hint"] = ask.hint
    return prefix + urlencode(query, quote_via=quote)

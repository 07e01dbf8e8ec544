"""Client authentication at the simulator's token endpoint (OpenID Connect Core 9), and PKCE (RFC 7636 4.6)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_plus

from broker.crypto.jose import SIGNATURE_ALGORITHMS, InvalidToken, parse_keys, verify
from broker.platform import base64url
from providers.simulator.settings import SimulatedClient
from providers.simulator.state import SimulatedIssuer

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def authenticate(
    simulated: SimulatedIssuer, form: Mapping[str, str], authorization: str | None, now: float
) -> SimulatedClient | None:
    """The registered client that authenticates by its registered method, or None."""
    if "client_assertion" in form:
        return _by_assertion(simulated, form, now)
    if authorization is not None:
        pair = basic_credentials(authorization)
    else:
        pair = (form.get("client_id", ""), form.get("client_secret", ""))
    for client in simulated.issuer.clients:
        if pair is not None and client.client_id == pair[0] and client.secret is not None:
            return client if hmac.compare_digest(client.secret.encode(), pair[1].encode()) else None
    return None


def _by_assertion(simulated: SimulatedIssuer, form: Mapping[str, str], now: float) -> SimulatedClient | None:
    """RFC 7523 3: signed by the client, about itself, for this issuer, unexpired, and not replayed."""
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        return None
    for client in simulated.issuer.clients:
        if client.jwks is None or form.get("client_id", client.client_id) != client.client_id:
            continue
        try:
            claims = verify(form["client_assertion"], parse_keys(client.jwks), SIGNATURE_ALGORITHMS).claims
        except InvalidToken:
            continue
        jti, expires = claims.get("jti"), claims.get("exp")
        ours = claims.get("aud") in (simulated.url, f"{simulated.url}/token")
        if not (claims.get("iss") == claims.get("sub") == client.client_id and ours):
            return None
        if not isinstance(jti, str) or not isinstance(expires, int) or not now < expires <= now + 300:
            return None
        return client if simulated.memory.use_once(jti, expires) else None
    return None


def basic_credentials(authorization: str) -> tuple[str, str] | None:
    """Reads client id and secret of HTTP Basic (RFC 6749 2.3.1); None if the header has another form."""
    kind, _, value = authorization.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return unquote_plus(name), unquote_plus(secret)


def fits_challenge(verifier: str, challenge: str) -> bool:
    """Whether a PKCE verifier matches a challenge (S256)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64url.encode(digest), challenge)

"""DPoP: proof of possession of a key (RFC 9449), and the nonces that keep proofs fresh.

The `jti` of a proof is only returned: the caller records it, and rejects a replay with `proof_used_before`.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from broker.crypto.jose import InvalidToken, thumbprint, verify_embedded
from broker.normalize.dates import numeric_date
from broker.oidc.errors import DPOP_ALGORITHMS, EndpointError, Scheme, challenge
from broker.oidc.jwt_claims import read_jti
from broker.platform import base64url

MAX_AGE: Final = 60
CLOCK_SKEW: Final = 30
"""Maximum age of a proof, and tolerance for `iat` in the future, in seconds (RFC 9449 11.1)."""

_LONGEST: Final = 256
_DEFAULT_PORTS: Final[Mapping[str, int]] = {"https": 443, "http": 80}
_NONCE: Final = re.compile(r"([0-9a-f]{1,12})\.([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class DpopProof:
    """Valid proof. `jkt` is the thumbprint of its key; `jti` must not be accepted again before `expires`.

    `jti` is prefixed by the key's thumbprint, so that one client cannot use up the values of another.
    """

    jkt: str
    jti: str
    expires: float


@dataclass(frozen=True, slots=True)
class DpopNonces:
    """Stateless nonces: a time with a MAC of this broker (RFC 9449 8).

    `mac` and `matches` compute and compare MACs; `epoch` changes when the record of used proofs was lost; a nonce is
    valid for `lifetime` seconds.
    """

    epoch: str
    mac: Callable[[bytes], bytes]
    matches: Callable[[bytes, bytes], bool]
    lifetime: int = 300

    def issue(self, now: float) -> str:
        """Issues a nonce."""
        issued = f"{int(now):x}"
        return f"{issued}.{base64url.encode(self.mac(self._marked(issued)))}"

    def is_valid(self, nonce: str, now: float) -> bool:
        """Whether a nonce was issued by this broker in this epoch and has not expired."""
        match = _NONCE.fullmatch(nonce)
        if match is None or not now - self.lifetime <= int(match[1], 16) <= now + CLOCK_SKEW:
            return False
        return self.matches(self._marked(match[1]), base64url.decode(match[2]))

    def _marked(self, issued: str) -> bytes:
        return f"{self.epoch} {issued}".encode()


@dataclass(frozen=True, slots=True)
class ProvedRequest:
    """What a proof is checked against: the `DPoP` headers of a request, its method and its endpoint.

    `url` is the endpoint's configured URL, never the Host header; `alias` is its mTLS URL (RFC 8705 5).
    """

    headers: Sequence[str]
    method: str
    url: str
    alias: str | None = None


def check_proof(
    proved: ProvedRequest, nonces: DpopNonces, now: float, access_token: str | None = None
) -> DpopProof | None:
    """Verifies the proof in the `DPoP` headers of a request. Returns None if there is none (RFC 9449 4.3).

    If `access_token` is given, for a protected resource, the proof must name it (`ath`). Raises EndpointError:
    `invalid_dpop_proof`, or `use_dpop_nonce` if only a current nonce is missing.
    """
    headers = proved.headers
    if not headers:
        return None
    at_resource = access_token is not None
    if len(headers) > 1:
        raise _invalid("more than one DPoP header", at_resource=at_resource)
    try:
        verified = verify_embedded(headers[0], DPOP_ALGORITHMS, "dpop+jwt")
        jwk = verified.header["jwk"]
        jkt = thumbprint(jwk if isinstance(jwk, Mapping) else {})
    except InvalidToken as problem:
        raise _invalid(problem.detail, at_resource=at_resource) from None
    claims = verified.claims
    if claims.get("htm") != proved.method:
        raise _invalid(f"htm {claims.get('htm')!r:.40}: expected {proved.method}", at_resource=at_resource)
    if not any(_same_place(claims.get("htu"), known) for known in (proved.url, proved.alias) if known is not None):
        raise _invalid(f"htu {claims.get('htu')!r:.200}: expected {proved.url}", at_resource=at_resource)
    issued = numeric_date(claims.get("iat"))
    if issued is None or not now - MAX_AGE <= issued <= now + CLOCK_SKEW:
        raise _invalid(
            f"iat is missing or not within {MAX_AGE} s past and {CLOCK_SKEW} s ahead", at_resource=at_resource
        )
    jti = read_jti(claims, _LONGEST)
    if jti is None:
        raise _invalid("jti is missing or too long", at_resource=at_resource)
    if access_token is not None and not _names_token(claims.get("ath"), access_token):
        raise _invalid("ath does not name the access token", at_resource=at_resource)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not nonces.is_valid(nonce, now):
        raise nonce_needed(at_resource=at_resource)
    return DpopProof(jkt, f"{jkt}.{jti}", issued + MAX_AGE)


def nonce_needed(*, at_resource: bool) -> EndpointError:
    """The error that asks for a proof with a current nonce (RFC 9449 8)."""
    return _proof_error(
        "use_dpop_nonce", "a current nonce is needed in the proof", "", at_resource=at_resource, nonce=True
    )


def proof_used_before(*, at_resource: bool) -> EndpointError:
    """Error for a replayed proof (RFC 9449 11.1)."""
    return _invalid("jti was used before", at_resource=at_resource)


def _invalid(detail: str, *, at_resource: bool) -> EndpointError:
    return _proof_error("invalid_dpop_proof", "the DPoP proof does not hold", detail, at_resource=at_resource)


def _proof_error(code: str, description: str, detail: str, *, at_resource: bool, nonce: bool = False) -> EndpointError:
    if at_resource:
        asks = challenge([Scheme.DPOP], code, description)
        return EndpointError(code, description, detail, status=401, challenge=asks, nonce=nonce)
    return EndpointError(code, description, detail, nonce=nonce)


def _names_token(ath: object, access_token: str) -> bool:
    expected = base64url.encode(hashlib.sha256(access_token.encode()).digest())
    return isinstance(ath, str) and hmac.compare_digest(ath.encode(), expected.encode())


def _same_place(htu: object, url: str) -> bool:
    """Whether `htu` is the endpoint; ignores query, fragment, case of the host and default port (RFC 9449 4.3)."""
    return htu == url or (isinstance(htu, str) and (place := _place(htu)) is not None and place == _place(url))


def _place(url: str) -> tuple[str, str, int | None, str] | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.username is not None or parts.password is not None:
        return None
    scheme = parts.scheme.lower()
    return scheme, parts.hostname or "", port or _DEFAULT_PORTS.get(scheme), parts.path or "/"

"""Access tokens at a protected resource: parsing and validation (RFC 6750, RFC 9449 7)."""

from dataclasses import dataclass
from typing import Final

from broker.crypto.jose import Certificate
from broker.model.grant import Grant, StoredToken
from broker.oidc.dpop import DpopProof
from broker.oidc.errors import EndpointError, Scheme, challenge
from broker.oidc.scopes import OPENID
from broker.oidc.token_request import ACCESS, dpop_thumbprint, scope_of

_LONGEST: Final = 512


@dataclass(frozen=True, slots=True)
class AccessTokenCredential:
    """Access token as received, not validated yet."""

    scheme: Scheme
    handle: str

    def __repr__(self) -> str:
        return f"PresentedToken({self.scheme})"


def parse_access_token(authorization: str | None) -> AccessTokenCredential:
    """Access token in the Authorization header, the only place that is read (FAPI 2.0, 5.3.4).

    Raises EndpointError: without any token, a plain challenge (RFC 6750 3.1).
    """
    if authorization is None:
        asks = challenge([Scheme.DPOP, Scheme.BEARER])
        raise EndpointError("invalid_token", "an access token is needed", "no token", status=401, challenge=asks)
    name, _, handle = authorization.partition(" ")
    scheme = next((scheme for scheme in Scheme if scheme.lower() == name.lower()), None)
    handle = handle.strip(" ")
    if scheme is None or not 0 < len(handle) <= _LONGEST or not handle.isascii() or " " in handle:
        raise invalid_token("the Authorization header cannot be read", Scheme.BEARER)
    return AccessTokenCredential(scheme, handle)


def invalid_token(detail: str, scheme: Scheme) -> EndpointError:
    """Error for an access token that is unknown, expired, revoked, or bound to another key (RFC 6750 3.1)."""
    description = "the access token is not valid, or no longer"
    asks = challenge([scheme], "invalid_token", description)
    return EndpointError("invalid_token", description, detail, status=401, challenge=asks)


def check_access(
    presented: AccessTokenCredential,
    token: StoredToken,
    grant: Grant,
    proof: DpopProof | None,
    now: float,
    certificate: Certificate | None = None,
) -> None:
    """Validates a stored token for a resource: kind, expiry and sender constraint (RFC 9449 7, RFC 8705 3).

    A bound token is never accepted as a bearer token, nor a bearer token with a proof. Userinfo requires the scope
    `openid`, which a refresh may omit (RFC 6750 3.1, `insufficient_scope`). Raises EndpointError.
    """
    if token.kind != ACCESS:
        raise invalid_token(f"a token of kind {token.kind} was presented as an access token", presented.scheme)
    if now >= token.expires or now >= grant.expires:
        raise invalid_token("the access token has expired", presented.scheme)
    check_sender(presented, (dpop_thumbprint(token, grant), token.x5t), proof, certificate)
    if OPENID not in scope_of(token, grant):
        description = "the access token has not the scope openid"
        asks = challenge([presented.scheme], "insufficient_scope", description)
        raise EndpointError("insufficient_scope", description, status=403, challenge=asks)


def check_sender(
    presented: AccessTokenCredential,
    bound: tuple[str | None, str | None],
    proof: DpopProof | None,
    certificate: Certificate | None,
) -> None:
    """Checks the sender constraint of a token: `bound` are the thumbprints of its DPoP key and of its certificate.

    A bound token is never accepted as a bearer token, nor a bearer token with a proof. Raises EndpointError.
    """
    key, x5t = bound
    if x5t is not None and (certificate is None or certificate.thumbprint != x5t):
        raise invalid_token("the client certificate is missing or not the one the token is bound to", presented.scheme)
    if key is None and presented.scheme is not Scheme.BEARER:
        raise invalid_token("a bearer token was presented with DPoP", presented.scheme)
    if key is not None and presented.scheme is not Scheme.DPOP:
        raise invalid_token("a token bound to a DPoP key was presented as a bearer token", Scheme.DPOP)
    if key is not None and (proof is None or proof.jkt != key):
        raise invalid_token("the proof is missing or of another key", Scheme.DPOP)

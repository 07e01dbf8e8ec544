"""ID token validation (OpenID Connect Core 3.1.3.7), as an ordered list of small checks.

Signature and algorithm were verified before, with keys from the provider's metadata. Each check raises UpstreamError.
None of these faults is an outage of the provider: the content of a token concerns one citizen.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from broker.crypto.jose import hash_claim
from broker.model.json_types import JsonObject
from broker.normalize.dates import numeric_date
from providers.openid.describe import describe_identifier
from providers.openid.errors import UpstreamError, UpstreamFault

_TO_BASE64URL: Final = str.maketrans("+/", "-_")

MAX_SUBJECT: Final = 256
"""Maximum length of a subject. The standard permits 255 characters (OpenID Connect Core 2), and TARA sends 256."""


@dataclass(frozen=True, slots=True)
class ExpectedIdToken:
    """Requirements of this sign-in on the ID token.

    `departed` is when the citizen left and `now` when they returned (seconds since 1970 UTC), `skew` the tolerated
    clock skew of the provider; `oldest` is the earliest acceptable `auth_time`, None for any; `untimed`: it may be
    missing. It must be later than `after`, which is by the provider's own clock.
    """

    issuer: str
    client_id: str
    audiences: frozenset[str]
    nonce: str = field(repr=False)
    departed: float
    now: float
    skew: float
    oldest: float | None
    access_token: str = field(repr=False)
    algorithm: str
    after: int | None = None
    untimed: bool = False


Claims = JsonObject


def check_issuer(claims: Claims, expected: ExpectedIdToken) -> None:
    """Item 2: `iss` is exactly the issuer of the metadata."""
    if claims.get("iss") != expected.issuer:
        found = describe_identifier(claims.get("iss"))
        raise _refused(UpstreamFault.ID_TOKEN_ISSUER, f"iss {found}: expected {expected.issuer!r}")


def check_audience(claims: Claims, expected: ExpectedIdToken) -> None:
    """Items 3 to 5: `aud` and `azp` name this broker and no unknown party."""
    aud = claims.get("aud")
    named = [aud] if isinstance(aud, str) else aud
    if not isinstance(named, list) or expected.client_id not in named:
        raise _refused(UpstreamFault.ID_TOKEN_AUDIENCE, "aud does not contain the broker")
    if any(one != expected.client_id and one not in expected.audiences for one in named if isinstance(one, str)):
        raise _refused(UpstreamFault.ID_TOKEN_AUDIENCE, "aud contains an unknown party")
    if not all(isinstance(one, str) for one in named):
        raise _refused(UpstreamFault.ID_TOKEN_AUDIENCE, "aud contains a value that is not a string")
    azp = claims.get("azp")
    if (azp is not None or len(named) > 1) and azp != expected.client_id:
        raise _refused(UpstreamFault.ID_TOKEN_AUDIENCE, "azp is not the broker")


def check_times(claims: Claims, expected: ExpectedIdToken) -> None:
    """Items 9 and 10: not expired, issued in this sign-in, not from the future."""
    expires = _time(claims, "exp", UpstreamFault.ID_TOKEN_TIME)
    if expires <= expected.now - expected.skew:
        raise _refused(UpstreamFault.ID_TOKEN_TIME, f"expired {expected.now - expires:.0f} s ago")
    issued = _time(claims, "iat", UpstreamFault.ID_TOKEN_TIME)
    if issued > expected.now + expected.skew:
        raise _refused(UpstreamFault.ID_TOKEN_TIME, f"issued {issued - expected.now:.0f} s in the future")
    if issued < expected.departed - expected.skew:
        raise _refused(
            UpstreamFault.ID_TOKEN_TIME, f"issued {expected.departed - issued:.0f} s before the citizen left"
        )
    if "nbf" in claims and _time(claims, "nbf", UpstreamFault.ID_TOKEN_TIME) > expected.now + expected.skew:
        raise _refused(UpstreamFault.ID_TOKEN_TIME, "not valid yet")


def check_nonce(claims: Claims, expected: ExpectedIdToken) -> None:
    """Item 11: the nonce of this request."""
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise _refused(UpstreamFault.ID_TOKEN_NONCE, "nonce is missing or belongs to another request")


def check_subject(claims: Claims, _expected: ExpectedIdToken) -> None:
    """`sub` is ASCII without control characters (OpenID Connect Core 2)."""
    if not is_subject(claims.get("sub")):
        raise _refused(
            UpstreamFault.ID_TOKEN_SUBJECT, "sub is missing or not a text of 1 to 256 printable ASCII characters"
        )


def is_subject(sub: object) -> bool:
    """Whether a value can be a subject: 1 to 256 printable ASCII characters."""
    return isinstance(sub, str) and 1 <= len(sub) <= MAX_SUBJECT and sub.isascii() and sub.isprintable()


def check_access_token(claims: Claims, expected: ExpectedIdToken) -> None:
    """`at_hash`, if present, is that of the access token in the same response (3.1.3.8).

    TARA writes it in standard base64, with padding and another alphabet: the same bytes.
    """
    found = claims.get("at_hash")
    if isinstance(found, str):
        found = found.rstrip("=").translate(_TO_BASE64URL)
    if found is not None and found != hash_claim(expected.access_token, expected.algorithm):
        raise _refused(UpstreamFault.ID_TOKEN_ACCESS_TOKEN, "at_hash is not that of the access token")


def check_sign_in_time(claims: Claims, expected: ExpectedIdToken) -> None:
    """Item 13: the citizen authenticated recently enough, if that was requested."""
    if claims.get("auth_time") is None and (expected.oldest is None or expected.untimed):
        return
    if claims.get("auth_time") is None:
        raise _refused(UpstreamFault.SIGN_IN_TIME_MISSING, "auth_time is missing although max_age was requested")
    signed_in = _time(claims, "auth_time", UpstreamFault.SIGN_IN_TIME_WRONG)
    if signed_in > expected.now + expected.skew:
        raise _refused(UpstreamFault.SIGN_IN_TIME_WRONG, "auth_time is in the future")
    if expected.after is not None and signed_in <= expected.after:
        raise _refused(
            UpstreamFault.SIGN_IN_TOO_OLD, "the authentication is the one that the citizen has ended by signing out"
        )
    if expected.oldest is not None and signed_in < expected.oldest - expected.skew:
        raise _refused(UpstreamFault.SIGN_IN_TOO_OLD, f"signed in {expected.oldest - signed_in:.0f} s too long ago")


CHECKS: Final[tuple[Callable[[Claims, ExpectedIdToken], None], ...]] = (
    check_issuer,
    check_audience,
    check_times,
    check_nonce,
    check_subject,
    check_access_token,
    check_sign_in_time,
)


def check_id_token(claims: Claims, expected: ExpectedIdToken) -> None:
    """Runs all checks, in order. Raises UpstreamError."""
    for check in CHECKS:
        check(claims, expected)


def _time(claims: Claims, name: str, fault: UpstreamFault) -> float:
    if (found := numeric_date(claims.get(name))) is None:
        raise _refused(fault, f"{name} is missing or not a time")
    return found


def _refused(fault: UpstreamFault, detail: str) -> UpstreamError:
    return UpstreamError(fault, f"ID token: {detail}")

"""Client authentication of services (OpenID Connect Core 9, RFC 6749 2.3, RFC 7523 2, RFC 8705 2).

`parse_credentials` finds the client id and the method; the caller loads the service, and `authenticate_client` decides.
The `jti` of an assertion is only returned: the caller must record its use.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote_to_bytes

from broker.crypto.jose import Authorities, Certificate, InvalidToken, KeySet, claimed, verify
from broker.model.grant import AssertionUse
from broker.model.json_types import JsonObject
from broker.model.service import ClientAuthentication, SecurityProfile, Service
from broker.normalize.dates import numeric_date
from broker.oidc import mtls
from broker.oidc.credential_hints import UNENCODED, basic_hint, post_hint
from broker.oidc.errors import EndpointError, public
from broker.oidc.jwt_claims import audiences, read_jti

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_TYPS: Final = ("jwt", None, "client-authentication+jwt")
ALGORITHMS: Final[Mapping[SecurityProfile, tuple[str, ...]]] = {
    SecurityProfile.FAPI2: ("ES256", "PS256", "EdDSA", "Ed25519"),
    SecurityProfile.OIDC: ("ES256", "PS256", "EdDSA", "Ed25519", "RS256"),
}
"""Signature algorithms of client assertions (FAPI 2.0 Security Profile 5.4)."""

CLOCK_SKEW: Final = 30
"""Tolerance in seconds for `iat` and `nbf` in the future: 10 must pass, 60 must not (FAPI 2.0, 5.3.2.1)."""

LIFETIME: Final[Mapping[SecurityProfile, int]] = {SecurityProfile.FAPI2: 600, SecurityProfile.OIDC: 3600}
"""Maximum remaining lifetime of an assertion in seconds, without CLOCK_SKEW."""

_BASIC: Final = 'Basic realm="services", charset="UTF-8"'


@dataclass(frozen=True, slots=True)
class Credentials:
    """Credentials of a request: the claimed `client_id`, the method, and the secret or assertion.

    The method is `none` if only the id was sent; the certificate of the connection may still authenticate it. `raw` is
    the secret of a Basic header before form-decoding, `hint` what looks wrong with the credentials by themselves,
    `certificate` that of the connection.
    """

    client_id: str
    method: ClientAuthentication
    proof: str
    raw: str = ""
    hint: str = ""
    certificate: Certificate | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.client_id!r}, {self.method})"


@dataclass(frozen=True, slots=True)
class AssertionAudience:
    """Allowed audience of an assertion: the issuer, and in the `oidc` profile these endpoints too (RFC 9126 2)."""

    issuer: str
    endpoints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """Authenticated service. The caller must record the use of `assertion`."""

    service: Service
    assertion: AssertionUse | None = None


def invalid_client(detail: str, hint: str = "", *, basic: bool = False) -> EndpointError:
    """Error for a failed client authentication (RFC 6749 5.2); `basic` if a Basic header was used.

    `hint` is public: the likely cause, which must not reveal registered data unless the caller proved its identity.
    """
    description = "the service could not be authenticated" + (f": {public(hint)}" if hint else "")
    return EndpointError("invalid_client", description, detail, status=401, challenge=_BASIC if basic else None)


def parse_credentials(
    parameters: Mapping[str, str], authorization: str | None, certificate: Certificate | None = None
) -> Credentials:
    """Credentials of a request: exactly one method (RFC 6749 2.3).

    `authorization` is the header's value, `certificate` that of the connection. Nothing is verified yet. Raises
    EndpointError.
    """
    basic = authorization is not None
    found = [basic, "client_secret" in parameters, "client_assertion" in parameters]
    if sum(found) > 1:
        raise EndpointError("invalid_request", "more than one way of client authentication is used")
    if authorization is not None:
        credentials = _basic(authorization)
    elif "client_secret" in parameters:
        client_id = parameters.get("client_id", "")
        secret = parameters["client_secret"]
        method = ClientAuthentication.CLIENT_SECRET_POST
        credentials = Credentials(client_id, method, secret, hint=post_hint(secret))
    elif "client_assertion" in parameters:
        if parameters.get("client_assertion_type") != ASSERTION_TYPE:
            description = "client_assertion_type is missing or unknown"
            raise invalid_client(description, hint=description)
        assertion = parameters["client_assertion"]
        client_id = parameters.get("client_id") or claimed(assertion, "iss") or ""
        credentials = Credentials(client_id, ClientAuthentication.PRIVATE_KEY_JWT, assertion)
    elif "client_id" in parameters:
        credentials = Credentials(parameters["client_id"], ClientAuthentication.NONE, "")
    else:
        description = "no client authentication came"
        raise invalid_client(description, hint=description)
    if not credentials.client_id or parameters.get("client_id", credentials.client_id) != credentials.client_id:
        description = "client_id is missing or differs from the credentials"
        raise invalid_client(description, description, basic=basic)
    return credentials if certificate is None else replace(credentials, certificate=certificate)


def _basic(authorization: str) -> Credentials:
    """Parses a Basic header; both parts are form-encoded inside (RFC 6749 2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise _unreadable("the Authorization header is not Basic")
    try:
        plain = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise _unreadable("the Basic header is not base64 (RFC 4648 4)") from None
    user, colon, secret = plain.partition(b":")
    if not colon:
        raise _unreadable("the Basic header holds no colon after the client_id")
    try:
        raw = user.decode("utf-8"), secret.decode("utf-8")
        client_id, proof = (unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8") for part in (user, secret))
    except UnicodeDecodeError:
        raise _unreadable("the Basic header is not in UTF-8") from None
    if "\0" in client_id:
        raise _unreadable("the Basic header cannot be read")
    hint = basic_hint(*raw, (client_id, proof))
    return Credentials(client_id, ClientAuthentication.CLIENT_SECRET_BASIC, proof, raw[1], hint)


def _unreadable(description: str) -> EndpointError:
    return invalid_client(description, basic=True, hint=description)


def authenticate_client(
    credentials: Credentials,
    service: Service | None,
    keys: KeySet,
    audience: AssertionAudience,
    now: float,
    authorities: Authorities = (),
) -> AuthenticatedClient:
    """Authenticates the service by its registered method (OpenID Connect Core 9).

    The error reveals the reason only to a caller that proved possession of the secret or key; to any other, only what
    its own request shows. `service` is the registration of `credentials.client_id`, `keys` its public keys;
    `authorities` issue certificates to services. Raises EndpointError.
    """
    basic = credentials.method is ClientAuthentication.CLIENT_SECRET_BASIC
    if service is None or service.client_id != credentials.client_id:
        raise invalid_client(
            f"client_id {credentials.client_id!r:.80} is not registered", credentials.hint, basic=basic
        )
    if service.credentials.method in mtls.METHODS and credentials.method is ClientAuthentication.NONE:
        if (why := mtls.certificate_error(service, credentials.certificate, keys, authorities, now)) is not None:
            raise invalid_client(why)
        return AuthenticatedClient(service)
    if service.credentials.method is not credentials.method:
        methods = f"{credentials.method} instead of the registered {service.credentials.method}"
        known = _is_secret(credentials.proof, service)
        raise invalid_client(
            methods, f"the secret is right, but came by {methods}" if known else credentials.hint, basic=basic
        )
    if credentials.method is ClientAuthentication.PRIVATE_KEY_JWT:
        return AuthenticatedClient(service, check_assertion(credentials.proof, service, keys, audience, now))
    if service.is_public:
        return AuthenticatedClient(service)
    if _is_secret(credentials.proof, service):
        return AuthenticatedClient(service)
    if credentials.raw and _is_secret(credentials.raw, service):
        raise invalid_client("the secret is right, but not form-encoded", UNENCODED, basic=basic)
    raise invalid_client("the secret is wrong", credentials.hint, basic=basic)


def _is_secret(text: str, service: Service) -> bool:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return service.credentials.secret_digest is not None and hmac.compare_digest(
        digest, service.credentials.secret_digest.lower()
    )


def check_assertion(
    assertion: str, service: Service, keys: KeySet, audience: AssertionAudience, now: float
) -> AssertionUse:
    """Verifies a client assertion and returns its use (RFC 7523 3, FAPI 2.0 Security Profile 5.3.2.1). Raises
    EndpointError.
    """
    try:
        claims = verify(assertion, keys, assertion_algorithms(service), ASSERTION_TYPS).claims
    except InvalidToken as problem:
        raise invalid_client(f"client assertion: {problem.detail}") from None
    if claims.get("iss") != service.client_id or claims.get("sub") != service.client_id:
        raise _refused("iss and sub are not both the client_id")
    if not _audience_matches(claims, service, audience):
        raise _refused(f"expected aud {audience.issuer!r}", f"aud {claims.get('aud')!r:.200}")
    expires = _seconds(claims, "exp")
    if expires is None or expires <= now:
        raise _refused("exp is missing or past")
    if expires > now + LIFETIME[service.profile] + CLOCK_SKEW:
        raise _refused(f"exp lies more than {LIFETIME[service.profile]} s ahead")
    for name in ("iat", "nbf"):
        moment = _seconds(claims, name)
        if moment is not None and moment > now + CLOCK_SKEW:
            raise _refused(f"{name} lies {moment - now:.0f} s ahead")
    jti = read_jti(claims)
    if jti is None:
        raise _refused("jti is missing or too long")
    return AssertionUse(service.client_id, jti, expires)


def _refused(reason: str, found: str = "") -> EndpointError:
    """Error for an assertion with a valid signature: the holder of the key may see the reason."""
    detail = ": ".join(part for part in ("client assertion", found, reason) if part)
    return invalid_client(detail, hint=f"client assertion: {reason}")


def assertion_used_before() -> EndpointError:
    """Error for a replayed assertion (RFC 7523 3, `jti`)."""
    return _refused("jti was used before")


def assertion_algorithms(service: Service) -> tuple[str, ...]:
    """Signature algorithms allowed for a service's assertions: FAPI-CIBA is as strict as FAPI 2.0."""
    strict = service.ciba.mode is not None and service.requires_signed_ciba_request
    return ALGORITHMS[SecurityProfile.FAPI2 if strict else service.profile]


def _audience_matches(claims: JsonObject, service: Service, audience: AssertionAudience) -> bool:
    """`fapi2`: the issuer as a single string. `oidc`: the issuer or an endpoint, also as a list of only these.

    A service that uses CIBA may name the endpoints in either profile, as CIBA requires (CIBA Core 1.0, 7.1).
    """
    if service.profile is SecurityProfile.FAPI2 and service.ciba.mode is None:
        return bool(claims.get("aud") == audience.issuer)
    ours = (audience.issuer, *audience.endpoints)
    named = audiences(claims)
    return bool(named) and all(each in ours for each in named)


def _seconds(claims: JsonObject, name: str) -> float | None:
    """NumericDate (RFC 7519 2). Raises EndpointError for any other value."""
    value = claims.get(name)
    if value is None:
        return None
    if (found := numeric_date(value)) is None:
        raise _refused(f"{name} is not a time")
    return found

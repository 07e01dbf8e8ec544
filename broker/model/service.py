"""Relying service (client), as the rules see it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from broker.model.assurance import Level
from broker.model.languages import in_language

_OWN_DEVICE: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([0-9]{1,5}))?(/.*)", re.ASCII | re.DOTALL)
_LAST_PORT: Final = 65_535


class SecurityProfile(StrEnum):
    """Security profile of a service: `fapi2` (FAPI 2.0 Security Profile Final) unless its file says `oidc`."""

    FAPI2 = "fapi2"
    OIDC = "oidc"


class ClientAuthentication(StrEnum):
    """Client authentication methods (OpenID Connect Core 9, RFC 8705 2); `none` for apps, which have no secret."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    CLIENT_SECRET_BASIC = "client_secret_basic"
    CLIENT_SECRET_POST = "client_secret_post"
    TLS_CLIENT_AUTH = "tls_client_auth"
    SELF_SIGNED_TLS_CLIENT_AUTH = "self_signed_tls_client_auth"
    NONE = "none"


class BindingMethod(StrEnum):
    """Sender constraint of access tokens: DPoP key or client certificate (RFC 9449 6, RFC 8705 3)."""

    DPOP = "dpop"
    MTLS = "mtls"


class SubjectType(StrEnum):
    """Subject identifier types: a `sub` per sector, or the public one (OpenID Connect Core 8)."""

    PAIRWISE = "pairwise"
    PUBLIC = "public"


SELF_REGISTERED_PREFIX: Final = "self-"
"""Prefix of the client ids of dynamically registered services. Services configured by an operator have other ids."""

PUBLIC_SECTOR: Final = "public subjects"
"""Sector of all services with public subjects. It contains a space, so no configured sector can equal it."""


@dataclass(frozen=True, slots=True)
class TlsSubject:
    """Registered subject of a client certificate: exactly one field is set (RFC 8705 2.1.2)."""

    dn: str | None = None
    """Whole subject in the notation of RFC 4514, such as "CN=tax.example,O=Tax Office,C=GB". The escaping of values
    does not matter.
    """
    san_dns: str | None = None
    """DNS name among the subject alternative names."""
    san_uri: str | None = None
    """URI among the subject alternative names."""
    san_ip: str | None = None
    """IP address among the subject alternative names."""
    san_email: str | None = None
    """Email address among the subject alternative names."""


class CibaDeliveryMode(StrEnum):
    """Token delivery modes of CIBA (CIBA Core 1.0, 5)."""

    POLL = "poll"
    PING = "ping"


@dataclass(frozen=True, slots=True)
class Encryption:
    """Encryption of JWTs for a service (RFC 7516): `alg` for the key, `enc` for the content."""

    alg: str
    enc: str


@dataclass(frozen=True, slots=True)
class ClaimPurpose:
    """Claim that a service may request, and its `reason` by language, displayed to citizens before the claim is
    released.
    """

    claim: str
    reason: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OtherWay:
    """Alternative to signing in online. Texts by language."""

    text: Mapping[str, str]
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """Relying service, registered by one file.

    `names` by language; `secret_digest` is the SHA-256 (hexadecimal) of a client secret of at least 128 random bits;
    `jwks` is the service's public key set (RFC 7517), `jwks_uri` its URL if it publishes one instead; `sector` is the
    pairwise sector (OpenID Connect Core 8.1); `answer_timeout` is how long (seconds) the service's session waits for a
    response; `providers` limits the providers (empty: all); `contact` is displayed to citizens who cannot go on.
    `tls_subject` is the registered subject of its certificate (RFC 8705 2.1.2); `binding` is the sender constraint of
    its tokens (None: DPoP in `fapi2`, otherwise by the proof that is sent). `request_object_required`: only signed
    requests are accepted (RFC 9101 10.5); `signed_response`: responses are JWTs only (JARM), signed with `response_alg`
    and encrypted if `response_encryption` is set. `userinfo_alg`: userinfo is a signed JWT (OpenID Connect Core 5.3.2);
    `introspection_alg`: introspection responses too (RFC 9701). `ciba` is the delivery mode if the service may send
    backchannel requests. `sender_constrained` is False for an app whose tokens are bound only if it sends a DPoP proof
    (RFC 9700 2.2); `cors_origins` are the origins whose pages may call the token endpoint (CORS).
    """

    client_id: str
    names: Mapping[str, str]
    redirect_uris: tuple[str, ...]
    sector: str
    home: str
    profile: SecurityProfile = SecurityProfile.FAPI2
    authentication: ClientAuthentication = ClientAuthentication.PRIVATE_KEY_JWT
    secret_digest: str | None = None
    jwks: Mapping[str, Any] | None = None
    id_token_alg: str = "ES256"
    post_logout_redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("openid",)
    claim_purposes: tuple[ClaimPurpose, ...] = ()
    level: Level = Level.LOW
    acr_is_preference: bool = False
    pkce_required: bool = True
    nonce_required: bool = False
    refresh: bool = False
    introspection: bool = False
    providers: tuple[str, ...] = ()
    provider_hint: bool = False
    single_sign_on: bool = True
    assisted: bool = True
    contact: str | None = None
    other_ways: tuple[OtherWay, ...] = ()
    initiate_login_uri: str | None = None
    resume_uri: str | None = None
    answer_timeout: int = 1800
    jwks_uri: str | None = None
    subject_type: SubjectType = SubjectType.PAIRWISE
    tls_subject: TlsSubject | None = None
    binding: BindingMethod | None = None
    request_object_required: bool = False
    signed_response: bool = False
    response_alg: str = "ES256"
    response_encryption: Encryption | None = None
    id_token_encryption: Encryption | None = None
    userinfo_alg: str | None = None
    userinfo_encryption: Encryption | None = None
    introspection_alg: str | None = None
    introspection_encryption: Encryption | None = None
    backchannel_logout_uri: str | None = None
    frontchannel_logout_uri: str | None = None
    ciba: CibaDeliveryMode | None = None
    ciba_notification_uri: str | None = None
    ciba_request_signed: bool = False
    sender_constrained: bool = True
    cors_origins: tuple[str, ...] = ()

    def name(self, language: str) -> str:
        """Name of the service in a language, or in its first one."""
        return in_language(self.names, language) or next(iter(self.names.values()))

    def redirects_to(self, uri: str) -> bool:
        """Whether a URI is a registered redirect URI now, compared byte for byte (OpenID Connect Core 3.1.2.1).

        For an app that listens on its own device, the port of `http://127.0.0.1` and `http://[::1]` is ignored, since
        the operating system assigns it (RFC 8252 7.3).
        """
        if uri in self.redirect_uris:
            return True
        plain = _without_port(uri) if self.is_public else None
        return plain is not None and any(_without_port(known) == plain for known in self.redirect_uris)

    @property
    def requires_signed_ciba_request(self) -> bool:
        """Whether its backchannel requests must be signed, with the algorithms of FAPI (FAPI-CIBA Profile 5.2.2)."""
        return self.ciba_request_signed or self.profile is SecurityProfile.FAPI2

    @property
    def claims(self) -> frozenset[str]:
        """Names of the claims that this service may request."""
        return frozenset(use.claim for use in self.claim_purposes)

    @property
    def is_public(self) -> bool:
        """Whether it is a public client (RFC 6749 2.1): an app, which can prove at most possession of a key."""
        return self.authentication is ClientAuthentication.NONE

    @property
    def token_binding(self) -> BindingMethod | None:
        """Required sender constraint of its tokens; None if bearer tokens are allowed."""
        constrained = self.profile is SecurityProfile.FAPI2 or (self.is_public and self.sender_constrained)
        return BindingMethod.DPOP if self.binding is None and constrained else self.binding


def _without_port(uri: str) -> str | None:
    parts = _OWN_DEVICE.fullmatch(uri)
    if parts is None or (parts[2] is not None and not 0 < int(parts[2]) <= _LAST_PORT):
        return None
    return parts[1] + parts[3]

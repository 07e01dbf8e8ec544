"""Relying service (client): the record that its file fills, and that the rules read.

A setting of a service is one field here: its name, type, default and docstring are those of the file's key, of the
reference of settings and of every check. `Key` and `Flattened` let the flat file fill the groups.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from broker.model.assurance import Level
from broker.model.json_types import JsonObject
from broker.model.languages import in_language
from broker.model.own_rights import NO_RIGHTS, OwnRights
from broker.platform.toml_fields import Flattened, Key
from broker.platform.toml_loader import Range, Seconds

_OWN_DEVICE: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([0-9]{1,5}))?(/.*)", re.ASCII | re.DOTALL)
_LAST_PORT: Final = 65_535

NATIVE: Final = re.compile(
    r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:/(/[A-Za-z0-9._~-]+(/[^#*]*)?|(?!/)[^#*]*)"
    r"|http://(127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?/[^#*@]*"
)
"""Native app redirect URIs: a private-use scheme, which is a reversed domain name of the vendor, or a loopback
address (RFC 8252 7.1, 7.3). RFC 8252 writes such a scheme with one slash; the libraries of several vendors write two
and a host that is not registered (`msauth.com.example.app://auth`), which is as safe: the scheme selects the app."""


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


class SignatureAlgorithm(StrEnum):
    """Signature algorithms for ID tokens and other JWTs to services."""

    ES256 = "ES256"
    PS256 = "PS256"
    EDDSA = "EdDSA"
    RS256 = "RS256"


class SubjectType(StrEnum):
    """Subject identifier types: a `sub` per sector, or the public one (OpenID Connect Core 8)."""

    PAIRWISE = "pairwise"
    PUBLIC = "public"


SELF_REGISTERED_PREFIX: Final = "self-"
"""Prefix of the client ids of dynamically registered services. Services configured by an operator have other ids."""

PUBLIC_SECTOR: Final = "public subjects"
"""Sector of all services with public subjects. It contains a space, so no configured sector can equal it."""


APP_SECTOR: Final = "app"
"""Sector of an app without a registered one. The checks reject such an app, since its redirect URIs have no host."""


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
    released. An `optional` one is released only if the citizen chooses it on that page.
    """

    claim: str
    reason: Mapping[str, str]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class OtherWay:
    """Alternative to signing in online. Texts by language."""

    text: Mapping[str, str]
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePresentation:
    """What citizens read about a service."""

    names: Annotated[Mapping[str, str], Key(after="client_id")]
    """The name of the service on citizens' pages, in every language of the broker."""
    home: Annotated[str, Key(after="redirect_uris")]
    """The service's start page, linked on error pages for citizens whose request cannot continue."""
    privacy_notice: Annotated[str | None, Key(after="home")] = None
    """The page on which the service says what it does with citizens' details, linked where they share them."""
    contact: Annotated[str | None, Key(after="assisted")] = None
    """Contact for citizens who cannot use the service, displayed as text."""
    other_ways: Annotated[tuple[OtherWay, ...], Key(after="contact")] = ()
    """Alternative channels for citizens who cannot sign in online."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCredentials:
    """How a service authenticates: the method, and the secret, keys or certificate that it needs.

    `broker.settings.credentials` reads `secret_file` and `jwks_file`; then `secret_digest` and `jwks` hold
    what they contain. The names of the files say nothing about the service, so they do not count in comparisons.
    """

    method: Annotated[ClientAuthentication, Key("authentication")] = ClientAuthentication.PRIVATE_KEY_JWT
    """Client authentication method: a signed JWT (private_key_jwt), a certificate (tls_client_auth,
    self_signed_tls_client_auth), a secret (client_secret_basic, client_secret_post), or `none` for an app on the
    citizen's own device (public client: `oidc` profile, PKCE and DPoP always)."""
    secret_file: Path | None = field(default=None, compare=False)
    """A file with the client secret and nothing else: at least 22 random characters."""
    secret_digest: str | None = None
    """Instead of `secret_file`: the SHA-256 of the client secret in hexadecimal. Never the secret itself."""
    jwks: JsonObject | None = None
    """The service's public keys as a JWK Set (RFC 7517 5)."""
    jwks_file: Path | None = field(default=None, compare=False)
    """Instead of `jwks`: a JSON file that holds the JWK Set."""
    jwks_uri: Annotated[str | None, Key(after="answer_timeout")] = None
    """Instead of `jwks`: URL of the service's JWK Set, so that the service can rotate its keys by itself. Fetched on
    demand, at most once a minute; cached from 5 minutes to 24 hours as its `Cache-Control` says, and for 6 hours
    more while it cannot be fetched."""
    tls_subject: Annotated[TlsSubject | None, Key(after="subject_type")] = None
    """Expected subject of the certificate, for tls_client_auth (RFC 8705 2.1.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceResumption:
    """How a citizen starts at a service or returns to it, and how long its session waits."""

    initiate_login_uri: str | None = None
    """Login initiation endpoint of the service (OpenID Connect Core 4), for citizens who finish later or start at
    the broker."""
    resume_uri: str | None = None
    """The page at which a citizen who finishes later continues, if it is not `initiate_login_uri`: sent as
    `target_link_uri`, with the request's own `portico_resume` in its query."""
    answer_timeout: Annotated[Seconds, Range(60, 7 * 86400)] = 1800
    """How long the service's own session waits for the authorization response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTokens:
    """Tokens that a service may receive, and what they are bound to."""

    refresh: bool = False
    """Whether the service may receive refresh tokens (scope `offline_access`, OpenID Connect Core 11)."""
    introspection: bool = False
    """Whether it may introspect access tokens (RFC 7662)."""
    binding: Annotated[BindingMethod | None, Key(after="tls_subject")] = None
    """Sender constraint of access tokens: `dpop` (a key proof with every request) or `mtls` (the service's
    certificate). Left out: dpop in `fapi2` and for apps, otherwise the proof that the token request carries, if any."""
    sender_constrained: Annotated[bool, Key(after="ciba_request_signed")] = True
    """Whether tokens are bound to a key. `false` is for apps and single-page apps whose libraries do not support
    DPoP (`authentication = "none"`): their tokens are bearer tokens. A refresh token is valid once, its reuse
    revokes everything issued with it, and access and refresh tokens have the short lifetimes that `[tokens]` sets
    for such apps (RFC 9700 2.2). Not in `fapi2`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSigning:
    """Signature and encryption of what the broker sends to a service."""

    id_token_alg: Annotated[SignatureAlgorithm, Key(after="sector")] = SignatureAlgorithm.ES256
    """Signature algorithm of ID tokens. RS256 only in the `oidc` profile, for libraries that support nothing else."""
    signed_response: bool = False
    """Whether authorization responses are sent only as signed JWTs: response modes jwt, query.jwt, form_post.jwt
    (JARM)."""
    response_alg: SignatureAlgorithm = SignatureAlgorithm.ES256
    """Signature algorithm of these JWTs. RS256 only in the `oidc` profile."""
    response_encryption: Encryption | None = None
    """Encryption of these JWTs, if any: `alg` and `enc` (RFC 7516), to a key with `use` enc in the service's key
    set."""
    id_token_encryption: Encryption | None = None
    """Encryption of signed ID tokens, if any (OpenID Connect Core 16.14)."""
    userinfo_alg: SignatureAlgorithm | None = None
    """Signature algorithm of userinfo responses. Left out: plain JSON (OpenID Connect Core 5.3.2)."""
    userinfo_encryption: Encryption | None = None
    """Encryption of signed userinfo responses, if any."""
    introspection_alg: SignatureAlgorithm | None = None
    """Signature algorithm of introspection responses, which are then always JWTs (RFC 9701). Left out: that of ID
    tokens, and only if `Accept` asks for a JWT."""
    introspection_encryption: Encryption | None = None
    """Encryption of signed introspection responses, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLogout:
    """Where a citizen goes after a logout, and how a service learns of one."""

    redirect_uris: Annotated[tuple[str, ...], Key("post_logout_redirect_uris", after="id_token_alg")] = ()
    """Post-logout redirect URIs (OpenID Connect RP-Initiated Logout 1.0)."""
    backchannel_uri: Annotated[str | None, Key("backchannel_logout_uri")] = None
    """Back-channel logout URI: called when a session in which the service took part has ended (OpenID Connect
    Back-Channel Logout)."""
    frontchannel_uri: Annotated[str | None, Key("frontchannel_logout_uri")] = None
    """Front-channel logout URI: a page that ends the service's session, loaded in a frame (OpenID Connect
    Front-Channel Logout). Most browsers block its cookies there: prefer `backchannel_logout_uri`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCiba:
    """Backchannel authentication requests of a service (OpenID CIBA Core 1.0)."""

    mode: Annotated[CibaDeliveryMode | None, Key("ciba")] = None
    """CIBA: whether the service may authenticate citizens on their own device (OpenID CIBA Core 1.0), and the
    delivery mode: `poll` or `ping`. Left out: not permitted."""
    notification_uri: Annotated[str | None, Key("ciba_notification_uri")] = None
    """Client notification endpoint, called when the result is available, for `ciba = "ping"` (CIBA Core 1.0, 10.2)."""
    request_signed: Annotated[bool, Key("ciba_request_signed")] = False
    """Whether backchannel authentication requests must be signed and carry a `binding_message` (FAPI-CIBA Profile).
    Always true in `fapi2`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A relying service: config/services/<client_id>.toml."""

    client_id: str
    """Client identifier (`client_id`). It may be left out in a file of its own: then it is the file's name."""
    presentation: Annotated[ServicePresentation, Flattened()]
    redirect_uris: tuple[str, ...]
    """Redirect URIs, compared byte by byte: no wildcards (OpenID Connect Core 3.1.2.1)."""
    profile: SecurityProfile = SecurityProfile.FAPI2
    """Security profile: `fapi2` (FAPI 2.0 Security Profile: pushed requests, a key or certificate,
    sender-constrained tokens), or `oidc` for older software and for apps."""
    credentials: Annotated[ServiceCredentials, Flattened()] = ServiceCredentials()
    registered_sector: Annotated[str | None, Key("sector")] = field(default=None, compare=False)
    """Sector for pairwise subjects: services of one sector receive the same `sub` for a citizen (OpenID Connect Core
    8.1). Left out: the host of the redirect URIs. It must never change: the `sub` of every citizen would change."""
    scopes: tuple[str, ...] = ("openid",)
    """Permitted scopes: openid, profile, email, address, phone. `claims` limits the claims that they release."""
    claim_purposes: Annotated[tuple[ClaimPurpose, ...], Key("claims")] = ()
    """Permitted claims, each with the `reason` that citizens read before they consent."""
    level: Level = Level.LOW
    """Minimum level of assurance that the service accepts: low, substantial or high."""
    acr_is_preference: bool = False
    """Whether `acr_values` is a preference rather than the minimum."""
    pkce_required: bool = True
    """Whether a request without PKCE is rejected. Always true in `fapi2`."""
    nonce_required: bool = False
    """Whether a request without a `nonce` is rejected."""
    tokens: Annotated[ServiceTokens, Flattened()] = ServiceTokens()
    providers: tuple[str, ...] = ()
    """The ids of the providers it accepts. Left out: all."""
    provider_hint: bool = False
    """Whether the service may send a `provider_hint`: ids of providers separated by spaces, best first. The first one
    that can be used is suggested; the citizen can still choose another."""
    single_sign_on: bool = True
    """Single sign-on: whether the session of a citizen who signed in for another service is used."""
    assisted: bool = True
    """Assisted verification: whether an identity verified by a staff member is accepted."""
    resumption: Annotated[ServiceResumption, Flattened()] = ServiceResumption()
    subject_type: SubjectType = SubjectType.PAIRWISE
    """Subject type. With `public` the service receives the same `sub` as every other service with `public` (OpenID
    Connect Core 8), so citizens can be correlated across them. It must never change: the `sub` of every citizen
    would change."""
    request_object_required: bool = False
    """Whether only signed request objects are accepted (RFC 9101, FAPI 2.0 Message Signing)."""
    signing: Annotated[ServiceSigning, Flattened()] = ServiceSigning()
    logout: Annotated[ServiceLogout, Flattened()] = ServiceLogout()
    ciba: Annotated[ServiceCiba, Flattened()] = ServiceCiba()
    cors_origins: tuple[str, ...] = ()
    """CORS origins: origins whose pages may call the token, userinfo and revocation endpoints of the broker and read
    its metadata and keys, such as "https://app.example". For single-page apps in the `oidc` profile. Left out: none."""
    own: Annotated[OwnRights, Flattened()] = NO_RIGHTS
    sector: str = field(init=False)
    """Sector for pairwise subjects: the registered one, or its default."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sector", _sector(self))

    def name(self, language: str) -> str:
        """Name of the service in a language, or in its first one."""
        return in_language(self.presentation.names, language) or next(iter(self.presentation.names.values()))

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
        return self.ciba.request_signed or self.profile is SecurityProfile.FAPI2

    @property
    def claims(self) -> frozenset[str]:
        """Names of the claims that this service may request."""
        return frozenset(use.claim for use in self.claim_purposes)

    @property
    def is_public(self) -> bool:
        """Whether it is a public client (RFC 6749 2.1): an app, which can prove at most possession of a key."""
        return self.credentials.method is ClientAuthentication.NONE

    @property
    def token_binding(self) -> BindingMethod | None:
        """Required sender constraint of its tokens; None if bearer tokens are allowed."""
        constrained = self.profile is SecurityProfile.FAPI2 or (self.is_public and self.tokens.sender_constrained)
        return BindingMethod.DPOP if self.tokens.binding is None and constrained else self.tokens.binding


def _without_port(uri: str) -> str | None:
    parts = _OWN_DEVICE.fullmatch(uri)
    if parts is None or (parts[2] is not None and not 0 < int(parts[2]) <= _LAST_PORT):
        return None
    return parts[1] + parts[3]


def is_native(uri: str) -> bool:
    """Whether a URL is a native app redirect URI, whose host, if any, belongs to no registrant (RFC 8252 7)."""
    return NATIVE.fullmatch(uri) is not None


def redirect_hosts(redirect_uris: tuple[str, ...]) -> set[str]:
    """The hosts of redirect URIs; an empty string for a URI without one. `check_services` validates the URIs."""
    return {_host(uri) for uri in redirect_uris}


def default_sector(redirect_uris: tuple[str, ...]) -> str:
    """The host of the redirect URIs: the default sector (OpenID Connect Core 8.1). They have only one."""
    return min(redirect_hosts(redirect_uris), default="")


def _sector(service: Service) -> str:
    """The sector identifier for pairwise subjects (OpenID Connect Core 8.1)."""
    if service.subject_type is SubjectType.PUBLIC:
        return PUBLIC_SECTOR
    if service.registered_sector is not None:
        return service.registered_sector
    return APP_SECTOR if any(map(is_native, service.redirect_uris)) else default_sector(service.redirect_uris)


def _host(uri: str) -> str:
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""

"""Schema of a service's file, and its conversion into a Service."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from broker.model.assurance import Level
from broker.model.service import (
    PUBLIC_SECTOR,
    BindingMethod,
    CibaDeliveryMode,
    ClaimPurpose,
    ClientAuthentication,
    Encryption,
    OtherWay,
    SecurityProfile,
    Service,
    SubjectType,
    TlsSubject,
)
from broker.platform.toml_loader import Problem, Range, Seconds
from broker.settings.credentials import key_set, secret_digest
from broker.settings.urls import is_native


class IdTokenAlgorithm(StrEnum):
    """Signature algorithms for ID tokens and other JWTs to services."""

    ES256 = "ES256"
    PS256 = "PS256"
    EDDSA = "EdDSA"
    RS256 = "RS256"


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """A relying service: config/services/<client_id>.toml."""

    client_id: str
    """Client identifier (`client_id`). It may be left out in a file of its own: then it is the file's name."""
    names: Mapping[str, str]
    """The name of the service on citizens' pages, in every language of the broker."""
    redirect_uris: tuple[str, ...]
    """Redirect URIs, compared byte by byte: no wildcards (OpenID Connect Core 3.1.2.1)."""
    home: str
    """The service's start page, linked on error pages for citizens whose request cannot continue."""
    profile: SecurityProfile = SecurityProfile.FAPI2
    """Security profile: `fapi2` (FAPI 2.0 Security Profile: pushed requests, a key or certificate,
    sender-constrained tokens), or `oidc` for older software and for apps."""
    authentication: ClientAuthentication = ClientAuthentication.PRIVATE_KEY_JWT
    """Client authentication method: a signed JWT (private_key_jwt), a certificate (tls_client_auth,
    self_signed_tls_client_auth), a secret (client_secret_basic, client_secret_post), or `none` for an app on the
    citizen's own device (public client: `oidc` profile, PKCE and DPoP always)."""
    secret_file: Path | None = None
    """A file with the client secret and nothing else: at least 22 random characters."""
    secret_digest: str | None = None
    """Instead of `secret_file`: the SHA-256 of the client secret in hexadecimal. Never the secret itself."""
    jwks: Mapping[str, Any] | None = None
    """The service's public keys as a JWK Set (RFC 7517 5)."""
    jwks_file: Path | None = None
    """Instead of `jwks`: a JSON file that holds the JWK Set."""
    sector: str | None = None
    """Sector for pairwise subjects: services of one sector receive the same `sub` for a citizen (OpenID Connect Core
    8.1). Left out: the host of the redirect URIs. It must never change: the `sub` of every citizen would change."""
    id_token_alg: IdTokenAlgorithm = IdTokenAlgorithm.ES256
    """Signature algorithm of ID tokens. RS256 only in the `oidc` profile, for libraries that support nothing else."""
    post_logout_redirect_uris: tuple[str, ...] = ()
    """Post-logout redirect URIs (OpenID Connect RP-Initiated Logout 1.0)."""
    scopes: tuple[str, ...] = ("openid",)
    """Permitted scopes: openid, profile, email, address, phone. `claims` limits the claims that they release."""
    claims: tuple[ClaimPurpose, ...] = ()
    """Permitted claims, each with the `reason` that citizens read before they consent."""
    level: Level = Level.LOW
    """Minimum level of assurance that the service accepts: low, substantial or high."""
    acr_is_preference: bool = False
    """Whether `acr_values` is a preference rather than the minimum."""
    pkce_required: bool = True
    """Whether a request without PKCE is rejected. Always true in `fapi2`."""
    nonce_required: bool = False
    """Whether a request without a `nonce` is rejected."""
    refresh: bool = False
    """Whether the service may receive refresh tokens (scope `offline_access`, OpenID Connect Core 11)."""
    introspection: bool = False
    """Whether it may introspect access tokens (RFC 7662)."""
    providers: tuple[str, ...] = ()
    """The ids of the providers it accepts. Left out: all."""
    provider_hint: bool = False
    """Whether the service may send a provider hint. The citizen can still choose another provider."""
    single_sign_on: bool = True
    """Single sign-on: whether the session of a citizen who signed in for another service is used."""
    assisted: bool = True
    """Assisted verification: whether an identity verified by a staff member is accepted."""
    contact: str | None = None
    """Contact for citizens who cannot use the service, displayed as text."""
    other_ways: tuple[OtherWay, ...] = ()
    """Alternative channels for citizens who cannot sign in online."""
    initiate_login_uri: str | None = None
    """Login initiation endpoint of the service (OpenID Connect Core 4), for citizens who finish later or start at
    the broker."""
    resume_uri: str | None = None
    """The page at which a citizen who finishes later continues, if it is not `initiate_login_uri`: sent as
    `target_link_uri`."""
    answer_timeout: Annotated[Seconds, Range(60, 7 * 86400)] = 1800
    """How long the service's own session waits for the authorization response."""
    jwks_uri: str | None = None
    """Instead of `jwks`: URL of the service's JWK Set, so that the service can rotate its keys by itself. Fetched on
    demand, at most once a minute; cached from 5 minutes to 24 hours as its `Cache-Control` says, and for 6 hours
    more while it cannot be fetched."""
    subject_type: SubjectType = SubjectType.PAIRWISE
    """Subject type. With `public` the service receives the same `sub` as every other service with `public` (OpenID
    Connect Core 8), so citizens can be correlated across them. It must never change: the `sub` of every citizen
    would change."""
    tls_subject: TlsSubject | None = None
    """Expected subject of the certificate, for tls_client_auth (RFC 8705 2.1.2)."""
    binding: BindingMethod | None = None
    """Sender constraint of access tokens: `dpop` (a key proof with every request) or `mtls` (the service's
    certificate). Left out: dpop in `fapi2` and for apps, otherwise the proof that the token request carries, if any."""
    request_object_required: bool = False
    """Whether only signed request objects are accepted (RFC 9101, FAPI 2.0 Message Signing)."""
    signed_response: bool = False
    """Whether authorization responses are sent only as signed JWTs: response modes jwt, query.jwt, form_post.jwt
    (JARM)."""
    response_alg: IdTokenAlgorithm = IdTokenAlgorithm.ES256
    """Signature algorithm of these JWTs. RS256 only in the `oidc` profile."""
    response_encryption: Encryption | None = None
    """Encryption of these JWTs, if any: `alg` and `enc` (RFC 7516), to a key with `use` enc in the service's key
    set."""
    id_token_encryption: Encryption | None = None
    """Encryption of signed ID tokens, if any (OpenID Connect Core 16.14)."""
    userinfo_alg: IdTokenAlgorithm | None = None
    """Signature algorithm of userinfo responses. Left out: plain JSON (OpenID Connect Core 5.3.2)."""
    userinfo_encryption: Encryption | None = None
    """Encryption of signed userinfo responses, if any."""
    introspection_alg: IdTokenAlgorithm | None = None
    """Signature algorithm of introspection responses, which are then always JWTs (RFC 9701). Left out: that of ID
    tokens, and only if `Accept` asks for a JWT."""
    introspection_encryption: Encryption | None = None
    """Encryption of signed introspection responses, if any."""
    backchannel_logout_uri: str | None = None
    """Back-channel logout URI: called when a session in which the service took part has ended (OpenID Connect
    Back-Channel Logout)."""
    frontchannel_logout_uri: str | None = None
    """Front-channel logout URI: a page that ends the service's session, loaded in a frame (OpenID Connect
    Front-Channel Logout). Most browsers block its cookies there: prefer `backchannel_logout_uri`."""
    ciba: CibaDeliveryMode | None = None
    """CIBA: whether the service may authenticate citizens on their own device (OpenID CIBA Core 1.0), and the
    delivery mode: `poll` or `ping`. Left out: not permitted."""
    ciba_notification_uri: str | None = None
    """Client notification endpoint, called when the result is available, for `ciba = "ping"` (CIBA Core 1.0, 10.2)."""
    ciba_request_signed: bool = False
    """Whether backchannel authentication requests must be signed and carry a `binding_message` (FAPI-CIBA Profile).
    Always true in `fapi2`."""
    sender_constrained: bool = True
    """Whether tokens are bound to a key. `false` is for apps and single-page apps whose libraries do not support
    DPoP (`authentication = "none"`): their tokens are bearer tokens. A refresh token is valid once, its reuse
    revokes everything issued with it, and access and refresh tokens have the short lifetimes that `[tokens]` sets
    for such apps (RFC 9700 2.2). Not in `fapi2`."""
    cors_origins: tuple[str, ...] = ()
    """CORS origins: origins whose pages may call the token, userinfo and revocation endpoints of the broker and read
    its metadata and keys, such as "https://app.example". For single-page apps in the `oidc` profile. Left out: none."""


def service(file: ServiceFile, prepared: bool) -> tuple[Service, list[Problem]]:
    """Converts a service's file into a Service. Returns it with the problems in the files it names.

    With `prepared` False a missing secret or key file is no problem: `portico keys init` creates it.
    """
    problems: list[Problem] = []
    made = Service(
        client_id=file.client_id,
        names=file.names,
        redirect_uris=file.redirect_uris,
        sector=sector(file, problems),
        home=file.home,
        profile=file.profile,
        authentication=file.authentication,
        secret_digest=secret_digest(file.secret_file, file.secret_digest, prepared, problems),
        jwks=key_set(file.jwks_file, file.jwks, prepared, problems),
        id_token_alg=file.id_token_alg.value,
        post_logout_redirect_uris=file.post_logout_redirect_uris,
        scopes=file.scopes,
        claim_purposes=file.claims,
        level=file.level,
        acr_is_preference=file.acr_is_preference,
        pkce_required=file.pkce_required,
        nonce_required=file.nonce_required,
        refresh=file.refresh,
        introspection=file.introspection,
        providers=file.providers,
        provider_hint=file.provider_hint,
        single_sign_on=file.single_sign_on,
        assisted=file.assisted,
        contact=file.contact,
        other_ways=file.other_ways,
        initiate_login_uri=file.initiate_login_uri,
        resume_uri=file.resume_uri,
        answer_timeout=file.answer_timeout,
        jwks_uri=file.jwks_uri,
        subject_type=file.subject_type,
        tls_subject=file.tls_subject,
        binding=file.binding,
        request_object_required=file.request_object_required,
        signed_response=file.signed_response,
        response_alg=file.response_alg.value,
        response_encryption=file.response_encryption,
        id_token_encryption=file.id_token_encryption,
        userinfo_alg=None if file.userinfo_alg is None else file.userinfo_alg.value,
        userinfo_encryption=file.userinfo_encryption,
        introspection_alg=None if file.introspection_alg is None else file.introspection_alg.value,
        introspection_encryption=file.introspection_encryption,
        backchannel_logout_uri=file.backchannel_logout_uri,
        frontchannel_logout_uri=file.frontchannel_logout_uri,
        ciba=file.ciba,
        ciba_notification_uri=file.ciba_notification_uri,
        ciba_request_signed=file.ciba_request_signed,
        sender_constrained=file.sender_constrained,
        cors_origins=file.cors_origins,
    )
    return made, problems


def sector(file: ServiceFile, problems: list[Problem]) -> str:
    """The sector identifier for pairwise subjects (OpenID Connect Core 8.1). Appends to `problems`."""
    if file.subject_type is SubjectType.PUBLIC:
        if file.sector is not None:
            problems.append(Problem("sector", "public subjects have no sector", "remove it, or use pairwise"))
        return PUBLIC_SECTOR
    if file.sector is not None:
        return file.sector
    if any(is_native(uri) for uri in file.redirect_uris):
        fix = "name the sector: a host of yours that will never change"
        problems.append(Problem("sector", "the redirect URIs of an app on the citizen's device have no host", fix))
        return "app"
    return common_host(file.redirect_uris, problems)


def common_host(redirect_uris: tuple[str, ...], problems: list[Problem]) -> str:
    """The common host of all redirect URIs: the default sector (OpenID Connect Core 8.1). Appends to `problems`."""
    hosts = {host_of(uri) for uri in redirect_uris}
    if len(hosts) > 1:
        fix = "name the sector: a host of yours that will never change"
        problems.append(Problem("sector", "the redirect URIs are on different hosts", fix))
    return min(hosts, default="")


def host_of(uri: str) -> str:
    """The host of a URI, or an empty string. `check_services` validates the URI."""
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""

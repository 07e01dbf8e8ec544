"""What a service's file may say, and the service it becomes."""

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
    """The algorithms an ID token may be signed with."""

    ES256 = "ES256"
    PS256 = "PS256"
    EDDSA = "EdDSA"
    RS256 = "RS256"


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """A relying service, as its file describes it: config/services/<client_id>.toml."""

    client_id: str
    """The service's name on the wire. In a file of its own it may be left out: then the file's name counts."""
    names: Mapping[str, str]
    """What citizens call the service, in every language of the broker."""
    redirect_uris: tuple[str, ...]
    """Where answers may go. Compared byte by byte: no wildcards (OpenID Connect Core 3.1.2.1)."""
    home: str
    """The service's own start page, for citizens whose request cannot go on."""
    profile: SecurityProfile = SecurityProfile.FAPI2
    """`fapi2` (FAPI 2.0 Security Profile: pushed requests, a key or certificate, bound tokens), or `oidc` for older
    software and for apps."""
    authentication: ClientAuthentication = ClientAuthentication.PRIVATE_KEY_JWT
    """How the service proves who it is: by its key (private_key_jwt), by its certificate (tls_client_auth,
    self_signed_tls_client_auth), by a secret (client_secret_basic, client_secret_post), or as an app on the citizen's
    own device not at all (none: `oidc` profile, PKCE and DPoP always)."""
    secret_file: Path | None = None
    """A file with the client secret and nothing else: at least 22 characters drawn at random."""
    secret_digest: str | None = None
    """Instead of the file: the SHA-256 of such a secret in hexadecimal. The secret itself never stands here."""
    jwks: Mapping[str, Any] | None = None
    """The service's public keys as a JWK Set (RFC 7517 5)."""
    jwks_file: Path | None = None
    """Instead of `jwks`: a JSON file that holds the JWK Set."""
    sector: str | None = None
    """Services of one sector see the same `sub` for a citizen (OpenID Connect Core 8.1). Left out: the host of the
    redirect URIs. It must never change: every citizen would be a stranger."""
    id_token_alg: IdTokenAlgorithm = IdTokenAlgorithm.ES256
    """How ID tokens are signed. RS256 only in the `oidc` profile, for libraries that know nothing else."""
    post_logout_redirect_uris: tuple[str, ...] = ()
    """Where a citizen may be sent after signing out (OpenID Connect RP-Initiated Logout 1.0)."""
    scopes: tuple[str, ...] = ("openid",)
    """The scopes it may ask for: openid, profile, email, address, phone. `claims` still limits what they bring."""
    claims: tuple[ClaimPurpose, ...] = ()
    """Each claim the service may have, with the `reason` that citizens read before they share it."""
    level: Level = Level.LOW
    """The lowest level of assurance the service accepts: low, substantial or high."""
    acr_is_preference: bool = False
    """Whether `acr_values` says what the service would like, rather than the least it accepts."""
    pkce_required: bool = True
    """Whether a request without PKCE is refused. Always so in `fapi2`."""
    nonce_required: bool = False
    """Whether a request without a `nonce` is refused."""
    refresh: bool = False
    """Whether the service may have refresh tokens (scope `offline_access`, OpenID Connect Core 11)."""
    introspection: bool = False
    """Whether it may introspect access tokens (RFC 7662)."""
    providers: tuple[str, ...] = ()
    """The ids of the providers it accepts. Left out: all."""
    provider_hint: bool = False
    """Whether it may suggest a provider. The citizen can still choose another."""
    single_sign_on: bool = True
    """Whether a citizen who signed in for another service is recognised."""
    assisted: bool = True
    """Whether an identity that a person verified is accepted."""
    contact: str | None = None
    """Whom citizens can turn to when they cannot use the service: shown as text."""
    other_ways: tuple[OtherWay, ...] = ()
    """How else people are served who cannot sign in online."""
    initiate_login_uri: str | None = None
    """Where the service starts a sign-in (OpenID Connect Core 4), for citizens who finish later or begin with us."""
    resume_uri: str | None = None
    """Where a citizen who finishes later goes on, if that is another page: the `target_link_uri` of that sign-in."""
    answer_timeout: Annotated[Seconds, Range(60, 7 * 86400)] = 1800
    """How long the service's own session waits for the answer."""
    jwks_uri: str | None = None
    """Instead of `jwks`: where the service shows its JWK Set, so that it can change its keys by itself. Fetched when it
    is needed, at most once a minute, kept from 5 minutes to 24 hours as its `Cache-Control` says, and used for 6 hours
    more while it cannot be fetched."""
    subject_type: SubjectType = SubjectType.PAIRWISE
    """`public`: the service sees the same `sub` as every other one that says so (OpenID Connect Core 8), so people can
    be recognised across them. It must never change: every citizen would be a stranger."""
    tls_subject: TlsSubject | None = None
    """Whom the certificate names, for tls_client_auth."""
    binding: BindingMethod | None = None
    """What access tokens are bound to: `dpop` (a proof of a key with every request) or `mtls` (the service's
    certificate). Left out: dpop in `fapi2` and for apps, otherwise whatever proof comes."""
    request_object_required: bool = False
    """Whether only signed requests are taken (RFC 9101, FAPI 2.0 Message Signing)."""
    signed_response: bool = False
    """Whether answers travel as signed JWTs alone: response modes jwt, query.jwt, form_post.jwt (JARM)."""
    response_alg: IdTokenAlgorithm = IdTokenAlgorithm.ES256
    """How such answers are signed. RS256 only in the `oidc` profile."""
    response_encryption: Encryption | None = None
    """How they are encrypted to the service, if at all: `alg` and `enc` (RFC 7516), to a key of
    `use` enc in its key set."""
    id_token_encryption: Encryption | None = None
    """How ID tokens are encrypted to the service once they are signed, if at all (OpenID Connect Core 16.14)."""
    userinfo_alg: IdTokenAlgorithm | None = None
    """How userinfo is signed. Left out: it comes as plain JSON (OpenID Connect Core 5.3.2)."""
    userinfo_encryption: Encryption | None = None
    """How signed userinfo is encrypted to the service, if at all."""
    introspection_alg: IdTokenAlgorithm | None = None
    """How what is said of tokens is signed, whether asked for in `Accept` or not (RFC 9701). Left out: as ID tokens
    are, and only where it is asked for."""
    introspection_encryption: Encryption | None = None
    """How that is encrypted to the service, if at all."""
    backchannel_logout_uri: str | None = None
    """Where the service is called when a session it took part in has ended (OpenID Connect Back-Channel Logout)."""
    frontchannel_logout_uri: str | None = None
    """The service's page that signs out its own session, loaded in a frame (OpenID Connect Front-Channel Logout).
    Browsers seldom let it see its cookies there: `backchannel_logout_uri` is what works."""
    ciba: CibaDeliveryMode | None = None
    """Whether the service may ask citizens on a device of their own (OpenID CIBA Core 1.0), and how it learns of the
    answer: `poll` or `ping`. Left out: it may not."""
    ciba_notification_uri: str | None = None
    """Where a service with `ciba = "ping"` is told that an answer is there (CIBA Core 1.0, 10.2)."""
    ciba_request_signed: bool = False
    """Whether its questions must be signed and say what they are about (FAPI-CIBA Profile). Always so in `fapi2`."""
    sender_constrained: bool = True
    """`false` is for apps and single-page apps whose libraries know no DPoP (`authentication = "none"`): their tokens
    are bearer tokens. A refresh token is good for one use, one that comes again ends everything issued with it, and
    access and refresh tokens live as short as `[tokens]` says for such apps (RFC 9700 2.2). Not in `fapi2`."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the token, userinfo and revocation endpoints of the broker and read its metadata and
    keys (CORS), such as "https://app.example". For single-page apps in the `oidc` profile. Left out: none."""


def service(file: ServiceFile, prepared: bool) -> tuple[Service, list[Problem]]:
    """The service that a file describes, and what is wrong with the files it names.

    With `prepared` False a missing secret or key file is no problem: it is still to be made.
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
    """The sector within which a citizen has one `sub` (OpenID Connect Core 8)."""
    if file.subject_type is SubjectType.PUBLIC:
        if file.sector is not None:
            problems.append(Problem("sector", "public subjects know no sectors", "take it out, or use pairwise"))
        return PUBLIC_SECTOR
    if file.sector is not None:
        return file.sector
    if any(is_native(uri) for uri in file.redirect_uris):
        mend = "name the sector: a host of yours that will never change"
        problems.append(Problem("sector", "the addresses of an app on the citizen's device name no host", mend))
        return "app"
    return common_host(file.redirect_uris, problems)


def common_host(redirect_uris: tuple[str, ...], problems: list[Problem]) -> str:
    """The host of all redirect URIs, which is the sector of a service that names none (OpenID Connect Core 8.1)."""
    hosts = {host_of(uri) for uri in redirect_uris}
    if len(hosts) > 1:
        mend = "name the sector: a host of yours that will never change"
        problems.append(Problem("sector", "the redirect URIs are on different hosts", mend))
    return min(hosts, default="")


def host_of(uri: str) -> str:
    """The host of a URI, or an empty text; that it is a good URI is checked elsewhere."""
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""

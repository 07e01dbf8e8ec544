"""Settings of an OpenID provider: the table `[openid]` of its file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from broker.model.assurance import Level
from broker.normalize.identifiers import IdentifierForm
from broker.platform.toml_loader import Range, Seconds
from broker.provider import ProviderFailureReason
from providers.openid.config_tables import (
    ActingConfig,
    CertificateHeader,
    ClaimSourceConfig,
    DocumentPlace,
    DpopConfig,
    EndpointsConfig,
    IdentityTokenConfig,
    IdTokenConfig,
    LevelAnswer,
    LevelRequest,
    LogoutConfig,
    NewSignIn,
    RefreshConfig,
    RequestObjectConfig,
    ResponseMode,
    ResponseTokenConfig,
    UpstreamAssertionAudience,
    UpstreamAuthentication,
    UserinfoConfig,
)
from providers.openid.event_config import EventsConfig


@dataclass(frozen=True, slots=True)
class OpenIdConfig:
    """An OpenID Connect provider.

    `levels` maps each `acr` of the provider to a level of assurance; an `acr` that is missing there has no level.
    """

    issuer: str
    """Issuer identifier, exactly as in the provider's metadata and ID tokens."""
    client_id: str
    levels: Mapping[str, Level]

    discovery_url: str | None = None
    """The URL of the provider's metadata. Left out: the issuer with `/.well-known/openid-configuration`."""
    endpoints: EndpointsConfig | None = None
    authentication: UpstreamAuthentication = UpstreamAuthentication.PRIVATE_KEY_JWT
    key_file: Path | None = None
    """The broker's private key at this provider (PEM), for `private_key_jwt`."""
    key_algorithm: str = "ES256"
    key_id: str | None = None
    """The `kid` of that key. Left out: its RFC 7638 thumbprint."""
    published_key_files: tuple[Path, ...] = ()
    """Further private keys (PEM) whose public halves are published, as `key_file`: the next one before it signs, the
    previous one until the provider has fetched the new set."""
    encryption_key_files: tuple[Path, ...] = ()
    """The broker's private keys (PEM: P-256, P-384, P-521 or RSA) for decryption of tokens from this provider. The
    first is published; the others are previous ones, which the provider may still use."""
    assertion_audience: UpstreamAssertionAudience = UpstreamAssertionAudience.ISSUER
    assertion_audiences: tuple[UpstreamAssertionAudience, ...] = ()
    """The audiences of client assertions as a list, for a provider that demands one. Left out: `assertion_audience`
    alone, as a text."""
    assertion_lifetime: Annotated[Seconds, Range(1, 300)] = 60
    assertion_typ: str | None = None
    """The `typ` in the header of client assertions, such as `JWT`. Left out: none."""
    assertion_nbf: bool = False
    """Whether client assertions have an `nbf`, the time at which they are made."""
    key_certificate_file: Path | None = None
    """The certificate of `key_file` (PEM, with intermediate certificates), for a provider that finds the key by it."""
    key_certificate_headers: tuple[CertificateHeader, ...] = ()
    """Header members of client assertions and request objects that name that certificate: `x5t` and `x5t#S256` are its
    digests, `x5c` is the certificate with its intermediate ones."""
    secret_file: Path | None = None
    """File with the client secret in its first line, for the two methods that use one."""

    certificate_file: Path | None = None
    """The broker's client certificate at this provider (PEM, with intermediate certificates), for `tls_client_auth` and
    `self_signed_tls_client_auth` (RFC 8705)."""
    certificate_key_file: Path | None = None
    """The private key of that certificate (PEM)."""
    certificate_bound_tokens: bool = False
    """Whether the provider has to bind access tokens to that certificate (RFC 8705 3). A token that is a JWT without
    the certificate's digest, or with another one, is rejected; of another token the introspection endpoint is asked, if
    the provider has one that answers the broker."""
    ca_file: Path | None = None
    """Authorities (PEM) that are trusted for this provider alone. Left out: those of all connections."""
    tls_roots: tuple[str, ...] = ()
    """SHA-256 digests (hexadecimal) of the only root certificates that are trusted for this provider."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """HTTP headers of every call to this provider, such as `User-Agent`."""

    scopes: tuple[str, ...] = ("openid", "profile")
    prompt: str = ""
    """The `prompt` of every request, such as `select_account`. Left out: none."""
    prompt_fresh: str = "login"
    """The `prompt` that requests a new authentication. Empty: the provider has none, and the time of the authentication
    alone is checked."""
    language_parameter: str = "ui_locales"
    """The parameter with the citizen's language."""
    acr_values: Mapping[Level, str] = field(default_factory=dict)
    """The `acr_values` to request for a level (several values separated by spaces). For a level that is missing here
    the next higher one is requested. Empty: no `acr_values` are sent."""
    level_request: LevelRequest = field(default_factory=LevelRequest)
    level_answer: LevelAnswer = field(default_factory=LevelAnswer)
    credential_answer: LevelAnswer | None = None
    """Where the response says how strongly the person authenticated, if that is not part of the level in
    `level_answer`. The lower one of both levels counts."""
    credential_levels: Mapping[str, Level] = field(default_factory=dict)
    """The levels of the values in `credential_answer`."""
    claims_request: str = ""
    """The `claims` parameter (OpenID Connect Core 5.5), as JSON."""
    acr_missing: Level | None = None
    """The level of an ID token without `acr`. Left out: such an ID token is rejected."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Additional fixed parameters of the authorization request."""
    pushed: bool = False
    """Whether the authorization request is pushed to the provider (RFC 9126), so that the browser carries only its
    `request_uri`."""
    request_object: RequestObjectConfig | None = None
    pkce: bool = True
    """Whether the authorization request has a PKCE challenge (RFC 7636). `false` only for a provider that refuses the
    parameters: then the nonce alone binds the code to the sign-in."""
    response_mode: ResponseMode = ResponseMode.QUERY
    """The response mode: `query`, `form_post` (OAuth 2.0 Form Post Response Mode), or `jwt`, a token that the provider
    signed (JARM); then a response without a valid token is rejected."""
    response_token: ResponseTokenConfig = field(default_factory=ResponseTokenConfig)
    nonce_bytes: Annotated[int, Range(16, 96)] = 24
    """Number of random bytes in a `nonce`; a byte is two hexadecimal digits, since some providers accept only letters
    and digits."""
    dpop: DpopConfig | None = None

    algorithms: tuple[str, ...] = ("ES256", "PS256", "EdDSA", "RS256")
    """Permitted signature algorithms of ID tokens."""
    id_token: IdTokenConfig = field(default_factory=IdTokenConfig)
    audiences: tuple[str, ...] = ()
    """Permitted audiences of ID tokens in addition to `client_id` (OpenID Connect Core 3.1.3.7, item 3)."""
    clock_skew: Annotated[Seconds, Range(0, 300)] = 30
    """Tolerated clock skew of the provider, in seconds."""
    iss_parameter_supported: bool = False
    """Whether every response must carry `iss` (RFC 9207) even if the metadata does not say so."""

    iss_in_errors: bool = True
    """Whether that holds of responses with an `error` too. `false`: of those with a code alone."""

    reauthentication: tuple[NewSignIn, ...] = (NewSignIn.PROMPT_LOGIN, NewSignIn.MAX_AGE)
    """How a new authentication is requested. Remove what the provider does not support; without `max_age` an ID
    token needs no `auth_time`, but one that is present is checked."""
    end_session: bool = True
    """Whether a citizen who signs out may sign out at the provider too, if its metadata has an
    `end_session_endpoint`. Register `<issuer>/signed-out` at the provider as a `post_logout_redirect_uri`."""
    logout: LogoutConfig = field(default_factory=LogoutConfig)
    events: EventsConfig | None = None
    """Security events of the provider, such as a disabled account or a compromised credential. Left out: none."""
    refresh: RefreshConfig | None = None
    initiate_login: bool = False
    """Whether the provider may send citizens to the broker to sign in (OpenID Connect Core 4). Register
    `<issuer>/providers/<id>/initiate-login` there as `initiate_login_uri`. It leads to the citizen's account, or with a
    `target_link_uri` that is the `initiate_login_uri`, `resume_uri` or `home` of a service that has an
    `initiate_login_uri` to that service, and nowhere else."""

    userinfo: bool = True
    """Whether claims are also read from the userinfo endpoint."""
    userinfo_response: UserinfoConfig = field(default_factory=UserinfoConfig)
    identity_token: IdentityTokenConfig | None = None
    claim_sources: Mapping[str, ClaimSourceConfig] = field(default_factory=dict)
    """Other parties whose claims the provider passes on, by their issuer."""
    claim_map: Mapping[str, str] = field(default_factory=lambda: dict(STANDARD_CLAIMS))
    """The broker's claim names to the provider's. A dot selects a member of an object:
    `profile_attributes.given_name`. `[0]`, `[*]`, `[type=GivenName]` and `[current]` (valid today by `validFrom` and
    `validUntil`) select items of a list, `[date]` reads an object of year, month and day, `[base64]` the JSON in a text
    of base64. `a + b` joins two texts, `a | b` takes the first one that has a value. A name that contains one of these
    characters is written in quotation marks; one that is exactly the name of a claim needs none."""
    address_map: Mapping[str, str] = field(default_factory=dict)
    """Members of `address` to paths in the provider's address. Left out: it has the members of the standard."""
    subject_claim: str = "sub"
    """The claim of the ID token that is the subject, a path as in `claim_map`. It must never change for a person."""
    subject_form: IdentifierForm | None = None
    """The form in which the subject is stored, if the provider writes one subject in several forms."""
    subject_anchor: tuple[str, ...] = ()
    """Claims (the broker's names) that never change for a person: `birthdate`, or national identifiers that are listed
    in `identifiers`. For a provider that may give a subject to another person later: a sign-in with a known subject and
    another value is rejected (failure class `other_person`). A response without them is incomplete. `portico account
    forget-anchor` takes a correction."""
    identifiers: Mapping[str, IdentifierForm] = field(default_factory=dict)
    """Claims (the broker's names) that are national identifiers, and their normal form: `upper` and `digits` are
    without spaces and punctuation, `braces` without braces around it; `cpf` and `nhs_number` have valid check digits. A
    value that is no such identifier is malformed."""
    acting: ActingConfig = field(default_factory=ActingConfig)
    auth_time_place: DocumentPlace = DocumentPlace.ID_TOKEN
    """The document with the time of the authentication (`auth_time`)."""
    required_claims: tuple[str, ...] = ()
    """Claims (the broker's names) without which a response is incomplete; a blank or malformed one counts as
    missing. Of the names require only `name`: people with one name have no `given_name` or no `family_name`."""
    region: str | None = None
    """Country (ISO 3166-1 alpha-2) of the provider's telephone numbers without a country code. Left out: such
    numbers are malformed and omitted."""
    claim_checks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Claims of the provider that must be present and have one of these values, such as `sub_type = ["user"]`; one that
    ends in `*` permits every text that begins so. Another value ends the sign-in: the identity cannot be confirmed."""
    verified_claims: tuple[str, ...] = ("name", "given_name", "family_name", "birthdate", "address")
    """Claims (the broker's names) that the provider verified itself; others it passes on unverified."""

    trust_framework: str | None = None
    """Trust framework of the provider's identity verification (`trust_framework` of OpenID Identity Assurance Schema
    Definition 1.0). Left out: no claim is reported as verified."""
    organization: str | None = None
    """Legal name of the provider, as source of the record. Left out: its issuer."""
    policy: str | None = None
    procedure: str | None = None

    errors: Mapping[str, ProviderFailureReason] = field(default_factory=dict)
    """The provider's own errors to the broker's failure reasons, wherever they come: in the callback, also in place of
    a code, from its endpoints, or in `return_code_claim`. They take precedence over the standard's."""
    error_descriptions: Mapping[str, ProviderFailureReason] = field(default_factory=dict)
    """Beginnings of the provider's `error_description`, in any case, to failure reasons: for an error code with several
    meanings. They take precedence over `errors`."""
    return_code_claim: str | None = None
    """The claim with codes that say why an identity was not proven, a path as in `claim_map`. They are read if the
    identity token is missing, and mean what `errors` says; a code that is not there: the identity could not be
    confirmed."""
    languages: Mapping[str, str] = field(default_factory=dict)
    """Language codes to the provider's `ui_locales` values. Left out: the same code."""
    simulator: str | None = None
    """Origin of a simulator that plays this provider, in development only: every https URL of the provider is called
    and visited at this origin, with its host as the first segment of the path. Issuers in tokens stay as they are."""
    max_connections: Annotated[int, Range(1, 1000)] = 20
    """Maximum number of concurrent connections to the provider, in each process."""

    @property
    def requested_scopes(self) -> tuple[str, ...]:
        """The scopes of every authorization request, each once."""
        return tuple(dict.fromkeys((*self.scopes, *(() if self.refresh is None else self.refresh.scopes))))


STANDARD_CLAIMS: Mapping[str, str] = {
    name: name
    for name in (
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "birthdate",
        "email",
        "email_verified",
        "phone_number",
        "phone_number_verified",
        "address",
    )
}

RESERVED = frozenset(
    [
        *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "response_mode"),
        *("code_challenge", "code_challenge_method", "request", "request_uri", "acr_values", "ui_locales"),
        *("prompt", "max_age", "dpop_jkt", "vtr", "claims"),
    ]
)
"""Parameters of the authorization request that configuration cannot set."""

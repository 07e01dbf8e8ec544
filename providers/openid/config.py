"""What an operator says about one OpenID provider."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from broker.crypto.jose import SIGNATURE_ALGORITHMS
from broker.model.assurance import Level
from broker.normalize.phone import regions
from broker.platform.toml_loader import Problem, Range, Seconds
from broker.provider import ProviderFailureReason


class UpstreamAuthentication(StrEnum):
    """How the broker proves at the provider's token endpoint who it is (OpenID Connect Core 9)."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    CLIENT_SECRET_BASIC = "client_secret_basic"
    CLIENT_SECRET_POST = "client_secret_post"


class UpstreamAssertionAudience(StrEnum):
    """Whom a client assertion names as its audience: the provider's issuer, or its token endpoint."""

    ISSUER = "issuer"
    TOKEN_ENDPOINT = "token_endpoint"


class NewSignIn(StrEnum):
    """What asks a provider for a new sign-in (OpenID Connect Core 3.1.2.1)."""

    PROMPT_LOGIN = "prompt_login"
    MAX_AGE = "max_age"


@dataclass(frozen=True, slots=True)
class OpenIdConfig:
    """One provider that speaks OpenID Connect.

    `levels` says what each `acr` of the provider is worth here; an `acr` that is not in it is worth nothing.
    """

    issuer: str
    """The provider's issuer, exactly as its metadata and ID tokens say it."""
    client_id: str
    levels: Mapping[str, Level]

    authentication: UpstreamAuthentication = UpstreamAuthentication.PRIVATE_KEY_JWT
    key_file: Path | None = None
    """PEM of the broker's private key at this provider, for `private_key_jwt`."""
    key_algorithm: str = "ES256"
    key_id: str | None = None
    """The `kid` of that key; its RFC 7638 thumbprint unless given."""
    assertion_audience: UpstreamAssertionAudience = UpstreamAssertionAudience.ISSUER
    secret_file: Path | None = None
    """File whose first line is the client secret, for the two methods with one."""

    scopes: tuple[str, ...] = ("openid", "profile")
    acr_values: Mapping[Level, str] = field(default_factory=dict)
    """The `acr_values` to send for a level (several names separated by spaces). A level that is not in it is asked for
    as the next higher one that is. Empty: no `acr_values` are sent."""
    acr_missing: Level | None = None
    """What an ID token without `acr` is worth. Left out: nothing, it is refused."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Fixed further parameters of the authorization request."""

    algorithms: tuple[str, ...] = ("ES256", "PS256", "EdDSA", "RS256")
    """Signature algorithms an ID token may have."""
    audiences: tuple[str, ...] = ()
    """Audiences besides `client_id` that an ID token may name (OpenID Connect Core 3.1.3.7, item 3)."""
    clock_skew: Annotated[Seconds, Range(0, 300)] = 30
    """Seconds by which the provider's clock may differ from ours."""
    iss_parameter_supported: bool = False
    """Whether every response carries `iss` (RFC 9207), though the metadata does not say so."""

    reauthentication: tuple[NewSignIn, ...] = (NewSignIn.PROMPT_LOGIN, NewSignIn.MAX_AGE)
    """How the provider is asked for a new sign-in. Leave out what it does not know; without `max_age` an ID token needs
    no `auth_time` then, but one that it has is checked."""
    end_session: bool = True
    """Whether a citizen who signs out may sign out there too, if the metadata name an `end_session_endpoint`. The
    provider must know `<issuer>/signed-out` as a `post_logout_redirect_uri`."""

    userinfo: bool = True
    """Whether claims are also read from the userinfo endpoint. Only JSON is read there: if the provider answers with a
    signed or encrypted JWT, turn this off and have the claims put into the ID token."""
    claim_map: Mapping[str, str] = field(default_factory=lambda: dict(STANDARD_CLAIMS))
    """Our claim to the provider's. A dot leads into an object: `profile_attributes.given_name`."""
    required_claims: tuple[str, ...] = ()
    """Claims (our names) without which a reply is incomplete; a blank or malformed one is missing. Of the names require
    `name` alone: people with one name have no `given_name` or no `family_name`."""
    region: str | None = None
    """The country (ISO 3166-1 alpha-2) in which the provider's telephone numbers are read if they lack a country code.
    Left out: such a number is malformed, and left out."""
    verified_claims: tuple[str, ...] = ("name", "given_name", "family_name", "birthdate", "address")
    """Claims (our names) that the provider verified itself; the others it only passes on."""

    trust_framework: str | None = None
    """The rules under which the provider verifies identities (`trust_framework` of OpenID Identity Assurance Schema
    Definition 1.0). Left out: nothing is said to be verified."""
    organization: str | None = None
    """The provider's legal name, as source of the record; its issuer unless given."""
    policy: str | None = None
    procedure: str | None = None

    errors: Mapping[str, ProviderFailureReason] = field(default_factory=dict)
    """The provider's own error codes to our reasons, before the standard's."""
    languages: Mapping[str, str] = field(default_factory=dict)
    """Our language to what the provider wants in `ui_locales`; the same unless given."""
    max_connections: Annotated[int, Range(1, 1000)] = 20
    """Connections to the provider at once, in each process."""


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
        *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "response_mode", "login_hint"),
        *("code_challenge", "code_challenge_method", "request", "request_uri", "acr_values", "ui_locales"),
        *("prompt", "max_age"),
    ]
)
"""Parameters of the authorization request that are never fixed by configuration."""


def check(config: OpenIdConfig, development: bool) -> list[Problem]:
    """What is wrong in the table beyond the types of its fields."""
    return [*_check_issuer(config, development), *_check_keys(config), *_check_levels(config), *_check_rest(config)]


def _check_issuer(config: OpenIdConfig, development: bool) -> Iterator[Problem]:
    try:
        parts = urlsplit(config.issuer)
    except ValueError:
        yield Problem("issuer", "this is no URL", "write it as https://...")
        return
    schemes = ("https", "http") if development else ("https",)
    if parts.scheme not in schemes or not parts.hostname:
        yield Problem("issuer", "an https URL is needed", 'http is for environment = "development" alone')
    if parts.query or parts.fragment or "@" in parts.netloc:
        yield Problem("issuer", "an issuer has no query, fragment or credentials", "write what its metadata says")


def _check_keys(config: OpenIdConfig) -> Iterator[Problem]:
    if config.authentication is UpstreamAuthentication.PRIVATE_KEY_JWT:
        if config.key_file is None:
            yield Problem("key_file", "private_key_jwt needs a key", "name a PEM file; `portico keys init` makes them")
        if config.key_algorithm not in SIGNATURE_ALGORITHMS:
            yield Problem("key_algorithm", "not known here", f"known here: {', '.join(sorted(SIGNATURE_ALGORITHMS))}")
    elif config.secret_file is None:
        yield Problem("secret_file", f"{config.authentication} needs a secret", "name the file that holds it")


def _check_levels(config: OpenIdConfig) -> Iterator[Problem]:
    if not config.levels and config.acr_missing is None:
        yield Problem("levels", "no reply would ever be worth a level", 'write such as { "loa2" = "substantial" }')
    for level, names in config.acr_values.items():
        for name in names.split(" "):
            if config.levels.get(name, Level.LOW) < level or name not in config.levels:
                yield Problem(
                    f"acr_values.{level.name.lower()}",
                    "asks for an acr that levels does not say to be worth as much",
                    "name it in levels, or ask for another",
                )


def _check_rest(config: OpenIdConfig) -> Iterator[Problem]:
    if config.region is not None and config.region not in regions():
        yield Problem("region", "no country with telephone numbers", 'write its two capital letters, such as "GB"')
    if "openid" not in config.scopes:
        yield Problem("scopes", "openid is missing", 'add "openid"')
    for name in sorted(RESERVED & config.parameters.keys()):
        yield Problem(f"parameters.{name}", "the broker sets this one itself", "leave it out")
    if not config.reauthentication:
        yield Problem("reauthentication", "a new sign-in could not be asked for", 'name one, such as ["max_age"]')
    if not config.algorithms:
        yield Problem("algorithms", "none is named", 'name one, such as ["ES256"]')
    for i, name in enumerate(config.algorithms):
        if name not in SIGNATURE_ALGORITHMS:
            known = ", ".join(sorted(SIGNATURE_ALGORITHMS))
            yield Problem(f"algorithms[{i}]", "not accepted for ID tokens", f"known here: {known}")
    for i, name in enumerate(config.required_claims):
        if name not in config.claim_map:
            yield Problem(f"required_claims[{i}]", "claim_map does not know it", "add it there")

"""Settings of an OpenID provider: the table `[openid]` of its file."""

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
    """Client authentication of the broker at the provider's token endpoint (OpenID Connect Core 9)."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    CLIENT_SECRET_BASIC = "client_secret_basic"
    CLIENT_SECRET_POST = "client_secret_post"


class UpstreamAssertionAudience(StrEnum):
    """Audience of a client assertion: the provider's issuer, or its token endpoint."""

    ISSUER = "issuer"
    TOKEN_ENDPOINT = "token_endpoint"


class NewSignIn(StrEnum):
    """Parameters that request a new authentication (OpenID Connect Core 3.1.2.1)."""

    PROMPT_LOGIN = "prompt_login"
    MAX_AGE = "max_age"


@dataclass(frozen=True, slots=True)
class OpenIdConfig:
    """An OpenID Connect provider.

    `levels` maps each `acr` of the provider to a level of assurance; an `acr` that is missing there has no level.
    """

    issuer: str
    """Issuer identifier, exactly as in the provider's metadata and ID tokens."""
    client_id: str
    levels: Mapping[str, Level]

    authentication: UpstreamAuthentication = UpstreamAuthentication.PRIVATE_KEY_JWT
    key_file: Path | None = None
    """The broker's private key at this provider (PEM), for `private_key_jwt`."""
    key_algorithm: str = "ES256"
    key_id: str | None = None
    """The `kid` of that key. Left out: its RFC 7638 thumbprint."""
    assertion_audience: UpstreamAssertionAudience = UpstreamAssertionAudience.ISSUER
    secret_file: Path | None = None
    """File with the client secret in its first line, for the two methods that use one."""

    scopes: tuple[str, ...] = ("openid", "profile")
    acr_values: Mapping[Level, str] = field(default_factory=dict)
    """The `acr_values` to request for a level (several values separated by spaces). For a level that is missing here
    the next higher one is requested. Empty: no `acr_values` are sent."""
    acr_missing: Level | None = None
    """The level of an ID token without `acr`. Left out: such an ID token is rejected."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Additional fixed parameters of the authorization request."""

    algorithms: tuple[str, ...] = ("ES256", "PS256", "EdDSA", "RS256")
    """Permitted signature algorithms of ID tokens."""
    audiences: tuple[str, ...] = ()
    """Permitted audiences of ID tokens in addition to `client_id` (OpenID Connect Core 3.1.3.7, item 3)."""
    clock_skew: Annotated[Seconds, Range(0, 300)] = 30
    """Tolerated clock skew of the provider, in seconds."""
    iss_parameter_supported: bool = False
    """Whether every response must carry `iss` (RFC 9207) even if the metadata does not say so."""

    reauthentication: tuple[NewSignIn, ...] = (NewSignIn.PROMPT_LOGIN, NewSignIn.MAX_AGE)
    """How a new authentication is requested. Remove what the provider does not support; without `max_age` an ID
    token needs no `auth_time`, but one that is present is checked."""
    end_session: bool = True
    """Whether a citizen who signs out may sign out at the provider too, if its metadata has an
    `end_session_endpoint`. Register `<issuer>/signed-out` at the provider as a `post_logout_redirect_uri`."""

    userinfo: bool = True
    """Whether claims are also read from the userinfo endpoint. Only JSON is supported: if the provider responds with
    a signed or encrypted JWT, turn this off and have the claims put into the ID token."""
    claim_map: Mapping[str, str] = field(default_factory=lambda: dict(STANDARD_CLAIMS))
    """The broker's claim names to the provider's. A dot selects a member of an object:
    `profile_attributes.given_name`."""
    required_claims: tuple[str, ...] = ()
    """Claims (the broker's names) without which a response is incomplete; a blank or malformed one counts as
    missing. Of the names require only `name`: people with one name have no `given_name` or no `family_name`."""
    region: str | None = None
    """Country (ISO 3166-1 alpha-2) of the provider's telephone numbers without a country code. Left out: such
    numbers are malformed and omitted."""
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
    """The provider's own error codes to the broker's failure reasons; they take precedence over the standard's."""
    languages: Mapping[str, str] = field(default_factory=dict)
    """Language codes to the provider's `ui_locales` values. Left out: the same code."""
    max_connections: Annotated[int, Range(1, 1000)] = 20
    """Maximum number of concurrent connections to the provider, in each process."""


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
"""Parameters of the authorization request that configuration cannot set."""


def check(config: OpenIdConfig, *, development: bool) -> list[Problem]:
    """Checks the table beyond the types of its fields."""
    return [
        *_check_issuer(config, development=development),
        *_check_keys(config),
        *_check_levels(config),
        *_check_rest(config),
    ]


def _check_issuer(config: OpenIdConfig, *, development: bool) -> Iterator[Problem]:
    try:
        parts = urlsplit(config.issuer)
    except ValueError:
        yield Problem("issuer", "this is not a URL", "write it as https://...")
        return
    schemes = ("https", "http") if development else ("https",)
    if parts.scheme not in schemes or not parts.hostname:
        yield Problem("issuer", "an https URL is required", 'http is only for environment = "development"')
    if parts.query or parts.fragment or "@" in parts.netloc:
        yield Problem("issuer", "an issuer has no query, fragment or credentials", "write the issuer of its metadata")


def _check_keys(config: OpenIdConfig) -> Iterator[Problem]:
    if config.authentication is UpstreamAuthentication.PRIVATE_KEY_JWT:
        if config.key_file is None:
            yield Problem("key_file", "private_key_jwt needs a key", "name a PEM file; `portico keys init` makes them")
        if config.key_algorithm not in SIGNATURE_ALGORITHMS:
            yield Problem("key_algorithm", "not known", f"known are: {', '.join(sorted(SIGNATURE_ALGORITHMS))}")
    elif config.secret_file is None:
        yield Problem("secret_file", f"{config.authentication} needs a secret", "name the file that holds it")


def _check_levels(config: OpenIdConfig) -> Iterator[Problem]:
    if not config.levels and config.acr_missing is None:
        yield Problem("levels", "no acr would have a level", 'write such as { "loa2" = "substantial" }')
    for level, names in config.acr_values.items():
        for name in names.split(" "):
            if config.levels.get(name, Level.LOW) < level or name not in config.levels:
                yield Problem(
                    f"acr_values.{level.name.lower()}",
                    "requests an acr that has a lower level in levels, or none",
                    "add it to levels, or request another",
                )


def _check_rest(config: OpenIdConfig) -> Iterator[Problem]:
    if config.region is not None and config.region not in regions():
        yield Problem(
            "region", "this is not a country with telephone numbers", 'write its two capital letters, such as "GB"'
        )
    if "openid" not in config.scopes:
        yield Problem("scopes", "openid is missing", 'add "openid"')
    for name in sorted(RESERVED & config.parameters.keys()):
        yield Problem(f"parameters.{name}", "the broker sets this parameter", "remove it")
    if not config.reauthentication:
        yield Problem(
            "reauthentication",
            "no parameter that requests a new authentication is listed",
            'list one, such as ["max_age"]',
        )
    if not config.algorithms:
        yield Problem("algorithms", "no algorithm is listed", 'list one, such as ["ES256"]')
    for i, name in enumerate(config.algorithms):
        if name not in SIGNATURE_ALGORITHMS:
            known = ", ".join(sorted(SIGNATURE_ALGORITHMS))
            yield Problem(f"algorithms[{i}]", "not accepted for ID tokens", f"known are: {known}")
    for i, name in enumerate(config.required_claims):
        if name not in config.claim_map:
            yield Problem(f"required_claims[{i}]", "the claim is missing in claim_map", "add it to claim_map")

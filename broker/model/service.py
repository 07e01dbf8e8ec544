"""A relying service (client) as the rules see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from broker.model.assurance import Level


class Profile(StrEnum):
    """The rule set a service is held to: `fapi2` (FAPI 2.0 Security Profile Final) unless its file says `oidc`."""

    FAPI2 = "fapi2"
    OIDC = "oidc"


class ClientAuthentication(StrEnum):
    """How a service proves who it is (OpenID Connect Core 9)."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    CLIENT_SECRET_BASIC = "client_secret_basic"
    CLIENT_SECRET_POST = "client_secret_post"


class Delivery(StrEnum):
    """How a service learns that a citizen answered on their own device (CIBA Core 1.0, 5)."""

    POLL = "poll"
    PING = "ping"


@dataclass(frozen=True, slots=True)
class Encryption:
    """How something is encrypted to a service (RFC 7516): `alg` for its key, `enc` for the content."""

    alg: str
    enc: str


@dataclass(frozen=True, slots=True)
class DataUse:
    """One claim a service may ask for, and why: `reason` by language, shown to citizens before anything is shared."""

    claim: str
    reason: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OtherWay:
    """Another way the service can be reached by people who cannot sign in online. Texts by language."""

    text: Mapping[str, str]
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A relying service, registered by one file.

    `names` by language; `secret_digest` is the SHA-256 (hexadecimal) of a client secret of at least 128 random bits;
    `jwks` is the service's public key set (RFC 7517); `sector` is the pairwise sector (OpenID Connect Core 8.1);
    `patience` is how long (seconds) the service's own session waits for an answer; `providers` limits the providers
    (empty: all); `contact` is shown to citizens whose way is barred.
    `request_object_required`: only signed requests are taken (RFC 9101 10.5); `signed_response`: answers travel as JWTs
    alone (JARM), signed with `response_alg` and encrypted where `response_encryption` says so. `ciba` says that the
    service may ask citizens on a device of their own, and how it learns of the answer.
    """

    client_id: str
    names: Mapping[str, str]
    redirect_uris: tuple[str, ...]
    sector: str
    home: str
    profile: Profile = Profile.FAPI2
    authentication: ClientAuthentication = ClientAuthentication.PRIVATE_KEY_JWT
    secret_digest: str | None = None
    jwks: Mapping[str, Any] | None = None
    id_token_alg: str = "ES256"
    post_logout_redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("openid",)
    data: tuple[DataUse, ...] = ()
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
    patience: int = 1800
    request_object_required: bool = False
    signed_response: bool = False
    response_alg: str = "ES256"
    response_encryption: Encryption | None = None
    backchannel_logout_uri: str | None = None
    frontchannel_logout_uri: str | None = None
    ciba: Delivery | None = None
    ciba_notification_uri: str | None = None
    ciba_request_signed: bool = False

    def name(self, language: str) -> str:
        """The service's name in a language, or in the first one it has."""
        return self.names.get(language) or next(iter(self.names.values()))

    @property
    def asks_signed(self) -> bool:
        """Whether its backchannel requests must be signed, with the algorithms of FAPI (FAPI-CIBA Profile 5.2.2)."""
        return self.ciba_request_signed or self.profile is Profile.FAPI2

    @property
    def claims(self) -> frozenset[str]:
        """The names of the claims this service may ask for."""
        return frozenset(use.claim for use in self.data)

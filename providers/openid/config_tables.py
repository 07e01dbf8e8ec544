"""Settings of an OpenID provider: the tables inside `[openid]`, and the closed sets of their values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from broker.model.assurance import Level
from broker.platform.toml_loader import Range, Seconds


class UpstreamAuthentication(StrEnum):
    """Client authentication of the broker at the provider (OpenID Connect Core 9, RFC 8705 2); `none` is PKCE alone."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    CLIENT_SECRET_BASIC = "client_secret_basic"
    CLIENT_SECRET_POST = "client_secret_post"
    TLS_CLIENT_AUTH = "tls_client_auth"
    SELF_SIGNED_TLS_CLIENT_AUTH = "self_signed_tls_client_auth"
    NONE = "none"


TLS_METHODS: Final = frozenset(
    {UpstreamAuthentication.TLS_CLIENT_AUTH, UpstreamAuthentication.SELF_SIGNED_TLS_CLIENT_AUTH}
)
"""Authentication by the certificate of the connection (RFC 8705 2)."""


class UpstreamAssertionAudience(StrEnum):
    """Audience of a client assertion: the provider's issuer, its token endpoint, or the endpoint that is called."""

    ISSUER = "issuer"
    TOKEN_ENDPOINT = "token_endpoint"
    CALLED_ENDPOINT = "called_endpoint"


class CertificateHeader(StrEnum):
    """Header members that name the certificate of a signing key (RFC 7515 4.1.6 to 4.1.8)."""

    X5T = "x5t"
    X5T_S256 = "x5t#S256"
    X5C = "x5c"


class AcceptedForm(StrEnum):
    """Form of a token from the provider: a JWS, a JWE around a JWS (RFC 7519 11.2), or either of them."""

    SIGNED = "signed"
    NESTED = "nested"
    EITHER = "either"


class NewSignIn(StrEnum):
    """Parameters that request a new authentication (OpenID Connect Core 3.1.2.1)."""

    PROMPT_LOGIN = "prompt_login"
    MAX_AGE = "max_age"
    ID_TOKEN_HINT = "id_token_hint"
    """`prompt=login` together with the ID token of the citizen's session. A citizen without one is asked nothing."""


@dataclass(frozen=True, slots=True)
class DpopConfig:
    """Proof of possession for access tokens (DPoP, RFC 9449). With this table the provider has to issue tokens of type
    DPoP; a bearer token is rejected."""

    algorithm: str = "ES256"
    key_file: Path | None = None
    """The broker's private key (PEM) for proofs. Left out: a new ES256 key for each sign-in."""
    at_par: bool = True
    """Whether a pushed authorization request carries a proof."""
    jkt: bool = True
    """Whether the authorization request names the key (`dpop_jkt`), if it carries no proof."""
    expiry: bool = False
    """Whether proofs have an `exp`, two minutes after their `iat`."""


@dataclass(frozen=True, slots=True)
class IdTokenConfig:
    """ID tokens of the provider."""

    form: AcceptedForm = AcceptedForm.SIGNED
    """The form of ID tokens. An ID token of another form is rejected. An encrypted one is encrypted to one of
    `encryption_key_files`."""
    encryption_algorithms: tuple[str, ...] = ("ECDH-ES+A256KW", "RSA-OAEP-256")
    """Permitted key management algorithms of encrypted tokens; the first is announced with the broker's key."""
    content_encryption: tuple[str, ...] = ("A256GCM", "A256CBC-HS512")
    """Permitted content encryption algorithms of encrypted tokens."""


class LevelPlace(StrEnum):
    """Place of the requested level in the authorization request."""

    ACR_VALUES = "acr_values"
    VTR = "vtr"
    CLAIMS = "claims"
    SCOPE = "scope"
    PARAMETER = "parameter"


@dataclass(frozen=True, slots=True)
class LevelRequest:
    """How a level is requested, if not by `acr_values`."""

    place: LevelPlace = LevelPlace.ACR_VALUES
    """`vtr` (RFC 8485), an essential `acr` in `claims` (OpenID Connect Core 5.5.1.1), an additional `scope`, or a
    `parameter` of the provider."""
    parameter: str = ""
    """The name of that parameter."""
    values: Mapping[Level, str] = field(default_factory=dict)
    """The value to request for a level, as in `acr_values`: for `vtr` a JSON array of vectors, such as
    `["Cl.Cm.P2"]`."""


class DocumentPlace(StrEnum):
    """A document of the response."""

    ID_TOKEN = "id_token"
    USERINFO = "userinfo"
    IDENTITY_TOKEN = "identity_token"


class LevelComparison(StrEnum):
    """Comparison of a returned value with the configured ones."""

    MAP = "map"
    WORDS = "words"
    VECTOR = "vector"


@dataclass(frozen=True, slots=True)
class LevelAnswer:
    """Where the response says which level was reached."""

    place: DocumentPlace = DocumentPlace.ID_TOKEN
    claim: str = "acr"
    """The claim with the level, a path as in `claim_map`."""
    compare: LevelComparison = LevelComparison.MAP
    """`map`: the value is a key of `levels`. `words`: the value lists what was reached, separated by spaces, and the
    highest one that is a key of `levels` counts. `vector`: the value is a vector of trust (RFC 8485) that contains a
    key of `levels`; a component with a number is contained in one with a higher number."""
    vtm: str | None = None
    """The `vtm` (trust framework) that has to stand beside a vector."""


class UserinfoMethod(StrEnum):
    """HTTP method of a userinfo request (OpenID Connect Core 5.3.1)."""

    GET = "get"
    POST = "post"


class UserinfoForm(StrEnum):
    """Form of a userinfo response: JSON, a JWS, JSON in a JWE, or a JWS in a JWE."""

    JSON = "json"
    SIGNED = "signed"
    ENCRYPTED = "encrypted"
    NESTED = "nested"


@dataclass(frozen=True, slots=True)
class UserinfoConfig:
    """Responses of the userinfo endpoint."""

    form: UserinfoForm = UserinfoForm.JSON
    """The form of responses; `nested` is signed and encrypted. A response of another form is rejected."""
    algorithms: tuple[str, ...] = ()
    """Permitted signature algorithms. Left out: those of ID tokens."""
    encryption_algorithms: tuple[str, ...] = ("ECDH-ES+A256KW", "RSA-OAEP-256")
    """Permitted key management algorithms of encrypted responses."""
    content_encryption: tuple[str, ...] = ("A256GCM", "A256CBC-HS512")
    """Permitted content encryption algorithms of encrypted responses."""
    method: UserinfoMethod = UserinfoMethod.GET
    """How it is asked."""


@dataclass(frozen=True, slots=True)
class IdentityTokenConfig:
    """A second JWT, in a claim of the response, that says who the person is, such as the core identity JWT of GOV.UK
    One Login. Its claims take precedence over those of userinfo and of the ID token."""

    claim: str
    """The claim that holds it, a path as in `claim_map`."""
    place: DocumentPlace = DocumentPlace.USERINFO
    """The document with that claim."""
    issuer: str | None = None
    """Its `iss`. Left out: that of the provider."""
    audience: str | None = None
    """Its `aud`. Left out: the `client_id`."""
    algorithms: tuple[str, ...] = ("ES256",)
    """Permitted signature algorithms."""
    did: str | None = None
    """The DID (`did:web:...`) whose document lists its keys. Its `kid` is one of this DID."""
    keys_url: str | None = None
    """The URL of a JWK Set with its keys. Without `did` and `keys_url` they are the keys of the provider's metadata."""
    stale: Annotated[Seconds, Range(0, 604_800)] = 86_400
    """How long fetched keys are used beyond their lifetime while they cannot be fetched again."""
    required: bool = True
    """Whether a response without it ends the sign-in: the identity was not proven."""


@dataclass(frozen=True, slots=True)
class ClaimSourceConfig:
    """A party whose claims the provider passes on, aggregated or distributed (OpenID Connect Core 5.6.2): the name of
    the table is its issuer. With such a table, claims of another party end the sign-in; without, they are ignored."""

    keys_url: str
    """The URL of the JWK Set with its keys."""
    claims: tuple[str, ...]
    """The claims (the party's names) that are accepted from it."""
    hosts: tuple[str, ...] = ()
    """Hosts that are called for distributed claims. Left out: it only signs aggregated claims."""
    algorithms: tuple[str, ...] = ("ES256", "PS256", "EdDSA", "RS256")
    """Permitted signature algorithms."""


class RequestObjectAudience(StrEnum):
    """Audience of a request object: the provider's issuer, or its authorization endpoint."""

    ISSUER = "issuer"
    AUTHORIZATION_ENDPOINT = "authorization_endpoint"


@dataclass(frozen=True, slots=True)
class RequestObjectConfig:
    """Signed authorization requests (JAR, RFC 9101): the parameters are sent in a token that `key_file` signs, by value
    in the browser, or pushed with `pushed = true`."""

    algorithm: str | None = None
    """Signature algorithm. Left out: `key_algorithm`."""
    audience: RequestObjectAudience = RequestObjectAudience.ISSUER
    lifetime: Annotated[Seconds, Range(1, 600)] = 300
    typ: str | None = "oauth-authz-req+jwt"
    """The `typ` in its header."""
    encryption_algorithm: str | None = None
    """Key management algorithm by which request objects are encrypted too, to a key of use `enc` in the provider's JWK
    Set (RFC 9101 6.1). Left out: they are signed alone."""
    content_encryption: str = "A256GCM"
    """Content encryption algorithm of encrypted request objects."""
    beside: tuple[str, ...] = ("response_type", "scope")
    """Parameters that stand outside of a token in the browser too, besides `client_id` (OpenID Connect Core 6.1 demands
    these two)."""


@dataclass(frozen=True, slots=True)
class ResponseTokenConfig:
    """Responses in a token (`response_mode = "jwt"`)."""

    form: AcceptedForm = AcceptedForm.SIGNED
    """The form of the token. One of another form is rejected. An encrypted one is encrypted to one of
    `encryption_key_files`."""
    encryption_algorithms: tuple[str, ...] = ("ECDH-ES+A256KW", "RSA-OAEP-256")
    """Permitted key management algorithms of encrypted responses."""
    content_encryption: tuple[str, ...] = ("A256GCM", "A256CBC-HS512")
    """Permitted content encryption algorithms of encrypted responses."""


class LogoutKind(StrEnum):
    """How the session at the provider is ended."""

    END_SESSION = "end_session"
    CLIENT_ID = "client_id"
    FRONT_END = "front_end"
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True)
class LogoutConfig:
    """How a citizen signs out at the provider, if `end_session` is true."""

    kind: LogoutKind = LogoutKind.END_SESSION
    """`end_session`: at its `end_session_endpoint` (OpenID Connect RP-Initiated Logout 1.0) with the ID token.
    `client_id`: there without the ID token. `front_end`: with `post_logout_redirect_uri` alone; the citizen comes back
    without `state`. `revoke`: the broker revokes the access token (RFC 7009), and the citizen visits nothing."""
    url: str | None = None
    """The address, if it is not the `end_session_endpoint` of the metadata."""
    must_call: bool = False
    """Whether the provider demands to be visited after every sign-out, as FranceConnect does. Then the citizen is sent
    there without a click; else it is offered, since another service may need the session there."""
    may_not_return: bool = False
    """Whether the provider may not send the citizen back, such as Login.gov, which asks for a confirmation. Then the
    page says so before the citizen goes."""
    backchannel: bool = False
    """Whether the provider tells the broker that a citizen signed out there (OpenID Connect Back-Channel Logout 1.0).
    Register `<issuer>/providers/<id>/backchannel-logout` there. A logout token with a `sid` ends the sessions that
    began in this session of the provider, one without it all sessions of its `sub`."""
    frontchannel: bool = False
    """Whether the provider shows an address of the broker in a frame when a citizen signs out there (OpenID Connect
    Front-Channel Logout 1.0). Register `<issuer>/providers/<id>/frontchannel-logout` there, with
    `frontchannel_logout_session_required`: without `iss` and `sid` nothing ends."""
    frontchannel_origins: tuple[str, ...] = ()
    """The origins of the provider's pages with that frame. Left out: the origin of the issuer. Other pages cannot show
    it."""
    check_session: bool = False
    """Whether a citizen may open `<issuer>/providers/<id>/session-watch`, a page that asks the provider's
    `check_session_iframe` while it is open, and ends the citizen's session here once the session there changed (OpenID
    Connect Session Management 1.0, 3). It needs script, and a browser that gives the provider's cookies to frames of
    other sites; many browsers do not, and then it ends nothing."""


@dataclass(frozen=True, slots=True)
class RefreshConfig:
    """Sessions that last only as long as the sign-in at the provider. With this table the broker keeps the provider's
    refresh token, sealed with the session, and redeems it (OpenID Connect Core 12) before a session that is older than
    `recheck` is used for another service. If the provider refuses, or says something else about the person, the session
    ends, and the citizen signs in again. If it gives no answer, the session stays, and is not used for this request.
    """

    recheck: Annotated[Seconds, Range(60, 86_400)] = 3600
    """For how long a sign-in, or the provider's last confirmation of it, is good without asking."""
    scopes: tuple[str, ...] = ("offline_access",)
    """Scopes that are requested in addition, so that the provider issues a refresh token. Empty if it does so without
    one. A provider may issue it only after the citizen consents (OpenID Connect Core 11): then write
    `prompt = "consent"` and `prompt_fresh = "login consent"`."""
    userinfo: bool = True
    """Whether the userinfo endpoint, if it is used at all, is also asked each time. Without it a refreshed response
    needs an ID token."""


@dataclass(frozen=True, slots=True)
class EndpointsConfig:
    """Addresses of a provider that publishes no metadata. With this table none is fetched."""

    authorization: str
    token: str
    jwks: str
    userinfo: str | None = None
    end_session: str | None = None
    pushed: str | None = None
    revocation: str | None = None
    check_session_iframe: str | None = None


@dataclass(frozen=True, slots=True)
class ActingConfig:
    """People who sign in on behalf of another person or an organisation. The identity stays that of the person who
    signed in; a service that asks for the claim `acting_for` receives whom they act for, and any other service does not
    accept the sign-in. Without `id`, a response with one of the signs is rejected."""

    signs: tuple[str, ...] = (
        *("act", "acting_nin", "mandate", "mandates", "represented", "representation", "rep_scope"),
        "acting_for",
    )
    """Claims that say that a person acts for another, paths as in `claim_map`."""
    id: str | None = None
    """The identifier of the represented party, a path as in `claim_map`."""
    kind: str = "organisation"
    """What it is, for services: such as `person` or `organisation`."""
    name: str | None = None
    """Its name, a path."""
    scope: str | None = None
    """What the person may do for it, a path: a list of texts, or one text with spaces."""
    person: str | None = None
    """The subject of the person who signed in, a path in the ID token, if `subject_claim` is then that of the
    represented party."""


class ResponseMode(StrEnum):
    """How the provider returns its response: in the query, in a form that the browser posts, or in a signed token."""

    QUERY = "query"
    FORM_POST = "form_post"
    JWT = "jwt"

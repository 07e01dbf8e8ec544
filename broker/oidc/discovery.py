"""Discovery document: the metadata that follow from the configuration (OpenID Connect Discovery 1.0, 3; RFC
8414, 2).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from broker.crypto.jwe import CONTENT
from broker.model.assurance import AcrLevels, EvidenceType, VerificationCapabilities
from broker.model.claims import CLAIMS
from broker.model.own_rights import OwnScope
from broker.model.request import ResponseMode
from broker.model.service import (
    BindingMethod,
    CibaDeliveryMode,
    ClientAuthentication,
    SecurityProfile,
    Service,
    SubjectType,
)
from broker.oidc.authorization_checks import PROMPTS
from broker.oidc.ciba_request_object import request_algorithms
from broker.oidc.client_authentication import ALGORITHMS, assertion_algorithms
from broker.oidc.discovery_metadata import DiscoveryDocument, EncryptionAlgs, EncryptionEncs, OptionalMetadata
from broker.oidc.errors import DPOP_ALGORITHMS
from broker.oidc.mtls import METHODS
from broker.oidc.scopes import OFFLINE_ACCESS, OPENID
from broker.oidc.token_request import GrantType

OPENID_PATH: Final = "/.well-known/openid-configuration"
OAUTH_PATH: Final = "/.well-known/oauth-authorization-server"
"""Paths of the document, the same at both (OpenID Connect Discovery 4, RFC 8414 3)."""

_ENCRYPTED: Final[Sequence[tuple[EncryptionAlgs, EncryptionEncs, str]]] = (
    ("id_token_encryption_alg_values_supported", "id_token_encryption_enc_values_supported", "id_token_encryption"),
    ("userinfo_encryption_alg_values_supported", "userinfo_encryption_enc_values_supported", "userinfo_encryption"),
    (
        "introspection_encryption_alg_values_supported",
        "introspection_encryption_enc_values_supported",
        "introspection_encryption",
    ),
    (
        "authorization_encryption_alg_values_supported",
        "authorization_encryption_enc_values_supported",
        "response_encryption",
    ),
)
"""Kinds of encrypted content: their two members and the field of the service."""

_TOKEN_CLAIMS: Final = ("sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "sid")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """URLs of the service endpoints. Proofs and assertions are checked against them, never against a Host header."""

    authorization: str
    pushed: str
    token: str
    userinfo: str
    jwks: str
    introspection: str
    revocation: str
    end_session: str
    session: str
    backchannel_authentication: str
    registration: str

    @property
    def authenticated_endpoints(self) -> tuple[str, ...]:
        """Endpoints with client authentication."""
        return (self.token, self.pushed, self.introspection, self.revocation, self.backchannel_authentication)


def endpoints(issuer: str) -> Endpoints:
    """Endpoints of an issuer, each at its path."""
    base = issuer.rstrip("/")
    return Endpoints(
        authorization=f"{base}/authorize",
        pushed=f"{base}/par",
        token=f"{base}/token",
        userinfo=f"{base}/userinfo",
        jwks=f"{base}/jwks",
        introspection=f"{base}/introspect",
        revocation=f"{base}/revoke",
        end_session=f"{base}/logout",
        session=f"{base}/session",
        backchannel_authentication=f"{base}/ciba",
        registration=f"{base}/register",
    )


@dataclass(frozen=True, slots=True)
class ServerCapabilities:
    """What the broker supports, whichever services are registered.

    `algorithms` sign ID tokens, `languages` are those of the pages. `verifiable` are the capabilities of verification
    records (None: verified claims are not announced). `decryption` are the key management algorithms of the keys for
    encrypted requests. `certificates` is the origin of the mTLS endpoints, if different from the issuer (RFC 8705 5).
    """

    algorithms: Sequence[str]
    languages: Sequence[str]
    response_modes: Sequence[ResponseMode] = (ResponseMode.QUERY,)
    verifiable: VerificationCapabilities | None = None
    certificates: str | None = None
    decryption: Sequence[str] = ()


def discovery(
    issuer: str,
    urls: Endpoints,
    ladder: AcrLevels,
    services: Iterable[Service],
    supported: ServerCapabilities,
    *,
    open_to: Sequence[Service] = (),
) -> DiscoveryDocument:
    """Metadata of this broker, computed from its configuration.

    `services` are the registered ones: features that none of them may use are not announced. `open_to` are examples of
    services that may register dynamically, with everything they may use.
    """
    registered = (*services, *open_to)
    claims = sorted({use.claim for service in registered for use in service.claim_purposes})
    document: DiscoveryDocument = {
        "issuer": issuer,
        "authorization_endpoint": urls.authorization,
        "pushed_authorization_request_endpoint": urls.pushed,
        "require_pushed_authorization_requests": all(
            service.profile is SecurityProfile.FAPI2 for service in registered
        ),
        "token_endpoint": urls.token,
        "userinfo_endpoint": urls.userinfo,
        "jwks_uri": urls.jwks,
        "introspection_endpoint": urls.introspection,
        "revocation_endpoint": urls.revocation,
        "end_session_endpoint": urls.end_session,
        "scopes_supported": _scopes(registered),
        "response_types_supported": ["code"],
        "response_modes_supported": [mode.value for mode in supported.response_modes],
        "grant_types_supported": _grant_types(registered),
        "subject_types_supported": _subject_types(registered),
        "id_token_signing_alg_values_supported": list(supported.algorithms),
        "acr_values_supported": [ladder.names[level] for level in sorted(ladder.names)],
        "claim_types_supported": ["normal"],
        "claims_supported": [*_TOKEN_CLAIMS, *claims],
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_object_signing_alg_values_supported": _algorithms({service.profile for service in registered}),
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": list(DPOP_ALGORITHMS),
        "prompt_values_supported": list(PROMPTS),
        "ui_locales_supported": list(supported.languages),
        **_signed_answers(supported.response_modes, supported.algorithms, registered),
        **_jwts(supported.algorithms, registered),
        **_encrypted_requests(supported.decryption),
        "check_session_iframe": urls.session,
        **_resume(registered),
        **_logout(registered),
        **_client_authentication(registered),
        **_certificates(registered, supported.certificates),
        **_ciba(registered, urls),
        **_verified_claims(supported.verifiable, claims),
    }
    if open_to:
        document["registration_endpoint"] = urls.registration
    return document


def _scopes(services: Sequence[Service]) -> list[str]:
    used = {word for service in services for word in service.scopes if word in CLAIMS}
    offline = [OFFLINE_ACCESS] if any(service.tokens.refresh for service in services) else []
    own = {scope for service in services for scope in service.own.scopes}
    return [OPENID, *(word for word in CLAIMS if word in used), *offline, *(s.value for s in OwnScope if s in own)]


def _grant_types(services: Sequence[Service]) -> list[str]:
    refresh = [GrantType.REFRESH.value] if any(service.tokens.refresh for service in services) else []
    ciba = [GrantType.CIBA.value] if any(service.ciba.mode for service in services) else []
    own = [GrantType.CLIENT_CREDENTIALS.value] if any(service.own.scopes for service in services) else []
    return [GrantType.CODE.value, *refresh, *ciba, *own]


def _ciba(services: Sequence[Service], urls: Endpoints) -> OptionalMetadata:
    """Metadata of backchannel authentication (CIBA Core 1.0, 4)."""
    asking = [service for service in services if service.ciba.mode is not None]
    if not asking:
        return {}
    used = {service.ciba.mode for service in asking}
    return {
        "backchannel_authentication_endpoint": urls.backchannel_authentication,
        "backchannel_token_delivery_modes_supported": [mode.value for mode in CibaDeliveryMode if mode in used],
        "backchannel_authentication_request_signing_alg_values_supported": sorted(
            {alg for service in asking for alg in request_algorithms(service)}
        ),
        "backchannel_user_code_parameter_supported": False,
    }


def _client_authentication(services: Sequence[Service]) -> OptionalMetadata:
    """Authentication methods of the token, introspection and revocation endpoints (RFC 8414 2)."""
    used = {service.credentials.method for service in services}
    keyed = [s for s in services if s.credentials.method is ClientAuthentication.PRIVATE_KEY_JWT]
    algorithms = sorted({alg for service in keyed for alg in assertion_algorithms(service)})
    methods = [method.value for method in ClientAuthentication if method in used]
    members: OptionalMetadata = {
        "token_endpoint_auth_methods_supported": methods,
        # public clients may not introspect, since they do not authenticate (RFC 7662 2.1)
        "introspection_endpoint_auth_methods_supported": [
            method for method in methods if method != ClientAuthentication.NONE.value
        ],
        "revocation_endpoint_auth_methods_supported": methods,
    }
    if algorithms:
        members["token_endpoint_auth_signing_alg_values_supported"] = algorithms
        members["introspection_endpoint_auth_signing_alg_values_supported"] = algorithms
        members["revocation_endpoint_auth_signing_alg_values_supported"] = algorithms
    return members


def _subject_types(services: Sequence[Service]) -> list[str]:
    """Subject types in use (OpenID Connect Core 8); pairwise if there are no services."""
    used = {service.subject_type for service in services} or {SubjectType.PAIRWISE}
    return [kind.value for kind in SubjectType if kind in used]


def _certificates(services: Sequence[Service], origin: str | None) -> OptionalMetadata:
    """Metadata of mutual TLS, if a service uses certificates (RFC 8705 3.3, 5)."""
    bound = any(service.tokens.binding is BindingMethod.MTLS for service in services)
    if not bound and not any(service.credentials.method in METHODS for service in services):
        return {}
    members: OptionalMetadata = {"tls_client_certificate_bound_access_tokens": True} if bound else {}
    if origin is not None:
        urls = endpoints(origin)
        aliases = {
            "pushed_authorization_request_endpoint": urls.pushed,
            "token_endpoint": urls.token,
            "userinfo_endpoint": urls.userinfo,
            "introspection_endpoint": urls.introspection,
            "revocation_endpoint": urls.revocation,
        }
        if any(service.ciba.mode is not None for service in services):
            aliases["backchannel_authentication_endpoint"] = urls.backchannel_authentication
        members["mtls_endpoint_aliases"] = aliases
    return members


def mtls_endpoint_aliases(issuer: str, origin: str | None) -> Mapping[str, str]:
    """URLs of the mTLS endpoints, by the usual URL of each endpoint that services call (RFC 8705 5)."""
    if origin is None:
        return {}
    usual, there = endpoints(issuer), endpoints(origin)
    return dict(
        zip(
            (*usual.authenticated_endpoints, usual.userinfo),
            (*there.authenticated_endpoints, there.userinfo),
            strict=True,
        )
    )


def _signed_answers(
    modes: Sequence[ResponseMode], algorithms: Sequence[str], services: Sequence[Service]
) -> OptionalMetadata:
    """Metadata of response JWTs (JARM 3) and request objects (RFC 9101 10.5)."""
    members: OptionalMetadata = {
        "require_signed_request_object": bool(services) and all(service.request_object_required for service in services)
    }
    if any(mode.signed for mode in modes):
        members["authorization_signing_alg_values_supported"] = list(algorithms)
    return members


def _algorithms(profiles: Iterable[SecurityProfile]) -> list[str]:
    return sorted({alg for profile in profiles for alg in ALGORITHMS[profile]})


def _jwts(algorithms: Sequence[str], services: Sequence[Service]) -> OptionalMetadata:
    """Metadata of further signed JWTs and of encryption to services (Discovery 3, RFC 9701 7)."""
    members: OptionalMetadata = {"introspection_signing_alg_values_supported": list(algorithms)}
    userinfo = {service.signing.userinfo_alg for service in services} - {None}
    if userinfo:
        members["userinfo_signing_alg_values_supported"] = sorted(alg for alg in userinfo if alg is not None)
    for algs, encs, field in _ENCRYPTED:
        if wanted := [how for service in services if (how := getattr(service.signing, field)) is not None]:
            members[algs] = sorted({how.alg for how in wanted})
            members[encs] = sorted({how.enc for how in wanted})
    return members


def _encrypted_requests(algs: Sequence[str]) -> OptionalMetadata:
    """Metadata of encryption to the broker (RFC 9101 10.5)."""
    if not algs:
        return {}
    return {
        "request_object_encryption_alg_values_supported": list(algs),
        "request_object_encryption_enc_values_supported": sorted(CONTENT),
    }


def _resume(services: Sequence[Service]) -> OptionalMetadata:
    """The broker's own parameter for citizens who finish elsewhere, if a service has a page for them."""
    used = any(service.resumption.resume_uri is not None for service in services)
    return {"portico_resume_supported": True} if used else {}


def _logout(services: Sequence[Service]) -> OptionalMetadata:
    """Metadata of back-channel and front-channel logout, always with `sid` (Back- and Front-Channel Logout 1.0)."""
    members: OptionalMetadata = {}
    if any(service.logout.backchannel_uri is not None for service in services):
        members["backchannel_logout_supported"] = True
        members["backchannel_logout_session_supported"] = True
    if any(service.logout.frontchannel_uri is not None for service in services):
        members["frontchannel_logout_supported"] = True
        members["frontchannel_logout_session_supported"] = True
    return members


def _verified_claims(verifiable: VerificationCapabilities | None, claims: Sequence[str]) -> OptionalMetadata:
    """Metadata of verified claims (OpenID Connect for Identity Assurance 1.0, 8), empty without any.

    The standard has one member for check methods, named after documents. It also lists those of records and vouches
    here, since there is no other member for them.
    """
    supported = [claim for claim in claims if verifiable is not None and claim in verifiable.claims]
    if verifiable is None or not verifiable.frameworks or not supported:
        return {}
    kinds = verifiable.kinds
    members: OptionalMetadata = {
        "verified_claims_supported": True,
        "trust_frameworks_supported": sorted(verifiable.frameworks),
        "claims_in_verified_claims_supported": supported,
    }
    if evidence := [kind.value for kind in EvidenceType if kinds.get(kind)]:
        members["evidence_supported"] = evidence
    if documents := kinds.get(EvidenceType.DOCUMENT):
        members["documents_supported"] = sorted(documents)
    if verifiable.methods:
        members["documents_check_methods_supported"] = sorted(verifiable.methods)
    if records := kinds.get(EvidenceType.ELECTRONIC_RECORD):
        members["electronic_records_supported"] = sorted(records)
    return members


def metadata_bytes(document: DiscoveryDocument) -> bytes:
    """Serializes the document, once (RFC 8414 3.2)."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()

"""Members of the discovery document (OpenID Connect Discovery 1.0, 3; RFC 8414 2)."""

from collections.abc import Mapping
from typing import Literal, TypedDict

EncryptionAlgs = Literal[
    "id_token_encryption_alg_values_supported",
    "userinfo_encryption_alg_values_supported",
    "introspection_encryption_alg_values_supported",
    "authorization_encryption_alg_values_supported",
    "request_object_encryption_alg_values_supported",
]
EncryptionEncs = Literal[
    "id_token_encryption_enc_values_supported",
    "userinfo_encryption_enc_values_supported",
    "introspection_encryption_enc_values_supported",
    "authorization_encryption_enc_values_supported",
    "request_object_encryption_enc_values_supported",
]


class OptionalMetadata(TypedDict, total=False):
    """Members that depend on what services use."""

    # RFC 8414 2, RFC 7591
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_signing_alg_values_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_signing_alg_values_supported: list[str]
    registration_endpoint: str
    # JARM 3, RFC 9101 10.5, RFC 9701 7
    require_signed_request_object: bool
    authorization_signing_alg_values_supported: list[str]
    userinfo_signing_alg_values_supported: list[str]
    introspection_signing_alg_values_supported: list[str]
    id_token_encryption_alg_values_supported: list[str]
    id_token_encryption_enc_values_supported: list[str]
    userinfo_encryption_alg_values_supported: list[str]
    userinfo_encryption_enc_values_supported: list[str]
    introspection_encryption_alg_values_supported: list[str]
    introspection_encryption_enc_values_supported: list[str]
    authorization_encryption_alg_values_supported: list[str]
    authorization_encryption_enc_values_supported: list[str]
    request_object_encryption_alg_values_supported: list[str]
    request_object_encryption_enc_values_supported: list[str]
    # of the broker's own: `resume_value`
    portico_resume_supported: bool
    # Back-Channel Logout 1.0, 2.1; Front-Channel Logout 1.0, 3
    backchannel_logout_supported: bool
    backchannel_logout_session_supported: bool
    frontchannel_logout_supported: bool
    frontchannel_logout_session_supported: bool
    # RFC 8705 3.3, 5
    tls_client_certificate_bound_access_tokens: bool
    mtls_endpoint_aliases: Mapping[str, str]
    # CIBA Core 1.0, 4
    backchannel_authentication_endpoint: str
    backchannel_token_delivery_modes_supported: list[str]
    backchannel_authentication_request_signing_alg_values_supported: list[str]
    backchannel_user_code_parameter_supported: bool
    # Identity Assurance 1.0, 8
    verified_claims_supported: bool
    trust_frameworks_supported: list[str]
    claims_in_verified_claims_supported: list[str]
    evidence_supported: list[str]
    documents_supported: list[str]
    documents_check_methods_supported: list[str]
    electronic_records_supported: list[str]


class DiscoveryDocument(OptionalMetadata):
    """Members that every document has, and those of OptionalMetadata."""

    issuer: str
    authorization_endpoint: str
    pushed_authorization_request_endpoint: str
    require_pushed_authorization_requests: bool
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    introspection_endpoint: str
    revocation_endpoint: str
    end_session_endpoint: str
    check_session_iframe: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    response_modes_supported: list[str]
    grant_types_supported: list[str]
    subject_types_supported: list[str]
    id_token_signing_alg_values_supported: list[str]
    acr_values_supported: list[str]
    claim_types_supported: list[str]
    claims_supported: list[str]
    claims_parameter_supported: bool
    request_parameter_supported: bool
    request_object_signing_alg_values_supported: list[str]
    request_uri_parameter_supported: bool
    authorization_response_iss_parameter_supported: bool
    code_challenge_methods_supported: list[str]
    dpop_signing_alg_values_supported: list[str]
    prompt_values_supported: list[str]
    ui_locales_supported: list[str]

"""Discovery document: it announces exactly what the configuration supports."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from broker.crypto import jose
from broker.model.assurance import EvidenceType, VerificationCapabilities, merge_capabilities
from broker.model.request import ResponseMode
from broker.model.service import BindingMethod, ClientAuthentication, SecurityProfile, Service, SubjectType
from broker.oidc.authorization_checks import RequestSource
from broker.oidc.authorization_request import authorization_request
from broker.oidc.client_authentication import AssertionAudience, Credentials, authenticate_client
from broker.oidc.discovery import ServerCapabilities, discovery, endpoints, metadata_bytes, mtls_endpoint_aliases
from broker.oidc.dpop import DpopNonces, ProvedRequest, check_proof
from broker.oidc.errors import EndpointError
from broker.oidc.request_object import RequestVerification
from tests.unit.oidc.examples import CALLBACK, ISSUER, LADDER, NOW, SERVER, data, key, keys, parameters, service

FAPI2 = service(
    profile=SecurityProfile.FAPI2,
    refresh=False,
    scopes=("openid", "email"),
    claims=data("email"),
    client_id="pensions",
)
BASIC = service(authentication=ClientAuthentication.CLIENT_SECRET_BASIC)


def document(*services: Service, open_to: Sequence[Service] = (), **changes: Any) -> dict[str, Any]:
    supported = ServerCapabilities(("ES256", "RS256"), ("en", "cy"), **changes)
    return discovery(ISSUER, endpoints(ISSUER), LADDER, services, supported, open_to=open_to)


def test_the_document_has_what_the_standards_demand() -> None:
    found = document(FAPI2, BASIC)
    assert found["issuer"] == ISSUER
    for name in ("authorization", "token", "userinfo", "introspection", "revocation", "end_session"):
        assert found[f"{name}_endpoint"].startswith(f"{ISSUER}/")
    assert found["pushed_authorization_request_endpoint"].startswith(f"{ISSUER}/")
    assert found["jwks_uri"].startswith(f"{ISSUER}/")
    assert found["response_types_supported"] == ["code"]
    assert found["subject_types_supported"] == ["pairwise"]
    assert found["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    assert found["acr_values_supported"] == ["low", "substantial", "high"]
    assert found["ui_locales_supported"] == ["en", "cy"]
    assert "none" not in found["dpop_signing_alg_values_supported"]


def test_unsupported_features_are_announced_as_false() -> None:
    found = document(FAPI2)
    assert found["request_uri_parameter_supported"] is False
    assert found["require_signed_request_object"] is False


def test_features_without_a_service_are_not_announced() -> None:
    strict, both = document(FAPI2), document(FAPI2, BASIC)
    assert strict["require_pushed_authorization_requests"] is True
    assert both["require_pushed_authorization_requests"] is False
    assert strict["grant_types_supported"] == ["authorization_code"]
    assert both["grant_types_supported"] == ["authorization_code", "refresh_token"]
    assert strict["scopes_supported"] == ["openid", "email"]
    assert both["scopes_supported"] == ["openid", "profile", "email", "offline_access"]
    assert "birthdate" not in strict["claims_supported"]
    assert "birthdate" in both["claims_supported"]
    assert strict["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert both["token_endpoint_auth_methods_supported"] == ["private_key_jwt", "client_secret_basic"]
    assert "RS256" not in strict["token_endpoint_auth_signing_alg_values_supported"]
    assert "RS256" in document(service())["token_endpoint_auth_signing_alg_values_supported"]
    assert "token_endpoint_auth_signing_alg_values_supported" not in document(BASIC)


def test_mtls_is_announced_if_a_service_uses_it() -> None:
    known = service(authentication=ClientAuthentication.TLS_CLIENT_AUTH, client_id="known")
    bound = service(binding=BindingMethod.MTLS, client_id="bound")
    there = "https://mtls.example"
    names = {"tls_client_certificate_bound_access_tokens", "mtls_endpoint_aliases"}
    assert not names & document(FAPI2, BASIC, certificates=there).keys()
    assert names & document(known).keys() == set()
    assert document(known)["token_endpoint_auth_methods_supported"] == ["tls_client_auth"]
    assert document(bound)["tls_client_certificate_bound_access_tokens"] is True
    assert "mtls_endpoint_aliases" not in document(bound)
    found = document(FAPI2, known, certificates=there)["mtls_endpoint_aliases"]
    assert found["token_endpoint"] == f"{there}/token"
    assert all(document(known)[name].removeprefix(ISSUER) == url.removeprefix(there) for name, url in found.items())
    assert mtls_endpoint_aliases(ISSUER, there)[f"{ISSUER}/userinfo"] == f"{there}/userinfo"
    assert mtls_endpoint_aliases(ISSUER, None) == {}


def test_auth_method_none_is_announced_at_endpoints_for_public_clients() -> None:
    found = document(FAPI2, service(authentication=ClientAuthentication.NONE))
    for endpoint in ("token", "revocation"):
        assert found[f"{endpoint}_endpoint_auth_methods_supported"] == ["private_key_jwt", "none"]
    assert found["introspection_endpoint_auth_methods_supported"] == ["private_key_jwt"]


def test_only_subject_types_in_use_are_announced() -> None:
    public = service(subject_type=SubjectType.PUBLIC)
    assert document()["subject_types_supported"] == ["pairwise"]
    assert document(public)["subject_types_supported"] == ["public"]
    assert document(public, FAPI2)["subject_types_supported"] == ["pairwise", "public"]


PROVIDER = VerificationCapabilities(
    frameworks=frozenset({"uk_diatf"}),
    claims=frozenset({"email", "given_name", "nationalities"}),
    kinds={EvidenceType.ELECTRONIC_RECORD: frozenset({"identity_provider"})},
    methods=frozenset({"auth"}),
)
HELP = VerificationCapabilities(
    frameworks=frozenset({"by_hand", "uk_diatf"}),
    claims=frozenset({"given_name", "birthdate"}),
    kinds={
        EvidenceType.DOCUMENT: frozenset({"passport", "idcard"}),
        EvidenceType.ELECTRONIC_RECORD: frozenset({"bank_account"}),
        EvidenceType.VOUCH: frozenset({"written_attestation"}),
    },
    methods=frozenset({"vri", "pvp"}),
)


def announced(*services: Service, verifiable: VerificationCapabilities | None) -> dict[str, Any]:
    return {
        name: value
        for name, value in document(*services, verifiable=verifiable).items()
        if any(word in name for word in ("verified", "evidence", "documents", "electronic_records", "trust"))
    }


def test_verified_claims_are_announced_only_where_identities_are_verified_and_services_may_ask() -> None:
    assert announced(FAPI2, verifiable=None) == {}
    assert announced(FAPI2, verifiable=merge_capabilities([])) == {}
    assert announced(FAPI2, verifiable=HELP) == {}
    assert announced(FAPI2, verifiable=PROVIDER) == {
        "verified_claims_supported": True,
        "trust_frameworks_supported": ["uk_diatf"],
        "claims_in_verified_claims_supported": ["email"],
        "evidence_supported": ["electronic_record"],
        "documents_check_methods_supported": ["auth"],
        "electronic_records_supported": ["identity_provider"],
    }


def test_all_ways_to_verify_are_announced_together() -> None:
    assert announced(BASIC, verifiable=merge_capabilities([PROVIDER, HELP])) == {
        "verified_claims_supported": True,
        "trust_frameworks_supported": ["by_hand", "uk_diatf"],
        "claims_in_verified_claims_supported": ["birthdate", "email", "given_name"],
        "evidence_supported": ["document", "electronic_record", "vouch"],
        "documents_supported": ["idcard", "passport"],
        "documents_check_methods_supported": ["auth", "pvp", "vri"],
        "electronic_records_supported": ["bank_account", "identity_provider"],
    }


def test_only_the_response_modes_that_are_built_are_announced() -> None:
    assert document(FAPI2)["response_modes_supported"] == ["query"]
    found = document(FAPI2, response_modes=list(ResponseMode))
    assert found["response_modes_supported"] == ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"]
    assert found["authorization_signing_alg_values_supported"] == found["id_token_signing_alg_values_supported"]
    assert "authorization_signing_alg_values_supported" not in document(FAPI2)


def test_signed_requests_are_announced_and_demanded_where_every_service_signs() -> None:
    signing = service(profile=SecurityProfile.FAPI2, request_object_required=True)
    assert document(FAPI2)["request_parameter_supported"] is True
    assert "RS256" not in document(FAPI2)["request_object_signing_alg_values_supported"]
    assert "RS256" in document(FAPI2, BASIC)["request_object_signing_alg_values_supported"]
    assert document(signing)["require_signed_request_object"] is True
    assert document(signing, BASIC)["require_signed_request_object"] is False


def test_endpoints_lie_below_the_issuer_also_if_it_has_a_path() -> None:
    assert endpoints("https://x.example/id/").token == "https://x.example/id/token"


def test_the_document_goes_out_as_json() -> None:
    assert json.loads(metadata_bytes(document(FAPI2))) == document(FAPI2)


def test_logout_channels_are_announced_if_a_service_uses_them() -> None:
    back = service(backchannel_logout_uri="https://tax.example/told")
    front = service(client_id="pensions", frontchannel_logout_uri="https://tax.example/bye")

    def document_of(*services: Service) -> dict[str, Any]:
        return {name: value for name, value in document(*services).items() if "channel_logout" in name}

    assert document_of(BASIC) == {}
    assert document_of(BASIC, back) == {
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }
    assert document_of(front) == {"frontchannel_logout_supported": True, "frontchannel_logout_session_supported": True}
    assert len(document_of(back, front)) == 4
    assert document()["check_session_iframe"] == f"{ISSUER}/session"


# What is announced is so

KNOWN = ("ES256", "PS256", "EdDSA", "Ed25519", "RS256")
NONCES = DpopNonces("epoch", lambda _data: bytes(32), lambda _data, mark: mark == bytes(32))


def authenticates(alg: str, of: Service) -> bool:
    """Whether an assertion signed so is good."""
    claims = {"iss": of.client_id, "sub": of.client_id, "aud": ISSUER, "jti": "j", "exp": NOW + 60}
    credentials = Credentials(of.client_id, of.credentials.method, jose.sign(claims, key(alg, "tax")))
    try:
        return authenticate_client(credentials, of, keys(key(alg, "tax")), AssertionAudience(ISSUER), NOW).service is of
    except EndpointError:
        return False


def asks(alg: str, of: Service) -> bool:
    """Whether a request object signed so is good."""
    claims = {**parameters(client_id=of.client_id), "iss": of.client_id, "aud": ISSUER, "nbf": NOW, "exp": NOW + 60}
    sent = {"client_id": of.client_id, "response_type": "code", "request": jose.sign(claims, key(alg, "tax"))}
    try:
        request = authorization_request(
            sent, of, RequestSource.PUSHED, SERVER, RequestVerification(keys(key(alg, "tax")), NOW)
        )
    except EndpointError:
        return False
    return request.redirect_uri == CALLBACK


def proves(alg: str) -> bool:
    """Whether a proof signed so is good."""
    claims = {"htm": "POST", "htu": f"{ISSUER}/token", "iat": NOW, "jti": "j", "nonce": NONCES.issue(NOW)}
    jwk = {name: value for name, value in key(alg, "tax").jwk.items() if name not in ("kid", "alg", "use")}
    try:
        proof = jose.sign(claims, key(alg, "tax"), "dpop+jwt", {"jwk": jwk})
        return check_proof(ProvedRequest([proof], "POST", f"{ISSUER}/token"), NONCES, NOW) is not None
    except EndpointError:
        return False


@pytest.mark.parametrize("of", [FAPI2, service()], ids=["fapi2", "oidc"])
def test_the_algorithms_that_are_announced_are_those_that_are_taken(of: Service) -> None:
    found = document(of)
    assert {alg for alg in KNOWN if authenticates(alg, of)} == set(
        found["token_endpoint_auth_signing_alg_values_supported"]
    )
    assert {alg for alg in KNOWN if asks(alg, of)} == set(found["request_object_signing_alg_values_supported"])
    assert {alg for alg in KNOWN if proves(alg)} == set(found["dpop_signing_alg_values_supported"])

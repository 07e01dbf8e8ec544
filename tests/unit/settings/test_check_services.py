"""Service settings: keys, sector, certificates, signed CIBA requests; every setting reaches the `Service` record."""

from typing import Any

import pytest

from broker.model.assurance import Level
from broker.model.own_rights import DeskLocation, OwnScope
from broker.model.service import PUBLIC_SECTOR, ClaimPurpose, Encryption, OtherWay, Service, SubjectType, TlsSubject
from broker.platform.toml_fields import keys_of
from tests.support.certificates import Authority
from tests.support.configuration import Configuration
from tests.unit.settings.examples import DEMO, FAPI


def test_a_sector_is_shared_on_purpose_or_not_at_all(config: Configuration) -> None:
    config.change(FAPI, "redirect_uris", ["https://aberlan.example/callback"])
    config.change(FAPI, "sector", None)
    [problem] = config.problems()
    assert problem.path == f"{FAPI}: sector"
    assert '"demo-service"' in problem.what
    config.change(FAPI, "sector", "aberlan.example")
    assert config.settings().services["land-register"].sector == "aberlan.example"


def test_a_claim_outside_the_standards_is_accepted(config: Configuration) -> None:
    config.change(DEMO, "claims.0.claim", "aberlan_resident_number")
    assert "aberlan_resident_number" in config.settings().services["demo-service"].claims


KEY = {"kty": "EC", "crv": "P-256", "x": "tv25-9afYWectZsJQit_z4A7dkVh2agvW8iHB11tBS0"} | {
    "y": "MjPfyCznWaBfV8Ox0_T2deX4usHMzWv4N78CxU98VPs"
}
RSA_KEY = {"kty": "RSA", "e": "AQAB", "n": "4" * 342, "alg": "RS256"}


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ([KEY | {"kid": "a"}, KEY | {"kid": "a"}], '2 keys have the kid "a"'),
        ([KEY | {"kid": "a"}, KEY], "no kid"),
        ([RSA_KEY], "every key is for RS256"),
        ([RSA_KEY | {"n": "4" * 171}], "out of bounds"),
        ([KEY | {"d": "AA"}], "private"),
        ([KEY | {"use": "enc"}], "not meant for signatures"),
        ([], "no key"),
    ],
)
def test_keys_that_would_not_serve_are_refused(config: Configuration, keys: list[dict[str, str]], what: str) -> None:
    config.change(FAPI, "jwks_file", None)
    config.change(FAPI, "jwks", {"keys": keys})
    [problem] = config.problems()
    assert problem.path == f"{FAPI}: jwks"
    assert what in problem.what


def test_a_service_may_show_its_keys_itself(config: Configuration) -> None:
    config.change(FAPI, "jwks_file", None)
    config.change(FAPI, "jwks_uri", "https://land.example/jwks.json")
    service = config.settings().services["land-register"]
    assert (service.credentials.jwks, service.credentials.jwks_uri) == (None, "https://land.example/jwks.json")


def test_a_service_on_two_hosts_must_name_its_sector(config: Configuration) -> None:
    config.change(DEMO, "sector", None)
    assert config.settings().services["demo-service"].sector == "localhost"
    config.change(DEMO, "redirect_uris", ["https://a.example/", "https://b.example/"])
    assert [problem.path for problem in config.problems()] == [f"{DEMO}: sector"]


@pytest.mark.parametrize("name", ["demo-service", "land-register", "travel-office"])
def test_a_private_key_is_never_taken_for_a_public_one(config: Configuration, name: str) -> None:
    jwk = {"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "d": "c"}
    config.change(f"services/{name}.toml", "jwks_file", None) if name == "land-register" else None
    config.change(f"services/{name}.toml", "jwks", {"keys": [jwk]})
    (problem,) = (found for found in config.problems() if found.path.endswith(": jwks"))
    assert "private or symmetric" in problem.what


ENCRYPTION_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "use": "enc",
    "kid": "to-us",
    "x": "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
    "y": "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",
}
"""A public key of RFC 7517, appendix A.1's kind, to encrypt to (its point is that of RFC 7518, appendix C)."""


def test_everything_a_service_file_says_reaches_the_service(config: Configuration) -> None:
    said: dict[str, Any] = {
        "profile": "oidc",
        "authentication": "client_secret_post",
        "secret_digest": "ab" * 32,
        "secret_file": None,
        "sector": "sector.example",
        "id_token_alg": "RS256",
        "level": "high",
        "acr_is_preference": True,
        "scopes": ["openid", "profile"],
        "pkce_required": False,
        "nonce_required": True,
        "refresh": True,
        "introspection": True,
        "providers": ["eid"],
        "provider_hint": True,
        "single_sign_on": False,
        "assisted": False,
        "contact": "us",
        "privacy_notice": "https://a.example/privacy",
        "claims": [{"claim": "name", "reason": {"en": "a", "cy": "b"}}],
        "other_ways": [{"text": {"en": "a", "cy": "b"}, "url": "https://a.example/"}],
        "initiate_login_uri": "https://a.example/login",
        "resume_uri": "https://a.example/resume",
        "backchannel_logout_uri": "https://a.example/told",
        "frontchannel_logout_uri": "http://localhost:8002/bye",
        "answer_timeout": "2 hours",
        "subject_type": "pairwise",
        "binding": "dpop",
        "request_object_required": True,
        "signed_response": True,
        "response_alg": "RS256",
        "response_encryption": {"alg": "ECDH-ES", "enc": "A256GCM"},
        "id_token_encryption": {"alg": "ECDH-ES", "enc": "A256GCM"},
        "userinfo_alg": "RS256",
        "userinfo_encryption": {"alg": "ECDH-ES", "enc": "A256GCM"},
        "introspection_alg": "PS256",
        "introspection_encryption": {"alg": "ECDH-ES", "enc": "A256GCM"},
        "ciba": "ping",
        "ciba_notification_uri": "https://a.example/ping",
        "ciba_request_signed": False,
        "sender_constrained": True,
        "cors_origins": ["http://localhost:8002"],
        "own_scopes": ["ssf.read", "desk"],
        "desk_locations": [{"id": "market-street"}],
        "desk_skills": ["chip"],
        "desk_events_uri": "https://a.example/desk",
        "jwks": {
            "keys": [
                {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
                ENCRYPTION_KEY,
            ]
        },
    }
    config.change("broker.toml", "desk", {"enabled": True})
    for name, value in said.items():
        config.change(DEMO, name, value)
    texts = {"en": "a", "cy": "b"}
    expected = said | {
        "client_id": "demo-service",
        "level": Level.HIGH,
        "providers": ("eid",),
        "own_scopes": (OwnScope.SSF_READ, OwnScope.DESK),
        "desk_locations": (DeskLocation("market-street"),),
        "desk_skills": ("chip",),
        "claims": (ClaimPurpose("name", texts),),
        "other_ways": (OtherWay(texts, "https://a.example/"),),
        "answer_timeout": 7200,
        "tls_subject": None,
        "response_encryption": Encryption("ECDH-ES", "A256GCM"),
        "id_token_encryption": Encryption("ECDH-ES", "A256GCM"),
        "userinfo_encryption": Encryption("ECDH-ES", "A256GCM"),
        "introspection_encryption": Encryption("ECDH-ES", "A256GCM"),
        "names": {"en": "Aberlan Council", "cy": "Cyngor Aberlan", "ar": "مجلس أبرلان"},
        "redirect_uris": ("http://localhost:8002/callback",),
        "post_logout_redirect_uris": ("http://localhost:8002/",),
        "home": "http://localhost:8002/",
        "scopes": ("openid", "profile"),
        "jwks_uri": None,
        "jwks_file": None,
        "cors_origins": ("http://localhost:8002",),
    }
    service = config.settings().services["demo-service"]
    assert {key.name: key.value(service) for key in keys_of(Service)} == expected


@pytest.mark.parametrize(
    ("subject", "place"),
    [
        ({"dn": "CN=tax,O=Tax Office"}, None),
        ({"san_dns": "tax.example"}, None),
        ({"san_ip": "192.0.2.7"}, None),
        ({"dn": "tax"}, "tls_subject.dn"),
        ({"san_ip": "192.0.2"}, "tls_subject.san_ip"),
        ({"san_uri": " "}, "tls_subject.san_uri"),
        ({}, "tls_subject"),
        ({"dn": "CN=tax", "san_dns": "tax.example"}, "tls_subject"),
    ],
)
def test_a_certificate_of_an_authority_names_one_thing(
    production: Configuration, authority: Authority, subject: dict[str, str], place: str | None
) -> None:
    production.change(
        "broker.toml", "client_certificates", {"trusted_proxies": ["10.0.0.5/32"], "ca_file": str(authority.file)}
    )
    production.change("broker.toml", "services.0.authentication", "tls_client_auth")
    production.change("broker.toml", "services.0.tls_subject", subject)
    if place is None:
        assert production.settings().services["tax"].credentials.tls_subject == TlsSubject(**subject)
    else:
        assert [problem.path for problem in production.problems()] == [f"broker.toml: services[0].{place}"]


def test_a_service_known_by_its_certificate_may_sign_its_questions(
    production: Configuration, authority: Authority
) -> None:
    production.change(
        "broker.toml", "client_certificates", {"trusted_proxies": ["10.0.0.5/32"], "ca_file": str(authority.file)}
    )
    for name, value in (
        ("authentication", "tls_client_auth"),
        ("tls_subject", {"dn": "CN=tax"}),
        ("ciba", "poll"),
    ):
        production.change("broker.toml", f"services.0.{name}", value)
    assert production.settings().services["tax"].requires_signed_ciba_request
    production.change("broker.toml", "services.0.jwks", None)
    assert {problem.path for problem in production.problems()} == {"broker.toml: services[0].jwks"}


def test_services_with_public_subjects_share_one_reserved_sector(production: Configuration) -> None:
    production.change("broker.toml", "services.0.subject_type", "public")
    found = production.settings().services["tax"]
    assert (found.subject_type, found.sector) == (SubjectType.PUBLIC, PUBLIC_SECTOR)
    production.change("broker.toml", "services.0.subject_type", "pairwise")
    production.change("broker.toml", "services.0.sector", PUBLIC_SECTOR)
    assert isinstance(production.load(), list)

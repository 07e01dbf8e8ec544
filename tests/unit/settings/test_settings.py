"""What an operator writes becomes settings, or a list of all that is wrong with it."""

import hashlib
import re
import shutil
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.assisted.deadlines import BusinessHours, CasePolicy
from broker.journey.provider_offer import DisplayOrder
from broker.model.assurance import Level
from broker.model.provider_policy import ProviderPolicy
from broker.model.service import PUBLIC_SECTOR, ClaimPurpose, Encryption, OtherWay, Service, SubjectType, TlsSubject
from broker.settings import (
    Content,
    DatabaseSettings,
    EphemeralSettings,
    PickerOrder,
    address,
    load,
    read_secret,
)
from broker.settings.providers import ProviderPolicyFile
from broker.settings.sources import moved
from broker.settings.urls import check_url
from providers import KINDS
from tests.support.certificates import Authority
from tests.support.configuration import Configuration, as_toml, examples, prepared


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples with their keys, made once: making RSA keys takes a second."""
    folder = tmp_path_factory.mktemp("made")
    prepared(folder)
    return folder


@pytest.fixture
def config(made: Path, tmp_path: Path) -> Configuration:
    """A copy that a test may break."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return Configuration(tmp_path / "config")


# --- the examples ---


def test_the_examples_start_once_their_keys_and_secrets_are_made(config: Configuration) -> None:
    settings = config.settings()
    assert list(settings.services) == ["demo-service", "land-register", "travel-office"]
    assert {name: entry.card.max_level for name, entry in settings.providers.items()} == {
        "eid": Level.HIGH,
        "harbour": Level.SUBSTANTIAL,
        "northbank": Level.SUBSTANTIAL,
    }
    assert settings.staff is not None and list(settings.staff.people) == ["carys", "tom", "mei", "rhys"]
    assert settings.missing == ()


def test_before_that_every_missing_file_is_a_problem_with_its_name(tmp_path: Path) -> None:
    found = examples(tmp_path).problems()
    assert [problem.path for problem in found] == [
        "services/demo-service.toml: secret_file",
        "services/land-register.toml: jwks_file",
        "services/travel-office.toml: secret_file",
        "broker.toml: keys.folder",
        "broker.toml: audit.checkpoints",
        "broker.toml: database.url",
        "providers/eid.toml: openid.key_file",
        "providers/harbour.toml: openid.secret_file",
        "providers/northbank.toml: openid.key_file",
        "staff.toml: provider.openid.key_file",
    ]


def test_what_is_still_to_be_made_can_be_asked_for(tmp_path: Path) -> None:
    missing = {file.path.name: file.content for file in examples(tmp_path).settings(prepared=False).missing}
    assert missing == {
        "demo-service": Content.CLIENT_SECRET,
        "land-register.jwks.json": Content.PUBLIC_KEYS,
        "travel-office": Content.CLIENT_SECRET,
        "eid.pem": Content.PRIVATE_KEY,
        "harbour": Content.CLIENT_SECRET,
        "northbank.pem": Content.PRIVATE_KEY,
        "staff.pem": Content.PRIVATE_KEY,
    }


def test_the_examples_hold_no_secret(config: Configuration) -> None:
    texts = [path.read_text() for path in config.folder.rglob("*.toml")]
    for path in (config.folder.parent / ".demo" / "secrets").iterdir():
        assert not any(path.read_text().strip() in text for text in texts)


def test_relative_paths_start_at_the_file_they_stand_in(config: Configuration) -> None:
    settings = config.settings()
    data = config.folder.parent / ".demo"
    assert settings.broker.keys.folder == data / "keys"
    assert settings.broker.database.url == f"sqlite:{data / 'facts.db'}"
    assert settings.providers["harbour"].config.secret_file == data / "secrets" / "harbour"


def test_one_file_with_everything_says_the_same_as_the_folder(config: Configuration) -> None:
    def deeper(value: Any) -> Any:
        """The same value, its paths written from the folder of broker.toml."""
        if isinstance(value, dict):
            return {key: deeper(inner) for key, inner in value.items()}
        return value.replace("../../", "../") if isinstance(value, str) else value

    whole = config.table("broker.toml") | {"staff": config.table("staff.toml")}
    for name, key in (("services", "client_id"), ("providers", "id")):
        paths = sorted((config.folder / name).iterdir())
        whole[name] = [{key: path.stem} | deeper(config.table(f"{name}/{path.name}")) for path in paths]
    file = config.folder / "whole.toml"
    file.write_text(as_toml(whole))
    assert load(file, KINDS) == config.settings()


def test_the_same_files_serve_other_ports(config: Configuration) -> None:
    origins = {f"{host}:800{n}": f"{host}:900{n}" for n in range(4) for host in ("localhost", "127.0.0.1")}
    settings = config.settings(origins=origins)
    assert settings.broker.issuer == "http://localhost:9000"
    assert settings.broker.listen.staff == "127.0.0.1:9001"
    assert settings.services["demo-service"].redirect_uris == ("http://localhost:9002/callback",)
    assert settings.providers["eid"].config.issuer == "http://localhost:9003/eid"
    assert not re.search(r":800\d", repr(settings))


def test_only_a_whole_host_and_port_is_moved() -> None:
    origins = {"localhost:80": "localhost:90"}
    same = ["localhost:8000", "xlocalhost:80", "my-localhost:80", "a.localhost:80", 80]
    assert moved(same, origins) == same
    assert moved({"a": ["http://localhost:80/x", "localhost:80"]}, origins) == {
        "a": ["http://localhost:90/x", "localhost:90"]
    }


# --- one thing wrong at a time ---

DEMO = "services/demo-service.toml"
FAPI = "services/land-register.toml"
BANK = "providers/northbank.toml"
HTTPS = "https://service.example/callback"
WRONG: list[tuple[str, str, Any, str, str]] = [
    # file, what to change, into what (None: take it out), place of the problem, what it says
    ("broker.toml", "issuer", "localhost:8000", "issuer", "an absolute URL"),
    ("broker.toml", "issuer", "http://localhost:8000/", "issuer", "no path, query or closing slash"),
    ("broker.toml", "issuer", "http://user:pw@localhost", "issuer", "contains credentials"),
    ("broker.toml", "issuer", "ftp://localhost", "issuer", "an absolute URL"),
    ("broker.toml", "console", "http://localhost:8000", "console", "same origin as the issuer"),
    ("broker.toml", "listen.public", "8000", "listen.public", "not an address with a port"),
    ("broker.toml", "listen.public", "127.0.0.1:70000", "listen.public", "not an address with a port"),
    ("broker.toml", "listen.staff", "127.0.0.1:8000", "listen.staff", "the same address"),
    ("broker.toml", "listen.trusted_proxies", ["10.0.0.1/8"], "listen.trusted_proxies[0]", "not a network"),
    ("broker.toml", "http_client.allowed_networks", ["ten"], "http_client.allowed_networks[0]", "not a network"),
    ("broker.toml", "http_client.ca_file", "none.pem", "http_client.ca_file", "missing"),
    ("broker.toml", "languages", [], "languages", "no language"),
    ("broker.toml", "languages", ["en", "cy", "cy"], "languages[2]", "listed twice"),
    ("broker.toml", "languages", ["en", "cy", "tlh"], "languages[2]", "no pages in this language"),
    ("broker.toml", "name", {"en": "We", "cy": " "}, "name", '"cy" is missing'),
    ("broker.toml", "support.text", {"en": "9", "cy": "9", "fr": "9"}, "support.text", '"fr" is not a known language'),
    ("broker.toml", "time_zone", "Europe/Atlantis", "time_zone", "no such time zone"),
    ("broker.toml", "time_zone", "Europe", "time_zone", "no such time zone"),
    ("broker.toml", "time_zone", "../UTC", "time_zone", "no such time zone"),
    ("broker.toml", "acr.high", None, "acr.high", "no usable name"),
    ("broker.toml", "acr.high", "very high", "acr.high", "no usable name"),
    ("broker.toml", "trust_framework", "our rules", "trust_framework", "not an identifier"),
    ("broker.toml", "database.url", "mysql://db/portico", "database.url", "no such store"),
    ("broker.toml", "database.url", "sqlite:", "database.url", "must survive a restart"),
    ("broker.toml", "database.url", "sqlite::memory:", "database.url", "must survive a restart"),
    ("broker.toml", "database.url", "sqlite:nowhere/facts.db", "database.url", "there is no folder"),
    ("broker.toml", "database.url", "postgresql://portico:pw@db/portico", "database.url", "contains a password"),
    ("broker.toml", "database.url", "postgresql://db/portico?password=pw", "database.url", "contains a password"),
    ("broker.toml", "database.url", "postgresql://", "database.url", "host is missing"),
    (
        "broker.toml",
        "database.url",
        "postgresql://db/portico?sslmode=verify-full",
        "database.url",
        '"sslmode" is not known',
    ),
    (
        "broker.toml",
        "database.url",
        "postgresql://db/portico?application_name=p",
        "database.url",
        "is not known in a URL",
    ),
    ("broker.toml", "database.url", "postgres://db/portico", "database.url", "no such store"),
    ("broker.toml", "database.url", "sqlite:///facts.db", "database.url", "not a path"),
    ("broker.toml", "database", {"url": "postgresql://db/p", "ca_file": "none.pem"}, "database.ca_file", "is missing"),
    (
        "broker.toml",
        "database",
        {"url": "postgresql://db/p", "ca_file": "broker.toml"},
        "database.ca_file",
        "no certificate",
    ),
    (
        "broker.toml",
        "database",
        {"url": "postgresql://db/p", "key_file": "k.pem"},
        "database.key_file",
        "no certificate",
    ),
    (
        "broker.toml",
        "database",
        {"url": "postgresql://db/p", "tls": False, "ca_file": "broker.toml"},
        "database.ca_file",
        "not encrypted",
    ),
    (
        "broker.toml",
        "database",
        {"url": "postgresql://db/p", "verify": False, "ca_file": "broker.toml"},
        "database.verify",
        "would not be used",
    ),
    ("broker.toml", "database.url", "postgresql://db/", "database.url", "database is missing"),
    ("broker.toml", "database.url", "postgresql:///portico", "database.url", "host is missing"),
    ("broker.toml", "database.password_file", "nowhere", "database.password_file", "missing"),
    ("broker.toml", "ephemeral.url", "memcached://cache", "ephemeral.url", "no such store"),
    ("broker.toml", "ephemeral.url", "redis://:pw@cache:6379/0", "ephemeral.url", "contains a password"),
    (
        "broker.toml",
        "ephemeral.url",
        "rediss://cache/0?ssl_ca_certs=/ca.pem",
        "ephemeral.url",
        '"ssl_ca_certs" is not known',
    ),
    ("broker.toml", "ephemeral.url", "redis://cache/first", "ephemeral.url", "a number"),
    (
        "broker.toml",
        "ephemeral",
        {"url": "redis://cache/0", "ca_file": "broker.toml"},
        "ephemeral.ca_file",
        "not encrypted",
    ),
    ("broker.toml", "ephemeral", {"url": "rediss://cache/0", "cert_file": "none"}, "ephemeral.cert_file", "is missing"),
    ("broker.toml", "keys.folder", "nowhere", "keys.folder", "no folder"),
    ("broker.toml", "notifications.outbox", None, "notifications", "exactly one"),
    ("broker.toml", "notifications.smtp", {"host": "mail", "sender": "a@b.example"}, "notifications", "exactly one"),
    (
        "broker.toml",
        "notifications",
        {"smtp": {"host": "mail", "sender": "us"}},
        "notifications.smtp.sender",
        "not an email address",
    ),
    (
        *("broker.toml", "notifications", {"smtp": {"host": "mail", "sender": "jörg@agency.example"}}),
        *("notifications.smtp.sender", "many mail servers cannot carry"),
    ),
    (
        *("broker.toml", "notifications", {"smtp": {"host": "not a host", "sender": "a@b.example"}}),
        *("notifications.smtp.host", "not a host name"),
    ),
    ("broker.toml", "support.email", "help at agency", "support.email", "not an email address"),
    ("broker.toml", "support.email", "jörg@agency.example", "support.email", "many mail servers cannot carry"),
    ("broker.toml", "region", "UK", "region", "not a country with telephone numbers"),
    ("broker.toml", "region", "gb", "region", "not a country with telephone numbers"),
    ("broker.toml", "metrics.token_file", "nowhere", "metrics.token_file", "missing"),
    ("broker.toml", "audit.checkpoints", "nowhere/checkpoints", "audit.checkpoints", "no folder"),
    ("broker.toml", "sessions", {"idle": "3 hours", "absolute": "2 hours"}, "sessions.idle", "longer than"),
    ("broker.toml", "assisted.requested", "17 days", "assisted.requested", "longer than"),
    ("broker.toml", "assisted.hours.days", ["mon", "holiday"], "assisted.hours.days[1]", "no such day"),
    ("broker.toml", "assisted.hours.opens", "9", "assisted.hours.opens", "not a time of day"),
    ("broker.toml", "assisted.hours.closes", "08:00", "assisted.hours", "no working hours"),
    ("broker.toml", "assisted.hours.time_zone", "Wales", "assisted.hours.time_zone", "no such time zone"),
    ("broker.toml", "tokens.code", "2 minutes", "tokens.code", "out of bounds"),
    ("broker.toml", "tokens.codes", 5, "tokens.codes", "no such setting"),
    ("broker.toml", "services", {}, "services", "a list of tables"),
    ("broker.toml", "staff", {}, "staff", "staff.toml exists too"),
    (DEMO, "client_id", "demo service", "client_id", "only visible ASCII"),
    (DEMO, "client_id", "d" * 129, "client_id", "1 to 128"),
    (FAPI, "client_id", "demo-service", "client_id", "used already"),
    (DEMO, "redirect_uris", [], "redirect_uris", "no redirect URI is listed"),
    (DEMO, "redirect_uris", ["/callback"], "redirect_uris[0]", "an absolute URL"),
    (DEMO, "redirect_uris", [HTTPS, f"{HTTPS}#top"], "redirect_uris[1]", "fragment"),
    (DEMO, "redirect_uris", [HTTPS, HTTPS], "redirect_uris[1]", "listed twice"),
    (DEMO, "redirect_uris", ["https://*.service.example/"], "redirect_uris[0]", "wildcard"),
    (DEMO, "redirect_uris", ["https://sérvice.example/"], "redirect_uris[0]", "an absolute URL"),
    (DEMO, "redirect_uris", ["https://service.example\\.evil.example/"], "redirect_uris[0]", "an absolute URL"),
    (DEMO, "redirect_uris", ["https://service.example@evil.example/"], "redirect_uris[0]", "credentials"),
    (DEMO, "redirect_uris", ["https://service.example:port/"], "redirect_uris[0]", "an absolute URL"),
    (DEMO, "redirect_uris", ["http://service.example/callback"], "redirect_uris[0]", "http to another machine"),
    (DEMO, "redirect_uris", ["http://localhost:8000/callback"], "redirect_uris[0]", "the broker itself"),
    (DEMO, "redirect_uris", ["http://localhost:8001/callback"], "redirect_uris[0]", "the broker itself"),
    (DEMO, "redirect_uris", [HTTPS, "https://service.example/a/../b"], "redirect_uris[1]", "a dot segment"),
    (DEMO, "redirect_uris", ["https://service.example/a/%2e%2E/b"], "redirect_uris[0]", "a dot segment"),
    (DEMO, "redirect_uris", ["com.example.app:/callback"], "redirect_uris[0]", "an absolute URL"),
    (DEMO, "client_id", "demo", "client_id", "differs from"),
    (DEMO, "userinfo_encryption", {"alg": "ECDH-ES", "enc": "A256GCM"}, "userinfo_encryption", "not signed"),
    (DEMO, "id_token_encryption", {"alg": "ECDH-ES", "enc": "A256GCM"}, "id_token_encryption", "no key of the service"),
    (DEMO, "response_encryption", {"alg": "RSA1_5", "enc": "A256GCM"}, "response_encryption.alg", "not known"),
    (DEMO, "introspection_encryption", {"alg": "dir", "enc": "A1"}, "introspection_encryption.enc", "not known"),
    (FAPI, "introspection_alg", "RS256", "introspection_alg", "not allowed"),
    (FAPI, "userinfo_alg", "RS256", "userinfo_alg", "not allowed"),
    (DEMO, "claims.0.claim", "nmae", "claims[0].claim", "not known"),
    (DEMO, "claims.0.claim", "", "claims[0].claim", "not a valid claim name"),
    (DEMO, "scopes", ["openid", "phone"], "scopes[1]", "releases nothing"),
    (DEMO, "jwks_uri", "ftp://service.example/jwks", "jwks_uri", "an absolute URL"),
    (DEMO, "jwks_uri", "http://localhost:8000/jwks", "jwks_uri", "the broker itself"),
    (FAPI, "jwks_uri", "https://service.example/jwks", "jwks_uri", "jwks_file is set too"),
    (DEMO, "ciba", "push", "ciba", ""),
    (DEMO, "ciba", "ping", "ciba_notification_uri", "needs a notification endpoint"),
    (DEMO, "ciba_notification_uri", "http://localhost:8002/ping", "ciba_notification_uri", "not used"),
    (DEMO, "ciba_request_signed", True, "jwks", "authentication requests need the service's public keys"),
    (DEMO, "sender_constrained", False, "sender_constrained", "it is only for apps"),
    (FAPI, "sender_constrained", False, "sender_constrained", "the fapi2 profile has no bearer tokens"),
    (FAPI, "cors_origins", ["https://app.example"], "cors_origins", "the fapi2 profile does not permit CORS"),
    (DEMO, "cors_origins", ["https://app.example/"], "cors_origins[0]", "an origin has no path"),
    (DEMO, "cors_origins", ["https://app.example/callback"], "cors_origins[0]", "an origin has no path"),
    (DEMO, "cors_origins", ["app.example"], "cors_origins[0]", "an absolute URL is required"),
    (DEMO, "cors_origins", ["null"], "cors_origins[0]", "an absolute URL is required"),
    (DEMO, "cors_origins", ["*"], "cors_origins[0]", "an absolute URL is required"),
    (DEMO, "cors_origins", ["https://*.example"], "cors_origins[0]", "a wildcard"),
    (DEMO, "cors_origins", ["https://me@app.example"], "cors_origins[0]", "credentials"),
    (DEMO, "cors_origins", ["https://App.example"], "cors_origins[0]", "browsers write this origin differently"),
    (DEMO, "cors_origins", ["https://app.example:443"], "cors_origins[0]", "browsers write this origin differently"),
    (DEMO, "cors_origins", ["HTTPS://app.example"], "cors_origins[0]", "an origin has no path"),
    (DEMO, "cors_origins", ["http://app.example"], "cors_origins[0]", "http to another machine"),
    (DEMO, "cors_origins", ["https://app.example", "https://app.example"], "cors_origins[1]", "listed twice"),
    (DEMO, "post_logout_redirect_uris", ["x"], "post_logout_redirect_uris[0]", "an absolute URL"),
    (DEMO, "home", "home", "home", "an absolute URL"),
    (DEMO, "initiate_login_uri", "x", "initiate_login_uri", "an absolute URL"),
    (DEMO, "resume_uri", "x", "resume_uri", "an absolute URL"),
    (DEMO, "backchannel_logout_uri", f"{HTTPS}#x", "backchannel_logout_uri", "fragment"),
    (DEMO, "frontchannel_logout_uri", "x", "frontchannel_logout_uri", "an absolute URL"),
    (DEMO, "frontchannel_logout_uri", "http://localhost:8003/x", "frontchannel_logout_uri", "no redirect URI"),
    (DEMO, "frontchannel_logout_uri", "https://localhost:8002/x", "frontchannel_logout_uri", "no redirect URI"),
    (DEMO, "other_ways.1.url", "x", "other_ways[1].url", "an absolute URL"),
    (DEMO, "other_ways.0.text", {"en": "Write"}, "other_ways[0].text", '"cy" is missing'),
    (DEMO, "names", {"en": "Us", "cy": " "}, "names", '"cy" is missing'),
    (DEMO, "claims.0.reason", {"cy": "I"}, "claims[0].reason", '"en" is missing'),
    (DEMO, "claims.1.claim", "name", "claims[1].claim", "listed twice"),
    (DEMO, "scopes", ["profile"], "scopes", "openid is missing"),
    (DEMO, "scopes", ["openid", "everything"], "scopes[1]", "no such scope"),
    (DEMO, "scopes", ["openid", "offline_access"], "scopes[1]", "a separate setting"),
    (DEMO, "secret_file", None, "secret_file", "needs a secret"),
    (DEMO, "secret_file", "nowhere", "secret_file", "missing"),
    (DEMO, "secret_digest", "a" * 64, "secret_digest", "secret_file is set too"),
    (DEMO, "client_secret", "hunter2", "client_secret", "no such setting"),
    (DEMO, "providers", ["northbnk"], "providers[0]", "there is no provider"),
    (DEMO, "sector", "", "sector", "only visible ASCII"),
    (FAPI, "authentication", "client_secret_basic", "authentication", "requires a key or a certificate"),
    (FAPI, "authentication", "none", "authentication", "requires a key or a certificate"),
    (FAPI, "authentication", "tls_client_auth", "authentication", "no reverse proxy is trusted"),
    (FAPI, "authentication", "tls_client_auth", "authentication", "no certificate authority is trusted"),
    (FAPI, "authentication", "self_signed_tls_client_auth", "authentication", "no reverse proxy is trusted"),
    (FAPI, "authentication", "tls_client_auth", "tls_subject", "exactly one name"),
    (FAPI, "tls_subject", {"dn": "CN=tax"}, "tls_subject", "uses no subject name"),
    (FAPI, "binding", "mtls", "binding", "no reverse proxy is trusted"),
    (DEMO, "authentication", "self_signed_tls_client_auth", "jwks", "needs the service's public keys"),
    (DEMO, "authentication", "none", "secret_file", "not used"),
    (DEMO, "subject_type", "public", "sector", "public subjects have no sector"),
    (DEMO, "subject_type", "publc", "subject_type", "not known"),
    (
        "broker.toml",
        "client_certificates",
        {"trusted_proxies": ["ten"]},
        "client_certificates.trusted_proxies[0]",
        "not a network",
    ),
    (
        "broker.toml",
        "client_certificates",
        {"trusted_proxies": ["::/0"]},
        "client_certificates.trusted_proxies[0]",
        "trusts every address",
    ),
    ("broker.toml", "client_certificates", {"ca_file": "nowhere"}, "client_certificates.ca_file", "missing"),
    ("broker.toml", "client_certificates", {"ca_file": "staff.toml"}, "client_certificates.ca_file", "no certificates"),
    (
        "broker.toml",
        "client_certificates",
        {"origin": "http://localhost:8000"},
        "client_certificates.origin",
        "the origin of the issuer or the console",
    ),
    ("broker.toml", "client_certificates", {"origin": "http://localhost:9/x"}, "client_certificates.origin", "no path"),
    (
        "broker.toml",
        "client_certificates",
        {"origin": "http://localhost:9"},
        "client_certificates.origin",
        "trusted_proxies is empty",
    ),
    (FAPI, "id_token_alg", "RS256", "id_token_alg", "RS256 is not allowed"),
    (FAPI, "pkce_required", False, "pkce_required", "requires PKCE"),
    (FAPI, "jwks_file", None, "jwks", "needs the service's public keys"),
    (FAPI, "jwks", {"keys": []}, "jwks_file", "jwks is set too"),
    (FAPI, "jwks_file", "../broker.toml", "jwks_file", "not JSON"),
    (FAPI, "secret_digest", "a" * 64, "secret_digest", "not used"),
    (BANK, "id", "North_Bank", "id", "callback's path"),
    (BANK, "id", "harbour", "id", "used already"),
    (BANK, "id", "staff", "provider.id", "has the same id"),
    (BANK, "names", {"en": "Bank"}, "names", '"cy" is missing'),
    (BANK, "needs", {"cy": "Cyfrif"}, "needs", '"en" is missing'),
    (BANK, "minutes", 0, "minutes", "out of bounds"),
    (BANK, "kind", "opnid", "kind", "not a kind of provider"),
    (BANK, "kind", None, "kind", "missing"),
    (BANK, "openid", None, "openid.issuer", "missing"),
    (BANK, "openid.isuer", "x", "openid.isuer", "no such setting"),
    (BANK, "openid.issuer", "northbank", "openid.issuer", "https URL"),
    (BANK, "openid.key_file", "../broker.toml", "openid.key_file", "no usable key"),
    (BANK, "openid.key_file", "nowhere.pem", "openid.key_file", "missing"),
    (BANK, "openid.key_file", "../../.demo/secrets/eid.pem", "openid.key_file", '"eid" uses the same file'),
    (BANK, "policy.services", ["demo-servce"], "policy.services[0]", "there is no service"),
    (BANK, "policy.paused", {"en": "Works"}, "policy.paused", '"cy" is missing'),
    (BANK, "policy.paused_until", "soon", "policy.paused_until", "not a point in time"),
    ("staff.toml", "people", [], "people", "no two people"),
    ("staff.toml", "people.2.roles", ["agent"], "people", "no two people"),
    ("staff.toml", "people.1.id", "carys", "people[1].id", "listed twice"),
    ("staff.toml", "people.1.id", "Tom O", "people[1].id", "not valid in audit events"),
    ("staff.toml", "people.1.subject", "staff-carys", "people[1].subject", "another person"),
    ("staff.toml", "people.1.roles", [], "people[1].roles", "no role"),
    ("staff.toml", "people.1.roles", ["wizard"], "people[1].roles[0]", "not known"),
    ("staff.toml", "people.1.languages", ["fr"], "people[1].languages", "not known"),
    ("staff.toml", "level", "high", "level", "registered for a lower level"),
    ("staff.toml", "provider.kind", "saml", "provider.kind", "not a kind of provider"),
    ("staff.toml", "provider.names", {"en": "Staff"}, "provider.names", '"cy" is missing'),
    ("staff.toml", "provider.openid.key_file", "nowhere.pem", "provider.openid.key_file", "missing"),
    ("staff.toml", "provider", None, "provider", "missing"),
]


@pytest.mark.parametrize(("file", "path", "value", "place", "what"), WRONG)
def test_what_is_wrong_is_named_with_its_place_and_a_fix(
    config: Configuration, file: str, path: str, value: Any, place: str, what: str
) -> None:
    config.change(file, path, value)
    where = f"{'staff.toml' if place == 'provider.id' else file}: {place}"
    found = [problem for problem in config.problems() if problem.path == where and what in problem.what]
    assert found and all(problem.fix for problem in found), config.problems()


def test_problems_of_every_file_come_at_once(config: Configuration) -> None:
    config.change("broker.toml", "tokens.code", "1 day")
    config.change(DEMO, "levl", "high")
    config.change(BANK, "openid.clock_skw", 5)
    (config.folder / FAPI).write_text("names = {\n")
    config.change("staff.toml", "people", [])
    assert {problem.path.partition(":")[0] for problem in config.problems()} == {
        "broker.toml",
        DEMO,
        FAPI,
        BANK,
        "staff.toml",
    }


def test_what_has_the_wrong_shape_hides_nothing_else_in_its_file(config: Configuration) -> None:
    config.change("broker.toml", "listen.workers", "many")
    config.change("broker.toml", "issuer", "http://localhost:8000/?")
    assert {"broker.toml: listen.workers", "broker.toml: issuer"} <= {problem.path for problem in config.problems()}


def test_a_file_that_is_no_toml_is_named_with_its_line(config: Configuration) -> None:
    (config.folder / FAPI).write_text('home = "x"\nnames = = 1\n')
    assert any(problem.path == FAPI and "line" in problem.what for problem in config.problems())


def test_a_file_that_is_no_text_is_named(config: Configuration) -> None:
    (config.folder / BANK).write_bytes(b"\xff\xfe")
    assert any(problem.path == BANK and "UTF-8" in str(problem) for problem in config.problems())


def test_what_an_editor_hides_beside_the_files_is_no_setting(config: Configuration) -> None:
    (config.folder / "services" / ".#demo-service.toml").write_text("?")
    (config.folder / "services" / "demo-service.toml~").write_text("?")
    assert config.settings()


def test_a_file_in_the_place_of_a_folder_is_a_problem(config: Configuration) -> None:
    shutil.rmtree(config.folder / "services")
    (config.folder / "services").write_text("")
    assert [problem.path for problem in config.problems()] == ["services"]


def test_a_place_without_settings_is_one_problem(tmp_path: Path) -> None:
    assert [problem.path for problem in Configuration(tmp_path).problems()] == ["broker.toml"]
    assert [problem.path for problem in Configuration(tmp_path / "none.toml").problems()] == ["none.toml"]


def test_without_staff_help_must_be_turned_off(config: Configuration) -> None:
    (config.folder / "staff.toml").unlink()
    assert [problem.path for problem in config.problems()] == ["broker.toml: assisted.enabled"]
    config.change("broker.toml", "assisted.enabled", False)
    assert config.settings().staff is None


def test_a_level_that_nobody_reaches_is_a_problem_unless_a_person_helps(config: Configuration) -> None:
    config.change("services/travel-office.toml", "providers", ["bank", "harbour"])
    config.change(BANK, "id", "bank")
    assert config.settings()
    config.change("services/travel-office.toml", "assisted", False)
    assert [problem.path for problem in config.problems()] == ["services/travel-office.toml: level"]
    config.change("services/travel-office.toml", "providers", ["bank", "eid"])
    assert config.settings()
    for change in ({"enabled": False}, {"staff_only": True}, {"services": ["demo-service"]}):
        config.change("providers/eid.toml", "policy", change)
        assert [problem.path for problem in config.problems()] == ["services/travel-office.toml: level"]


def test_a_sector_is_shared_on_purpose_or_not_at_all(config: Configuration) -> None:
    config.change(FAPI, "redirect_uris", ["https://aberlan.example/callback"])
    config.change(FAPI, "sector", None)
    [problem] = config.problems()
    assert problem.path == f"{FAPI}: sector" and '"demo-service"' in problem.what
    config.change(FAPI, "sector", "aberlan.example")
    assert config.settings().services["land-register"].sector == "aberlan.example"


def test_the_name_of_a_claim_that_only_we_know_is_taken(config: Configuration) -> None:
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
    assert problem.path == f"{FAPI}: jwks" and what in problem.what, problem


def test_a_service_may_show_its_keys_itself(config: Configuration) -> None:
    config.change(FAPI, "jwks_file", None)
    config.change(FAPI, "jwks_uri", "https://land.example/jwks.json")
    service = config.settings().services["land-register"]
    assert (service.jwks, service.jwks_uri) == (None, "https://land.example/jwks.json")


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


# --- several workers, and production ---

PRODUCTION: dict[str, Any] = {
    "issuer": "https://sign-in.agency.example",
    "console": "https://console.agency.example",
    "name": {"en": "Sign in"},
    "trust_framework": "agency",
    "database": {"url": "postgresql://portico@db.agency.example/portico"},
    "ephemeral": {"url": "rediss://cache.agency.example:6379/0"},
    "keys": {"folder": "keys"},
    "notifications": {"smtp": {"host": "mail.agency.example", "sender": "noreply@agency.example"}},
    "assisted": {"enabled": False},
    "services": [
        {
            "client_id": "tax",
            "names": {"en": "Tax"},
            "home": "https://tax.example/",
            "redirect_uris": ["https://tax.example/callback"],
            "contact": "Tax Office, 01632 960 700",
            "jwks": {
                "keys": [
                    {
                        "kty": "OKP",
                        "crv": "Ed25519",
                        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                    }
                ]
            },
        }
    ],
    "providers": [
        {
            "id": "bank",
            "kind": "openid",
            "names": {"en": "Bank"},
            "needs": {"en": "An account"},
            "minutes": 2,
            "max_level": "low",
            "openid": {
                "issuer": "https://id.bank.example",
                "client_id": "portico",
                "authentication": "client_secret_basic",
                "secret_file": "bank-secret",
                "levels": {"basic": "low"},
            },
        }
    ],
}


@pytest.fixture
def production(tmp_path: Path) -> Configuration:
    """A production configuration in one file."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "bank-secret").write_text("a secret of the bank\n")
    (tmp_path / "broker.toml").write_text(as_toml(PRODUCTION))
    return Configuration(tmp_path)


def test_production_is_what_runs_unless_the_file_says_otherwise(production: Configuration) -> None:
    broker = production.settings().broker
    assert not broker.development
    assert (broker.tokens.code, broker.tokens.request_uri, broker.tokens.access, broker.tokens.id_token) == (
        60,
        300,
        600,
        300,
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("issuer", "http://sign-in.agency.example"),
        ("issuer", "https://localhost"),
        ("console", "http://console.agency.example"),
        ("services.0.redirect_uris.0", "http://localhost/callback"),
        ("services.0.redirect_uris.0", "https://127.0.0.1/callback"),
        ("services.0.redirect_uris.0", "https://[::1]:8002/callback"),
        ("services.0.redirect_uris.0", "https://[::ffff:127.0.0.1]/callback"),
        ("services.0.redirect_uris.0", "https://127.1/callback"),
        ("services.0.redirect_uris.0", "https://0.0.0.0/callback"),
        ("services.0.redirect_uris.0", "https://LOCALHOST./callback"),
        ("services.0.home", "http://tax.example/"),
        ("providers.0.openid.issuer", "http://id.bank.example"),
        ("providers.0.openid.issuer", "https://localhost:8003/northbank"),
        ("providers.0.openid.issuer", "https://simulator.localhost/northbank"),
        ("notifications", {"outbox": "outbox"}),
        ("inspector", True),
    ],
)
def test_what_is_for_development_alone_is_refused_in_production(
    production: Configuration, path: str, value: Any
) -> None:
    production.change("broker.toml", path, value)
    place = path.replace(".0", "[0]").replace("notifications", "notifications.outbox")
    assert {problem.path for problem in production.problems()} == {f"broker.toml: {place}"}
    production.change("broker.toml", "environment", "development")
    assert not isinstance(production.load(), list)


def test_services_register_in_development_and_into_a_folder(production: Configuration, tmp_path: Path) -> None:
    production.change("broker.toml", "dynamic_registration", True)
    assert [problem.what for problem in production.problems()] == ["it permits registration without authentication"]
    production.change("broker.toml", "environment", "development")
    assert production.settings().broker.dynamic_registration
    alone = load(tmp_path / "broker.toml", KINDS)
    assert isinstance(alone, list)
    assert [str(problem).partition("\n")[0] for problem in alone] == [
        "broker.toml: dynamic_registration: dynamic registration needs a folder of files"
    ]


@pytest.mark.parametrize(
    ("section", "url", "what"),
    [
        ("database", "sqlite:facts.db", "SQLite supports one worker"),
        ("ephemeral", "memory:", "workers cannot share memory"),
    ],
)
def test_stores_of_one_process_take_one_worker(production: Configuration, section: str, url: str, what: str) -> None:
    production.change("broker.toml", "metrics", {"folder": "metrics"})
    production.change("broker.toml", "listen", {"workers": 2})
    assert production.settings()
    production.change("broker.toml", f"{section}.url", url)
    assert [problem.what for problem in production.problems()] == [what]
    production.change("broker.toml", "listen", {"workers": 1})
    assert production.settings()


@pytest.mark.parametrize("uri", ["https://sign-in.agency.example/x", "https://console.agency.example:8443/x"])
def test_no_answer_goes_to_the_brokers_own_hosts(production: Configuration, uri: str) -> None:
    production.change("broker.toml", "services.0.redirect_uris", [uri])
    assert [problem.what for problem in production.problems()] == ["this is an address of the broker itself"]


def test_in_production_citizens_are_told_whom_to_turn_to(production: Configuration) -> None:
    production.change("broker.toml", "services.0.contact", " ")
    assert [problem.path for problem in production.problems()] == ["broker.toml: services[0].contact"]


@pytest.mark.parametrize("host", ["localhost.agency.example", "127.agency.example", "[2001:db8::1]", "192.0.2.1"])
def test_other_hosts_are_fine_in_production(production: Configuration, host: str) -> None:
    production.change("broker.toml", "services.0.redirect_uris.0", f"https://{host}/callback")
    assert production.settings().services["tax"].redirect_uris == (f"https://{host}/callback",)


def test_several_workers_need_a_folder_for_their_counters(production: Configuration) -> None:
    production.change("broker.toml", "listen", {"workers": 2})
    assert [problem.path for problem in production.problems()] == ["broker.toml: metrics.folder"]


def test_a_secret_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(" p@ss/word \n# of the database\n")
    assert read_secret(tmp_path / "password") == "p@ss/word"
    (tmp_path / "password").write_text("\n")
    with pytest.raises(ValueError, match="empty"):
        read_secret(tmp_path / "password")


ENCRYPTION_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "use": "enc",
    "kid": "to-us",
    "x": "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
    "y": "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",
}
"""A public key of RFC 7517, appendix A.1's kind, to encrypt to (its point is that of RFC 7518, appendix C)."""

# --- nothing is lost between the file and the record ---


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
        "jwks": {
            "keys": [
                {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
                ENCRYPTION_KEY,
            ]
        },
    }
    for name, value in said.items():
        config.change(DEMO, name, value)
    texts = {"en": "a", "cy": "b"}
    expected = said | {
        "client_id": "demo-service",
        "level": Level.HIGH,
        "providers": ("eid",),
        "claim_purposes": (ClaimPurpose("name", texts),),
        "other_ways": (OtherWay(texts, "https://a.example/"),),
        "answer_timeout": 7200,
        "tls_subject": None,
        "response_encryption": Encryption("ECDH-ES", "A256GCM"),
        "id_token_encryption": Encryption("ECDH-ES", "A256GCM"),
        "userinfo_encryption": Encryption("ECDH-ES", "A256GCM"),
        "introspection_encryption": Encryption("ECDH-ES", "A256GCM"),
        "names": {"en": "Aberlan Council", "cy": "Cyngor Aberlan"},
        "redirect_uris": ("http://localhost:8002/callback",),
        "post_logout_redirect_uris": ("http://localhost:8002/",),
        "home": "http://localhost:8002/",
        "scopes": ("openid", "profile"),
        "jwks_uri": None,
        "cors_origins": ("http://localhost:8002",),
    }
    del expected["secret_file"], expected["claims"]
    service = config.settings().services["demo-service"]
    assert {name.name: getattr(service, name.name) for name in fields(Service)} == expected


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
        assert production.settings().services["tax"].tls_subject == TlsSubject(**subject)
    else:
        assert [problem.path for problem in production.problems()] == [f"broker.toml: services[0].{place}"]


APP: dict[str, Any] = {"profile": "oidc", "authentication": "none", "sector": "tax.example", "jwks": None}


def app(production: Configuration, **changes: Any) -> Configuration:
    """The service made into an app on citizens' devices."""
    for name, value in (APP | changes).items():
        production.change("broker.toml", f"services.0.{name}", value)
    return production


@pytest.mark.parametrize(
    ("uri", "fine"),
    [
        ("https://tax.example/app", True),
        ("http://127.0.0.1/callback", True),
        ("http://127.0.0.1:8123/callback", True),
        ("http://[::1]/callback", True),
        ("example.tax.app:/callback", True),
        ("http://localhost/callback", False),
        ("http://127.0.0.2/callback", False),
        ("http://127.0.0.1", False),
        ("http://127.0.0.1.evil.example/callback", False),
        ("http://user@127.0.0.1/callback", False),
        ("http://tax.example/callback", False),
        ("https://localhost/callback", False),
        ("taxapp:/callback", False),
        ("example.tax.app://callback", True),
        ("msauth.example.tax.app://auth", True),
        ("example.tax.app://callback/back", True),
        ("example.tax.app:///callback", False),
        ("example.tax.app://someone@callback", False),
        ("msauth://example.tax.app/c2lnbmF0dXJl", False),
        ("example.tax.app:callback", False),
        ("example.tax.app:/callback#top", False),
        ("example.tax.app:/*", False),
        ("javascript:/alert(1)", False),
        ("/callback", False),
    ],
)
def test_an_app_is_answered_where_nobody_else_can_listen(production: Configuration, uri: str, fine: bool) -> None:
    app(production, redirect_uris=[uri])
    if fine:
        assert production.settings().services["tax"].redirect_uris == (uri,)
    else:
        assert {problem.path for problem in production.problems()} == {"broker.toml: services[0].redirect_uris[0]"}


def test_a_service_that_is_no_app_is_never_answered_on_somebody_s_device(production: Configuration) -> None:
    for uri in ("http://127.0.0.1/callback", "example.tax.app:/callback"):
        production.change("broker.toml", "services.0.sector", "tax.example")
        production.change("broker.toml", "services.0.redirect_uris", [uri])
        assert {problem.path for problem in production.problems()} == {"broker.toml: services[0].redirect_uris[0]"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pkce_required", False),
        ("binding", "mtls"),
        ("introspection", True),
        ("ciba", "poll"),
        ("profile", "fapi2"),
        ("sector", None),
    ],
)
def test_what_an_app_cannot_be(production: Configuration, name: str, value: Any) -> None:
    app(production, redirect_uris=["http://127.0.0.1/callback"], **({} if name == "sector" else {name: value}))
    if name == "sector":
        production.change("broker.toml", "services.0.sector", None)
    place = "authentication" if name == "profile" else name
    assert f"broker.toml: services[0].{place}" in {problem.path for problem in production.problems()}


def test_an_app_may_be_registered_without_a_key_and_with_the_origins_of_its_pages(production: Configuration) -> None:
    page = ["https://app.example", "https://app.example:8443", "https://xn--bcher-kva.example"]
    app(production, redirect_uris=["https://app.example/"], sender_constrained=False, cors_origins=page)
    service = production.settings().services["tax"]
    assert (service.token_binding, service.sender_constrained, list(service.cors_origins)) == (None, False, page)


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("binding", "dpop", "sender_constrained"),
        ("profile", "fapi2", "sender_constrained"),
        ("pkce_required", False, "pkce_required"),
        ("cors_origins", ["http://app.example"], "cors_origins[0]"),
        ("cors_origins", ["https://localhost"], "cors_origins[0]"),
        ("cors_origins", ["https://app.example/", "https://b.example"], "cors_origins[0]"),
    ],
)
def test_what_an_app_without_a_key_cannot_be(production: Configuration, name: str, value: Any, place: str) -> None:
    app(production, redirect_uris=["https://app.example/"], sender_constrained=False, **{name: value})
    assert f"broker.toml: services[0].{place}" in {problem.path for problem in production.problems()}


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


def test_services_with_public_subjects_share_one_sector_that_nobody_can_name(production: Configuration) -> None:
    production.change("broker.toml", "services.0.subject_type", "public")
    found = production.settings().services["tax"]
    assert (found.subject_type, found.sector) == (SubjectType.PUBLIC, PUBLIC_SECTOR)
    production.change("broker.toml", "services.0.subject_type", "pairwise")
    production.change("broker.toml", "services.0.sector", PUBLIC_SECTOR)
    assert isinstance(production.load(), list)


def test_a_secret_is_known_by_its_digest_alone(config: Configuration) -> None:
    plain = read_secret(config.folder.parent / ".demo" / "secrets" / "demo-service")
    settings = config.settings()
    assert settings.services["demo-service"].secret_digest == hashlib.sha256(plain.encode()).hexdigest()
    assert plain not in repr(settings)


@pytest.mark.parametrize("text", ["", "\n", "short", "x" * 21])
def test_a_secret_that_can_be_guessed_is_refused(config: Configuration, text: str) -> None:
    (config.folder.parent / ".demo" / "secrets" / "demo-service").write_text(text)
    assert [problem.path for problem in config.problems()] == [f"{DEMO}: secret_file"]


def test_a_file_that_cannot_be_read_makes_no_further_problem_elsewhere(config: Configuration) -> None:
    config.change(BANK, "policy.services", ["land-register"])
    config.change("services/travel-office.toml", "providers", ["eid"])
    config.change("services/travel-office.toml", "assisted", False)
    (config.folder / FAPI).write_text("?")
    (config.folder / "providers/eid.toml").write_text("?")
    assert [problem.path for problem in config.problems()] == [FAPI, "providers/eid.toml"]


def test_the_listing_of_a_provider_arrives_with_its_dates_in_seconds(config: Configuration) -> None:
    config.change(
        BANK,
        "policy",
        {
            "enabled": False,
            "services": ["demo-service"],
            "accept_new_until": date(2027, 3, 31),
            "accept_sign_in_until": date(2027, 6, 30),
            "paused": {"en": "Works", "cy": "Gwaith"},
            "paused_until": date(2027, 1, 1),
            "languages": ["en"],
            "weight": 3,
            "staff_only": True,
            "contact": "here",
        },
    )
    assert config.settings().providers["northbank"].policy == ProviderPolicy(
        enabled=False,
        services=("demo-service",),
        accept_new_until=1806451200.0,
        accept_sign_in_until=1814313600.0,
        paused={"en": "Works", "cy": "Gwaith"},
        paused_until=1798761600.0,
        languages=("en",),
        weight=3,
        staff_only=True,
        contact="here",
    )


def test_what_a_listing_holds_can_be_configured() -> None:
    assert {one.name for one in fields(ProviderPolicyFile)} == {one.name for one in fields(ProviderPolicy)}


def test_the_table_assisted_is_the_policy_of_cases_with_its_defaults_and_business_hours(config: Configuration) -> None:
    london = BusinessHours(time_zone="Europe/London")
    assert config.settings().broker.assisted == CasePolicy(hours=london)
    config.change("broker.toml", "assisted.lease", "10 minutes")
    config.change("broker.toml", "assisted.hours.days", ["sat", "sun"])
    hours = BusinessHours(("sat", "sun"), time_zone="Europe/London")
    assert config.settings().broker.assisted == CasePolicy(lease=600, hours=hours)


def test_every_rule_for_the_picker_can_be_configured() -> None:
    assert {rule.value for rule in PickerOrder} == {rule.value for rule in DisplayOrder}


# --- addresses ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:8000", ("::1", 8000)), ("localhost:0", ("localhost", 0))],
)
def test_an_address_is_a_host_and_a_port(text: str, expected: tuple[str, int]) -> None:
    assert address(text) == expected


@given(st.text() | st.from_regex(r"[a-z:\[\]]{0,4}:[0-9]{1,6}", fullmatch=True))
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    try:
        host, port = address(text)
    except ValueError:
        return
    assert host and 0 <= port <= 65535 and int(text.rpartition(":")[2]) == port


@given(st.text(alphabet=st.characters(max_codepoint=0x2FF), max_size=20))
def test_an_address_that_passes_in_production_is_absolute_https_without_fragment(tail: str) -> None:
    for url in (tail, f"https://{tail}", f"https://a.example/{tail}"):
        if not list(check_url("home", url, development=False)):
            assert url.isascii() and url.isprintable() and " " not in url and "#" not in url
            assert url.lower().startswith("https://") and urlsplit(url).hostname


@pytest.mark.parametrize(
    ("settings", "protected"),
    [
        ({"url": "postgresql://a@db.example/p"}, True),
        ({"url": "postgresql://a@10.0.0.7/p"}, True),
        ({"url": "postgresql://a@localhost/p"}, False),
        ({"url": "postgresql://a@127.0.0.1/p"}, False),
        ({"url": "postgresql://a@[::1]/p"}, False),
        ({"url": "postgresql://a@db.example/p", "tls": False}, False),
        ({"url": "postgresql://a@127.0.0.1/p", "tls": True}, True),
        ({"url": "postgresql://a@127.0.0.1/p", "ca_file": Path("ca.pem")}, True),
        ({"url": "sqlite:facts.db"}, False),
    ],
)
def test_postgresql_is_reached_by_verified_tls_unless_it_is_this_machine_or_said_otherwise(
    settings: dict[str, Any], protected: bool
) -> None:
    how = DatabaseSettings(**settings).protection
    assert (how is not None) is protected
    assert how is None or how.verify


@pytest.mark.parametrize(
    ("url", "protected"),
    [
        ("redis://cache/0", False),
        ("rediss://cache/0", True),
        ("rediss+sentinel://one/service", True),
        ("rediss+cluster://one", True),
        ("redis+cluster://one", False),
        ("memory:", False),
    ],
)
def test_the_scheme_of_a_redis_says_whether_it_is_reached_by_verified_tls(url: str, protected: bool) -> None:
    how = EphemeralSettings(url).protection
    assert (how is not None) is protected
    assert how is None or how.verify


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"url": "redis://cache.example/0"}, "ephemeral.url"),
        ({"url": "redis://portico@10.0.0.7:6379/0"}, "ephemeral.url"),
        ({"url": "redis://cache.example/0", "tls": True}, "ephemeral.tls"),
        ({"url": "rediss://cache.example/0", "tls": False}, "ephemeral.tls"),
        ({"url": "redis://cache.example/0", "tls": False}, None),
        ({"url": "rediss://cache.example/0"}, None),
        ({"url": "rediss://cache.example/0", "tls": True}, None),
        ({"url": "redis://127.0.0.1:6379/0"}, None),
        ({"url": "redis://[::1]:6379/0"}, None),
        ({"url": "redis://localhost/0"}, None),
        ({"url": "redis+sentinel://localhost/service"}, "ephemeral.url"),
        ({"url": "redis+sentinel://localhost/service", "tls": False}, None),
        ({"url": "rediss+sentinel://one,two/service"}, None),
        ({"url": "rediss+cluster://one,two"}, None),
        ({"url": "redis+cluster://localhost"}, "ephemeral.url"),
        ({"url": "redis://one,two/0"}, "ephemeral.url"),
        ({"url": "redis+cluster://one/3", "tls": False}, "ephemeral.url"),
        ({"url": "rediss+cluster://ann:secret@one,two"}, "ephemeral.url"),
        ({"url": "rediss+cluster://one", "sentinel_user": "ann"}, "ephemeral.sentinel_user"),
        ({"url": "rediss+sentinel://one/service", "sentinel_user": "ann"}, "ephemeral.sentinel_user"),
        ({"url": "rediss://one", "sentinel_password_file": "broker.toml"}, "ephemeral.sentinel_password_file"),
        ({"url": "rediss+sentinel://one/s", "sentinel_password_file": "none"}, "ephemeral.sentinel_password_file"),
    ],
)
def test_a_plain_connection_to_redis_on_another_host_must_be_said(
    production: Configuration, settings: dict[str, Any], path: str | None
) -> None:
    production.change("broker.toml", "ephemeral", settings)
    if path is None:
        assert production.settings().broker.ephemeral.url == settings["url"]
    else:
        assert [problem.path for problem in production.problems()] == [f"broker.toml: {path}"]


@pytest.mark.parametrize("path", ["secret_file", "jwks_file"])
def test_a_secret_in_the_place_of_a_file_s_name_is_not_repeated(config: Configuration, path: str) -> None:
    value = "nN2wG1mPzT06j8Qh3Vv5y7Kk9LdR"
    config.change(FAPI if path == "jwks_file" else DEMO, path, value)
    found = [problem for problem in config.problems() if problem.path.endswith(path)]
    assert [problem.fix for problem in found] == ["put it into a file, and name the file"]
    assert value not in "".join(map(str, found))


def test_languages_in_settings_are_read_without_regard_to_case(config: Configuration) -> None:
    """BCP 47 2.1.1."""
    names = config.settings().services["demo-service"].names
    config.change(DEMO, "names", {code.upper(): name for code, name in names.items()})
    config.change("broker.toml", "languages", [code.upper() for code in config.settings().broker.languages])
    assert config.settings().services["demo-service"].names == names
    assert set(config.settings().broker.languages) == {code.lower() for code in config.settings().broker.languages}

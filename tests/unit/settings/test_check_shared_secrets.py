"""No key and no secret has two uses: copies are found in every encoding, wherever both are named."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from broker.crypto.jose import load_signing_key, new_signing_key_pem, pem_thumbprint, public_jwk, thumbprint
from broker.crypto.keys import KeysUnusable, load_all
from broker.wiring.admin import check_keys
from tests.support.configuration import Configuration
from tests.unit.crypto.keys.folders import small
from tests.unit.settings.examples import BANK, DEMO, EID, FAPI, HARBOUR, TRAVEL

Change = Callable[[Configuration, Path], None]


@pytest.fixture
def secrets(config: Configuration) -> Path:
    """The folder of keys and secrets."""
    return config.folder.parent / ".demo" / "secrets"


def other_encoding(pem: bytes) -> bytes:
    """The same key as SEC 1 or PKCS 1 in place of PKCS 8."""
    private = load_pem_private_key(pem, None)
    found: bytes = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return found


def copy_key(_config: Configuration, secrets: Path) -> None:
    (secrets / "northbank.pem").write_bytes((secrets / "eid.pem").read_bytes())


def copy_key_otherwise(_config: Configuration, secrets: Path) -> None:
    (secrets / "northbank.pem").write_bytes(other_encoding((secrets / "eid.pem").read_bytes()))


def copy_key_with_text(_config: Configuration, secrets: Path) -> None:
    (secrets / "northbank.pem").write_bytes(b"for Northbank\n" + (secrets / "eid.pem").read_bytes() + b"\n\n")


def link_key(_config: Configuration, secrets: Path) -> None:
    (secrets / "northbank.pem").unlink()
    (secrets / "northbank.pem").symlink_to(secrets / "eid.pem")


def name_key_twice(config: Configuration, _secrets: Path) -> None:
    config.change(BANK, "openid.key_file", "../../.demo/secrets/../secrets/eid.pem")


def copy_key_of_staff(_config: Configuration, secrets: Path) -> None:
    (secrets / "staff.pem").write_bytes(other_encoding((secrets / "northbank.pem").read_bytes()))


def copy_secret_of_service(_config: Configuration, secrets: Path) -> None:
    (secrets / "travel-office").write_bytes((secrets / "demo-service").read_bytes() + b"\nwith a note")


def give_digest_of_other(config: Configuration, secrets: Path) -> None:
    text = (secrets / "demo-service").read_text().strip()
    config.change(TRAVEL, "secret_file", None)
    config.change(TRAVEL, "secret_digest", hashlib.sha256(text.encode()).hexdigest())


def copy_secret_of_provider(_config: Configuration, secrets: Path) -> None:
    (secrets / "travel-office").write_bytes((secrets / "harbour").read_bytes())


def share_keys_under_another_kid(config: Configuration, secrets: Path) -> None:
    key = json.loads((secrets / "land-register.jwks.json").read_text())["keys"][0]
    config.change(DEMO, "authentication", "private_key_jwt")
    config.change(DEMO, "secret_file", None)
    config.change(DEMO, "jwks", {"keys": [{**key, "kid": "another"}]})


def share_address_of_keys(config: Configuration, _secrets: Path) -> None:
    for file, credential in ((DEMO, "secret_file"), (FAPI, "jwks_file")):
        config.change(file, credential, None)
        config.change(file, "authentication", "private_key_jwt")
        config.change(file, "jwks_uri", "https://service.example/jwks")


def use_key_of_service_at_provider(_config: Configuration, secrets: Path) -> None:
    (secrets / "eid.pem").write_bytes((secrets / "land-register.pem").read_bytes())


def name_token_file_twice(config: Configuration, secrets: Path) -> None:
    (secrets / "token").write_text("a" * 30)
    config.change("broker.toml", "metrics.token_file", "../.demo/secrets/token")
    config.change("broker.toml", "ephemeral.password_file", "../.demo/secrets/token")


def use_secret_of_provider_as_token(config: Configuration, secrets: Path) -> None:
    (secrets / "token").write_bytes((secrets / "harbour").read_bytes())
    config.change("broker.toml", "metrics.token_file", "../.demo/secrets/token")


SHARED: list[tuple[Change, str, str]] = [
    (copy_key, f"{BANK}: openid.key_file", 'the provider "eid" has the same key'),
    (copy_key_otherwise, f"{BANK}: openid.key_file", 'the provider "eid" has the same key'),
    (copy_key_with_text, f"{BANK}: openid.key_file", 'the provider "eid" has the same key'),
    (link_key, f"{BANK}: openid.key_file", 'the provider "eid" uses the same file'),
    (name_key_twice, f"{BANK}: openid.key_file", 'the provider "eid" uses the same file'),
    (copy_key_of_staff, "staff.toml: provider.openid.key_file", 'the provider "northbank" has the same key'),
    (copy_secret_of_service, f"{TRAVEL}: secret_file", 'the service "demo-service" has the same secret'),
    (give_digest_of_other, f"{TRAVEL}: secret_digest", 'the service "demo-service" has the same secret'),
    (copy_secret_of_provider, f"{TRAVEL}: secret_file", 'the provider "harbour" has the same secret'),
    (share_keys_under_another_kid, f"{FAPI}: jwks_file", 'the service "demo-service" has the same key'),
    (share_address_of_keys, f"{FAPI}: jwks_uri", 'the service "demo-service" has the same jwks_uri'),
    (use_key_of_service_at_provider, f"{FAPI}: jwks_file", 'the provider "eid" has the same key'),
    (name_token_file_twice, "broker.toml: metrics.token_file", "ephemeral.password_file uses the same file"),
    (use_secret_of_provider_as_token, f"{HARBOUR}: openid.secret_file", "broker.toml has the same secret"),
]


@pytest.mark.parametrize(("change", "place", "what"), SHARED, ids=lambda value: getattr(value, "__name__", None))
def test_a_key_or_secret_with_two_uses_is_a_problem_with_place_owner_and_fix(
    config: Configuration, secrets: Path, change: Change, place: str, what: str
) -> None:
    change(config, secrets)
    found = [problem for problem in config.problems() if problem.path == place and what in problem.what]
    assert found, config.problems()
    assert all(problem.fix for problem in found)


def test_a_file_that_is_named_twice_is_a_problem_before_it_exists(config: Configuration, secrets: Path) -> None:
    for name in ("eid", "northbank"):
        (secrets / f"{name}.pem").unlink()
        config.change(f"providers/{name}.toml", "openid.key_file", "../../.demo/secrets/new.pem")
    found = config.problems(prepared=False)
    assert [(problem.path, problem.what) for problem in found] == [
        (f"{BANK}: openid.key_file", 'the provider "eid" uses the same file')
    ]


def test_passwords_of_stores_may_be_alike_in_files_of_their_own(config: Configuration, secrets: Path) -> None:
    for name in ("token", "password"):
        (secrets / name).write_text("the-same-text-in-both-of-them")
    config.change("broker.toml", "metrics.token_file", "../.demo/secrets/token")
    config.change("broker.toml", "ephemeral.password_file", "../.demo/secrets/password")
    config.settings()


def test_a_service_may_sign_and_be_written_to_with_one_key(config: Configuration, secrets: Path) -> None:
    file = secrets / "land-register.jwks.json"
    [key] = json.loads(file.read_text())["keys"]
    enc = {name: value for name, value in key.items() if name != "alg"} | {"use": "enc", "kid": "enc"}
    file.write_text(json.dumps({"keys": [key, enc]}))
    config.settings()


def test_where_services_register_by_themselves_they_may_share_a_key(config: Configuration, secrets: Path) -> None:
    share_keys_under_another_kid(config, secrets)
    assert config.problems()
    config.change("broker.toml", "dynamic_registration", value=True)
    assert not [problem for problem in _problems(config) if "same key" in problem]


def _problems(config: Configuration) -> list[str]:
    found = config.load()
    return list(map(str, found)) if isinstance(found, list) else list(map(str, check_keys(found)))


# --- the broker's own keys ---


def own(config: Configuration, begins: str) -> Path:
    """A private key of the key folder."""
    return next((config.folder.parent / ".demo" / "keys").glob(f"{begins}*.pem"))


@pytest.mark.parametrize("begins", ["es256", "audit", "ecdh"])
def test_a_key_of_the_broker_is_no_key_at_a_provider(config: Configuration, secrets: Path, begins: str) -> None:
    pem = own(config, begins).read_bytes()
    private = load_signing_key(pem, "EdDSA" if begins == "audit" else "ES256")
    (secrets / "eid.pem").write_bytes(pem if begins == "audit" else other_encoding(pem))
    config.change(EID, "openid.key_algorithm", private.alg)
    [problem] = check_keys(config.settings())
    assert problem.path == f"{EID}: openid.key_file"
    assert "the key folder" in problem.what
    assert "has the same key" in problem.what


def test_a_public_key_of_the_broker_is_no_key_of_a_service(config: Configuration, secrets: Path) -> None:
    jwk = public_jwk(load_signing_key(own(config, "es256").read_bytes(), "ES256"))
    (secrets / "land-register.jwks.json").write_text(json.dumps({"keys": [dict(jwk)]}))
    [problem] = check_keys(config.settings())
    assert problem.path == f"{FAPI}: jwks_file"


@pytest.mark.usefixtures("secrets")
def test_a_file_of_the_folder_of_keys_is_named_nowhere_else(config: Configuration) -> None:
    config.change(EID, "openid.key_file", str(own(config, "es256")))
    assert any("uses the same file" in problem.what for problem in check_keys(config.settings()))


def test_the_examples_share_nothing(config: Configuration) -> None:
    assert list(check_keys(config.settings())) == []


def private_bytes(pem: bytes) -> bytes:
    """The 32 bytes of a private key on P-256 or Ed25519."""
    private = load_pem_private_key(pem, None)
    numbers = getattr(private, "private_numbers", None)
    found: bytes = private.private_bytes_raw() if numbers is None else numbers().private_value.to_bytes(32)  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize(
    ("copied", "to", "what"),
    [
        ("eddsa", "audit", "the same key signs tokens"),
        ("audit", "sealing", "the same bytes are a private key of this folder"),
        ("es256", "sealing", "the same bytes are a private key of this folder"),
    ],
)
def test_keys_of_the_audit_and_secrets_that_seal_are_used_for_nothing_else(
    tmp_path: Path, copied: str, to: str, what: str
) -> None:
    folder = small(tmp_path / "keys", "ES256", "EdDSA")
    load_all(folder)
    files = {name: next(folder.glob(f"{name}*")) for name in ("es256", "eddsa", "audit", "sealing")}
    content = files[copied].read_bytes()
    files[to].write_bytes(private_bytes(content) if to == "sealing" else content)
    with pytest.raises(KeysUnusable) as unusable:
        load_all(folder)
    assert [(problem.path, problem.what) for problem in unusable.value.problems] == [(str(files[to]), what)]


def test_a_sealing_secret_is_not_listed_twice(tmp_path: Path) -> None:
    folder = small(tmp_path / "keys", "ES256")
    sealing = next(folder.glob("sealing*"))
    copy = folder / "old.key"
    copy.write_bytes(sealing.read_bytes())
    copy.chmod(0o600)
    index = folder / "keys.toml"
    before, table, after = index.read_text().partition("[sealing]")
    index.write_text(before + table + after.replace("previous = []", 'previous = ["old.key"]', 1))
    with pytest.raises(KeysUnusable) as unusable:
        load_all(folder)
    assert [problem.what for problem in unusable.value.problems] == ["the same secret is listed twice"]


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "RS256"])
def test_the_thumbprint_of_a_private_key_is_that_of_its_public_half(alg: str) -> None:
    pem = new_signing_key_pem(alg)
    expected = thumbprint(load_signing_key(pem, alg).jwk)
    assert pem_thumbprint(pem) == expected
    if alg != "EdDSA":
        assert pem_thumbprint(other_encoding(pem)) == expected


@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_no_key_has_no_thumbprint(content: bytes) -> None:
    with pytest.raises(ValueError, match="no unencrypted private key"):
        pem_thumbprint(content)

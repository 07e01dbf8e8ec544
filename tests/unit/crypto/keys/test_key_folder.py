"""Folder of keys: creation, loading, and the problems that it reports with their fixes."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.crypto import jose, jwe, keys
from broker.crypto.keys import KeyRing, KeysUnusable
from tests.support.system import FakeRandom


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("broker") / "keys"
    keys.create_all(folder, FakeRandom().draw)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of the folder that a test may spoil."""
    return Path(shutil.copytree(made, tmp_path / "keys"))


def edit(folder: Path, change: Callable[[str], str]) -> None:
    index = folder / keys.INDEX
    index.write_text(change(index.read_text()))


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def refusal(folder: Path) -> str:
    with pytest.raises(KeysUnusable) as refused:
        keys.load_all(folder)
    return str(refused.value)


def test_a_first_set_of_keys_can_be_used_as_it_is(made: Path) -> None:
    ring = keys.load_all(made)
    assert ring.algorithms == ("ES256", "PS256", "EdDSA", "RS256")
    for alg in ring.algorithms:
        token = jose.sign({"sub": "abc"}, ring.signing(alg))
        assert jose.verify(token, ring.public, [alg]).claims == {"sub": "abc"}
        assert jose.verify(token, jose.parse_keys(ring.jwks()), [alg]).claims == {"sub": "abc"}
    assert len(ring.sealing) == 32
    assert ring.sealing_previous == ()
    checkpoint = jose.sign({"head": "x"}, ring.audit, "checkpoint+jwt")
    assert jose.verify(checkpoint, ring.audit_public, [ring.audit.alg], "checkpoint+jwt").claims == {"head": "x"}


def test_the_key_of_checkpoints_is_not_among_the_published_ones(made: Path) -> None:
    ring = keys.load_all(made)
    assert ring.audit.kid not in ring.jwks().decode()


def test_only_the_owner_can_read_the_files(made: Path) -> None:
    assert made.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in made.iterdir()} == {0o600}


def test_the_published_set_holds_nothing_private(made: Path) -> None:
    published = json.loads(keys.load_all(made).jwks())["keys"]
    assert [jwk["use"] for jwk in published] == ["sig"] * 4 + ["enc"] * 2
    for jwk in published:
        assert set(jwk) <= {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"}


def test_what_is_encrypted_to_a_published_key_is_opened_with_the_ring(made: Path) -> None:
    ring = keys.load_all(made)
    for key in jwe.parse_encryption_keys(json.loads(ring.jwks())):
        (alg,) = key.algorithms
        opened = jwe.decrypt(jwe.encrypt(b"x", key, alg, "A256GCM"), ring.decryption, [alg], ["A256GCM"])
        assert opened.payload == b"x"


def test_no_two_sets_are_alike(made: Path, tmp_path: Path) -> None:
    keys.create_all(tmp_path / "other", FakeRandom().draw, ["ES256"])
    assert keys.load_all(tmp_path / "other").signing("ES256").kid != keys.load_all(made).signing("ES256").kid


def test_keys_that_are_there_are_never_replaced(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(KeysUnusable, match="there are keys already"):
        keys.create_all(folder, FakeRandom().draw)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def with_next(folder: Path) -> KeyRing:
    """The folder with another ES256 key, announced and not yet used."""
    path = folder / "es256-new.pem"
    path.write_bytes(jose.new_signing_key_pem("ES256"))
    path.chmod(0o600)
    edit(folder, lambda text: f'[[signing]]\nfile = "{path.name}"\nalg = "ES256"\nstate = "next"\n\n{text}')
    return keys.load_all(folder)


def test_a_next_key_is_shown_before_it_signs(folder: Path) -> None:
    before = keys.load_all(folder)
    ring = with_next(folder)
    assert ring.signing("ES256").kid == before.signing("ES256").kid
    assert len(ring.public.keys) == 5


def test_no_verification_fails_through_a_rotation(folder: Path) -> None:
    before = keys.load_all(folder)
    old = jose.sign({"sub": "old"}, before.signing("ES256"))
    announced = with_next(folder)
    edit(folder, lambda text: text.replace('"ES256"\nstate = "current"', '"ES256"\nstate = "retired"'))
    edit(folder, lambda text: text.replace('state = "next"', 'state = "current"'))
    after = keys.load_all(folder)
    new = jose.sign({"sub": "new"}, after.signing("ES256"))
    assert after.signing("ES256").kid != before.signing("ES256").kid
    for published in (jose.parse_keys(announced.jwks()), jose.parse_keys(after.jwks())):
        assert jose.verify(old, published, ["ES256"]).claims == {"sub": "old"}
        assert jose.verify(new, published, ["ES256"]).claims == {"sub": "new"}


def test_a_previous_sealing_secret_is_kept(folder: Path) -> None:
    first = only(folder, "sealing-*.key")
    second = folder / "sealing-new.key"
    second.write_bytes(bytes(32))
    second.chmod(0o600)
    edit(
        folder,
        lambda text: text.replace(
            f'current = "{first.name}"\nprevious = []', f'current = "{second.name}"\nprevious = ["{first.name}"]'
        ),
    )
    ring = keys.load_all(folder)
    assert (ring.sealing, ring.sealing_previous) == (bytes(32), (first.read_bytes(),))
    assert keys.load_sealing(folder) == (bytes(32), [first.read_bytes()])


def test_sealing_secrets_that_cannot_be_used_are_reported_without_the_other_keys(folder: Path) -> None:
    for path in folder.glob("*.pem"):
        path.unlink()
    assert len(keys.load_sealing(folder)[0]) == 32
    expected = cut_secret(folder)
    with pytest.raises(KeysUnusable, match=re.escape(expected)):
        keys.load_sealing(folder)


def test_an_algorithm_without_a_key_is_named(tmp_path: Path) -> None:
    keys.create_all(tmp_path / "keys", FakeRandom().draw, ["ES256"])
    with pytest.raises(KeysUnusable, match="RS256"):
        keys.load_all(tmp_path / "keys").signing("RS256")


def test_a_folder_without_keys_says_how_to_make_some(tmp_path: Path) -> None:
    assert "portico keys init" in refusal(tmp_path)


def remove_key(folder: Path) -> str:
    path = only(folder, "es256-*.pem")
    path.unlink()
    return str(path)


def spoil_key(folder: Path) -> str:
    path = only(folder, "rs256-*.pem")
    path.write_text("-----BEGIN PRIVATE KEY-----")
    return str(path)


def swap_keys(folder: Path) -> str:
    path = only(folder, "es256-*.pem")
    path.write_bytes(only(folder, "eddsa-*.pem").read_bytes())
    return str(path)


def show_key(folder: Path) -> str:
    path = only(folder, "audit-*.pem")
    path.chmod(0o644)
    return f"chmod o= {path}"


def cut_secret(folder: Path) -> str:
    path = only(folder, "sealing-*.key")
    path.write_bytes(b"short")
    return f"{path}: holds 5 bytes, expected 32"


def break_index(folder: Path) -> str:
    edit(folder, lambda text: text + "\n=")
    return "is not TOML"


def misspell(folder: Path) -> str:
    edit(folder, lambda text: text.replace("current", "curent", 1))
    return "state"


def retire_all(folder: Path) -> str:
    edit(folder, lambda text: text.replace('state = "current"', 'state = "retired"'))
    return "0 keys for RS256 are current"


def list_twice(folder: Path) -> str:
    path = only(folder, "es256-*.pem")
    edit(folder, lambda text: f'[[signing]]\nfile = "{path.name}"\nalg = "ES256"\nstate = "next"\n\n{text}')
    return "listed twice"


def list_nothing(folder: Path) -> str:
    edit(folder, lambda text: "signing = []\n" + text[text.index("[sealing]") :])
    return "no signing key is listed"


@pytest.mark.parametrize(
    "spoil",
    [
        remove_key,
        spoil_key,
        swap_keys,
        show_key,
        cut_secret,
        break_index,
        misspell,
        retire_all,
        list_twice,
        list_nothing,
    ],
)
def test_a_spoiled_folder_is_refused_and_the_refusal_names_the_place(
    folder: Path, spoil: Callable[[Path], str]
) -> None:
    assert spoil(folder) in refusal(folder)


def test_every_problem_is_named_at_once(folder: Path) -> None:
    expected = [spoil_key(folder), remove_key(folder), show_key(folder), cut_secret(folder)]
    said = refusal(folder)
    assert all(each in said for each in expected)


def test_a_ring_does_not_show_its_secrets_in_a_log(made: Path) -> None:
    ring = keys.load_all(made)
    assert repr(ring.sealing) not in repr(ring)
    assert "PrivateKey object" not in repr(ring)

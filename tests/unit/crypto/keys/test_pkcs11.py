"""Keys in a PKCS#11 token: a software token, also while it is unavailable."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.crypto import jose, keys
from broker.crypto.keys import INDEX, KeysUnusable, LiveKeyRing, Pkcs11Tokens, pkcs11_objects
from broker.crypto.keys.index import InToken
from broker.crypto.keys.pkcs11_errors import ALGORITHMS
from broker.crypto.keys.pkcs11_session import WAITING, Pkcs11Module
from broker.crypto.signing import sign
from broker.model.store_results import StoreUnavailable
from tests.support.softhsm import LABEL, PIN, SoftHsm, softhsm
from tests.support.system import FakeClock
from tests.unit.crypto.keys.folders import DAY, DRAW, START, changes, small


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftHsm]:
    made = softhsm(tmp_path / "hsm")
    monkeypatch.setenv("SOFTHSM2_CONF", str(made.conf))
    pkcs11_objects.library(str(made.module)).reinitialize()
    return made


def place(hsm: SoftHsm, label: str) -> InToken:
    return InToken(hsm.module, LABEL, hsm.pin_file, label=label)


def in_token(hsm: SoftHsm, folder: Path, *algorithms: str) -> Path:
    """A folder whose keys for these algorithms are made in the token."""
    small(folder, "ES256")
    lines = []
    for number, alg in enumerate(algorithms):
        tokens = Pkcs11Tokens()
        token = tokens.at(place(hsm, f"key-{alg}"))
        token.library.call(lambda alg=alg, token=token, n=number: token.generate(alg, f"key-{alg}", bytes([n + 1])))
        lines += ["[[signing]]", f"pkcs11 = {hsm.entry(label=f'key-{alg}')}", f'alg = "{alg}"', 'state = "current"', ""]
    index = folder / INDEX
    text = index.read_text()
    kept = text[text.index("[sealing]") :] if "ES256" in algorithms else text[text.index("[[signing]]") :]
    index.write_text("\n".join([*lines, kept]))
    return folder


@pytest.mark.parametrize("alg", sorted(ALGORITHMS))
async def test_a_key_in_a_token_signs_like_any_other(hsm: SoftHsm, tmp_path: Path, alg: str) -> None:
    ring = await asyncio.to_thread(keys.load_all, in_token(hsm, tmp_path / "keys", alg))
    token = await sign({"sub": "abc"}, ring.signing(alg), "jwt")
    found = jose.verify(token, jose.parse_keys(ring.jwks()), [alg])
    assert found.claims == {"sub": "abc"}
    assert found.header == {"alg": alg, "kid": ring.signing(alg).kid, "typ": "jwt"}


async def test_a_key_in_memory_is_signed_with_as_ever(tmp_path: Path) -> None:
    ring = keys.load_all(small(tmp_path / "keys", "EdDSA"))
    assert await sign({"sub": "abc"}, ring.signing("EdDSA")) == jose.sign({"sub": "abc"}, ring.signing("EdDSA"))


def test_the_next_key_is_made_where_the_current_one_is(hsm: SoftHsm, tmp_path: Path) -> None:
    folder = in_token(hsm, tmp_path / "keys", "ES256")
    (shown,) = changes(folder).rotate("ES256", START)
    changes(folder).rotate("ES256", START + 400 * 365 * DAY)
    assert keys.load_all(folder).signing("ES256").kid == shown.kid
    assert list(folder.glob("es256-*.public.json"))
    entry = keys.load_all(folder).listed[shown.kid]
    assert entry.pkcs11 is not None
    assert entry.pkcs11.token == LABEL


def test_the_private_key_cannot_be_extracted_from_the_pkcs11_token(hsm: SoftHsm, tmp_path: Path) -> None:
    in_token(hsm, tmp_path / "keys", "ES256")
    tokens = Pkcs11Tokens()
    token = tokens.at(place(hsm, "key-ES256"))

    def flags() -> tuple[bool, bool]:
        import pkcs11

        key = pkcs11_objects.private_key(token._opened(), "key-ES256", None)
        return key[pkcs11.Attribute.SENSITIVE], key[pkcs11.Attribute.EXTRACTABLE]

    assert token.library.call(flags) == (True, False)


async def test_a_lost_pkcs11_token_is_reported_and_used_again_when_it_returns(
    hsm: SoftHsm, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    folder = in_token(hsm, tmp_path / "keys", "ES256")
    held = await asyncio.to_thread(LiveKeyRing, folder, Pkcs11Tokens(clock.now))
    await sign({}, held.signing("ES256"))
    hsm.pull()
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="token portico"):
            await sign({}, held.signing("ES256"))
        clock.advance(1)
    hsm.plug()
    clock.advance(1)
    token = await sign({"sub": "back"}, held.signing("ES256"))
    assert jose.verify(token, held.public(), ["ES256"]).claims == {"sub": "back"}
    assert [record.message for record in caplog.records].count("hsm_recovered") == 1
    assert {record.message for record in caplog.records} == {"hsm_unavailable", "hsm_recovered"}


async def test_a_lost_pkcs11_token_is_not_searched_at_every_signature(hsm: SoftHsm, tmp_path: Path) -> None:
    clock = FakeClock()
    held = await asyncio.to_thread(LiveKeyRing, in_token(hsm, tmp_path / "keys", "ES256"), Pkcs11Tokens(clock.now))
    hsm.pull()
    with pytest.raises(StoreUnavailable):
        await sign({}, held.signing("ES256"))
    hsm.plug()
    with pytest.raises(StoreUnavailable):
        await sign({}, held.signing("ES256"))
    clock.advance(1)
    await sign({}, held.signing("ES256"))


async def test_without_its_token_a_broker_starts_if_the_public_half_is_kept(hsm: SoftHsm, tmp_path: Path) -> None:
    folder = in_token(hsm, tmp_path / "keys", "ES256")
    hsm.pull()
    pkcs11_objects.library(str(hsm.module)).reinitialize()
    with pytest.raises(KeysUnusable, match=r'there is no token "portico"') as refused:
        await asyncio.to_thread(keys.load_all, folder)
    assert "portico keys init" in str(refused.value)
    hsm.plug()
    pkcs11_objects.library(str(hsm.module)).reinitialize()
    assert len(await asyncio.to_thread(keys.complete_all, folder, DRAW, START)) == 3
    hsm.pull()
    pkcs11_objects.library(str(hsm.module)).reinitialize()
    ring = await asyncio.to_thread(keys.load_all, folder)
    assert json.loads(ring.jwks())["keys"][0]["alg"] == "ES256"
    with pytest.raises(StoreUnavailable):
        await sign({}, ring.signing("ES256"))


async def test_a_wrong_pin_is_tried_once_until_its_file_has_changed(hsm: SoftHsm, tmp_path: Path) -> None:
    folder = in_token(hsm, tmp_path / "keys", "ES256")
    await asyncio.to_thread(keys.complete_all, folder, DRAW, START)
    hsm.pin_file.write_text("000000")
    pkcs11_objects.library(str(hsm.module)).reinitialize()
    clock = FakeClock()
    held = await asyncio.to_thread(LiveKeyRing, folder, Pkcs11Tokens(clock.now))
    for _ in range(30):
        with pytest.raises(StoreUnavailable, match="the PIN is refused"):
            await sign({}, held.signing("ES256"))
        clock.advance(2)
    hsm.pin_file.write_text(PIN)
    await sign({}, held.signing("ES256"))


async def test_another_key_under_the_same_name_does_not_sign(hsm: SoftHsm, tmp_path: Path) -> None:
    folder = in_token(hsm, tmp_path / "keys", "ES256")
    await asyncio.to_thread(keys.complete_all, folder, DRAW, START)
    (public,) = folder.glob("*.public.json")
    other = jose.load_signing_key(jose.new_signing_key_pem("ES256"), "ES256").jwk
    public.write_text(json.dumps({name: other[name] for name in ("kty", "crv", "x", "y")}))
    ring = await asyncio.to_thread(keys.load_all, folder)
    with pytest.raises(StoreUnavailable, match="is not the one that is published"):
        await sign({}, ring.signing("ES256"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"label": "nothing"}, "it holds no public key"),
        ({"token": "other", "label": "key-ES256"}, 'no token "other"'),
        ({"module": "/usr/lib/none.so", "label": "key-ES256"}, "cannot be loaded"),
        ({"pin_file": "/nowhere/pin", "label": "key-ES256"}, "its PIN cannot be read"),
        ({}, "is not a valid description of a key in a token"),
    ],
)
def test_a_wrong_pkcs11_module_token_or_label_is_named(
    hsm: SoftHsm, tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    folder = in_token(hsm, tmp_path / "keys", "ES256")
    index = folder / INDEX
    index.write_text(index.read_text().replace(hsm.entry(label="key-ES256"), hsm.entry(**changed)))
    with pytest.raises(KeysUnusable, match=said):
        keys.load_all(folder)


async def test_slow_pkcs11_calls_block_no_event_loop_and_excess_calls_are_refused(tmp_path: Path) -> None:
    library, thinking = Pkcs11Module(tmp_path / "none.so"), threading.Event()
    waiting = [asyncio.ensure_future(library.ask(thinking.wait)) for _ in range(WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="too many"):
        await library.ask(thinking.wait)
    thinking.set()
    assert all(await asyncio.gather(*waiting))
    library.close()

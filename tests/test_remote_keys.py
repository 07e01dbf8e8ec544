"""Keys that a service shows itself, from a server on loopback that changes them, hangs and talks rubbish."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from broker.actions.letters import letter
from broker.actions.needs import Signing
from broker.ambient import Ambient
from broker.jose import KeySet, SigningKey, load_signing_key, new_signing_key_pem, read_certificate, sign
from broker.jwe import EncryptionKey
from broker.kept import Missed
from broker.model.facts import Unavailable
from broker.model.service import Encryption, Service
from broker.outgoing import Outgoing, Patience
from broker.remote_keys import COOL_DOWN, GRACE, LEAST, MOST, RETRY, RemoteKeys, freshness
from tests.machine.ambient import FakeClock
from tests.machine.certificates import Authority
from tests.machine.key_server import KeyServer, shown

QUICK = Patience(connect=1, read=0.3, whole=0.6)
OLD, NEW = (load_signing_key(new_signing_key_pem("ES256"), "ES256", kid) for kid in ("old", "new"))


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    """It listens, and shows the old key."""
    async with KeyServer(OLD).running() as one:
        yield one


@pytest.fixture
async def keys(server: KeyServer, ambient: Ambient) -> AsyncIterator[RemoteKeys]:
    """The broker's side, which waits less long than in earnest."""
    outgoing = Outgoing(development=True, patience=QUICK)
    yield RemoteKeys("shop", server.url, outgoing.client("keys:shop", limit=1), ambient)
    await outgoing.close()


def token(key: SigningKey) -> str:
    """What a service presents that signed with a key."""
    return sign({"iss": "shop"}, key)


async def has(keys: RemoteKeys, key: SigningKey) -> bool:
    """Whether what this key signed can be verified now."""
    return key.kid in (await keys.keys(token(key))).keys


async def renewed(keys: RemoteKeys) -> None:
    """Waits for a fetch that runs beside."""
    await keys._kept.renew()


async def test_keys_are_fetched_once_and_then_given(keys: RemoteKeys, server: KeyServer) -> None:
    assert all([await has(keys, OLD) for _ in range(3)])
    assert server.asked == 1


async def test_keys_to_encrypt_to_are_those_of_that_use_and_never_mistaken_for_keys_that_sign(
    keys: RemoteKeys, server: KeyServer
) -> None:
    theirs = {**ECKey.generate_key("P-256").as_dict(private=False), "use": "enc", "kid": "theirs"}
    server.body = json.dumps({"keys": [dict(OLD.jwk), theirs]}).encode()
    assert [key.kid for key in await keys.encryption("ECDH-ES")] == ["theirs"]
    assert list((await keys.keys(token(OLD))).keys) == ["old"]
    assert server.asked == 1


async def test_without_keys_to_encrypt_to_nothing_is_written_and_the_service_is_told_to_come_again(
    keys: RemoteKeys, server: KeyServer, ambient: Ambient
) -> None:
    server.status = "500 Oh"
    with pytest.raises(Missed):
        await keys.encryption("ECDH-ES")

    class Ring:
        def signing(self, alg: str) -> SigningKey:
            return OLD

    async def theirs(_: Service, alg: str) -> Sequence[EncryptionKey]:
        return ()

    service = Service("shop", {}, (), "shop.example", "https://shop.example/")
    with pytest.raises(Unavailable):
        await letter({}, service, "ES256", Encryption("ECDH-ES", "A256GCM"), cast(Signing, Ring()), theirs)


async def test_a_new_key_is_found_at_once_and_made_up_key_ids_make_us_ask_once_a_minute(
    keys: RemoteKeys, server: KeyServer, clock: FakeClock
) -> None:
    assert await has(keys, OLD)
    server.body = shown(OLD, NEW)
    assert await has(keys, NEW)
    assert server.asked == 2
    strange = load_signing_key(new_signing_key_pem("ES256"), "ES256", "made-up")
    for _ in range(20):
        assert not await has(keys, strange)
    assert server.asked == 2
    clock.advance(COOL_DOWN)
    assert not await has(keys, strange)
    assert await has(keys, OLD) and await has(keys, NEW)
    assert server.asked == 3


async def test_the_new_key_of_a_certificate_is_found_at_once_too(
    keys: RemoteKeys, server: KeyServer, authority: Authority
) -> None:
    own = authority.own("CN=shop")
    certificate = read_certificate(own.der)
    assert await has(keys, OLD)
    server.body = json.dumps(own.jwks).encode()
    assert certificate.holds_key_of(await keys.keys(certificate))
    assert certificate.holds_key_of(await keys.keys(certificate))
    assert server.asked == 2


async def test_a_key_that_is_shown_no_more_is_believed_until_the_set_is_due(
    keys: RemoteKeys, server: KeyServer, clock: FakeClock
) -> None:
    server.cache = "Cache-Control: max-age=3600\r\n"
    assert await has(keys, OLD)
    server.body = shown(NEW)
    clock.advance(3599)
    assert await has(keys, OLD)
    assert server.asked == 1
    clock.advance(1)
    assert await has(keys, OLD), "the old set is given while the new one is fetched beside"
    await renewed(keys)
    assert not await has(keys, OLD) and await has(keys, NEW)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"not json", "application/json", "200 OK"),
        (b"<html>", "text/html", "200 OK"),
        (b"[]", "application/json", "200 OK"),
        (b'{"keys": 1}', "application/json", "200 OK"),
        (json.dumps({"keys": [{"kty": "oct", "k": "AA"}]}).encode(), "application/json", "200 OK"),
        (json.dumps({"keys": [dict(OLD.jwk)] * 65}).encode(), "application/json", "200 OK"),
        (json.dumps({"keys": [], "more": "x" * 140_000}).encode(), "application/json", "200 OK"),
        (shown(NEW), "application/json", "500 Oops"),
        (shown(NEW), "application/json", "302 Found"),
    ],
    ids=["text", "page", "list", "no set", "secret", "many", "large", "failed", "elsewhere"],
)
async def test_rubbish_changes_nothing_and_is_told_once(
    keys: RemoteKeys,
    server: KeyServer,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
    kind: str,
    status: str,
) -> None:
    assert await has(keys, OLD)
    server.body, server.kind, server.status = body, kind, status
    with caplog.at_level(logging.INFO, "portico.keys"):
        clock.advance(LEAST)
        for _ in range(3):
            assert await has(keys, OLD)
            with pytest.raises(Missed):
                await renewed(keys)
    assert [record.message for record in caplog.records] == ["client_jwks_unavailable"]
    server.body, server.kind, server.status = shown(NEW), "application/json", "200 OK"
    clock.advance(RETRY)
    assert await has(keys, NEW)


async def test_a_server_that_hangs_holds_up_nobody_who_holds_a_known_key(
    keys: RemoteKeys, server: KeyServer, clock: FakeClock
) -> None:
    assert await has(keys, OLD)
    server.open.clear()
    clock.advance(LEAST)
    async with asyncio.timeout(QUICK.whole / 2):
        assert all([await has(keys, OLD) for _ in range(50)])
    clock.advance(GRACE)
    with pytest.raises(Missed):
        await keys.keys(token(OLD))


async def test_without_any_answer_it_is_missed_at_once_until_it_is_time_to_ask_again(
    keys: RemoteKeys, server: KeyServer, clock: FakeClock
) -> None:
    server.status = "503 Away"
    for _ in range(5):
        with pytest.raises(Missed, match="status 503"):
            await keys.keys(token(OLD))
    assert server.asked == 1
    server.status = "200 OK"
    clock.advance(RETRY)
    assert await has(keys, OLD)


async def test_an_empty_set_takes_every_key_back(keys: RemoteKeys, server: KeyServer, clock: FakeClock) -> None:
    assert await has(keys, OLD)
    server.body = shown()
    clock.advance(LEAST)
    await renewed(keys)
    assert await keys.keys(token(OLD)) == KeySet()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", LEAST),
        ("max-age=0", LEAST),
        ("public, max-age=1800", 1800),
        ("Max-Age=1800, public", 1800),
        ('max-age="1800"', 1800),
        ("max-age=9999999999", MOST),
        ("max-age=1800, no-store", LEAST),
        ("no-cache,max-age=1800", LEAST),
        ("s-maxage=1800", LEAST),
        ("max-age=-1", LEAST),
        ("max-age=1e9", LEAST),
    ],
)
def test_what_the_server_says_of_keeping_is_heeded_within_bounds(header: str, seconds: float) -> None:
    assert freshness(header) == seconds


@given(st.text())
def test_any_header_gives_a_time_within_bounds(header: str) -> None:
    assert LEAST <= freshness(header) <= MOST

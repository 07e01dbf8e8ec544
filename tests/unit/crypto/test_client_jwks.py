"""Public keys of a service, fetched from a server that changes them, hangs and sends invalid responses."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from broker.actions.jwt_issuer import JwtFormat, issue_jwt
from broker.actions.ports import SigningKeys
from broker.crypto.client_jwks import COOL_DOWN, GRACE, MAX_MAX_AGE, MIN_MAX_AGE, RETRY, ClientJwks, max_age
from broker.crypto.jose import KeySet, SigningKey, load_signing_key, new_signing_key_pem, read_certificate, sign
from broker.crypto.jwe import EncryptionKey
from broker.model.service import Encryption, Service
from broker.model.store_results import StoreUnavailable
from broker.platform.http_client import HttpClients, Timeouts
from broker.platform.refreshing_cache import FetchFailed
from broker.platform.system import System
from tests.support.certificates import Authority
from tests.support.key_server import KeyServer, jwks_bytes
from tests.support.services import make_service
from tests.support.system import FakeClock

QUICK = Timeouts(connect=1, read=0.3, total=0.6)
OLD, NEW = (load_signing_key(new_signing_key_pem("ES256"), "ES256", kid) for kid in ("old", "new"))


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    """It listens, and publishes the old key."""
    async with KeyServer(OLD).running() as one:
        yield one


@pytest.fixture
async def keys(server: KeyServer, system: System) -> AsyncIterator[ClientJwks]:
    """The broker's side, which waits less long than in earnest."""
    outgoing = HttpClients(development=True, patience=QUICK)
    yield ClientJwks("shop", server.url, outgoing.client("keys:shop", limit=1), system)
    await outgoing.close()


def token(key: SigningKey) -> str:
    """What a service presents that signed with a key."""
    return sign({"iss": "shop"}, key)


async def has(keys: ClientJwks, key: SigningKey) -> bool:
    """Whether what this key signed can be verified now."""
    return key.kid in (await keys.keys(token(key))).keys


async def renewed(keys: ClientJwks) -> None:
    """Waits for a fetch that runs beside."""
    await keys._cache.refresh()


async def test_keys_are_fetched_once_and_then_given(keys: ClientJwks, server: KeyServer) -> None:
    assert all([await has(keys, OLD) for _ in range(3)])
    assert server.asked == 1


async def test_keys_to_encrypt_to_are_those_of_that_use_and_never_mistaken_for_keys_that_sign(
    keys: ClientJwks, server: KeyServer
) -> None:
    theirs = {**ECKey.generate_key("P-256").as_dict(private=False), "use": "enc", "kid": "theirs"}
    server.body = json.dumps({"keys": [dict(OLD.jwk), theirs]}).encode()
    assert [key.kid for key in await keys.encryption_keys("ECDH-ES")] == ["theirs"]
    assert list((await keys.keys(token(OLD))).keys) == ["old"]
    assert server.asked == 1


async def test_without_encryption_keys_nothing_is_sent_and_the_service_must_retry(
    keys: ClientJwks, server: KeyServer
) -> None:
    server.status = "500 Oh"
    with pytest.raises(FetchFailed):
        await keys.encryption_keys("ECDH-ES")

    class Ring:
        def signing(self, _alg: str) -> SigningKey:
            return OLD

    async def theirs(_: Service, _alg: str) -> Sequence[EncryptionKey]:
        return ()

    service = make_service(client_id="shop", names={}, redirect_uris=(), home="https://shop.example/")
    with pytest.raises(StoreUnavailable):
        await issue_jwt(
            {}, service, JwtFormat("ES256", Encryption("ECDH-ES", "A256GCM")), cast(SigningKeys, Ring()), theirs
        )


async def test_a_new_key_is_found_at_once_and_made_up_key_ids_make_us_ask_once_a_minute(
    keys: ClientJwks, server: KeyServer, clock: FakeClock
) -> None:
    assert await has(keys, OLD)
    server.body = jwks_bytes(OLD, NEW)
    assert await has(keys, NEW)
    assert server.asked == 2
    strange = load_signing_key(new_signing_key_pem("ES256"), "ES256", "made-up")
    for _ in range(20):
        assert not await has(keys, strange)
    assert server.asked == 2
    clock.advance(COOL_DOWN)
    assert not await has(keys, strange)
    assert await has(keys, OLD)
    assert await has(keys, NEW)
    assert server.asked == 3


async def test_the_new_key_of_a_certificate_is_found_at_once_too(
    keys: ClientJwks, server: KeyServer, authority: Authority
) -> None:
    own = authority.self_signed("CN=shop")
    certificate = read_certificate(own.der)
    assert await has(keys, OLD)
    server.body = json.dumps(own.jwks).encode()
    assert certificate.holds_key_of(await keys.keys(certificate))
    assert certificate.holds_key_of(await keys.keys(certificate))
    assert server.asked == 2


async def test_a_key_removed_from_the_jwks_is_accepted_until_the_next_refresh(
    keys: ClientJwks, server: KeyServer, clock: FakeClock
) -> None:
    server.cache = "Cache-Control: max-age=3600\r\n"
    assert await has(keys, OLD)
    server.body = jwks_bytes(NEW)
    clock.advance(3599)
    assert await has(keys, OLD)
    assert server.asked == 1
    clock.advance(1)
    assert await has(keys, OLD), "the old set is given while the new one is fetched beside"
    await renewed(keys)
    assert not await has(keys, OLD)
    assert await has(keys, NEW)


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
        (jwks_bytes(NEW), "application/json", "500 Oops"),
        (jwks_bytes(NEW), "application/json", "302 Found"),
    ],
    ids=["text", "page", "list", "no set", "secret", "many", "large", "failed", "elsewhere"],
)
async def test_an_invalid_jwks_changes_nothing_and_is_logged_once(
    keys: ClientJwks,
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
        clock.advance(MIN_MAX_AGE)
        for _ in range(3):
            assert await has(keys, OLD)
            with pytest.raises(FetchFailed):
                await renewed(keys)
    assert [record.message for record in caplog.records] == ["client_jwks_unavailable"]
    server.body, server.kind, server.status = jwks_bytes(NEW), "application/json", "200 OK"
    clock.advance(RETRY)
    assert await has(keys, NEW)


async def test_a_hanging_server_does_not_delay_clients_with_a_known_key(
    keys: ClientJwks, server: KeyServer, clock: FakeClock
) -> None:
    assert await has(keys, OLD)
    server.open.clear()
    clock.advance(MIN_MAX_AGE)
    async with asyncio.timeout(QUICK.total / 2):
        assert all([await has(keys, OLD) for _ in range(50)])
    clock.advance(GRACE)
    with pytest.raises(FetchFailed):
        await keys.keys(token(OLD))


async def test_a_failed_jwks_fetch_fails_at_once_until_the_retry_time(
    keys: ClientJwks, server: KeyServer, clock: FakeClock
) -> None:
    server.status = "503 Away"
    for _ in range(5):
        with pytest.raises(FetchFailed, match="status 503"):
            await keys.keys(token(OLD))
    assert server.asked == 1
    server.status = "200 OK"
    clock.advance(RETRY)
    assert await has(keys, OLD)


async def test_an_empty_jwks_removes_every_key(keys: ClientJwks, server: KeyServer, clock: FakeClock) -> None:
    assert await has(keys, OLD)
    server.body = jwks_bytes()
    clock.advance(MIN_MAX_AGE)
    await renewed(keys)
    assert await keys.keys(token(OLD)) == KeySet()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", MIN_MAX_AGE),
        ("max-age=0", MIN_MAX_AGE),
        ("public, max-age=1800", 1800),
        ("Max-Age=1800, public", 1800),
        ('max-age="1800"', 1800),
        ("max-age=9999999999", MAX_MAX_AGE),
        ("max-age=1800, no-store", MIN_MAX_AGE),
        ("no-cache,max-age=1800", MIN_MAX_AGE),
        ("s-maxage=1800", MIN_MAX_AGE),
        ("max-age=-1", MIN_MAX_AGE),
        ("max-age=1e9", MIN_MAX_AGE),
    ],
)
def test_cache_control_of_the_jwks_is_followed_within_bounds(header: str, seconds: float) -> None:
    assert max_age(header) == seconds


@given(st.text())
def test_any_header_gives_a_time_within_bounds(header: str) -> None:
    assert MIN_MAX_AGE <= max_age(header) <= MAX_MAX_AGE

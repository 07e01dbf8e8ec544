"""Client-Cert header: which peers are trusted to forward a client certificate."""

import logging
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from broker.web.middleware import with_client_certificates
from broker.web.middleware.client_certificates import forwarded_certificate, log_untrusted_certificate

PROXIES = ("10.1.2.0/24", "fd00::7/128")


async def seen(headers: list[tuple[bytes, bytes]], client: Any, proxies: tuple[str, ...] = PROXIES) -> Scope:
    """The forwarded certificate as the application behind the middleware reads it."""
    found: list[Scope] = []

    async def application(scope: Scope, _receive: Receive, _send: Send) -> None:
        found.append(scope)

    async def nothing(*_: object) -> Any:
        raise AssertionError("nothing is read or sent")

    scope: Scope = {"type": "http", "path": "/token", "headers": headers, "client": client}
    await with_client_certificates(application, proxies)(scope, nothing, nothing)
    return found[0]


@pytest.mark.parametrize("address", ["10.1.2.3", "fd00::7", "::ffff:10.1.2.3"])
async def test_a_client_cert_header_of_a_trusted_proxy_is_used(address: str) -> None:
    scope = await seen([(b"host", b"a"), (b"client-cert", b":AA==:")], (address, 1))
    assert forwarded_certificate(scope) == (":AA==:",)
    assert scope["headers"] == [(b"host", b"a")]


@pytest.mark.parametrize("client", [("10.1.3.3", 1), ("127.0.0.1", 1), ("::1", 1), ("fd00::8", 1), ("", 0), None])
async def test_an_untrusted_peer_has_its_client_cert_header_removed_and_logged(
    client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    scope = await seen([(b"client-cert", b":AA==:"), (b"x-forwarded-for", b"10.1.2.3")], client)
    log_untrusted_certificate(scope)
    assert forwarded_certificate(scope) == ()
    assert scope["headers"] == [(b"x-forwarded-for", b"10.1.2.3")]
    assert [record.message for record in caplog.records] == ["client_cert_from_untrusted_peer"]


async def test_two_headers_are_both_handed_on_so_that_they_can_be_refused() -> None:
    scope = await seen([(b"client-cert", b":AA==:"), (b"client-cert", b":BB==:")], ("10.1.2.3", 1))
    assert forwarded_certificate(scope) == (":AA==:", ":BB==:")


async def test_a_client_cert_chain_header_is_removed() -> None:
    scope = await seen([(b"client-cert-chain", b":AA==:")], ("10.1.2.3", 1))
    assert (forwarded_certificate(scope), scope["headers"]) == ((), [])


async def test_a_trusted_peer_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    log_untrusted_certificate(await seen([(b"client-cert", b":AA==:")], ("10.1.2.3", 1)))
    log_untrusted_certificate(await seen([(b"host", b"a")], ("10.1.3.3", 1)))
    assert not caplog.records


async def test_without_the_header_nothing_is_done() -> None:
    scope = await seen([(b"host", b"a")], ("10.1.2.3", 1))
    assert "state" not in scope
    assert forwarded_certificate(scope) == ()

"""Client-Cert header (RFC 9440): client certificates forwarded by a trusted reverse proxy.

Stands outside of the layer that evaluates `X-Forwarded-For`, because the address of the TCP peer decides.
"""

import ipaddress
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

LOG = logging.getLogger("portico.web")
_HEADERS: Final = (b"client-cert", b"client-cert-chain")
_KEPT: Final = "client_cert"
_UNTRUSTED: Final = "client_cert_untrusted"


def with_client_certificates(app: ASGIApp, proxies: Sequence[str]) -> ASGIApp:
    """Wraps the application. `proxies` are the networks (RFC 4632) of the trusted proxies."""
    return ClientCertificates(app, proxies)


def forwarded_certificate(scope: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of `Client-Cert` that a trusted proxy sent with this request."""
    found: tuple[str, ...] = scope.get("state", {}).get(_KEPT, ())
    return found


def log_untrusted_certificate(scope: Mapping[str, Any]) -> None:
    """Logs that a peer which is no trusted proxy sent a client certificate; called once the request has its id."""
    if _UNTRUSTED in scope.get("state", ()):
        LOG.warning("client_cert_from_untrusted_peer", extra={"path": scope["path"]})


class ClientCertificates:
    """Removes the Client-Cert headers from every request; stores the value in the scope if a trusted proxy sent it, and
    else the fact for the log.
    """

    def __init__(self, app: ASGIApp, proxies: Sequence[str]) -> None:
        self._app = app
        self._proxies = tuple(ipaddress.ip_network(network) for network in proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and any(name in _HEADERS for name, _ in scope["headers"]):
            values = tuple(value.decode("latin-1") for name, value in scope["headers"] if name == _HEADERS[0])
            scope["headers"] = [header for header in scope["headers"] if header[0] not in _HEADERS]
            if self._is_trusted(scope.get("client")):
                scope.setdefault("state", {})[_KEPT] = values
            else:
                scope.setdefault("state", {})[_UNTRUSTED] = True
        await self._app(scope, receive, send)

    def _is_trusted(self, client: Sequence[Any] | None) -> bool:
        try:
            address = ipaddress.ip_address(client[0]) if client else None
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return address is not None and any(address in network for network in self._proxies)

"""Which redirect URIs are a service's own."""

import re
from typing import Final

from broker.model.service import Service

_OWN_DEVICE: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([0-9]{1,5}))?(/.*)", re.ASCII | re.DOTALL)
_LAST_PORT: Final = 65_535


def is_registered(redirect_uri: str, service: Service) -> bool:
    """Whether a service may be answered there: byte for byte what is registered (OpenID Connect Core 3.1.2.1).

    An app that listens on its own device is given whatever port is free, so the port of `http://127.0.0.1` and
    `http://[::1]` does not count (RFC 8252 7.3).
    """
    if redirect_uri in service.redirect_uris:
        return True
    if not service.is_public:
        return False
    without_port = _without_port(redirect_uri)
    return without_port is not None and any(_without_port(known) == without_port for known in service.redirect_uris)


def _without_port(uri: str) -> str | None:
    parts = _OWN_DEVICE.fullmatch(uri)
    if parts is None or (parts[2] is not None and not 0 < int(parts[2]) <= _LAST_PORT):
        return None
    return parts[1] + parts[3]

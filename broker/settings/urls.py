"""Validation of URLs, origins, listen addresses and networks in the settings."""

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from broker.model.service import is_native
from broker.platform.toml_loader import Problem


def check_url(place: str, url: str, *, development: bool) -> Iterator[Problem]:
    """Checks for an absolute https URL without fragment or credentials. http and loopback only in development."""
    parts = split(url)
    if parts is None or not parts.hostname or parts.scheme not in ("http", "https"):
        yield Problem(
            place, "an absolute URL is required", 'write it in full, such as "https://service.example/callback"'
        )
        return
    if parts.fragment or "#" in url:
        yield Problem(place, "the URL has a fragment", "remove the # and what follows it (RFC 6749 3.1.2)")
    if "@" in parts.netloc:
        yield Problem(place, "the URL contains credentials", "remove them")
    if "*" in url:
        yield Problem(place, "the URL contains a wildcard", "list every URL in full: they are compared byte by byte")
    if development:
        return
    if parts.scheme != "https":
        yield Problem(place, "http is only for development", "use https")
    if is_loopback(parts.hostname):
        yield Problem(place, "loopback addresses are only for development", "use the public host name")


def check_native_url(place: str, url: str, *, development: bool) -> Iterator[Problem]:
    """Checks a redirect URI of an app: its private-use scheme, a loopback address, or a claimed https URL (RFC 8252
    7)."""
    if is_native(url) and split(url) is not None:
        return
    parts = split(url)
    if parts is not None and parts.scheme not in ("http", "https"):
        fix = 'write your domain reversed as the scheme: "com.example.app:/callback"'
        yield Problem(place, "this is not a redirect URI of an app", fix)
    elif parts is not None and parts.scheme == "http" and not (development and is_loopback(parts.hostname or "")):
        fix = 'write "http://127.0.0.1/..." or "http://[::1]/...": any port matches'
        yield Problem(place, "http is only for loopback addresses of the device itself", fix)
    else:
        yield from check_url(place, url, development=development)


def check_origin(place: str, url: str, *, development: bool) -> Iterator[Problem]:
    """Checks for an origin and nothing more: scheme, host and optional port."""
    yield from check_url(place, url, development=development)
    parts = split(url)
    if parts is not None and parts.hostname and url != f"{parts.scheme}://{parts.netloc}":
        yield Problem(
            place, "an origin has no path, query or closing slash", f'write "{parts.scheme}://{parts.netloc}"'
        )


def split(url: str) -> SplitResult | None:
    """Splits a URL. Returns None if it contains a character that RFC 3986 2 does not permit."""
    if not re.fullmatch(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+", url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def origin(url: str) -> tuple[str, str, int] | None:
    """The origin of a URL (RFC 6454 4): scheme, host and port. None if it has none."""
    parts = split(url)
    if parts is None or not parts.hostname or parts.scheme not in ("http", "https"):
        return None
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def is_loopback(host: str) -> bool:
    """Whether a host is loopback: localhost (RFC 6761 6.3), or an IP address, also in an unusual notation."""
    name = host.lower().rstrip(".")
    try:
        ip = ipaddress.ip_address(name)
    except ValueError:
        last = name.rpartition(".")[2]
        return last == "localhost" or re.fullmatch(r"0x[0-9a-f]*|[0-9]+", last) is not None
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return any(one is not None and (one.is_loopback or one.is_unspecified) for one in (ip, mapped))


def address(text: str) -> tuple[str, int]:
    """Host and port of a string such as `127.0.0.1:8000` or `[::1]:8000`. Raises ValueError."""
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not bare or (":" in bare and bare == host) or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        raise ValueError("this is not an address with a port")
    return bare, int(port)


def check_address(place: str, text: str) -> Iterator[Problem]:
    """Checks a listen address: IP address and port."""
    try:
        address(text)
    except ValueError as problem:
        yield Problem(place, str(problem), 'write such as "127.0.0.1:8000", or "0.0.0.0:8000" for every interface')


def check_networks(place: str, networks: tuple[str, ...]) -> Iterator[Problem]:
    """Checks networks in CIDR notation (RFC 4632)."""
    for i, network in enumerate(networks):
        try:
            ipaddress.ip_network(network)
        except ValueError as problem:
            yield Problem(f"{place}[{i}]", f"this is not a network: {problem}", 'write such as "10.0.0.0/8"')

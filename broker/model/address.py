"""Client addresses for rate limits: one key for all addresses that one client can use."""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

UNKNOWN: Final = ""
"""Key of every client whose address is unknown or invalid: they share one limit."""

PREFIX: Final = 64
"""Prefix length of IPv6 rate limit keys: the subnet, in which one device may use any address (RFC 4291 2.5.1)."""

_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
"""IPv4 clients behind a NAT64 translator (RFC 6052 2.1): otherwise the whole IPv4 internet would share one subnet."""

_CARRYING: Final = (IPv6Network("::ffff:0:0:0/96"), IPv6Network("::/96"))
"""IPv4-translated (RFC 2765 2.1) and IPv4-compatible (RFC 4291 2.5.5.1) addresses, both deprecated."""

_LOCALLY_TRANSLATED: Final = IPv6Network("64:ff9b:1::/48")
"""IPv4 clients behind a translator with a local prefix (RFC 8215): each address is one client."""

_LOCAL_PREFIXES: Final = 2
"""The addresses `::` and `::1` are not IPv4 addresses (RFC 4291 2.5.2, 2.5.3)."""

_LEADING_ZEROS: Final = re.compile(r"(?<![0-9])0+(?=[0-9])")
_LONGEST: Final = 64


@lru_cache(maxsize=4096)
def rate_limit_key(address: str) -> str:
    """Rate limit key of a client address.

    An IPv4 address is its own key, an IPv6 address is keyed by its /64 network. An IPv4 address embedded in IPv6
    (mapped and compatible, RFC 4291 2.5.5; translated, RFC 6052, RFC 2765; 6to4, RFC 3056; Teredo, RFC 4380) is keyed
    as that IPv4 address; one behind a translator of a local network (RFC 8215) is its own key. Ports, brackets, zone
    identifiers, case and leading zeros are ignored. Anything else gives UNKNOWN.
    """
    if len(address) > _LONGEST:
        return UNKNOWN
    text = _strip_zone(address.strip())
    try:
        if ":" not in text:
            return str(IPv4Address(_LEADING_ZEROS.sub("", text)))
        head, colon, tail = text.rpartition(":")
        return _v6(IPv6Address(head + colon + _LEADING_ZEROS.sub("", tail) if "." in tail else text))
    except AddressValueError:
        return UNKNOWN


def networks(proxies: tuple[str, ...]) -> list[str]:
    """Adds the IPv4-mapped form of each IPv4 network to a list of networks.

    A socket that listens on `::` reports IPv4 peers in that form (RFC 4291 2.5.5.2).
    """
    mapped = [
        f"::ffff:{network.network_address}/{96 + network.prefixlen}"
        for network in map(ip_network, proxies)
        if isinstance(network, IPv4Network)
    ]
    return [*proxies, *mapped]


def _strip_zone(text: str) -> str:
    """Address without brackets, port and zone identifier (RFC 3986 3.2.2, RFC 4007 11)."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return text.partition("%")[0]


def _v6(address: IPv6Address) -> str:
    inside = address.ipv4_mapped or address.sixtofour
    if inside is None and address.teredo is not None:
        inside = address.teredo[1]
    if address in _LOCALLY_TRANSLATED:
        return str(address)
    if address in _TRANSLATED or (int(address) >= _LOCAL_PREFIXES and any(address in network for network in _CARRYING)):
        inside = IPv4Address(int(address) & 0xFFFFFFFF)
    return str(inside) if inside is not None else str(IPv6Network((address, PREFIX), strict=False))

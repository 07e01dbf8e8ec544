"""Rate limit keys of client addresses."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from broker.model.address import UNKNOWN, networks, rate_limit_key

V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
HOLDERS = tuple(
    IPv6Network(one)
    for one in ("::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32", "::ffff:0:0:0/96", "::/96", "64:ff9b:1::/48")
)
# above the embedded IPv4 addresses, which small numbers are: Hypothesis would draw too many that the filter drops
V6 = st.integers(2**120, 2**128 - 1).map(IPv6Address).filter(lambda one: not any(one in network for network in HOLDERS))


@st.composite
def spellings(draw: st.DrawFn, address: IPv4Address | IPv6Address) -> str:
    """One of the ways in which a server, a proxy or a person writes an address."""
    if isinstance(address, IPv4Address):
        octets = str(address).split(".")
        text = ".".join(octet.zfill(draw(st.integers(1, 3))) for octet in octets)
        text = draw(st.sampled_from([text, f"{text}:{draw(st.integers(0, 65535))}"]))
    else:
        text = draw(st.sampled_from([address.compressed, address.exploded]))
        text = draw(st.sampled_from([text, text.upper()]))
        zone = draw(st.sampled_from(["", "%eth0", "%25"]))
        text = draw(
            st.sampled_from([f"{text}{zone}", f"[{text}{zone}]", f"[{text}{zone}]:{draw(st.integers(0, 65535))}"])
        )
    return draw(st.sampled_from(["", " "])) + text + draw(st.sampled_from(["", " "]))


@given(V4, st.data())
def test_an_ipv4_address_counts_as_one_however_it_is_written(address: IPv4Address, data: st.DataObject) -> None:
    assert rate_limit_key(data.draw(spellings(address))) == str(address)


@given(V4, st.data())
def test_ipv4_inside_of_ipv6_counts_as_the_ipv4_address(address: IPv4Address, data: st.DataObject) -> None:
    bits = int(address)
    inside = {
        "mapped": IPv6Address((0xFFFF << 32) | bits),
        "translated": IPv6Address(int(IPv6Address("64:ff9b::")) | bits),
        "translated, of an older standard": IPv6Address((0xFFFF << 48) | bits),
        "6to4": IPv6Address((0x2002 << 112) | (bits << 80) | data.draw(st.integers(0, 2**80 - 1))),
        "teredo": IPv6Address((0x20010000 << 96) | (data.draw(st.integers(0, 2**64 - 1)) << 32) | (bits ^ 0xFFFFFFFF)),
    }
    for kind, six in inside.items():
        assert rate_limit_key(data.draw(spellings(six))) == str(address), kind
    assert rate_limit_key(f"::ffff:{address}") == rate_limit_key(f"0:0:0:0:0:FFFF:{address}") == str(address)


@given(V4)
def test_a_compatible_ipv4_address_counts_as_ipv4_but_the_loopback_address_does_not(address: IPv4Address) -> None:
    assume(int(address) > 1)
    assert rate_limit_key(f"::{address}") == str(address)
    assert rate_limit_key("::1") == rate_limit_key("::") == "::/64"


@given(st.integers(0, 2**80 - 1), st.integers(0, 2**80 - 1))
def test_clients_behind_a_translator_with_a_prefix_of_its_own_count_apart(one: int, other: int) -> None:
    """RFC 8215: only that network defines the position of the IPv4 address in it."""
    assume(one != other)
    first, second = (IPv6Address(int(IPv6Address("64:ff9b:1::")) | host) for host in (one, other))
    assert rate_limit_key(str(first)) != rate_limit_key(str(second))


@given(V6, st.integers(0, 2**64 - 1), st.data())
def test_ipv6_addresses_of_one_64_network_count_as_one(address: IPv6Address, host: int, data: st.DataObject) -> None:
    neighbour = IPv6Address((int(address) >> 64 << 64) | host)
    assume(not any(neighbour in network for network in HOLDERS))
    assert rate_limit_key(data.draw(spellings(address))) == rate_limit_key(data.draw(spellings(neighbour)))


@given(V6, st.integers(1, 2**16 - 1), st.integers(0, 2**64 - 1))
def test_ipv6_addresses_of_two_64_networks_count_apart(one: IPv6Address, apart: int, host: int) -> None:
    other = IPv6Address(((int(one) >> 64) ^ apart) << 64 | host)
    assume(not any(other in network for network in HOLDERS))
    assert rate_limit_key(str(one)) != rate_limit_key(str(other))


@given(V4, V4)
def test_two_ipv4_addresses_count_apart(one: IPv4Address, other: IPv4Address) -> None:
    assume(one != other)
    assert rate_limit_key(str(one)) != rate_limit_key(str(other))


@given(V4 | V6)
def test_normalising_a_counted_address_changes_nothing(address: IPv4Address | IPv6Address) -> None:
    once = rate_limit_key(str(address))
    assert rate_limit_key(once.removesuffix("/64")) == once


@pytest.mark.parametrize(
    "text",
    ["", "unknown", "_hidden", "unix:", "1.2.3", "1.2.3.4.5", "1.2.3.256", "::g", "[", "x" * 5000, "1.2.3.4, 5.6.7.8"],
)
def test_invalid_addresses_count_as_one_unknown_client(text: str) -> None:
    assert rate_limit_key(text) == UNKNOWN


@given(st.text(max_size=80))
def test_counting_an_address_never_fails(text: str) -> None:
    assert isinstance(rate_limit_key(text), str)


@given(V4, st.integers(0, 32))
def test_a_trusted_ipv4_network_is_trusted_in_its_mapped_form_too(address: IPv4Address, bits: int) -> None:
    given = ip_network((address, bits), strict=False)
    listed = [ip_network(one) for one in networks((str(given), "2001:db8::/32"))]
    peer = ip_address(f"::ffff:{address}")
    assert any(peer in one for one in listed)
    assert [one for one in listed if isinstance(one, IPv4Network)] == [given]

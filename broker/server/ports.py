"""Addresses to listen on."""

import os
import socket
from collections.abc import Iterable

from broker.wiring.errors import CommandError


def parse_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port`; an IPv6 host stands in brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def require_free_ports(addresses: Iterable[str], fix: str) -> None:
    """Raises CommandError if one of the addresses cannot be listened on; its text ends with `fix`."""
    for address in addresses:
        host, port = parse_address(address)
        try:
            socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
        except socket.gaierror as problem:
            raise CommandError(f"{address}: cannot be listened at: {problem.strerror}\n    {fix}") from None
        except OSError as problem:
            # the message of create_server repeats the address
            why = os.strerror(problem.errno) if problem.errno else problem
            raise CommandError(f"{address}: cannot be listened at: {why}\n    {fix}") from None

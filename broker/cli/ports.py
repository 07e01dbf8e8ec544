"""The addresses that a process is about to listen at."""

import os
import socket
from collections.abc import Iterable

from broker.cli.context import CommandError


def parse_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port`; an IPv6 host stands in brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def require_free_ports(addresses: Iterable[str], mend: str) -> None:
    """Raises CommandError, before anything is started, where one cannot be listened at; `mend` says what to do about
    it."""
    for address in addresses:
        host, port = parse_address(address)
        try:
            socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
        except socket.gaierror as problem:
            raise CommandError(f"{address}: cannot be listened at: {problem.strerror}\n    {mend}") from None
        except OSError as problem:
            # the message of create_server repeats the address
            why = os.strerror(problem.errno) if problem.errno else problem
            raise CommandError(f"{address}: cannot be listened at: {why}\n    {mend}") from None

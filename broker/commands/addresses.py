"""The addresses that a process is about to listen at."""

import os
import socket
from collections.abc import Iterable

from broker.commands.machine import Refused


def place(address: str) -> tuple[str, int]:
    """Host and port of `host:port`; an IPv6 host stands in brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def require_free(addresses: Iterable[str], mend: str) -> None:
    """Raises Refused, before anything is started, where one cannot be listened at; `mend` says what to do about it."""
    for address in addresses:
        host, port = place(address)
        try:
            socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
        except socket.gaierror as problem:
            raise Refused(f"{address}: cannot be listened at: {problem.strerror}\n    {mend}") from None
        except OSError as problem:
            # the message of create_server repeats the address
            why = os.strerror(problem.errno) if problem.errno else problem
            raise Refused(f"{address}: cannot be listened at: {why}\n    {mend}") from None

"""Log context: the request id, client id and reference that every log line of a request carries.

The edge middleware binds one `LogContext` to each request (contextvars, PEP 567). Tasks and threads that the request
starts inherit it; a background task has none.
"""

from collections.abc import Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Final


@dataclass(slots=True)
class LogContext:
    """The ids of one request. `client_id` is a registered service; `reference` that of the transaction or case."""

    request_id: str
    client_id: str = ""
    reference: str = ""


_CURRENT: Final[ContextVar[LogContext | None]] = ContextVar("portico_log_context", default=None)


def bind_request(request_id: str) -> Token[LogContext | None]:
    """Binds a new context to the running task. Returns the token for `unbind_request`."""
    return _CURRENT.set(LogContext(request_id))


def unbind_request(token: Token[LogContext | None]) -> None:
    """Restores the context from before `bind_request`."""
    _CURRENT.reset(token)


def bind_ids(*, client_id: str = "", reference: str = "") -> None:
    """Adds what became known to the context of the request. An empty value changes nothing; nor without a request.

    `client_id` must be the id of a registered service: what a client sent unchecked may be anything.
    """
    current = _CURRENT.get()
    if current is not None:
        current.client_id = client_id or current.client_id
        current.reference = reference or current.reference


def log_fields() -> Mapping[str, str]:
    """The fields of a log line: those ids of the current request that are known."""
    current = _CURRENT.get()
    if current is None:
        return {}
    found = {
        "request_id": current.request_id,
        "client_id": current.client_id,
        "reference": current.reference.replace("-", " "),
    }
    return {name: value for name, value in found.items() if value}

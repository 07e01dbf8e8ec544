"""Audit rows as text for operators: one line each, or as JSON."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from broker.model.audit import AuditEvent

_NAMES = {
    "actor": "actor",
    "client_id": "service",
    "provider": "provider",
    "transaction": "transaction",
    "case": "case",
    "account": "account",
    "grant": "grant",
}
"""Attributes of an audit row, and their names in the output."""


def iso(at: float) -> str:
    """A time in UTC (RFC 3339), to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_line(number: int, event: AuditEvent) -> str:
    """One row in a line: time, id, kind, then what it names."""
    return "  ".join([iso(event.at), f"{number}", event.kind, *_named(event)])


def as_json(number: int, event: AuditEvent) -> str:
    """One row as a JSON object in a line. `at` is in seconds since 1970 UTC, `time` the same in RFC 3339."""
    row = {"id": number, "time": iso(event.at), "kind": event.kind, "at": event.at}
    names = {name: value for name in _NAMES if (value := getattr(event, name)) is not None}
    return json.dumps({**row, **names, "details": dict(event.details)}, ensure_ascii=False)


def _named(event: AuditEvent) -> Iterator[str]:
    for attribute, name in _NAMES.items():
        if (value := getattr(event, attribute)) is not None:
            yield f"{name}={_quoted(value)}"
    for name, value in sorted(event.details.items()):
        yield f"{name}={_quoted(value)}"


def _quoted(value: str) -> str:
    """A value, in quotation marks if it is empty or has spaces or characters that do not show."""
    plain = value.isprintable() and value and not any(letter in ' "=' for letter in value)
    return value if plain else json.dumps(value, ensure_ascii=True)

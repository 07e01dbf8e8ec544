"""TOML writer: values as text that `tomllib` reads back unchanged."""

import json
from collections.abc import Mapping
from typing import Final

MAX_DEPTH: Final = 16
"""Maximum nesting depth of values."""


def dumps(table: Mapping[str, object]) -> str:
    """A table as a TOML document, with a line for each key. Raises ValueError for a value without a TOML
    representation."""
    return "".join(f"{quote(name)} = {format_value(value)}\n" for name, value in table.items())


def format_value(value: object, depth: int = 0) -> str:
    """One value on one line. Raises ValueError for a value without a TOML representation, or nested too deeply."""
    if depth > MAX_DEPTH:
        raise ValueError(f"values lie more than {MAX_DEPTH} deep")
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return json.dumps(value, allow_nan=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(format_value(inner, depth + 1) for inner in value)}]"
    if isinstance(value, Mapping):
        members = ", ".join(f"{quote(name)} = {format_value(inner, depth + 1)}" for name, inner in value.items())
        return f"{{{members}}}"
    raise ValueError(f"TOML has no form for {type(value).__name__}")


def quote(value: str) -> str:
    """A basic string, which is that of JSON except for DEL. Raises ValueError for an unpaired surrogate."""
    value.encode("utf-8")
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

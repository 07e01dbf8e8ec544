"""Strict parsing and serialization of JSON for JOSE."""

import json
import math
from typing import Final


class InvalidToken(Exception):
    """Token or key that was rejected. `detail` is for the log and contains no claims and no signature."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member appears twice")
    return members


def _finite(text: str) -> float:
    """Number as Python parses it, but without infinity and NaN."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large, or none")
    return number


_decode: Final = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_finite, parse_float=_finite).decode
encode: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""Serializes JSON without spaces, as it is signed."""


def strict_json(data: bytes | str) -> object:
    """Parses JSON by RFC 8259 and RFC 7493: UTF-8, no duplicate member, no NaN, no lone surrogate, limited nesting.

    Raises ValueError. The caller limits the size.
    """
    text = data if isinstance(data, str) else data.decode("utf-8")
    try:
        value = _decode(text)
        if "\\u" in text:
            encode(value).encode("utf-8")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def json_object(data: bytes, what: str) -> dict[str, object]:
    """Parses a JSON object; `what` names it in errors. Raises InvalidToken."""
    try:
        value = strict_json(data)
    except ValueError as problem:
        raise InvalidToken(f"{what} cannot be read: {type(problem).__name__}") from None
    if not isinstance(value, dict):
        raise InvalidToken(f"{what} is not a JSON object")
    return value

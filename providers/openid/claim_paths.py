"""Paths to claims in a provider's documents: members, items of lists, what is valid now, parts to join, alternatives.

A path is compiled once. Its grammar:

    path        = joined *( "|" joined )       the first one that has a value
    joined      = steps *( "+" steps )         texts joined by spaces; parts without a value are left out
    steps       = name *selector *( "." name *selector )
    name        = a member; in quotation marks if it contains a character of the grammar
    selector    = "[" number "]"               the item of a list, from 0
                | "[*]"                        every item
                | "[current]"                  the newest item whose validFrom and validUntil include today
                | "[" member "=" text "]"      every item whose member has this value
                | "[base64]"                   the JSON in a text of base64 (RFC 4648 4 and 5)
                | "[date]"                     the date of an object with year, month and day

A member with the whole path as its name takes precedence, so that names with dots need no quotation marks. If a path
leads to several texts, they are joined by spaces. Nothing here raises for a document of another shape: the value is
then missing.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import Final

from broker.crypto.jose import strict_json
from broker.model.json_types import JsonObject
from broker.platform import base64url

MAX_ITEMS: Final = 100
"""Maximum number of values that a path follows at once."""

Reader = Callable[[JsonObject, int], object]
"""Reads a value from a document, None if it is missing. The second argument is now, in seconds since 1970 UTC."""

_Step = Callable[[object, int], Iterable[object]]

_TOKEN: Final = re.compile(
    r'\s*(?:"(?P<quoted>[^"]+)"|\[(?P<selector>[^\]"]*)\]|(?P<mark>[.|+])|(?P<name>[^\s.|+"\[\]]+))'
)
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class InvalidPath(ValueError):
    """A path that does not follow the grammar."""


def is_name(path: str) -> bool:
    """Whether a path is the name of a member alone."""
    return _PLAIN.fullmatch(path) is not None


def compile_path(path: str) -> Reader:
    """The reader of a path. Raises InvalidPath."""
    if is_name(path):
        return lambda document, _now: document.get(path)
    alternatives = [[_steps(part) for part in joined] for joined in _parse(path)]

    def read(document: JsonObject, now: int) -> object:
        if path in document:
            return document[path]
        for joined in alternatives:
            found = [value for steps in joined if (value := _follow(document, steps, now)) is not None]
            if found:
                return found[0] if len(found) == 1 else _joined(found)
        return None

    return read


def _parse(path: str) -> list[list[list[tuple[str, str]]]]:
    """The alternatives of a path, each a list of parts to join, each a list of names and selectors."""
    alternatives: list[list[list[tuple[str, str]]]] = [[[]]]
    at, expected = 0, True
    while at < len(path):
        found = _TOKEN.match(path, at)
        if found is None:
            raise InvalidPath(f"unexpected text at character {at + 1}")
        at, part = found.end(), alternatives[-1][-1]
        if (mark := found["mark"]) is not None:
            if expected:
                raise InvalidPath(f'"{mark}" without a name before it')
            if mark == "|":
                alternatives.append([[]])
            elif mark == "+":
                alternatives[-1].append([])
            expected = True
        elif found["selector"] is not None:
            if expected:
                raise InvalidPath("a selector without a name before it")
            part.append(("selector", found["selector"].strip()))
        elif expected:
            part.append(("name", found["quoted"] or found["name"]))
            expected = False
        else:
            raise InvalidPath(f"a name without a dot before it: {found['quoted'] or found['name']}")
    if expected:
        raise InvalidPath("a name is missing at the end")
    return alternatives


def _steps(part: Sequence[tuple[str, str]]) -> list[_Step]:
    return [_member(text) if kind == "name" else _selector(text) for kind, text in part]


def _member(name: str) -> _Step:
    return lambda value, _now: [value[name]] if isinstance(value, dict) and name in value else []


def _selector(text: str) -> _Step:
    if text.isdecimal() and text.isascii() and len(text) < 4:
        number = int(text)
        return lambda value, _now: value[number : number + 1] if isinstance(value, list) else []
    if text in _SELECTORS:
        return _SELECTORS[text]
    name, mark, wanted = (piece.strip() for piece in text.partition("="))
    if not mark or not name:
        raise InvalidPath(f"unknown selector [{text}]")
    return lambda value, _now: [one for one in _items(value) if isinstance(one, dict) and one.get(name) == wanted]


def _items(value: object) -> list[object]:
    return value[:MAX_ITEMS] if isinstance(value, list) else []


def _current(value: object, now: int) -> Iterable[object]:
    """The newest item that is valid today; dates are compared as texts YYYY-MM-DD."""
    today = datetime.fromtimestamp(now, UTC).date().isoformat()
    valid = []
    for one in _items(value):
        if not isinstance(one, dict):
            continue
        since, until = (one.get(name) for name in ("validFrom", "validUntil"))
        if not (isinstance(since, str | None) and isinstance(until, str | None)):
            continue
        if (since is None or since[:10] <= today) and (until is None or until[:10] >= today):
            valid.append((since or "", one))
    return [max(valid, key=lambda pair: pair[0])[1]] if valid else []


def _decoded(value: object, _now: int) -> Iterable[object]:
    if not isinstance(value, str) or not value.isascii():
        return []
    try:
        return [strict_json(base64url.decode(value.replace("+", "-").replace("/", "_").rstrip("=")))]
    except ValueError:
        return []


def _date(value: object, _now: int) -> Iterable[object]:
    """YYYY-MM-DD, without the parts that are missing at its end."""
    if not isinstance(value, dict):
        return []
    parts = takewhile(_is_part, (value.get(name) for name in ("year", "month", "day")))
    texts = [str(part).zfill(size) for part, size in zip(parts, (4, 2, 2), strict=False)]
    return ["-".join(texts)] if texts else []


def _is_part(part: object) -> bool:
    number = int(part) if isinstance(part, str) and part.isascii() and part.isdecimal() and len(part) < 5 else part
    return isinstance(number, int) and not isinstance(number, bool) and 0 < number < 10_000


_SELECTORS: Final[dict[str, _Step]] = {
    "*": lambda value, _now: _items(value),
    "current": _current,
    "base64": _decoded,
    "date": _date,
}


def _follow(document: JsonObject, steps: Sequence[_Step], now: int) -> object:
    values: list[object] = [dict(document)]
    for step in steps:
        values = [found for value in values for found in step(value, now)][:MAX_ITEMS]
    return values[0] if len(values) == 1 else _joined(values)


def _joined(values: Sequence[object]) -> object:
    """Texts joined by spaces, numbers among them; None if there are none, or anything else."""
    if not values or not all(isinstance(one, str | int) and not isinstance(one, bool) for one in values):
        return None
    return " ".join(text for one in values if (text := str(one).strip()))

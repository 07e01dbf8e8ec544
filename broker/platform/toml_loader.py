"""TOML decoder: a table becomes a frozen dataclass; all problems are collected, each with its path and a fix.

`toml_fields` says which key fills which field. The type of a field determines its value: string, number, `Path`, enum
(`level = "substantial"`), tuple, frozenset, mapping, another dataclass, each of them or None. `Seconds` is a duration
such as "15 minutes", `Instant` a date, `Range` sets bounds. Fields with a default are optional; an unknown key is a
problem, since most often it is a typing error.
"""

import os
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from broker.platform.toml_fields import assemble, keys_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place (`tokens.code`, `services[0].redirect_uris[1]`), and how to fix it.

    Values and keys that could be secret are never repeated.
    """

    path: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}\n    {self.fix}"


@dataclass(frozen=True, slots=True)
class Range:
    """The bounds of a number, both inclusive. For a duration they are in seconds."""

    min: float
    max: float


@dataclass(frozen=True, slots=True)
class Duration:
    """Marks a number of seconds that is written with its unit."""


@dataclass(frozen=True, slots=True)
class DateTimeMarker:
    """Marks a point in time that is written as a TOML date, or as a date and time with an offset."""


Seconds = Annotated[int, Duration()]
"""A duration in whole seconds: "30 s", "15 minutes", "1 hour 30 minutes", "14 days", or a number of seconds."""

Instant = Annotated[float, DateTimeMarker()]
"""Seconds since 1970 UTC: 2027-03-31 (its first second in UTC) or 2027-03-31T17:00:00+01:00."""

UNITS: Mapping[str, int] = {
    **dict.fromkeys(("s", "second", "seconds"), 1),
    **dict.fromkeys(("min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("day", "days"), 86400),
}
NAMES: Mapping[Any, str] = {str: "a text", int: "a whole number", bool: "true or false", float: "a number"}
EXAMPLES: Mapping[Any, str] = {
    str: 'write it in quotation marks, such as "text"',
    int: "write digits without quotation marks, such as 5",
    bool: "write true or false without quotation marks",
    float: "write a number without quotation marks, such as 0.05",
}
SECRETS = re.compile(
    r"passw|passphrase|pwd|secret|credential|token|(?:^|_)pin(?:_|$)|(?:private|api|access|signing|sealing)_?key|jwk$"
)
"""Parts of the names of secrets, in lower case."""

TYPO = 0.8
"""Similarity to a known key from which an unknown key is a typing error and not a secret."""
EXACT = 2**53
"""Up to here a float represents every integer."""


class Invalid(Enum):
    """Placeholder of an invalid value whose problems were recorded."""

    WRONG = "wrong"


INVALID = Invalid.WRONG


@dataclass(frozen=True, slots=True)
class Decoder:
    """State of decoding one table: the base of relative paths, and the problems found so far."""

    base: Path | None
    problems: list[Problem]

    def refuse(self, path: str, what: str, fix: str) -> Invalid:
        """Records a problem and returns the placeholder of the missing value."""
        self.problems.append(Problem(path, what, fix))
        return INVALID


def load(table: object, shape: type[T], path: str = "", *, base: Path | None = None) -> tuple[T | None, list[Problem]]:
    """Decodes a table; anything else is a problem. Returns the record, or None, with every problem.

    `path` prefixes the path of each problem; relative paths in the table start at `base`. A field type that TOML cannot
    represent is a programming error and raises TypeError.
    """
    reading = Decoder(base, [])
    record = read(table, shape, path, reading)
    return (None if record is INVALID else record), reading.problems


def read(value: Any, hint: Any, path: str, reading: Decoder) -> Any:
    """Decodes one value by its type. Returns WRONG if problems were recorded."""
    return reader(hint)(value, path, reading)


Reader = Callable[[Any, str, Decoder], Any]
"""Decodes a value at a path. Returns WRONG if problems were recorded."""


@lru_cache(4096)
def reader(hint: Any) -> Reader:
    """The function that decodes values of a type. What depends on the type alone is computed once."""
    origin = get_origin(hint)
    if origin is Annotated:
        return marked_reader(hint)
    if origin in (Union, types.UnionType):
        return reader(optional(hint))
    if origin in (tuple, frozenset):
        return list_reader(hint)
    if origin is not None and issubclass(origin, Mapping):
        return mapping_reader(hint)
    if is_dataclass(hint):
        return record_reader(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return choice_reader(hint)
    if hint is object:
        return lambda value, _path, _reading: value
    return read_path if hint is Path else plain_reader(hint)


@lru_cache(1024)
def optional(hint: Any) -> Any:
    """The X of `X | None`: TOML has no null, so an optional field that is present is always an X."""
    members = [member for member in get_args(hint) if member is not type(None)]
    if len(members) != 1:
        raise TypeError(f"{hint} is ambiguous in TOML")
    return members[0]


def plain_reader(hint: Any) -> Reader:
    """The reader of a string, a number or a boolean; an integer is accepted for any number."""
    if hint not in NAMES:
        raise TypeError(f"{hint} cannot be written in TOML")

    def read_plain(value: Any, path: str, reading: Decoder) -> Any:
        if type(value) is hint:
            return value
        if hint is float and type(value) is int and abs(value) <= EXACT:
            return float(value)
        return reading.refuse(path, f"{NAMES[hint]} is required, found {type_name(value)}", EXAMPLES[hint])

    return read_plain


read_text: Final = plain_reader(str)


def type_name(value: Any) -> str:
    """The type of a TOML value in words; never the value itself, which may be secret."""
    if isinstance(value, Mapping):
        return "a table"
    return "a list" if isinstance(value, list) else NAMES.get(type(value), "a date or time")


def read_path(value: Any, path: str, reading: Decoder) -> Path | Invalid:
    """Decodes a path; a relative one starts at the base."""
    text: str | Invalid = read_text(value, path, reading)
    if text is INVALID:
        return INVALID
    if not text or "\0" in text:
        return reading.refuse(path, "this is not a path", "name a file or folder, absolute or relative to this file")
    return Path(text) if reading.base is None else check_range(reading.base, text)


def check_range(base: Path, text: str) -> Path:
    """A path that starts at a folder unless it is absolute, with `..` resolved lexically."""
    return Path(os.path.normpath(base / text))


def list_reader(hint: Any) -> Reader:
    """The reader of a TOML array, which becomes a tuple or a frozenset."""
    kind, arguments = get_origin(hint), get_args(hint)
    if kind is tuple and arguments[1:] != (Ellipsis,):
        raise TypeError(f"{hint} has no TOML form; use tuple[X, ...]")
    read_item = reader(arguments[0])

    def read_list(value: Any, path: str, reading: Decoder) -> tuple[Any, ...] | frozenset[Any] | Invalid:
        if not isinstance(value, list):
            return reading.refuse(
                path, f"a list is required, found {type_name(value)}", "put it in square brackets: [ ... ]"
            )
        items = tuple([read_item(inner, f"{path}[{i}]", reading) for i, inner in enumerate(value)])
        if any(item is INVALID for item in items):
            return INVALID
        return items if kind is tuple else frozenset(items)

    return read_list


def mapping_reader(hint: Any) -> Reader:
    """The reader of a TOML table whose keys are free, or the names of an enum."""
    read_key, read_item = map(reader, get_args(hint))

    def read_mapping(value: Any, path: str, reading: Decoder) -> dict[Any, Any] | Invalid:
        if not isinstance(value, Mapping):
            return reading.refuse(
                path, f"a table is required, found {type_name(value)}", 'write it as { name = "..." }'
            )
        pairs = []
        for key, inner in value.items():
            place = join_path(path, key)
            pairs.append((read_key(key, place, reading), read_item(inner, place, reading)))
        return INVALID if any(INVALID in (key, inner) for key, inner in pairs) else dict(pairs)

    return read_mapping


def choice_reader(kinds: type[Enum]) -> Reader:
    """The reader of a member of an enum: by its value if that is a string, else by its name in lower case."""
    known = {m.value if isinstance(m.value, str) else m.name.lower(): m for m in kinds}

    def read_choice(value: Any, path: str, reading: Decoder) -> Enum | Invalid:
        text: str | Invalid = read_text(value, path, reading)
        if text is INVALID:
            return INVALID
        if text not in known:
            return reading.refuse(path, f'"{text}" is not known', suggestion(text, known))
        return known[text]

    return read_choice


def record_reader(shape: Any) -> Reader:
    """The reader of a TOML table, which becomes a dataclass with its defaults for missing fields."""
    keys = keys_of(shape)
    known = {key.name: key for key in keys}
    required = [key.name for key in keys if not key.optional]
    readers: dict[str, Reader] = {}

    def read_record(value: Any, path: str, reading: Decoder) -> Any:
        if not isinstance(value, Mapping):
            return reading.refuse(
                path, f"a table is required, found {type_name(value)}", f"write it as [{path or 'table'}]"
            )
        values: dict[str, object] = {}
        sound = True
        for name, inner in value.items():
            key = known.get(name)
            if key is None:
                reading.refuse(join_path(path, name), "no such setting", unknown(name, known))
                sound = False
                continue
            read_value = readers.get(name) or readers.setdefault(name, reader(key.hint))
            values[name] = found = read_value(inner, join_path(path, name), reading)
            sound = sound and found is not INVALID
        for name in required:
            if name not in value:
                reading.refuse(join_path(path, name), "this setting is missing", f"add {name} = ...")
                sound = False
        return assemble(shape, keys, values) if sound else INVALID

    return read_record


def unknown(key: str, known: Mapping[str, object]) -> str:
    """The fix of an unknown key; a secret belongs into a file, whatever its key is called."""
    if f"{key}_file" in known:
        return f"{_INTO_FILE}, and name the file with {key}_file"
    if SECRETS.search(key.lower()) and not get_close_matches(key.lower(), known, n=1, cutoff=TYPO):
        file = _file_for(key.lower(), known)
        return _INTO_FILE if file is None else f"{_INTO_FILE}, and name the file with {file}"
    return suggestion(key, known)


_INTO_FILE = "secrets are never written here: put it into a separate file"


def _file_for(key: str, known: Mapping[str, object]) -> str | None:
    """The setting that names the file of a secret: `client_secret` belongs into `secret_file`."""
    named = [name for name in known if name.endswith("_file") and name.removesuffix("_file") in key]
    return max(named, key=len, default=None)


def suggestion(text: str, known: Mapping[str, object]) -> str:
    """The nearest known name, or all of them."""
    near = get_close_matches(text, known, n=1)
    return f'did you mean "{near[0]}"?' if near else f"known are: {', '.join(known) or 'nothing'}"


@lru_cache(4096)
def join_path(path: str, key: str) -> str:
    """The path of a key in a table, in TOML notation: quoted if it is not a bare key."""
    bare = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{key}"'
    return f"{path}.{bare}" if path else bare


def marked_reader(hint: Any) -> Reader:
    """The reader of an annotated value: a duration, a moment, bounds. Other annotations are ignored."""
    base, *marks = get_args(hint)
    read_value: Reader
    if any(isinstance(mark, Duration) for mark in marks):
        read_value, unit = read_duration, " seconds"
    else:
        read_value = read_moment if any(isinstance(mark, DateTimeMarker) for mark in marks) else reader(base)
        unit = ""
    ranges = [mark for mark in marks if isinstance(mark, Range)]
    if not ranges:
        return read_value

    def read_marked(value: Any, path: str, reading: Decoder) -> Any:
        found = read_value(value, path, reading)
        for mark in ranges:
            if found is not INVALID and not mark.min <= found <= mark.max:
                fix = f"choose a number from {mark.min:g} to {mark.max:g}{unit}"
                found = reading.refuse(path, f"{found}{unit} is out of bounds", fix)
        return found

    return read_marked


def read_duration(value: Any, path: str, reading: Decoder) -> int | Invalid:
    """Decodes a number of seconds, or a string of numbers with units."""
    if type(value) is int and value >= 0:
        return value
    parts = re.findall(r"([0-9]{1,9}) *([a-z]+)", value) if isinstance(value, str) else []
    whole = re.fullmatch(r"[0-9]{1,9} *[a-z]+(?: +[0-9]{1,9} *[a-z]+)*", value) if isinstance(value, str) else None
    if not whole or any(unit not in UNITS for _, unit in parts):
        return reading.refuse(
            path, "this is not a duration", 'write a number and a unit: "90 s", "15 minutes", "24 hours"'
        )
    return sum(int(number) * UNITS[unit] for number, unit in parts)


def read_moment(value: Any, path: str, reading: Decoder) -> float | Invalid:
    """Decodes a TOML date, or a date and time with an offset, into seconds since 1970 UTC."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.timestamp()
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    return reading.refuse(
        path, "this is not a point in time", "write 2027-03-31 or 2027-03-31T17:00:00+01:00, without quotation marks"
    )

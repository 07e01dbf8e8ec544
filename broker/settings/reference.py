"""The reference of every setting, drawn from the records that take them, so that it cannot say anything else.

What a setting means is the text under its field; what it takes and what holds without it are its type and its default.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from pathlib import Path
from textwrap import dedent
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from broker.platform.toml_loader import DateTimeMarker, Duration, Range, optional

Record = type[Any]
PLAIN: Mapping[Any, str] = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}


@dataclass(frozen=True, slots=True)
class SettingDoc:
    """One setting: what it takes, what holds where it is left out (None: it must be written), what it means."""

    name: str
    takes: str
    default: str | None
    says: str


@dataclass(frozen=True, slots=True)
class TableDoc:
    """One table of a file: its heading as TOML writes it (empty: the top of the file), its purpose, its settings."""

    heading: str
    says: str
    settings: tuple[SettingDoc, ...]


def tables(shape: Record, path: str = "", many: bool = False) -> Iterator[TableDoc]:
    """The table that fills a record, followed by the tables inside it."""
    hints = get_type_hints(shape, include_extras=True)
    body = in_its_file(shape)
    said = sentences(body)
    apart = {field.name: found for field in fields(shape) if (found := record_in(field, hints[field.name])) is not None}
    settings = tuple(
        SettingDoc(field.name, takes(hints[field.name]), default(field, hints[field.name]), said.get(field.name, ""))
        for field in fields(shape)
        if field.name not in apart
    )
    heading = f"[[{path}]]" if many else f"[{path}]" if path else ""
    yield TableDoc(heading, " ".join((ast.get_docstring(body) or "").split()), settings)
    for name, (record, in_list) in apart.items():
        yield from tables(record, f"{path}.{name}" if path else name, in_list)


def record_in(field: Field[Any], hint: Any) -> tuple[Record, bool] | None:
    """The record that a field's own table fills, and whether there may be many; None for what is a plain value.

    A record all of whose fields must be written is a value where it has a default: `{ max = 5, window = "1 hour" }`.
    """
    bare = without_none(hint)
    if get_origin(bare) is tuple and is_dataclass(get_args(bare)[0]):
        return get_args(bare)[0], True
    if not is_dataclass(bare) or not isinstance(bare, type):
        return None
    as_value = has_default(field) and not any(map(has_default, fields(bare)))
    return None if as_value else (bare, False)


def has_default(field: Field[Any]) -> bool:
    """Whether a field may be left out."""
    return field.default is not MISSING or field.default_factory is not MISSING


def without_none(hint: Any) -> Any:
    """The X of `X | None`, or the type itself."""
    return optional(hint) if type(None) in get_args(hint) else hint


def in_its_file(shape: Record) -> ast.ClassDef:
    """A record as it stands in its file, with the docstrings that `python -OO` leaves out of the record itself."""
    (body,) = (node for node in ast.parse(dedent(inspect.getsource(shape))).body if isinstance(node, ast.ClassDef))
    return body


def sentences(body: ast.ClassDef) -> Mapping[str, str]:
    """The text under each field of a dataclass, on one line."""
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def takes(hint: Any) -> str:
    """What a field takes, in words."""
    hint = without_none(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return marked(hint)
    if origin in (tuple, frozenset):
        return f"list: {takes(arguments[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"table: {takes(arguments[0])} = {takes(arguments[1])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " or ".join(written(member) for member in hint)
    if is_dataclass(hint):
        return "{ " + ", ".join(field.name for field in fields(hint)) + " }"
    return PLAIN.get(hint, "any value")


def marked(hint: Any) -> str:
    """What a marked field takes: a duration, a date, a number within bounds."""
    base, *marks = get_args(hint)
    lasting = any(isinstance(mark, Duration) for mark in marks)
    what = "duration" if lasting else "date" if any(isinstance(mark, DateTimeMarker) for mark in marks) else takes(base)
    for mark in marks:
        if isinstance(mark, Range):
            least, most = (lasted(int(end)) if lasting else f"{end:,g}" for end in (mark.min, mark.max))
            what += f" from {least} to {most}"
    return what


def default(field: Field[Any], hint: Any) -> str | None:
    """What holds where a field is left out, in TOML: an empty text for nothing, None where it must be written."""
    if field.default is not MISSING:
        return written(field.default, hint)
    if field.default_factory is not MISSING:
        return written(field.default_factory(), hint)
    return None


def written(value: Any, hint: Any = Any) -> str:
    """A value as TOML writes it."""
    match value:
        case None:
            return ""
        case tuple() | frozenset() | Mapping() if not value:
            return ""
        case bool():
            return str(value).lower()
        case Enum():
            return f'"{value.value if isinstance(value.value, str) else value.name.lower()}"'
        case int() if get_origin(hint) is Annotated and any(isinstance(mark, Duration) for mark in get_args(hint)):
            return f'"{lasted(value)}"'
        case str() | Path():
            return f'"{value}"'
        case tuple() | frozenset():
            return f"[{', '.join(map(written, value))}]"
        case Mapping():
            return "{ " + ", ".join(f"{written(key).strip(chr(34))} = {written(value[key])}" for key in value) + " }"
        case _ if is_dataclass(value) and not isinstance(value, type):
            hints = get_type_hints(type(value), include_extras=True)
            parts = (
                f"{field.name} = {written(getattr(value, field.name), hints[field.name])}" for field in fields(value)
            )
            return "{ " + ", ".join(parts) + " }"
        case _:
            return str(value)


def lasted(seconds: int) -> str:
    """A duration in the largest units that say it whole."""
    parts: list[str] = []
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(f"{number} {name}{'s' if number != 1 else ''}")
    return " ".join(parts) or "0 seconds"


def markdown(shape: Record, depth: int, path: str = "") -> Iterator[str]:
    """The lines of a reference: each table under a heading, each setting in a line."""
    for table in tables(shape, path):
        if table.heading != (f"[{path}]" if path else ""):
            yield f"{'#' * depth} `{table.heading}`"
            yield ""
        yield table.says
        yield ""
        for setting in table.settings:
            left_out = (
                "required" if setting.default is None else f"default `{setting.default}`" if setting.default else ""
            )
            notes = ", ".join(note for note in (setting.takes, left_out) if note)
            yield f"- **`{setting.name}`** ({notes}) {setting.says}".rstrip()
        if table.settings:
            yield ""

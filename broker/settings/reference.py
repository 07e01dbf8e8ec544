"""Settings reference, generated from the dataclasses of the schema, so that it always matches them.

A setting's description is the docstring under its field; its type and default are those of the field.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, is_dataclass
from enum import Enum
from pathlib import Path
from textwrap import dedent
from typing import Annotated, Any, get_args, get_origin

from broker.platform.toml_fields import TomlKey, keys_of
from broker.platform.toml_loader import DateTimeMarker, Duration, Range, optional

Record = type[Any]
PLAIN: Mapping[Any, str] = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}


@dataclass(frozen=True, slots=True)
class SettingDoc:
    """One setting: its type in words, its default (None: required), its description."""

    name: str
    type: str
    default: str | None
    description: str


@dataclass(frozen=True, slots=True)
class TableDoc:
    """One table of a file: its heading in TOML (empty: top level), its description, its settings."""

    heading: str
    description: str
    settings: tuple[SettingDoc, ...]


def tables(shape: Record, path: str = "", *, many: bool = False) -> Iterator[TableDoc]:
    """Yields the table of a dataclass, followed by the tables inside it."""
    keys = keys_of(shape)
    docs = {owner: field_docs(syntax_tree(owner)) for owner in {key.owner for key in keys}}
    nested = {key.name: found for key in keys if (found := record_in(key)) is not None}
    settings = tuple(
        SettingDoc(key.name, type_text(key.hint), default(key), docs[key.owner].get(key.field.name, ""))
        for key in keys
        if key.name not in nested
    )
    heading = f"[[{path}]]" if many else f"[{path}]" if path else ""
    yield TableDoc(heading, " ".join((ast.get_docstring(syntax_tree(shape)) or "").split()), settings)
    for name, (record, in_list) in nested.items():
        yield from tables(record, f"{path}.{name}" if path else name, many=in_list)


def record_in(key: TomlKey) -> tuple[Record, bool] | None:
    """The dataclass that a key's own table fills, and whether it is an array of tables; None for a plain value.

    A dataclass without optional fields is a value if the key may be left out: `{ max = 5, window = "1 hour" }`.
    """
    bare = without_none(key.hint)
    if get_origin(bare) is tuple and is_dataclass(get_args(bare)[0]):
        return get_args(bare)[0], True
    if not is_dataclass(bare) or not isinstance(bare, type):
        return None
    as_value = key.optional and not any(inner.optional for inner in keys_of(bare))
    return None if as_value else (bare, False)


def without_none(hint: Any) -> Any:
    """The X of `X | None`, or the type itself."""
    return optional(hint) if type(None) in get_args(hint) else hint


_TREES: dict[Record, ast.ClassDef] = {}
"""The syntax trees so far: to find the source of a class, Python reads its whole module."""


def syntax_tree(shape: Record) -> ast.ClassDef:
    """The syntax tree of a dataclass, with the docstrings that `python -OO` strips from the class itself."""
    if shape not in _TREES:
        tree = ast.parse(dedent(inspect.getsource(shape)))
        (_TREES[shape],) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    return _TREES[shape]


def field_docs(body: ast.ClassDef) -> Mapping[str, str]:
    """The docstring under each field of a dataclass, on one line."""
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def type_text(hint: Any) -> str:
    """The type of a field in words."""
    hint = without_none(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return annotated_text(hint)
    if origin in (tuple, frozenset):
        return f"list: {type_text(arguments[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"table: {type_text(arguments[0])} = {type_text(arguments[1])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " or ".join(toml_value(member) for member in hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return "{ " + ", ".join(key.name for key in keys_of(hint)) + " }"
    return PLAIN.get(hint, "any value")


def annotated_text(hint: Any) -> str:
    """The type of an annotated field in words: a duration, a date, a number with bounds."""
    base, *marks = get_args(hint)
    is_duration = any(isinstance(mark, Duration) for mark in marks)
    what = (
        "duration"
        if is_duration
        else "date"
        if any(isinstance(mark, DateTimeMarker) for mark in marks)
        else type_text(base)
    )
    for mark in marks:
        if isinstance(mark, Range):
            least, most = (duration_text(int(end)) if is_duration else f"{end:,g}" for end in (mark.min, mark.max))
            what += f" from {least} to {most}"
    return what


def default(key: TomlKey) -> str | None:
    """The default of a key in TOML: an empty string for none, None if the key is required."""
    if key.field.default is not MISSING:
        return toml_value(key.field.default, key.hint)
    if key.field.default_factory is not MISSING:
        return toml_value(key.field.default_factory(), key.hint)
    return None


def toml_value(value: Any, hint: Any = Any) -> str:
    """A value in TOML."""
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
            return f'"{duration_text(value)}"'
        case str() | Path():
            return f'"{value}"'
        case tuple() | frozenset():
            return f"[{', '.join(map(toml_value, value))}]"
        case Mapping():
            return (
                "{ " + ", ".join(f"{toml_value(key).strip(chr(34))} = {toml_value(value[key])}" for key in value) + " }"
            )
        case _ if is_dataclass(value) and not isinstance(value, type):
            parts = (f"{key.name} = {toml_value(key.value(value), key.hint)}" for key in keys_of(type(value)))
            return "{ " + ", ".join(parts) + " }"
        case _:
            return str(value)


def duration_text(seconds: int) -> str:
    """A duration in the largest units that represent it exactly."""
    parts: list[str] = []
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(f"{number} {name}{'s' if number != 1 else ''}")
    return " ".join(parts) or "0 seconds"


def markdown(shape: Record, depth: int, path: str = "") -> Iterator[str]:
    """The reference in Markdown: a heading for each table, a line for each setting."""
    for table in tables(shape, path):
        if table.heading != (f"[{path}]" if path else ""):
            yield f"{'#' * depth} `{table.heading}`"
            yield ""
        yield table.description
        yield ""
        for setting in table.settings:
            requirement = (
                "required" if setting.default is None else f"default `{setting.default}`" if setting.default else ""
            )
            notes = ", ".join(note for note in (setting.type, requirement) if note)
            yield f"- **`{setting.name}`** ({notes}) {setting.description}".rstrip()
        if table.settings:
            yield ""

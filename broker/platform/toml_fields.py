"""Fields of a dataclass as keys of a TOML table: which key fills which field, and in which order the keys are listed.

A key has the name of its field, unless `Key` gives it another one. The fields of a dataclass that is marked `Flattened`
are keys of the same table, so that a record can be grouped while its file is flat. The loader, the reference of
settings and tests read this one list, `keys_of`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key:
    """Marks a field whose key has another name, or another place than its field.

    `after` is the key that it follows in the reference and in messages that list the known keys.
    """

    name: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Flattened:
    """Marks a dataclass whose fields are keys of the table that contains it."""


@dataclass(frozen=True, slots=True)
class TomlKey:
    """One key of a table, the type of its value, the field that it fills, and the dataclass of this field.

    `path` holds the attribute names that lead from the record to the field: one, or two in a flattened group.
    """

    name: str
    hint: Any
    field: Field[Any]
    owner: type[Any]
    path: tuple[str, ...]
    after: str = ""

    @property
    def optional(self) -> bool:
        """Whether the key may be left out."""
        return has_default(self.field)

    def value(self, record: Any) -> Any:
        """The value of the key in a record."""
        for name in self.path:
            record = getattr(record, name)
        return record


_KEYS: dict[type[Any], tuple[TomlKey, ...]] = {}
"""The keys of each dataclass so far: evaluating the hints of its fields takes as long as filling it."""


def keys_of(shape: type[Any]) -> tuple[TomlKey, ...]:
    """The keys of a table that fills a dataclass, in the order in which they are listed; computed once."""
    if shape not in _KEYS:
        _KEYS[shape] = _ordered(shape)
    return _KEYS[shape]


def _ordered(shape: type[Any]) -> tuple[TomlKey, ...]:
    declared: list[TomlKey] = []
    for field, hint in _fields(shape):
        if Flattened() in _marks(hint):
            group = get_args(hint)[0]
            declared += (_key(inner, kind, group, (field.name, inner.name)) for inner, kind in _fields(group))
        else:
            declared.append(_key(field, hint, shape, (field.name,)))
    ordered = [key for key in declared if not key.after]
    for key in declared:
        if key.after:
            ordered.insert([other.name for other in ordered].index(key.after) + 1, key)
    return tuple(ordered)


def assemble(shape: type[T], keys: Iterable[TomlKey], values: Mapping[str, Any]) -> T:
    """A record of the values by key. A key without a value has its default."""
    arguments: dict[str, Any] = {}
    groups: dict[str, tuple[type[Any], dict[str, Any]]] = {}
    for key in keys:
        *group, name = key.path
        into = groups.setdefault(group[0], (key.owner, {}))[1] if group else arguments
        if key.name in values:
            into[name] = values[key.name]
    return shape(**arguments, **{name: group(**inner) for name, (group, inner) in groups.items()})


def has_default(field: Field[Any]) -> bool:
    """Whether a field is optional."""
    return field.default is not MISSING or field.default_factory is not MISSING


def _fields(shape: type[Any]) -> Iterator[tuple[Field[Any], Any]]:
    """The fields that a file can fill, with their types."""
    hints = get_type_hints(shape, include_extras=True)
    return ((field, hints[field.name]) for field in fields(shape) if field.init)


def _key(field: Field[Any], hint: Any, owner: type[Any], path: tuple[str, ...]) -> TomlKey:
    marks = _marks(hint)
    mark = next((mark for mark in marks if isinstance(mark, Key)), Key())
    bare = get_args(hint)[0] if marks == (mark,) else hint
    return TomlKey(mark.name or field.name, bare, field, owner, path, mark.after)


def _marks(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()

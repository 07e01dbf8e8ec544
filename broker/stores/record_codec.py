"""Record codec: records as JSON with a version, sealed or in the clear."""

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

import msgspec

from broker.crypto.seal import Sealer, Unsealable

_Record = TypeVar("_Record")
_log: Final = logging.getLogger("portico.stores")


class DecodeError(Exception):
    """The content has an unknown version, or is damaged."""


Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""Upgrades the JSON object of the previous version's record to the current version."""


class RecordCodec(Generic[_Record]):
    """JSON codec for one kind of record: `{"v":<version>,"r":<record>}`.

    The version changes if an older program cannot read what a newer one writes; fields with defaults are added and
    removed without a new version. `upgrade` makes records of the version before readable.
    """

    def __init__(self, kind: type[_Record], version: int = 1, upgrade: Upgrade | None = None) -> None:
        self.version = version
        self._head = _head(version)
        self._decoder = msgspec.json.Decoder(kind)
        self._earlier_head = _head(version - 1)
        self._upgrade = upgrade

    def write(self, record: _Record) -> bytes:
        """Encodes a record as JSON."""
        return self._head + msgspec.json.encode(record) + b"}"

    def read(self, data: bytes) -> _Record:
        """Decodes a record. Raises DecodeError."""
        try:
            if data.startswith(self._head):
                return self._decoder.decode(data[len(self._head) : -1])
            if self._upgrade is not None and data.startswith(self._earlier_head):
                earlier = msgspec.json.decode(data[len(self._earlier_head) : -1], type=dict[str, Any])
                return self._decoder.decode(msgspec.json.encode(self._upgrade(earlier)))
        except msgspec.DecodeError as problem:
            raise DecodeError(type(problem).__name__) from problem
        raise DecodeError("unknown version")


def renaming(names: Mapping[str, str], inside: Mapping[str, Upgrade] = MappingProxyType({})) -> Upgrade:
    """Returns an upgrade that renames fields, and upgrades the objects in the fields `inside` (by their new names)."""

    def upgrade(record: dict[str, Any]) -> dict[str, Any]:
        renamed = {names.get(name, name): value for name, value in record.items()}
        nested = {name: inside[name](renamed[name]) for name in inside if renamed.get(name) is not None}
        return renamed | nested

    return upgrade


def _head(version: int) -> bytes:
    return b'{"v":%d,"r":' % version


class SealedCodec(Generic[_Record]):
    """Codec for one kind of sealed record. Each is bound to its context (`place`)."""

    def __init__(self, sealer: Sealer, form: RecordCodec[_Record]) -> None:
        self._sealer = sealer
        self._form = form

    def write(self, record: _Record, place: str) -> bytes:
        """Encodes and seals a record, which opens only in this context."""
        return self._sealer.seal(self._form.write(record), place)

    def read(self, value: bytes, place: str) -> _Record | None:
        """Opens and decodes a record. Returns None, and logs, if it cannot be opened or decoded: it counts as
        unknown."""
        try:
            return self._form.read(self._sealer.open(value, place))
        except (Unsealable, DecodeError) as problem:
            _log.warning("record_unreadable", extra={"kind": place.rpartition(":")[0], "why": str(problem)})
            return None

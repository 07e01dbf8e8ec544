"""Records as JSON that says its own form, sealed or in the clear."""

import logging
from typing import Final, Generic, TypeVar

import msgspec

from broker.crypto.seal import Sealer, Unsealable

_Record = TypeVar("_Record")
_log: Final = logging.getLogger("portico.stores")


class DecodeError(Exception):
    """Content of a form that this version does not know, or that is damaged."""


class RecordCodec(Generic[_Record]):
    """How one kind of record is written: `{"v":<mark>,"r":<record>}`.

    The mark changes when an older program could no longer read what a newer one writes; fields with defaults may come
    and go without it.
    """

    def __init__(self, kind: type[_Record], mark: int = 1) -> None:
        self.version = mark
        self._head = b'{"v":%d,"r":' % mark
        self._decoder = msgspec.json.Decoder(kind)

    def write(self, record: _Record) -> bytes:
        """The record as JSON."""
        return self._head + msgspec.json.encode(record) + b"}"

    def read(self, data: bytes) -> _Record:
        """The record. Raises DecodeError."""
        if not data.startswith(self._head):
            raise DecodeError("written in another form")
        try:
            return self._decoder.decode(data[len(self._head) : -1])
        except msgspec.DecodeError as problem:
            raise DecodeError(type(problem).__name__) from problem


class SealedCodec(Generic[_Record]):
    """How one kind of record is kept sealed, each at its place."""

    def __init__(self, sealer: Sealer, form: RecordCodec[_Record]) -> None:
        self._sealer = sealer
        self._form = form

    def write(self, record: _Record, place: str) -> bytes:
        """The sealed record, which opens at this place alone."""
        return self._sealer.seal(self._form.write(record), place)

    def read(self, value: bytes, place: str) -> _Record | None:
        """The record; None, and a line in the log, for what this broker cannot open or read: it counts as unknown."""
        try:
            return self._form.read(self._sealer.open(value, place))
        except (Unsealable, DecodeError) as problem:
            _log.warning("record_unreadable kind=%s why=%s", place.rpartition(":")[0], problem)
            return None

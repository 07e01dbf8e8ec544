"""Evidence files in a folder: one file for each object, readable by the broker's user alone."""

import asyncio
import os
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable
from pathlib import Path
from typing import Final, TypeVar, TypeVarTuple

from broker.model.evidence_file import FileLost
from broker.model.store_results import StoreUnavailable

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{16,160}")
_READ: Final = 256 * 1024

_Arguments = TypeVarTuple("_Arguments")
_Result = TypeVar("_Result")


class FolderObjects:
    """Objects in a folder, which is created if it is missing. Several hosts may share it."""

    place: Final = "folder"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def write(self, name: str, pieces: AsyncIterable[bytes]) -> None:
        """Writes an object, durably on return. Raises StoreUnavailable.

        If `pieces` raises, or the process dies, an incomplete object stays until it is deleted.
        """
        descriptor = await _on_disk(self._create, name)
        try:
            async for piece in pieces:
                await _on_disk(_write_all, descriptor, piece)
            await _on_disk(os.fsync, descriptor)
        finally:
            os.close(descriptor)

    async def read(self, name: str, start: int, length: int) -> AsyncIterator[bytes]:
        """Part of an object. Raises FileLost if there is no such object, StoreUnavailable if it cannot be read."""
        descriptor = await _on_disk(self._open, name)
        try:
            while length > 0:
                piece = await _on_disk(os.pread, descriptor, min(_READ, length), start)
                if not piece:
                    return
                yield piece
                start, length = start + len(piece), length - len(piece)
        finally:
            os.close(descriptor)

    async def delete(self, name: str) -> None:
        """Deletes an object, if there is one. Raises StoreUnavailable."""
        await _on_disk(self._delete, name)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError("not the name of an object")
        return self._folder / name

    def _create(self, name: str) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def _open(self, name: str) -> int:
        try:
            return os.open(self._path(name), os.O_RDONLY)
        except FileNotFoundError:
            raise FileLost(name) from None

    def _delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)


def _write_all(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]


async def _on_disk(call: Callable[[*_Arguments], _Result], *arguments: *_Arguments) -> _Result:
    """Calls a blocking function of the file system in a thread."""
    try:
        return await asyncio.to_thread(call, *arguments)
    except OSError as fault:
        raise StoreUnavailable(f"folder of evidence files: {fault.strerror}") from fault

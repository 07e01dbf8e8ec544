"""Authenticated encryption of a file in chunks, so that it is neither written nor read whole.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizar 2015): each chunk is sealed with AES-256-GCM under the
file's own key; its nonce is the chunk's number and a flag that marks the last one. A file that was shortened, extended,
or whose chunks were exchanged, does not open. A key seals one file, once.
"""

from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker.crypto.seal import Unsealable

KEY: Final = 32
"""Size of a key in bytes."""

CHUNK: Final = 64 * 1024
"""Size of a chunk's content in bytes. Every chunk but the last one is of this size."""

TAG: Final = 16
SEALED_CHUNK: Final = CHUNK + TAG


def chunks_of(size: int) -> int:
    """The number of chunks of a file of `size` bytes. An empty file has one, which is empty."""
    return max(1, -(-size // CHUNK))


def sealed_size(size: int) -> int:
    """The number of stored bytes of a file of `size` bytes."""
    return size + TAG * chunks_of(size)


class ChunkSealer:
    """Seals one file. `add` takes its content in pieces of any size, `finish` ends it."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._number = 0
        self._held = bytearray()

    def add(self, piece: bytes) -> bytes:
        """Returns the chunks that this piece completes. One chunk is held back, since it may be the last one."""
        self._held += piece
        whole = max(0, (len(self._held) - 1) // CHUNK)
        sealed = b"".join(self._seal(bytes(self._held[at * CHUNK : (at + 1) * CHUNK])) for at in range(whole))
        del self._held[: whole * CHUNK]
        return sealed

    def finish(self) -> bytes:
        """Returns the last chunk."""
        return self._seal(bytes(self._held), last=True)

    def _seal(self, content: bytes, *, last: bool = False) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._number, last=last), content, None)
        self._number += 1
        return sealed


class ChunkOpener:
    """Opens chunks of one file, whose size is known."""

    def __init__(self, key: bytes, size: int) -> None:
        self._cipher = AESGCM(key)
        self._last = chunks_of(size) - 1
        self._size = size

    def open(self, number: int, sealed: bytes) -> bytes:
        """The content of a chunk. Raises Unsealable."""
        last = number == self._last
        try:
            content = self._cipher.decrypt(_nonce(number, last=last), sealed, None)
        except InvalidTag:
            raise Unsealable("changed, cut, or of another file") from None
        if len(content) != (self._size - number * CHUNK if last else CHUNK):
            raise Unsealable("of another size")
        return content


def _nonce(number: int, *, last: bool) -> bytes:
    """The nonce of 96 bits: the number of the chunk, and 1 for the last one. It never repeats under a key."""
    return number.to_bytes(11) + bytes([last])


async def seal_stream(key: bytes, pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Seals a file, chunk by chunk."""
    sealer = ChunkSealer(key)
    async for piece in pieces:
        if sealed := sealer.add(piece):
            yield sealed
    yield sealer.finish()


async def open_stream(key: bytes, size: int, chunks: range, pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Opens these chunks of a file of `size` bytes. Raises Unsealable, also if there are fewer or more.

    `pieces` are their stored bytes, in pieces of any size.
    """
    opener, held, number = ChunkOpener(key, size), bytearray(), chunks.start
    async for piece in pieces:
        held += piece
        while len(held) >= SEALED_CHUNK:
            yield opener.open(number, bytes(held[:SEALED_CHUNK]))
            del held[:SEALED_CHUNK]
            number += 1
    if held:
        yield opener.open(number, bytes(held))
        number += 1
    if number != chunks.stop:
        raise Unsealable("cut, or extended")

"""Sealed files: cutting, extending, exchanging and changing chunks is noticed, and memory stays small."""

from collections.abc import AsyncIterator, Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.seal import Unsealable
from broker.crypto.seal_stream import (
    CHUNK,
    KEY,
    SEALED_CHUNK,
    ChunkSealer,
    chunks_of,
    open_stream,
    seal_stream,
    sealed_size,
)

KEYS = (bytes(range(KEY)), bytes(KEY))
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5)


async def parts(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def sealed(content: bytes, key: bytes = KEYS[0]) -> bytes:
    sealer = ChunkSealer(key)
    return sealer.add(content) + sealer.finish()


async def opened(stored: bytes, size: int, first: int = 0, key: bytes = KEYS[0], by: int = 50_000) -> bytes:
    return await joined(open_stream(key, size, range(first, chunks_of(size)), parts(stored, by)))


def content(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("by", [1000, CHUNK, 3 * CHUNK])
async def test_what_was_sealed_opens_whatever_the_pieces_were(size: int, by: int) -> None:
    stored = await joined(seal_stream(KEYS[0], parts(content(size), by)))
    assert stored == sealed(content(size))
    assert len(stored) == sealed_size(size)
    assert await opened(stored, size, by=by) == content(size)


@pytest.mark.parametrize("size", SIZES)
async def test_each_chunk_opens_on_its_own(size: int) -> None:
    stored = sealed(content(size))
    for first in range(chunks_of(size)):
        assert await opened(stored[first * SEALED_CHUNK :], size, first) == content(size)[first * CHUNK :]


def cut(chunks: list[bytes]) -> Iterable[bytes]:
    return chunks[:-1]


def extended(chunks: list[bytes]) -> Iterable[bytes]:
    return [*chunks, chunks[-1]]


def exchanged(chunks: list[bytes]) -> Iterable[bytes]:
    return [chunks[1], chunks[0], *chunks[2:]]


def repeated(chunks: list[bytes]) -> Iterable[bytes]:
    return [chunks[0], chunks[0], *chunks[2:]]


def changed(chunks: list[bytes]) -> Iterable[bytes]:
    return [bytes([chunks[0][0] ^ 1]) + chunks[0][1:], *chunks[1:]]


def shortened(chunks: list[bytes]) -> Iterable[bytes]:
    return [*chunks[:-1], chunks[-1][:-1]]


def emptied(_chunks: list[bytes]) -> Iterable[bytes]:
    return []


@pytest.mark.parametrize("change", [cut, extended, exchanged, repeated, changed, shortened, emptied])
@pytest.mark.parametrize("size", [3 * CHUNK, 3 * CHUNK + 7])
async def test_a_changed_file_does_not_open(change: Callable[[list[bytes]], Iterable[bytes]], size: int) -> None:
    stored = sealed(content(size))
    chunks = [stored[at : at + SEALED_CHUNK] for at in range(0, len(stored), SEALED_CHUNK)]
    with pytest.raises(Unsealable):
        await opened(b"".join(change(chunks)), size)


@pytest.mark.parametrize("size", [CHUNK, 2 * CHUNK])
async def test_a_file_cut_at_a_chunk_does_not_open_even_with_a_size_that_fits(size: int) -> None:
    stored = sealed(content(size + 10))
    with pytest.raises(Unsealable):
        await opened(stored[: sealed_size(size)], size)


async def test_a_file_does_not_open_with_another_key() -> None:
    with pytest.raises(Unsealable):
        await opened(sealed(b"content"), 7, key=KEYS[1])


@given(st.integers(0, 3 * CHUNK), st.integers(1, 3 * CHUNK))
async def test_no_more_than_one_chunk_is_held_back(size: int, by: int) -> None:
    sealer, taken = ChunkSealer(KEYS[0]), 0
    async for piece in parts(bytes(size), by):
        taken += len(sealer.add(piece))
    assert sealed_size(size) - taken <= SEALED_CHUNK
    assert taken + len(sealer.finish()) == sealed_size(size)

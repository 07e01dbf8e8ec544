"""Headers of videos: a bounded reader of ISO BMFF (MP4, QuickTime, 3GP; ISO/IEC 14496-12) and of WebM (EBML, RFC 8794).

It reads the type, the duration and the kinds of tracks, and skips everything else. It reads at most `READS` pieces of
`WINDOW` bytes and `BOXES` boxes, nested at most `DEPTH` deep, whatever sizes the boxes state.
"""

import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from broker.model.evidence_file import UploadFault

ReadAt = Callable[[int, int], Awaitable[bytes]]
"""Reads `length` bytes from an offset; fewer at the end."""

WINDOW: Final = 4096
READS: Final = 256
BOXES: Final = 512
DEPTH: Final = 5

_BRANDS: Final = frozenset(
    {b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV", b"qt  "}
    | {b"3gp4", b"3gp5", b"3gp6", b"3g2a"}
)
_CONTAINERS: Final = frozenset({b"moov", b"trak", b"mdia"})
_EBML: Final = 0x1A45DFA3
_DOC_TYPE: Final = 0x4282
_SEGMENT: Final = 0x18538067
_INFO: Final = 0x1549A966
_SCALE: Final = 0x2AD7B1
_DURATION: Final = 0x4489
_TRACKS: Final = 0x1654AE6B
_TRACK: Final = 0xAE
_TRACK_TYPE: Final = 0x83
_VIDEO_TRACK: Final = 1
_CLUSTER: Final = 0x1F43B675
_MASTERS: Final = frozenset({_SEGMENT, _INFO, _TRACKS, _TRACK})
_VALUES: Final = frozenset({_DOC_TYPE, _SCALE, _DURATION, _TRACK_TYPE})
_UNKNOWN_SIZE: Final = -1


@dataclass(frozen=True, slots=True)
class VideoHeader:
    """What a header says. `seconds` is None if it has no duration, as in what browsers record while they stream."""

    type: str
    seconds: float | None


class _Damaged(Exception):
    """The header is not well formed, or larger than a header is."""


class _Reader:
    """Reads numbers from a file of a known size, within the limits."""

    def __init__(self, read: ReadAt, size: int) -> None:
        self.size = size
        self._read = read
        self._reads = 0
        self._boxes = 0
        self._start = 0
        self._window = b""

    async def bytes(self, at: int, length: int) -> bytes:
        """Exactly these bytes. Raises _Damaged."""
        if length < 0 or length > WINDOW or at < 0 or at + length > self.size:
            raise _Damaged
        if at < self._start or at + length > self._start + len(self._window):
            self._reads += 1
            if self._reads > READS:
                raise _Damaged
            self._start, self._window = at, await self._read(at, min(WINDOW, self.size - at))
        found = self._window[at - self._start : at - self._start + length]
        if len(found) != length:
            raise _Damaged
        return found

    async def number(self, at: int, length: int) -> int:
        """An unsigned number."""
        return int.from_bytes(await self.bytes(at, length))

    def count_box(self) -> None:
        """Counts a box. Raises _Damaged after too many."""
        self._boxes += 1
        if self._boxes > BOXES:
            raise _Damaged


async def read_header(read: ReadAt, size: int) -> VideoHeader | UploadFault:
    """Reads the header of a file of `size` bytes."""
    reader = _Reader(read, size)
    try:
        start = await reader.bytes(0, 12)
        if start[4:8] == b"ftyp":
            return await _iso(reader)
        if int.from_bytes(start[:4]) == _EBML:
            return await _webm(reader)
    except _Damaged:
        return UploadFault.DAMAGED if size >= 12 else UploadFault.WRONG_TYPE
    return UploadFault.WRONG_TYPE


# --- ISO BMFF ---


@dataclass(slots=True)
class _Movie:
    seconds: float | None = None
    pictures: int = 0
    has_media: bool = False


async def _iso(reader: _Reader) -> VideoHeader | UploadFault:
    length = await reader.number(0, 4)
    names = await reader.bytes(8, min(length, 256) - 8) if length >= 16 else b""
    brands = {names[at : at + 4] for at in range(0, len(names) - 3, 4) if at != 4}
    if not brands & _BRANDS:
        return UploadFault.WRONG_TYPE
    movie = _Movie()
    await _boxes(reader, 0, reader.size, 0, movie)
    if not movie.has_media:
        return UploadFault.DAMAGED
    return VideoHeader("video/mp4", movie.seconds) if movie.pictures else UploadFault.NO_PICTURE


async def _boxes(reader: _Reader, at: int, end: int, depth: int, movie: _Movie) -> None:
    """Reads the boxes between two offsets (14496-12 4.2)."""
    if depth > DEPTH:
        raise _Damaged
    while at + 8 <= end:
        reader.count_box()
        size, kind, head = await reader.number(at, 4), await reader.bytes(at + 4, 4), 8
        if size == 1:
            size, head = await reader.number(at + 8, 8), 16
        elif size == 0:
            size = end - at
        if size < head or at + size > end:
            raise _Damaged
        if kind in _CONTAINERS:
            await _boxes(reader, at + head, at + size, depth + 1, movie)
        elif kind == b"mvhd":
            movie.seconds = await _duration(reader, at + head)
        elif kind == b"hdlr" and size >= head + 12:
            movie.pictures += await reader.bytes(at + head + 8, 4) == b"vide"
        movie.has_media |= kind == b"mdat"
        at += size


async def _duration(reader: _Reader, at: int) -> float | None:
    """The duration in a movie header (14496-12 8.2.2). None if it is unknown or 0, as in fragmented files."""
    if await reader.number(at, 1) == 1:
        scale, length = await reader.number(at + 20, 4), await reader.number(at + 24, 8)
        unknown = 2**64 - 1
    else:
        scale, length = await reader.number(at + 12, 4), await reader.number(at + 16, 4)
        unknown = 2**32 - 1
    return length / scale if scale and length not in (0, unknown) else None


# --- WebM ---


@dataclass(slots=True)
class _Clip:
    doc_type: bytes = b""
    scale: int = 1_000_000
    duration: float | None = None
    pictures: int = 0
    has_media: bool = False


async def _webm(reader: _Reader) -> VideoHeader | UploadFault:
    clip = _Clip()
    _, at, size = await _element(reader, 0)
    if size == _UNKNOWN_SIZE:
        raise _Damaged
    await _elements(reader, at, at + size, 0, clip)
    if clip.doc_type.rstrip(b"\0") != b"webm":
        return UploadFault.WRONG_TYPE
    await _elements(reader, at + size, reader.size, 0, clip)
    if not clip.has_media:
        return UploadFault.DAMAGED
    seconds = None if clip.duration is None else clip.duration * clip.scale / 1e9
    return VideoHeader("video/webm", seconds) if clip.pictures else UploadFault.NO_PICTURE


async def _elements(reader: _Reader, at: int, end: int, depth: int, clip: _Clip) -> None:
    """Reads elements between two offsets, up to the first cluster of media."""
    if depth > DEPTH:
        raise _Damaged
    while at < end and not clip.has_media:
        reader.count_box()
        kind, start, size = await _element(reader, at)
        if kind == _CLUSTER:
            clip.has_media = True
            return
        size = end - start if size == _UNKNOWN_SIZE else size
        if start + size > end:
            raise _Damaged
        if kind in _MASTERS:
            await _elements(reader, start, start + size, depth + 1, clip)
        elif kind in _VALUES:
            await _value(reader, kind, start, size, clip)
        at = start + size


async def _value(reader: _Reader, kind: int, at: int, size: int, clip: _Clip) -> None:
    """Reads the value of one element that matters."""
    if size > 64:
        raise _Damaged
    value = await reader.bytes(at, size)
    if kind == _DOC_TYPE:
        clip.doc_type = value
    elif kind == _SCALE:
        clip.scale = int.from_bytes(value)
    elif kind == _DURATION and size in (4, 8):
        clip.duration = struct.unpack(">f" if size == 4 else ">d", value)[0]
    elif kind == _TRACK_TYPE:
        clip.pictures += int.from_bytes(value) == _VIDEO_TRACK


async def _element(reader: _Reader, at: int) -> tuple[int, int, int]:
    """The id of an element, where its content starts, and its size (RFC 8794 5, 6)."""
    first = await reader.number(at, 1)
    length = 9 - first.bit_length()
    if length > 4:
        raise _Damaged
    kind = await reader.number(at, length)
    at += length
    first = await reader.number(at, 1)
    width = 9 - first.bit_length()
    if width > 8:
        raise _Damaged
    size = await reader.number(at, width) & (2 ** (7 * width) - 1)
    return kind, at + width, _UNKNOWN_SIZE if size == 2 ** (7 * width) - 1 else size

"""Headers of videos: type, duration and tracks, and every header that is not well formed."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.evidence_file import UploadFault
from broker.platform.video_header import READS, VideoHeader, read_header
from tests.support.media import box, element, movie_header, mp4, track, webm


async def header(data: bytes) -> VideoHeader | UploadFault:
    reads = 0

    async def read(at: int, length: int) -> bytes:
        nonlocal reads
        reads += 1
        assert reads <= READS
        assert at >= 0
        assert at + length <= len(data)
        return data[at : at + length]

    return await read_header(read, len(data))


@pytest.mark.parametrize("seconds", [0.5, 8, 59.999, 7200])
async def test_duration_and_type_are_read(seconds: float) -> None:
    for made, kind in ((mp4(seconds), "video/mp4"), (webm(seconds), "video/webm")):
        found = await header(made)
        assert isinstance(found, VideoHeader)
        assert (found.type, found.seconds) == (kind, pytest.approx(seconds, abs=0.01))


@pytest.mark.parametrize("brand", [b"isom", b"mp42", b"qt  ", b"3gp5", b"M4V "])
async def test_what_telephones_write_is_known(brand: bytes) -> None:
    assert isinstance(await header(mp4(brand=brand)), VideoHeader)


FILE_TYPE = box(b"ftyp", b"isom", bytes(4), b"isom")
MEDIA = box(b"mdat", bytes(100))
HUGE = struct.pack(">I", 1) + b"moov" + struct.pack(">Q", 2**63)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (FILE_TYPE + MEDIA + box(b"moov", movie_header(8, long=True), track(b"vide")), 8.0),
        (FILE_TYPE + MEDIA + box(b"moov", movie_header(0), track(b"vide")), None),
        (FILE_TYPE + box(b"moov", movie_header(8, scale=1), track(b"vide")) + struct.pack(">I", 0) + b"mdat", 8.0),
        (webm(None), None),
        (mp4(tracks=[b"soun"]), UploadFault.NO_PICTURE),
        (webm(tracks=[2]), UploadFault.NO_PICTURE),
        (mp4(brand=b"heic"), UploadFault.WRONG_TYPE),
        (webm(doc_type=b"matroska"), UploadFault.WRONG_TYPE),
        (b"", UploadFault.WRONG_TYPE),
        (b"\x1a\x45\xdf\xa3" + bytes(50), UploadFault.DAMAGED),
        (b"RIFF" + bytes(50), UploadFault.WRONG_TYPE),
        (FILE_TYPE, UploadFault.DAMAGED),
        (FILE_TYPE + box(b"moov", movie_header(8), track(b"vide")), UploadFault.DAMAGED),
        (FILE_TYPE + MEDIA + HUGE, UploadFault.DAMAGED),
        (FILE_TYPE + MEDIA + struct.pack(">I", 3) + b"free", UploadFault.DAMAGED),
        (FILE_TYPE + box(b"free") * 10_000 + MEDIA, UploadFault.DAMAGED),
        (mp4()[:-4], UploadFault.DAMAGED),
        (webm()[:-4], UploadFault.DAMAGED),
    ],
)
async def test_other_headers(data: bytes, expected: object) -> None:
    found = await header(data)
    assert (found.seconds if isinstance(found, VideoHeader) else found) == expected


async def test_nesting_is_bounded() -> None:
    deep, clip = box(b"moov"), element(0xAE)
    for _ in range(2000):
        deep, clip = box(b"moov", deep), element(0xAE, clip)
    assert await header(FILE_TYPE + deep + MEDIA) is UploadFault.DAMAGED
    assert await header(element(0x1A45DFA3, element(0x4282, b"webm")) + clip) is UploadFault.DAMAGED


@given(st.binary(max_size=200), st.sampled_from([mp4(size=50), webm(), FILE_TYPE]), st.integers(0, 300))
async def test_random_bytes_never_raise(noise: bytes, made: bytes, at: int) -> None:
    for data in (noise, made[:at] + noise, made[:at] + noise + made[at + len(noise) :]):
        assert isinstance(await header(data), VideoHeader | UploadFault)

"""Two hundred files that no citizen means to send, made by code: wrong types, polyglots, bombs, broken headers.

Each says whether it is sent as a photograph or as a video, and the faults with which it may be refused. None among them
says that it may be accepted, as a photograph that something else is hidden in: what is stored of it is harmless.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from PIL import Image

from broker.model.evidence_file import UploadFault as F
from tests.support.media import box, element, encoded, movie_header, mp4, photo, picture, track, webm

PAYLOAD: Final = b"<script>alert(document.domain)</script>"
"""What must never be in what is stored of a photograph."""


@dataclass(frozen=True, slots=True)
class HostileFile:
    """One file. `kind` is the form that it is sent with; None in `faults`: it may be accepted and made harmless."""

    name: str
    kind: str
    content: bytes
    faults: frozenset[F | None]


def hostile_files() -> list[HostileFile]:
    """All of them."""
    return [*wrong_types(), *photographs(), *videos()]


# --- other types, sent with both forms ---


def _zipped(size: int = 0) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("payload.html", PAYLOAD + bytes(size))
    return written.getvalue()


_STARTS: Final[dict[str, bytes]] = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"></svg>',
    "svg-entities": b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "aaaa">]><svg>&a;</svg>',
    "html": b"<!DOCTYPE html>" + PAYLOAD,
    "html-after-space": b"  \n\t<html>" + PAYLOAD,
    "xml": b'<?xml version="1.0"?><a/>',
    "php": b"<?php system($_GET['c']); ?>",
    "javascript": b"alert(document.domain)//",
    "shell": b"#!/bin/sh\nrm -rf /\n",
    "text": b"a text without end " * 10,
    "text-with-mark": b"\xef\xbb\xbftext with a mark",
    "json": b'{"a": [1, 2, 3]}' * 4,
    "exe": b"MZ\x90\0" + bytes(200) + b"PE\0\0",
    "elf": b"\x7fELF\x02\x01\x01" + bytes(60),
    "mach-o": b"\xcf\xfa\xed\xfe" + bytes(60),
    "java-class": b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(60),
    "wasm": b"\0asm\1\0\0\0" + bytes(60),
    "zip": _zipped(),
    "zip-bomb": _zipped(5_000_000),
    "gzip": b"\x1f\x8b\x08" + bytes(60),
    "gzip-bomb": zlib.compress(bytes(5_000_000), 9),
    "bzip2": b"BZh91AY&SY" + bytes(60),
    "xz": b"\xfd7zXZ\0" + bytes(60),
    "7z": b"7z\xbc\xaf\x27\x1c" + bytes(60),
    "rar": b"Rar!\x1a\x07\x01\0" + bytes(60),
    "tar": bytes(257) + b"ustar" + bytes(100),
    "pdf": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript>>>>" + bytes(30),
    "postscript": b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file" + bytes(30),
    "eps": b"\xc5\xd0\xd3\xc6" + bytes(60),
    "gif": encoded(picture(), "GIF"),
    "tiff": encoded(picture(), "TIFF"),
    "tiff-big-endian": b"MM\0*\0\0\0\x08" + bytes(60),
    "bmp": encoded(picture(), "BMP"),
    "icon": b"\0\0\1\0\1\0" + bytes(60),
    "psd": b"8BPS\0\1" + bytes(60),
    "jpeg2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60),
    "jpeg-xl": b"\xff\x0a" + bytes(60),
    "exr": b"\x76\x2f\x31\x01" + bytes(60),
    "fits": b"SIMPLE  =                    T" + bytes(60),
    "dicom": bytes(128) + b"DICM" + bytes(60),
    "riff-wave": b"RIFF\x24\0\0\0WAVEfmt " + bytes(60),
    "riff-avi": b"RIFF\x24\0\0\0AVI LIST" + bytes(60),
    "mp3": b"ID3\x03\0" + bytes(60),
    "ogg": b"OggS\0\2" + bytes(60),
    "flac": b"fLaC\0\0\0\x22" + bytes(60),
    "flv": b"FLV\1\5\0\0\0\x09" + bytes(60),
    "mpeg-ts": b"G@\0\x10" + bytes(200),
    "mpeg-ps": b"\0\0\1\xba" + bytes(60),
    "flash": b"CWS\x0a" + bytes(60),
    "sqlite": b"SQLite format 3\0" + bytes(60),
    "pickle": b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x05posix\x94" + bytes(60),
    "font": b"wOF2\0\1\0\0" + bytes(60),
    "nothing-but-zero": bytes(1000),
    "one-byte": b"x",
    "two-bytes-of-jpeg": b"\xff\xd8",
    "fifteen-bytes": b"\xff\xd8\xff" + bytes(12),
}
_ISO_BRANDS: Final = {"heic": b"heic", "heif": b"mif1", "avif": b"avif", "crx": b"crx ", "m4a": b"M4A "}


def wrong_types() -> Iterator[HostileFile]:
    """Files of other types. A photograph form takes no video, and the other way round."""
    wrong: frozenset[F | None] = frozenset({F.WRONG_TYPE})
    for kind in ("photo", "video"):
        yield HostileFile(f"{kind}-empty", kind, b"", frozenset({F.EMPTY}))
        for name, content in _STARTS.items():
            yield HostileFile(f"{kind}-{name}", kind, content, wrong)
        for name, brand in _ISO_BRANDS.items():
            content = box(b"ftyp", brand, bytes(4), brand) + box(b"mdat", bytes(200))
            yield HostileFile(f"{kind}-{name}", kind, content, wrong)
    yield HostileFile("photo-is-a-video", "photo", mp4(), wrong)
    yield HostileFile("photo-is-webm", "photo", webm(), wrong)
    yield HostileFile("video-is-a-photo", "video", photo(), wrong)


# --- photographs ---


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, data: bytes, *extra: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG with any header and any compressed data."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def segment(marker: int, content: bytes) -> bytes:
    """One segment of a JPEG."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg_of(width: int, height: int) -> bytes:
    """A JPEG whose frame header states another size than its data has."""
    made = bytearray(encoded(picture()))
    at = made.index(b"\xff\xc0")
    made[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(made)


def with_segments(*segments: bytes) -> bytes:
    """A photograph with segments behind its first two bytes."""
    made = encoded(picture())
    return made[:2] + b"".join(segments) + made[2:]


def _frames(form: str) -> bytes:
    return encoded(picture(), form, save_all=True, append_images=[Image.new("RGB", (640, 480))])


def photographs() -> Iterator[HostileFile]:
    """Files that begin as a photograph does."""
    jpeg, still, webp = encoded(picture()), encoded(picture(), "PNG"), encoded(picture(), "WEBP")
    bomb, bright = zlib.compress(bytes(40_000_000), 9), zlib.compress((b"\0" + bytes(1920)) * 480)
    accepted: dict[str, bytes] = {
        "jpeg-then-html": jpeg + PAYLOAD,
        "jpeg-then-zip": jpeg + _zipped(),
        "jpeg-comment-html": with_segments(segment(0xFE, PAYLOAD)),
        "jpeg-comment-javascript": with_segments(segment(0xFE, b"*/=1;alert(1)/*" + PAYLOAD)),
        "jpeg-xmp-html": with_segments(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + PAYLOAD)),
        "jpeg-photoshop-html": with_segments(segment(0xED, b"Photoshop 3.0\0" + PAYLOAD)),
        "jpeg-profile-html": with_segments(segment(0xE2, b"ICC_PROFILE\0\1\1" + PAYLOAD)),
        "jpeg-many-segments": with_segments(*[segment(0xEE, PAYLOAD)] * 10_000),
        "jpeg-cmyk": encoded(picture(mode="CMYK")),
        "jpeg-progressive": encoded(picture(), progressive=True),
        "jpeg-telephone": photo(),
        "jpeg-thumbnail-of-itself": encoded(picture(), exif=b"Exif\0\0" + b"II*\0\x08\0\0\0" + PAYLOAD),
        "png-then-html": still + PAYLOAD,
        "png-then-zip": still + _zipped(),
        "png-text-html": png(640, 480, bright, chunk(b"tEXt", b"Comment\0" + PAYLOAD)),
        "png-16-bit": encoded(picture(mode="I;16"), "PNG"),
        "png-alpha": encoded(picture(mode="RGBA"), "PNG"),
        "png-unknown-chunk": png(640, 480, bright, chunk(b"haCk", PAYLOAD)),
        "webp-then-html": webp + PAYLOAD,
        "webp-metadata-html": encoded(picture(), "WEBP", xmp=PAYLOAD, exif=b"Exif\0\0" + PAYLOAD),
    }
    for name, content in accepted.items():
        yield HostileFile(name, "photo", content, frozenset({None}))
    broken: frozenset[F | None] = frozenset({F.DAMAGED, F.WRONG_TYPE})
    large, harmless = frozenset({F.TOO_MANY_PIXELS}), frozenset({None})
    refused: dict[str, tuple[bytes, frozenset[F | None]]] = {
        "png-30000-square": (png(30_000, 30_000, bomb), large),
        "png-widest": (png(2**31 - 1, 1, bomb), large | broken | {F.TOO_SMALL}),
        "png-tallest": (png(1, 2**31 - 1, bomb), large | broken | {F.TOO_SMALL}),
        "png-no-pixels": (png(0, 0, b""), broken | {F.TOO_SMALL}),
        "png-data-bomb": (png(7000, 7000, bomb), broken | large),
        "png-text-bomb": (png(640, 480, bright, chunk(b"zTXt", b"a\0\0" + bomb)), broken | large),
        "png-international-text-bomb": (
            png(640, 480, bright, chunk(b"iTXt", b"a\0\1\0\0\0" + bomb)),
            broken | large,
        ),
        "png-profile-bomb": (png(640, 480, bright, chunk(b"iCCP", b"a\0\0" + bomb)), broken | harmless),
        "png-without-data": (still[:33] + chunk(b"IEND", b""), broken),
        "png-wrong-sum": (still[:40] + b"\0\0\0\0" + still[44:], broken),
        "png-animated": (_frames("PNG"), frozenset({F.ANIMATED})),
        "png-wrong-depth": (png(640, 480, bright, depth=7), broken),
        "png-wrong-colour": (png(640, 480, bright, colour=9), broken),
        "png-endless-chunk": (still[:33] + struct.pack(">I", 2**31 - 1) + b"IDAT" + bytes(900), broken),
        "jpeg-65500-square": (jpeg_of(65_500, 65_500), large),
        "jpeg-widest": (jpeg_of(65_500, 300), broken | large | harmless),
        "jpeg-no-pixels": (jpeg_of(0, 0), broken | {F.TOO_SMALL}),
        "jpeg-small": (encoded(picture(100, 100)), frozenset({F.TOO_SMALL})),
        "jpeg-one-pixel": (encoded(picture(1, 1)), frozenset({F.TOO_SMALL})),
        "jpeg-magic-then-html": (b"\xff\xd8\xff\xe0" + PAYLOAD, broken),
        "jpeg-magic-then-zero": (b"\xff\xd8\xff\xe0" + bytes(100_000), broken),
        "jpeg-only-segments": (b"\xff\xd8" + segment(0xE0, bytes(100)) * 9_000, broken),
        "jpeg-segment-too-long": (b"\xff\xd8\xff\xe0\xff\xff" + bytes(100), broken),
        "jpeg-bad-tables": (jpeg.replace(b"\xff\xc4", b"\xff\xc8", 1), broken),
        "jpeg-arithmetic": (jpeg.replace(b"\xff\xc0", b"\xff\xc9", 1), broken | harmless),
        "jpeg-lossless": (jpeg.replace(b"\xff\xc0", b"\xff\xc3", 1), broken),
        "webp-animated": (_frames("WEBP"), frozenset({F.ANIMATED})),
        "webp-cut": (webp[: len(webp) // 2], broken),
        "webp-wrong-size": (webp[:4] + b"\xff\xff\xff\x7f" + webp[8:], broken),
        "webp-largest": (
            b"RIFF" + struct.pack("<I", 100) + b"WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x3f\0\xff\x3f\0" + bytes(70),
            broken | large,
        ),
        "webp-magic-then-html": (b"RIFF\xff\0\0\0WEBP" + PAYLOAD, broken),
    }
    for name, (content, faults) in refused.items():
        yield HostileFile(name, "photo", content, faults)
    for share in (1, 2, 5, 10, 30, 60, 90, 99):
        for name, whole in (("jpeg", jpeg), ("png", still)):
            faults = broken | harmless if share == 99 else broken
            yield HostileFile(f"{name}-cut-at-{share}", "photo", whole[: len(whole) * share // 100], faults)


# --- videos ---


def videos() -> Iterator[HostileFile]:
    """Files that begin as a video does."""
    start, media = box(b"ftyp", b"isom", bytes(4), b"isom"), box(b"mdat", bytes(200))
    moov = box(b"moov", movie_header(8), track(b"vide"))
    head = element(0x1A45DFA3, element(0x4282, b"webm"))
    deep, clip = box(b"moov"), element(0xAE)
    for _ in range(1000):
        deep, clip = box(b"moov", deep), element(0xAE, clip)
    damaged = {F.DAMAGED}
    cases: dict[str, tuple[bytes, set[F]]] = {
        "mp4-many-boxes": (start + box(b"free") * 100_000 + media + moov, damaged),
        "mp4-many-tracks": (start + media + box(b"moov", movie_header(8), track(b"vide") * 5_000), damaged),
        "mp4-deep": (start + deep + media, damaged),
        "mp4-huge-box": (start + struct.pack(">I", 1) + b"moov" + struct.pack(">Q", 2**63) + media, damaged),
        "mp4-largest-box": (start + struct.pack(">I", 2**32 - 1) + b"moov" + media, damaged),
        "mp4-tiny-box": (start + struct.pack(">I", 7) + b"moov" + media, damaged),
        "mp4-size-one-short": (start + struct.pack(">I", 1) + b"free" + struct.pack(">Q", 3) + media, damaged),
        "mp4-only-type": (start, damaged),
        "mp4-no-movie": (start + media, {F.NO_PICTURE}),
        "mp4-no-media": (start + moov, damaged),
        "mp4-cut": (mp4()[:-10], damaged),
        "mp4-cut-header": (start + media + moov[:40], damaged),
        "mp4-sound": (mp4(tracks=[b"soun"]), {F.NO_PICTURE}),
        "mp4-text-track": (mp4(tracks=[b"text", b"sbtl"]), {F.NO_PICTURE}),
        "mp4-two-hours": (mp4(7200), {F.TOO_LONG}),
        "mp4-longest": (start + media + box(b"moov", movie_header(2**40, long=True), track(b"vide")), {F.TOO_LONG}),
        "mp4-a-moment": (mp4(0.1), {F.TOO_SHORT}),
        "mp4-type-without-brand": (box(b"ftyp") + media + moov, {F.WRONG_TYPE}),
        "mp4-html-brand": (box(b"ftyp", b"<htm", bytes(4)) + media + moov, {F.WRONG_TYPE}),
        "webm-deep": (head + clip, damaged),
        "webm-no-media": (head + element(0x18538067, element(0x1549A966)), damaged),
        "webm-head-only": (head, damaged),
        "webm-sound": (webm(tracks=[2]), {F.NO_PICTURE}),
        "webm-two-hours": (webm(7200), {F.TOO_LONG}),
        "webm-a-moment": (webm(0.1), {F.TOO_SHORT}),
        "webm-not-a-number": (webm(float("nan")), {F.TOO_LONG}),
        "webm-endless": (webm(float("inf")), {F.TOO_LONG}),
        "webm-negative": (webm(-5), {F.TOO_SHORT}),
        "webm-matroska": (webm(doc_type=b"matroska"), {F.WRONG_TYPE}),
        "webm-no-type": (element(0x1A45DFA3, bytes(20)) + webm()[20:], {F.WRONG_TYPE, F.DAMAGED}),
        "webm-unknown-head": (element(0x1A45DFA3, unknown=True) + bytes(50), damaged),
        "webm-zero-size-id": (b"\x1a\x45\xdf\xa3" + bytes(500), damaged),
        "webm-many-elements": (head + element(0xEC, b"") * 50_000, damaged),
        "webm-long-value": (head + element(0x18538067, element(0x1549A966, element(0x2AD7B1, bytes(500)))), damaged),
        "webm-cut": (webm()[:-5], damaged),
    }
    for name, (content, faults) in cases.items():
        yield HostileFile(name, "video", content, frozenset(faults))

"""Photographs and videos made by code: what a telephone sends, in small."""

import io
import struct
from collections.abc import Sequence

from PIL import Image


def picture(width: int = 640, height: int = 480, mode: str = "RGB") -> Image.Image:
    """A picture that is not of one colour."""
    grey = Image.linear_gradient("L").resize((width, height))
    return grey.convert(mode) if mode not in ("I;16", "CMYK") else grey.convert("I;16" if mode == "I;16" else "CMYK")


def encoded(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    """The file of a picture."""
    written = io.BytesIO()
    image.save(written, form, **options)  # type: ignore[arg-type]
    return written.getvalue()


def photo(width: int = 640, height: int = 480) -> bytes:
    """A photograph with what telephones write beside the picture: place, model, a thumbnail."""
    exif = Image.Exif()
    exif[0x010F] = "ACME telephone"
    exif[0x0112] = 6  # lies on its side
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 30.0, 0.0)})
    return encoded(picture(width, height), exif=exif, comment=b"secret place")


# --- ISO BMFF ---


def box(kind: bytes, *content: bytes) -> bytes:
    """One box."""
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def track(handler: bytes) -> bytes:
    """A track of pictures (`vide`) or sound (`soun`)."""
    return box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), handler, bytes(12))))


def movie_header(seconds: float, *, scale: int = 1000, long: bool = False) -> bytes:
    """The movie header with a duration."""
    length = int(seconds * scale)
    if long:
        return box(b"mvhd", b"\1\0\0\0", bytes(16), struct.pack(">IQ", scale, length), bytes(80))
    return box(b"mvhd", bytes(4), bytes(8), struct.pack(">II", scale, length), bytes(80))


def mp4(
    seconds: float = 8.0, tracks: Sequence[bytes] = (b"vide", b"soun"), size: int = 20_000, brand: bytes = b"isom"
) -> bytes:
    """A video, with its header behind the media as telephones write it."""
    media = box(b"mdat", bytes(size))
    return box(b"ftyp", brand, bytes(4), brand) + media + box(b"moov", movie_header(seconds), *map(track, tracks))


# --- WebM ---


def element(kind: int, *content: bytes, unknown: bool = False) -> bytes:
    """One element, of known or unknown size."""
    body = b"".join(content)
    size = b"\x01" + b"\xff" * 7 if unknown else (len(body) | 1 << 56).to_bytes(8)
    return kind.to_bytes((kind.bit_length() + 7) // 8) + size + body


def webm(seconds: float | None = 8.0, tracks: Sequence[int] = (1, 2), doc_type: bytes = b"webm") -> bytes:
    """A video; without a duration as browsers record it while they stream."""
    length = b"" if seconds is None else element(0x4489, struct.pack(">d", seconds * 1000))
    info = element(0x1549A966, element(0x2AD7B1, (1_000_000).to_bytes(3)), length)
    tables = element(0x1654AE6B, *(element(0xAE, element(0x83, bytes([kind]))) for kind in tracks))
    cluster = element(0x1F43B675, bytes(5000), unknown=seconds is None)
    return element(0x1A45DFA3, element(0x4282, doc_type)) + element(
        0x18538067, info, tables, cluster, unknown=seconds is None
    )

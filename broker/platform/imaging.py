"""Re-encoding of photographs, as a program of its own: `python -I imaging.py` reads an image on its standard input.

It decodes JPEG, PNG and WebP alone, and writes a new JPEG with nothing of the original but its pixels: one line of JSON
with `width` and `height`, then the image. An image that it refuses gives a line with `fault`, a word of
`model.evidence_file.UploadFault`. It imports nothing of the broker, limits its own memory, time and files before it
reads the first byte, and exits. `image_child` starts it.
"""

import io
import itertools
import json
import resource
import sys
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

MEMORY = 512 * 1024 * 1024
"""Most address space of the process, in bytes."""

SECONDS = 10
"""Most processor time of the process."""

LARGEST = 2600
"""Longest side of the new image, in pixels. Smaller images keep their size."""

SMALLEST = 200
"""Shortest side of an image on which a document can be read, in pixels."""

PIXELS = 50_000_000
"""Most pixels of an image, by its header."""

TILE = 1024
"""Side of the squares, in pixels, in which an image with transparent parts is flattened."""

QUALITY = 85


class Refused(Exception):
    """The image is refused."""


def limit() -> None:
    """Limits memory, processor time, files and children of this process, for good."""
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(kind, (most, most))


def reencode(data: bytes) -> tuple[bytes, int, int]:
    """Returns the new JPEG, its width and its height. Raises Refused with a word of UploadFault."""
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = PIXELS
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            width, height = image.size
            if width * height > PIXELS:
                raise Refused("too_many_pixels")
            if min(width, height) < SMALLEST:
                raise Refused("too_small")
            if getattr(image, "n_frames", 1) > 1:
                raise Refused("animated")
            image.draft("RGB", (LARGEST, LARGEST))
            image.load()
            flat = _flat(image)
            flat.thumbnail((LARGEST, LARGEST))
            upright = _upright(flat)
            written = io.BytesIO()
            upright.convert("RGB").save(written, "JPEG", quality=QUALITY, exif=b"", icc_profile=None, comment=b"")
            return written.getvalue(), *upright.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        raise Refused("too_many_pixels") from None
    except UnidentifiedImageError:
        raise Refused("wrong_type") from None
    except Refused:
        raise
    except Exception:  # whatever a decoder raises: the file is not one that can be shown
        raise Refused("damaged") from None


def _upright(image: Image.Image) -> Image.Image:
    """The image turned as its metadata says; as it lies if they cannot be read, which harms nothing else."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # whatever a reader of metadata raises
        return image


def _flat(image: Image.Image) -> Image.Image:
    """The image without transparency, on white, and not much larger than it will be.

    Pillow scales an image with transparency by a copy of all of it; square by square no second one is in memory.
    """
    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image
    (width, height), factor = image.size, max(1, max(image.size) // LARGEST)
    flat = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    side = factor * max(1, TILE // factor)
    for left, top in itertools.product(range(0, width, side), range(0, height, side)):
        layer = image.crop((left, top, min(left + side, width), min(top + side, height))).convert("RGBA")
        white = Image.new("RGB", layer.size, "white")
        white.paste(layer, mask=layer.getchannel("A"))
        flat.paste(white.reduce(factor), (left // factor, top // factor))
    if "exif" in image.info:
        flat.info["exif"] = image.info["exif"]
    return flat


def main() -> None:
    """Reads an image, writes the new one."""
    limit()
    head: dict[str, str | int]
    made = b""
    try:
        made, width, height = reencode(sys.stdin.buffer.read())
    except Refused as refused:
        head = {"fault": str(refused)}
    except MemoryError:
        head = {"fault": "too_many_pixels"}
    else:
        head = {"width": width, "height": height}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + made)


if __name__ == "__main__":
    main()

"""Re-encoding of photographs: what is accepted comes out as a plain JPEG, in the program itself."""

import io

import pytest
from PIL import Image

from broker.platform import imaging
from tests.support.media import encoded, photo, picture

JPEG = b"\xff\xd8\xff"


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_a_photograph_keeps_its_pixels_upright_and_nothing_else() -> None:
    came = photo(640, 480)
    assert b"ACME" in came
    made, width, height = imaging.reencode(came)
    assert (width, height) == (480, 640)
    image = opened(made)
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (480, 640))
    assert not image.getexif()
    assert not {"exif", "icc_profile", "comment", "xmp"} & set(image.info)
    for secret in (b"ACME", b"secret", b"GPS"):
        assert secret not in made


@pytest.mark.parametrize(
    ("form", "mode"),
    [("PNG", m) for m in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")]
    + [("WEBP", m) for m in ("RGB", "RGBA")]
    + [("JPEG", m) for m in ("RGB", "L", "CMYK")],
)
def test_every_kind_of_pixel_becomes_rgb(form: str, mode: str) -> None:
    made, *_ = imaging.reencode(encoded(picture(300, 200, mode), form))
    assert (opened(made).format, opened(made).mode) == ("JPEG", "RGB")


def test_transparent_parts_become_white() -> None:
    made, *_ = imaging.reencode(encoded(Image.new("RGBA", (300, 300), (0, 0, 0, 0)), "PNG"))
    assert opened(made).getpixel((150, 150)) == (255, 255, 255)


def test_a_large_photograph_is_scaled_down() -> None:
    made, width, height = imaging.reencode(encoded(picture(4000, 1000)))
    assert (width, height) == (imaging.LARGEST, 650)
    assert opened(made).size == (width, height)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "wrong_type"),
        (encoded(picture(), "GIF"), "wrong_type"),
        (encoded(picture(), "TIFF"), "wrong_type"),
        (encoded(picture(), "BMP"), "wrong_type"),
        (encoded(picture(100, 480)), "too_small"),
        (encoded(picture(), "WEBP", save_all=True, append_images=[Image.new("RGB", (640, 480))]), "animated"),
        (encoded(picture(), "PNG", save_all=True, append_images=[Image.new("L", (640, 480))]), "animated"),
        (encoded(picture())[:2000], "damaged"),
        (encoded(picture(), "PNG")[:600], "damaged"),
        (JPEG + b"\xe0" + b"x" * 1000, "damaged"),
    ],
)
def test_other_files_are_refused_by_a_word(data: bytes, fault: str) -> None:
    with pytest.raises(imaging.Refused, match=fault):
        imaging.reencode(data)

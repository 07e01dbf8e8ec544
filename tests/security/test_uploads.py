"""Hostile uploads through HTTP: each is refused with words and a next step, or stored as a harmless photograph; the
memory of the process stays bounded, and nothing is left.
"""

import asyncio
import html
import io
import math
import os
import re
import struct
import sys
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from PIL import Image

from broker.actions.assisted.context import update_case
from broker.actions.files.context import names
from broker.actions.files.erasing import sweep
from broker.actions.files.receiving import stored
from broker.assisted.events import Withdrawn
from broker.crypto.seal_stream import chunks_of
from broker.model.evidence_file import FileKind, FileSettings, FileState, Photo, UploadFault
from broker.platform.image_child import PROGRAM, ImageReencoder
from broker.platform.imaging import LARGEST, PIXELS
from broker.stores.sql.migrate import migrate
from broker.web.citizens.upload_pages import FAULTS, fault_text
from tests.security.hostile_files import PAYLOAD, HostileFile, hostile_files
from tests.support.media import photo
from tests.support.system import FakeClock
from tests.support.upload_stage import BOUNDARY, SETTINGS, UploadStage, form, pages, sending, token

MOST_GROWTH = 32 * 1024
"""How much (KiB) the process may grow at most while it handles all of them."""


@pytest.fixture
async def at(tmp_path: Path, clock: FakeClock) -> AsyncIterator[UploadStage]:
    template = tmp_path / "template.db"
    await migrate(f"sqlite:{template}")
    folder = tmp_path / "stage"
    folder.mkdir()
    async with sending(template, folder, clock) as stage:
        yield stage


@pytest.fixture
async def browser(at: UploadStage) -> AsyncIterator[httpx.AsyncClient]:
    async with at.browser() as opened:
        yield opened


MOST_OF_CHILD = 200 * 1024
"""The most memory (KiB) that the program which decodes a photograph may use at a time; its limit is 512 MiB."""

MEASURED = """
import os, runpy
out = os.open({fifo!r}, os.O_WRONLY)
try:
    runpy.run_path({program!r}, run_name="__main__")
finally:
    with open("/proc/self/status", "rb") as status:
        os.write(out, next(line for line in status if line.startswith(b"VmHWM")))
"""
"""Runs the program and reports its peak of memory."""


@pytest.fixture
async def measured(tmp_path: Path, clock: FakeClock) -> AsyncIterator[tuple[UploadStage, int]]:
    """A stage whose decoding program reports its peaks to a pipe, and the pipe."""
    template, folder, fifo = tmp_path / "template.db", tmp_path / "stage", tmp_path / "peaks"
    program = tmp_path / "measured.py"
    program.write_text(MEASURED.format(fifo=str(fifo), program=str(PROGRAM)))
    os.mkfifo(fifo)
    await migrate(f"sqlite:{template}")
    folder.mkdir()
    pipe = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    async with sending(template, folder, clock, photos=ImageReencoder(program)) as stage:
        yield stage, pipe
    os.close(pipe)


def peak() -> int:
    """The most memory (KiB) that the process had since `forget_peak`."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1])  # type: ignore[index]


def forget_peak() -> None:
    """Lets the peak start again from the present use."""
    Path("/proc/self/clear_refs").write_text("5")


async def sent(at: UploadStage, browser: httpx.AsyncClient, file: HostileFile, secret: str) -> httpx.Response:
    """Sends a file with its form."""
    fields = {"token": secret}
    if file.kind == "video":
        if not any(one.state is FileState.PROMPTED for one in await at.files()):
            assert (await browser.post(f"{at.path}/prompts", data=fields)).status_code == 303
        fields["prompted"] = next(one.id for one in await at.files() if one.state is FileState.PROMPTED)
    body, headers = form(fields, file.content, "../../../etc/passwd\0.jpg")
    return await browser.post(f"{at.path}/{file.kind}", content=body, headers=headers)


def said(page: str, kind: str) -> UploadFault | None:
    """The fault whose text is on a page."""
    text, words = html.unescape(page), pages().language("en")
    return next((one for one in FAULTS if fault_text(FileKind(kind), one, SETTINGS, words) in text), None)


async def kept(at: UploadStage, file_id: str) -> bytes:
    """What is stored of a file and would be shown."""
    file = await at.context.records.load(file_id)
    assert file is not None
    chunks = range(chunks_of(file.content.size))
    return b"".join([piece async for piece in stored(at.context, file, names(file)[1], chunks)])


async def test_two_hundred_files_are_refused_with_words_or_made_harmless_in_bounded_memory(
    measured: tuple[UploadStage, int],
) -> None:
    at, pipe = measured
    async with at.browser() as browser:
        await refuses_every_file(at, browser)
    peaks = [int(found) for found in re.findall(rb"VmHWM:\s+(\d+)", os.read(pipe, 65_536))]
    assert len(peaks) > 60
    assert max(peaks) < MOST_OF_CHILD


async def refuses_every_file(at: UploadStage, browser: httpx.AsyncClient) -> None:
    """Sends every hostile file."""
    files = hostile_files()
    assert len(files) >= 200
    assert len({file.name for file in files}) == len(files)
    secret = token((await browser.get(at.path)).text)
    forget_peak()
    before, wrong = peak(), []
    for file in files:
        answer = await sent(at, browser, file, secret)
        found = said(answer.text, file.kind) if answer.status_code == 422 else None
        if found not in file.faults or answer.status_code != (303 if found is None else 422):
            wrong.append((file.name, answer.status_code, found, file.faults))
        for one in await at.files():
            if one.state is FileState.READY:
                content = await kept(at, one.id)
                image = Image.open(io.BytesIO(content))
                image.load()
                assert (image.format, image.mode) == ("JPEG", "RGB")
                assert PAYLOAD not in content
                assert not set(image.info) & {"exif", "comment", "icc_profile", "xmp"}
                await browser.post(f"{at.path}/remove", data={"token": secret, "id": one.id})
        left = [name for name in at.stored() if name]
        assert left == [], f"{file.name} left {left}"
    assert not wrong, "\n".join(map(str, wrong))
    assert peak() - before < MOST_GROWTH


async def test_the_program_that_decodes_has_limits_before_it_reads_anything() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(PROGRAM), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env={}
    )
    try:
        limits = Path(f"/proc/{process.pid}/limits")
        while "Max file size             0 " not in limits.read_text():
            await asyncio.sleep(0.01)
        found = {line[:26].strip(): line[26:].split() for line in limits.read_text().splitlines()[1:]}
        assert found["Max address space"][:2] == ["536870912", "536870912"]
        assert found["Max cpu time"][:2] == ["10", "10"]
        assert found["Max processes"][:2] == ["0", "0"]
    finally:
        process.kill()
        await process.wait()


async def raw(
    at: UploadStage, browser: httpx.AsyncClient, body: AsyncIterator[bytes], **headers: str
) -> httpx.Response:
    kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return await browser.post(f"{at.path}/photo", content=body, headers=kind | headers)


async def test_hostile_forms_leave_nothing_and_are_answered(at: UploadStage, browser: httpx.AsyncClient) -> None:
    secret = token((await browser.get(at.path)).text)
    whole, headers = form({"token": secret}, photo())
    end = f"\r\n--{BOUNDARY}--\r\n".encode()
    begun = whole[: -len(end)]

    async def drip() -> AsyncIterator[bytes]:
        for at_byte in range(len(whole)):
            at.clock.advance(0.5)
            yield whole[at_byte : at_byte + 1]

    async def endless() -> AsyncIterator[bytes]:
        yield begun
        while True:
            yield bytes(65_536)

    async def cut() -> AsyncIterator[bytes]:
        yield begun

    for body, fault in (
        (drip(), UploadFault.TOO_SLOW),
        (endless(), UploadFault.TOO_LARGE),
        (cut(), UploadFault.ABORTED),
    ):
        answer = await raw(at, browser, body)
        assert (answer.status_code, said(answer.text, "photo")) == (422, fault)
    for changed, fault in (
        (whole.replace(b'name="token"', b'name="other"'), UploadFault.FORM),
        (whole.replace(b'filename="photo.jpg"', b'filename="photo.jpg"\r\nX: ' + b"y" * 9000), UploadFault.FORM),
        (begun + b"\r\n" + whole, UploadFault.FORM),
        (b"", UploadFault.EMPTY),
    ):
        answer = await browser.post(f"{at.path}/photo", content=changed, headers=headers)
        assert (answer.status_code, said(answer.text, "photo")) == (422, fault)
    huge = await browser.post(f"{at.path}/photo", content=whole, headers={**headers, "content-length": "10000000000"})
    assert (said(huge.text, "photo"), huge.headers["connection"]) == (UploadFault.TOO_LARGE, "close")
    assert (at.stored(), await at.files()) == ([], [])


async def test_one_file_at_a_time_is_taken_for_a_case(at: UploadStage) -> None:
    async with at.browser() as first, at.browser() as second:
        secret = token((await first.get(at.path)).text)
        whole, headers = form({"token": secret}, photo())
        go_on = asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield whole[:2000]
            await go_on.wait()
            yield whole[2000:]

        running = asyncio.create_task(raw(at, first, slow()))
        while not await at.files():
            await asyncio.sleep(0)
        refused = await second.post(f"{at.path}/photo", content=whole, headers=headers)
        assert said(refused.text, "photo") is UploadFault.BUSY
        go_on.set()
        assert (await running).status_code == 303
        assert len(await at.files()) == 1


async def test_nothing_is_left_when_the_browser_goes_away_or_the_case_is_withdrawn_meanwhile(at: UploadStage) -> None:
    async with at.browser() as browser:
        page = (await browser.get(at.path)).text
        whole, _ = form({"token": token(page)}, photo())
        cases = at.stage.citizen_cases

        async def breaks() -> AsyncIterator[bytes]:
            yield whole[:3000]
            raise ConnectionResetError

        assert (await raw(at, browser, breaks())).status_code == 500
        assert (at.stored(), await at.files()) == ([], [])

        async def withdrawn() -> AsyncIterator[bytes]:
            yield whole[:3000]
            case = await at.stage.case(at.handle)
            await update_case(cases.context, case.id, Withdrawn())
            yield whole[3000:]

        answer = await raw(at, browser, withdrawn())
        assert answer.status_code in (303, 404, 422)
    assert at.stored() == []
    at.clock.advance(7200)
    await sweep(at.context)
    assert at.stored() == []


MOST_OF_LARGEST = 360 * 1024
"""The most memory (KiB) that the program uses for the largest PNG: four bytes for each of its pixels, the file, and
what it makes of it. Scaled by Pillow with its transparency it would be 495 MiB."""
LARGEST_FILE = FileSettings().largest(FileKind.PHOTO)


def png(depth: int, color: int, channels: int, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG of one colour with the most pixels, filled up to the largest file by a chunk that readers skip."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    side, packed = math.isqrt(PIXELS), zlib.compressobj(1)
    row = bytes(1 + side * channels * depth // 8)
    pixels = b"".join([*(packed.compress(row) for _ in range(side)), packed.flush()])
    header = struct.pack(">IIBBBBB", side, side, depth, color, 0, 0, 0)
    begins = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunk(*one) for one in extra)
    ends, data = chunk(b"IEND", b""), chunk(b"IDAT", pixels)
    rest = LARGEST_FILE - len(begins) - len(data) - len(ends) - 12
    return begins + data + chunk(b"prVt", bytes(rest)) + ends


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("RGBA, 16 bits", lambda: png(16, 6, 4)),
        ("grey with transparency", lambda: png(8, 4, 2)),
        ("RGB with a transparent colour", lambda: png(8, 2, 3, (b"tRNS", bytes(6)))),
    ],
)
async def test_the_largest_png_that_the_limits_allow_is_decoded_in_bounded_memory(
    measured: tuple[UploadStage, int], name: str, file: Callable[[], bytes]
) -> None:
    _, pipe = measured
    content, reencoder = file(), measured[0].context.photos
    assert len(content) == LARGEST_FILE

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 65_536):
            yield content[start : start + 65_536]

    made = await reencoder.reencode(pieces())
    assert isinstance(made, Photo), name
    assert (made.width, made.height) == (LARGEST, LARGEST)
    [peak_of_child] = [int(found) for found in re.findall(rb"VmHWM:\s+(\d+)", os.read(pipe, 65_536))]
    assert peak_of_child < MOST_OF_LARGEST

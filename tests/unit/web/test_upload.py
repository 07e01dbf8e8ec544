"""The streaming reader of a form with one file: order, sizes, deadlines, and what is held in memory."""

import asyncio
import re
import tracemalloc
from collections.abc import AsyncIterator, Callable

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from broker.model.evidence_file import UploadFault
from broker.web.middleware.body_limit import BodyLimits, limit_body
from broker.web.shared.upload import OVERHEAD, PIECE, UploadPlan, UploadRefused, open_upload
from tests.support.system import FakeClock

BOUNDARY = b"----portico"
PLAN = UploadPlan(frozenset({"token", "purpose"}), "file", 300_000, seconds=60.0, pause=5.0)


def part(name: str, value: bytes, *, file: bool = False, more: bytes = b"") -> bytes:
    filename = b'; filename="../../etc/passwd"' if file else b""
    head = b'Content-Disposition: form-data; name="' + name.encode() + b'"' + filename + b"\r\n" + more
    return b"--" + BOUNDARY + b"\r\n" + head + b"\r\n" + value + b"\r\n"


END = b"--" + BOUNDARY + b"--\r\n"
FIELDS = part("token", b"abc") + part("purpose", b"front")


def whole(content: bytes) -> bytes:
    return FIELDS + part("file", content, file=True, more=b"Content-Type: image/jpeg\r\n") + END


def request_of(
    messages: AsyncIterator[Message],
    kind: bytes = b"multipart/form-data; boundary=" + BOUNDARY,
    length: int | None = None,
    limit: int = PLAN.largest_body,
) -> Request:
    async def receive() -> Message:
        return await anext(messages)

    headers = [(b"content-type", kind), *([] if length is None else [(b"content-length", b"%d" % length)])]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
    return Request(scope, limit_body(receive, limit))


async def sent(body: bytes, size: int = 65_536) -> AsyncIterator[Message]:
    for at in range(0, len(body), size):
        yield {"type": "http.request", "body": body[at : at + size], "more_body": at + size < len(body)}
    if not body:
        yield {"type": "http.request", "body": b"", "more_body": False}


STILL = FakeClock().tick


async def read(request: Request, plan: UploadPlan = PLAN, clock: Callable[[], float] = STILL) -> bytes:
    upload = await open_upload(request, plan, clock)
    assert dict(upload.fields) == {"token": "abc", "purpose": "front"}
    return b"".join([piece async for piece in upload.pieces()])


@pytest.mark.parametrize("size", [1, 7, 1000, 65_536, 10_000_000])
async def test_the_file_arrives_whole_in_whatever_parts_it_is_sent(size: int) -> None:
    content = bytes(range(256)) * 300 + b"\r\n--" + BOUNDARY[:-1] + b"\r\n"
    if size == 1:
        content = content[-600:]
    assert await read(request_of(sent(whole(content), size))) == content


async def test_pieces_are_small_however_large_the_messages_are() -> None:
    upload = await open_upload(request_of(sent(whole(b"x" * 290_000), 10_000_000)), PLAN, FakeClock().tick)
    assert max([len(piece) async for piece in upload.pieces()]) == PIECE


async def refusal(body: bytes, **options: object) -> UploadRefused:
    with pytest.raises(UploadRefused) as refused:
        await read(request_of(sent(body), **options))  # type: ignore[arg-type]
    return refused.value


FILE = part("file", b"content", file=True)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", UploadFault.EMPTY),
        (whole(b""), UploadFault.EMPTY),
        (FIELDS + END, UploadFault.EMPTY),
        (FIELDS + FILE, UploadFault.ABORTED),
        (FIELDS + FILE[:-20], UploadFault.ABORTED),
        (FIELDS + FILE + FILE + END, UploadFault.FORM),
        (FIELDS + FILE + part("other", b"x") + END, UploadFault.FORM),
        (FILE + FIELDS + END, UploadFault.FORM),
        (part("token", b"abc") + part("token", b"abc") + FILE + END, UploadFault.FORM),
        (part("unknown", b"abc") + FILE + END, UploadFault.FORM),
        (part("token", b"x" * 5000) + FILE + END, UploadFault.FORM),
        (part("token", b"\xff") + FILE + END, UploadFault.FORM),
        (FIELDS + part("another", b"content", file=True) + END, UploadFault.FORM),
        (FIELDS + part("file", b"x", file=True, more=b"Content-Transfer-Encoding: base64\r\n") + END, UploadFault.FORM),
        (FIELDS + part("file", b"x", file=True, more=b"X-A: b\r\n" * 10_000) + END, UploadFault.FORM),
        (FIELDS + part("file", b"x", file=True, more=b"X-A: " + b"b" * 5000 + b"\r\n") + END, UploadFault.FORM),
        (b"no form at all", UploadFault.FORM),
        (whole(b"x" * 300_001), UploadFault.TOO_LARGE),
    ],
)
async def test_other_forms_are_refused_by_a_word_after_all_of_them_was_read(body: bytes, fault: UploadFault) -> None:
    messages = sent(body)
    with pytest.raises(UploadRefused) as refused:
        await read(request_of(messages))
    assert refused.value.fault is fault
    assert not refused.value.closes
    assert [left async for left in messages] == [], "the browser would not read the answer"


@pytest.mark.parametrize(
    "kind",
    [
        b"application/x-www-form-urlencoded",
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b"multipart/form-data; boundary=" + b"x" * 300,
        b"multipart/mixed; boundary=" + BOUNDARY,
        b"image/jpeg",
    ],
)
async def test_a_body_that_is_no_form_with_a_file_is_refused(kind: bytes) -> None:
    assert (await refusal(whole(b"x"), kind=kind)).fault is UploadFault.FORM


@pytest.mark.parametrize("declared", [PLAN.largest_body + 1, 10**14])
async def test_a_form_that_is_much_too_large_is_refused_without_reading_it(declared: int) -> None:
    messages = sent(whole(b"x"))
    with pytest.raises(UploadRefused) as refused:
        await read(request_of(messages, length=declared))
    assert (refused.value.fault, refused.value.closes) == (UploadFault.TOO_LARGE, True)
    assert [left async for left in messages] != []


async def test_a_form_of_unknown_length_without_end_is_refused_at_the_limit() -> None:
    async def endless() -> AsyncIterator[Message]:
        while True:
            yield {"type": "http.request", "body": b"x" * 65_536, "more_body": True}

    with pytest.raises(UploadRefused) as refused:
        await read(request_of(endless()))
    assert (refused.value.fault, refused.value.closes) == (UploadFault.TOO_LARGE, True)


async def test_a_form_that_stops_is_refused() -> None:
    async def stops() -> AsyncIterator[Message]:
        yield {"type": "http.request", "body": FIELDS, "more_body": True}
        await asyncio.sleep(30)

    with pytest.raises(UploadRefused) as refused:
        await read(request_of(stops()), UploadPlan(PLAN.fields, "file", 100, seconds=60, pause=0.05))
    assert (refused.value.fault, refused.value.closes) == (UploadFault.TOO_SLOW, True)


@pytest.mark.parametrize(("rate", "seconds"), [(1, 10), (8_000, 10), (9_000, 30)])
async def test_a_form_that_is_too_slow_is_refused(rate: int, seconds: int) -> None:
    clock = FakeClock()

    async def slow() -> AsyncIterator[Message]:
        body = whole(b"x" * 290_000)
        for at in range(0, len(body), rate):
            clock.advance(1)
            yield {"type": "http.request", "body": body[at : at + rate], "more_body": True}

    plan = UploadPlan(PLAN.fields, "file", 300_000, seconds=30)
    with pytest.raises(UploadRefused) as refused:
        await read(request_of(slow()), plan, clock.tick)
    assert refused.value.fault is UploadFault.TOO_SLOW
    assert seconds <= clock.tick() <= seconds + 2


async def test_a_browser_that_went_away_raises_a_disconnect() -> None:
    async def gone() -> AsyncIterator[Message]:
        yield {"type": "http.request", "body": FIELDS, "more_body": True}
        yield {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        await read(request_of(gone()))


async def test_memory_does_not_grow_with_the_file() -> None:
    async def large() -> AsyncIterator[Message]:
        yield {"type": "http.request", "body": FIELDS, "more_body": True}
        yield {"type": "http.request", "body": part("file", b"", file=True)[:-2], "more_body": True}
        for _ in range(320):
            yield {"type": "http.request", "body": bytes(65_536), "more_body": True}
        yield {"type": "http.request", "body": b"\r\n" + END, "more_body": False}

    plan = UploadPlan(PLAN.fields, "file", 30_000_000, seconds=60)
    upload = await open_upload(request_of(large(), limit=plan.largest_body), plan, FakeClock().tick)
    tracemalloc.start()
    try:
        size = 0
        async for piece in upload.pieces():
            size += len(piece)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 320 * 65_536
    assert most < 5 * PIECE


def test_only_the_paths_of_files_have_a_limit_of_their_own() -> None:
    limits = BodyLimits(100, {re.compile(r"/journey/[^/]+/send/photo"): 1000})
    assert [limits.of(path) for path in ("/token", "/journey/a/send/photo", "/journey/a/b/send/photo")] == [
        100,
        1000,
        100,
    ]
    assert PLAN.largest_body == 4 * PLAN.most + OVERHEAD

"""Streaming reader of a posted form with one file (multipart/form-data, RFC 7578).

The named fields come first and the file last, as browsers send them in the order of the page. The fields are read
whole, the file in pieces as they arrive: at most `PIECE` bytes of it are held at a time. The file's name and the type
that the browser states are ignored.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from broker.model.evidence_file import UploadFault
from broker.web.middleware.body_limit import BodyTooLarge, declared_length
from broker.web.shared.request_parsing import content_type

PIECE: Final = 64 * 1024
"""Largest piece of a file, in bytes."""

FIELD: Final = 4 * 1024
"""Largest value of a field before the file, in bytes."""

OVERHEAD: Final = 64 * 1024
"""What the form may have besides the file, in bytes."""

DISCARDED: Final = 4
"""A form of up to this many times the largest file is read to its end although it is refused, so that the browser
shows the answer. Of a larger one nothing is read."""

_HEADERS: Final = 8
_HEADER_SIZE: Final = 1024


class UploadRefused(Exception):
    """The form is refused. `closes` says that the rest of it was not read, so that the connection has to be closed."""

    def __init__(self, fault: UploadFault, *, closes: bool = False) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.closes = closes


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """What a form may contain, and how long it may take.

    `fields` are the names of its fields, `file` that of its file, `most` the file's largest size in bytes. All of it
    must arrive within `seconds`, with no pause longer than `pause`, and after `grace` seconds at `least` bytes a second
    on average.
    """

    fields: frozenset[str]
    file: str
    most: int
    seconds: float
    pause: float = 20.0
    grace: float = 10.0
    least: int = 8 * 1024

    @property
    def largest_body(self) -> int:
        """The most bytes that are read of a form, in all."""
        return DISCARDED * self.most + OVERHEAD


SLOWEST: Final = 64 * 1024
"""How fast a file has to arrive on average, in bytes a second, to be there in time."""


def upload_plan(fields: frozenset[str], file: str, most: int) -> UploadPlan:
    """The plan of a form with these fields and a file of at most `most` bytes. It may take half a minute, and its size
    at SLOWEST.
    """
    return UploadPlan(fields, file, most, seconds=30 + most / SLOWEST)


class _Place(StrEnum):
    START = "start"
    FIELD = "field"
    FILE = "file"
    AFTER = "after"
    END = "end"


@dataclass(slots=True)
class _Form:
    """The state of the parser, which its callbacks change. `pieces` are parts of the file that were not yet taken."""

    plan: UploadPlan
    place: _Place = _Place.START
    fields: dict[str, str] = field(default_factory=dict)
    pieces: deque[bytes] = field(default_factory=deque)
    size: int = 0
    name: str = ""
    header: bytearray = field(default_factory=bytearray)
    header_value: bytearray = field(default_factory=bytearray)
    headers: dict[bytes, bytes] = field(default_factory=dict)
    value: bytearray = field(default_factory=bytearray)

    def parser(self, boundary: bytes) -> MultipartParser:
        """Creates the parser. Raises FormParserError for an invalid boundary."""
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self.header.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self.header_value.extend(data[start:end]),
                "on_header_end": self._header,
                "on_headers_finished": self._headers,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._all,
            },
            max_header_count=_HEADERS,
            max_header_size=_HEADER_SIZE,
        )

    def _begin(self) -> None:
        if self.place is _Place.AFTER:
            raise UploadRefused(UploadFault.FORM)
        self.headers = {}

    def _header(self) -> None:
        self.headers[bytes(self.header).lower()] = bytes(self.header_value)
        self.header.clear()
        self.header_value.clear()

    def _headers(self) -> None:
        disposition, options = parse_options_header(self.headers.get(b"content-disposition", b"").decode("latin-1"))
        self.name = options.get(b"name", b"").decode("latin-1")
        if disposition != b"form-data" or b"content-transfer-encoding" in self.headers:
            raise UploadRefused(UploadFault.FORM)
        if b"filename" in options:
            if self.name != self.plan.file:
                raise UploadRefused(UploadFault.FORM)
            self.place = _Place.FILE
        elif self.name not in self.plan.fields or self.name in self.fields:
            raise UploadRefused(UploadFault.FORM)
        else:
            self.place = _Place.FIELD

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self.place is _Place.FIELD:
            self.value.extend(data[start:end])
            if len(self.value) > FIELD:
                raise UploadRefused(UploadFault.FORM)
            return
        self.size += end - start
        if self.size > self.plan.most:
            raise UploadRefused(UploadFault.TOO_LARGE)
        self.pieces.extend(data[at : min(at + PIECE, end)] for at in range(start, end, PIECE))

    def _end(self) -> None:
        if self.place is _Place.FILE:
            self.place = _Place.AFTER
            return
        try:
            self.fields[self.name] = self.value.decode()
        except UnicodeDecodeError:
            raise UploadRefused(UploadFault.FORM) from None
        self.value.clear()

    def _all(self) -> None:
        self.place = _Place.END


class Upload:
    """A posted form whose fields were read, and whose file can be read by `pieces`, once."""

    def __init__(self, request: Request, plan: UploadPlan, monotonic: Callable[[], float]) -> None:
        self._request = request
        self._plan = plan
        self._monotonic = monotonic
        self._begun = monotonic()
        self._read = 0
        self._more = True
        self._form = _Form(plan)
        self._parser: MultipartParser | None = None

    @property
    def fields(self) -> Mapping[str, str]:
        """The fields before the file."""
        return self._form.fields

    async def open(self) -> None:
        """Reads the fields up to the file's first byte. Raises UploadRefused and ClientDisconnect."""
        if declared_length(self._request.scope["headers"], self._plan.largest_body) > self._plan.largest_body:
            raise UploadRefused(UploadFault.TOO_LARGE, closes=True)
        kind, options = parse_options_header(content_type(self._request))
        try:
            self._parser = self._form.parser(options.get(b"boundary", b""))
        except FormParserError:
            self._parser = None
        if kind != b"multipart/form-data" or not options.get(b"boundary") or self._parser is None:
            await self.discard()
            raise UploadRefused(UploadFault.FORM)
        while self._form.place in (_Place.START, _Place.FIELD):
            await self._step()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The file, in pieces of at most PIECE bytes. Raises UploadRefused and ClientDisconnect.

        A file without content, and a form that ends before its last boundary, are refused at the end.
        """
        while True:
            while self._form.pieces:
                yield self._form.pieces.popleft()
            if self._form.place is _Place.END:
                break
            await self._step()
        if not self._form.size:
            raise UploadRefused(UploadFault.EMPTY)

    async def discard(self) -> None:
        """Reads the rest of the form and forgets it. Raises UploadRefused if it is too slow or too large for that."""
        self._form.pieces.clear()
        while self._more:
            await self._receive()

    async def _step(self) -> None:
        """Parses the next message. A fault in the form is raised after the rest of it was read."""
        if not self._more:
            raise UploadRefused(UploadFault.ABORTED if self._read else UploadFault.EMPTY)
        body = await self._receive()
        try:
            if self._parser is not None and body:
                self._parser.write(body)
            return
        except UploadRefused as refused:
            fault = refused.fault
        except FormParserError:
            fault = UploadFault.FORM
        await self.discard()
        raise UploadRefused(fault)

    async def _receive(self) -> bytes:
        """The next part of the body. Raises UploadRefused and ClientDisconnect."""
        passed = self._monotonic() - self._begun
        too_slow = passed > self._plan.grace and self._read < self._plan.least * passed
        left = min(self._plan.seconds - passed, self._plan.pause)
        if too_slow or left <= 0:
            raise UploadRefused(UploadFault.TOO_SLOW, closes=True)
        try:
            async with asyncio.timeout(left):
                message = await self._request.receive()
        except TimeoutError:
            raise UploadRefused(UploadFault.TOO_SLOW, closes=True) from None
        except BodyTooLarge:
            raise UploadRefused(UploadFault.TOO_LARGE, closes=True) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body: bytes = message.get("body", b"")
        self._more = message.get("more_body", False)
        self._read += len(body)
        return body


async def open_upload(request: Request, plan: UploadPlan, monotonic: Callable[[], float]) -> Upload:
    """Reads the fields of a form up to the first byte of its file. Raises UploadRefused and ClientDisconnect."""
    upload = Upload(request, plan, monotonic)
    await upload.open()
    return upload

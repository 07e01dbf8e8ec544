"""What a call of a desk is read from: its `Idempotency-Key`, and its message in JSON or in a form with a photograph."""

import hashlib
import re
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request

from broker.actions.desk.messages import FieldError, SendFile
from broker.actions.desk.problems import DeskProblem
from broker.crypto.jose import strict_json
from broker.model.evidence_file import FileKind, FileSettings, UploadFault
from broker.model.media import media_type
from broker.web.desk.openapi import KEY
from broker.web.services.json_responses import single
from broker.web.shared import request_parsing
from broker.web.shared.upload import Upload, UploadPlan, UploadRefused, open_upload, upload_plan

LIMIT: Final = 32_768
"""Bytes of a message at most."""

_KEY: Final = re.compile(KEY, re.ASCII)
_PATH: Final = re.compile(r"`\$((?:\.\w+|\[\.\.\.\]|\[\d+\])*)`")

_Message = TypeVar("_Message", bound=msgspec.Struct)


def idempotency_key(request: Request) -> str:
    """The key of a call. Raises DeskProblem without one."""
    key = single(request, b"idempotency-key")
    if key is None or not _KEY.fullmatch(key):
        raise DeskProblem(400, "idempotency_key_missing", "one Idempotency-Key of printable characters is needed")
    return key


def call_digest(request: Request, message: bytes) -> str:
    """The digest by which a call is recognized that is repeated with the same key."""
    return hashlib.sha256(request_parsing.path(request).encode() + b"\n" + message).hexdigest()


async def read_json(request: Request) -> tuple[bytes, Any]:
    """The body of a message as it came, and parsed strictly. Raises DeskProblem."""
    if media_type(request_parsing.content_type(request)) != "application/json":
        raise DeskProblem(415, "unsupported_media_type", "a message is application/json")
    body = await request.body()
    if len(body) > LIMIT:
        raise DeskProblem(413, "too_large", f"a message has at most {LIMIT} bytes")
    try:
        return body, strict_json(body)
    except ValueError:
        raise DeskProblem(400, "invalid_json", "one JSON object in UTF-8 is needed") from None


def to_message(content: Any, kind: type[_Message]) -> _Message:
    """Content as a message. Raises DeskProblem with the place of the first error."""
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as wrong:
        place = _PATH.search(str(wrong))
        pointer = "" if place is None else place[1].replace("[...]", "/*").replace("[", "/").replace("]", "")
        error = FieldError(pointer=pointer.replace(".", "/"), code="invalid")
        raise DeskProblem(422, "invalid_input", "the message breaks the schema", (error,)) from None


def file_plan(settings: FileSettings, *, video: bool) -> UploadPlan:
    """What the form with a photograph, or a `video`, may contain, and how long it may take."""
    largest = settings.largest(FileKind.VIDEO if video else FileKind.PHOTO)
    return upload_plan(frozenset(SendFile.__struct_fields__), "file", largest)


async def read_form(request: Request, plan: UploadPlan, monotonic: Callable[[], float]) -> Upload:
    """Reads a form up to its file. Raises DeskProblem, UploadRefused and ClientDisconnect."""
    if media_type(request_parsing.content_type(request)) != "multipart/form-data":
        raise DeskProblem(415, "unsupported_media_type", "a file comes in multipart/form-data")
    return await open_upload(request, plan, monotonic)


async def pieces_of(upload: Upload, message: SendFile, largest: int) -> AsyncIterator[bytes]:
    """The file, in pieces. Raises UploadRefused if it is larger, and at its end if it has another digest."""
    digest, size = hashlib.sha256(), 0
    async for piece in upload.pieces():
        size += len(piece)
        if size > largest:
            raise UploadRefused(UploadFault.TOO_LARGE)
        digest.update(piece)
        yield piece
    if digest.hexdigest() != message.sha256:
        raise UploadRefused(UploadFault.ABORTED)

"""Photographs and videos that a citizen sent: shown beside the evidence, and on a page of their own.

Videos are played on that page alone, whose policy permits media from the console itself. Each request for a file is a
look, and is in the audit record before the first byte leaves; a browser that jumps in a video requests parts of it.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.files.context import FileContext
from broker.actions.files.looking import ByteRange, OpenedFile, open_file, open_sampled_file
from broker.model.evidence_file import FileKind
from broker.web.middleware.security_headers import SANDBOX, WITH_MEDIA
from broker.web.shared.pages import PageTemplate
from broker.web.shared.request_parsing import header
from broker.web.staff.evidence_pages import framed
from broker.web.staff.labels import WHY
from broker.web.staff.request import StaffApp, StaffPage, staff, with_form
from broker.web.staff.responses import back_to_case, case_presenter, load_case_view
from broker.web.staff.shown_files import shown_files

SHEETS = (PageTemplate("files", "staff/files.html", {"why": WHY}),)

_RANGE: Final = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
Opening = Callable[[FileContext, StaffPrincipal, str, str, ByteRange | None], Awaitable[OpenedFile | None]]
_EXTENSIONS: Final = MappingProxyType({"image/jpeg": "jpg", "video/mp4": "mp4", "video/webm": "webm"})


def image_routes(app: StaffApp) -> list[Route]:
    """The routes of this file; none if citizens can send nothing."""
    if app.files is None:
        return []
    return [
        Route("/cases/{case}/files", staff(app, show_files), methods=["GET"]),
        Route("/cases/{case}/files/{file}", staff(app, show_file), methods=["GET"]),
        Route("/quality/{sample}/files/{file}", staff(app, show_sampled_file), methods=["GET"]),
        Route("/cases/{case}/prompts", staff(app, with_form(confirm_prompts)), methods=["POST"]),
    ]


async def show_files(req: StaffPage) -> Response:
    """The page with every file of the case."""
    found = await load_case_view(req)
    if isinstance(found, Response):
        return found
    files = await shown_files(req, found.case)
    ready = any(file.kind == FileKind.VIDEO.value and not (file.stale or file.by_desk) for file in files)
    page = req.visit.page("files", frame=framed(found, case_presenter(req)), files=files, ready=ready)
    page.headers["content-security-policy"] = WITH_MEDIA
    return page


async def show_file(req: StaffPage) -> Response:
    """One file, or the part of it that the browser asks for (RFC 9110 14)."""
    return await _file(req, open_file, req.id)


async def show_sampled_file(req: StaffPage) -> Response:
    """One file of a drawn case, beside its score sheet."""
    return await _file(req, open_sampled_file, str(req.visit.request.path_params["sample"]))


async def _file(req: StaffPage, opening: Opening, of: str) -> Response:
    if req.app.files is None:
        raise HTTPException(404)
    file_id = str(req.visit.request.path_params["file"])
    wanted = byte_range(header(req.visit.request, b"range"))
    opened = await opening(req.app.files, req.principal, of, file_id, wanted)
    if opened is None:
        raise HTTPException(404)
    return file_response(opened, wanted)


def file_response(opened: OpenedFile, wanted: ByteRange | None) -> Response:
    """An evidence file, or the part of it that `wanted` names, as a response."""
    headers = {
        "content-security-policy": SANDBOX,
        "accept-ranges": "bytes",
        "content-disposition": f'inline; filename="evidence.{_EXTENSIONS[opened.type]}"',
    }
    if opened.start >= opened.stop:
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{opened.size}"})
    headers["content-length"] = str(opened.stop - opened.start)
    if wanted is not None:
        headers["content-range"] = f"bytes {opened.start}-{opened.stop - 1}/{opened.size}"
    return StreamingResponse(opened.pieces, 200 if wanted is None else 206, headers, opened.type)


def byte_range(text: str | None) -> ByteRange | None:
    """The first and the last byte that a Range header asks for; None for the whole file.

    Without a first one the last bytes are asked for, as many as the second number says. A header that is malformed or
    asks for several ranges is ignored (RFC 9110 14.2).
    """
    match = None if text is None else _RANGE.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    first, last = (int(number) if number else None for number in match.groups())
    return None if first is not None and last is not None and last < first else (first, last)


async def confirm_prompts(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Records that the citizen followed the prompts in the video."""
    return await back_to_case(req, await req.cases.confirm_prompts(req.principal, req.ref(form)), form)

"""What is shown where a request leads nowhere or something broke: one place that turns each into a page."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from broker.actions.ports import StoreUnavailable
from broker.web.middleware.heads import refusal_of_head
from broker.web.shared import cookies, request_parsing
from broker.web.shared.i18n import preferred
from broker.web.shared.not_found import NEAR
from broker.web.shared.page_response import PageResponse
from broker.web.shared.pages import PageRenderer, PageTemplate

SHEETS = (
    PageTemplate("not-found", "public/not_found.html"),
    PageTemplate("mishap", "public/mishap.html"),
    PageTemplate("unavailable", "public/unavailable.html"),
    PageTemplate("too-large", "public/too_large.html"),
)
RETRY_AFTER = 30
"""After how many seconds a browser, or whoever asks, may come again while we cannot be used."""

Handler = Callable[[Request, Exception], Awaitable[Response]]


def handlers(pages: PageRenderer) -> Mapping[object, Handler]:
    """Exception handlers for Starlette. Nothing in them asks a store: they work when nothing else does."""

    async def http(request: Request, exception: Exception) -> Response:
        status = exception.status_code if isinstance(exception, HTTPException) else 500
        headers = getattr(exception, "headers", None)
        if status == 404:
            return _written(pages, request, "not-found", 404)
        return PlainTextResponse("This cannot be done.\n", status, headers)

    async def unavailable(request: Request, exception: Exception) -> Response:
        response = _written(pages, request, "unavailable", 503)
        response.headers["retry-after"] = str(RETRY_AFTER)
        return response

    async def mishap(request: Request, exception: Exception) -> Response:
        return _written(pages, request, "mishap", 500)

    return {HTTPException: http, StoreUnavailable: unavailable, Exception: mishap}


def head_refused(pages: PageRenderer) -> Callable[[Request, HTTPStatus], Response]:
    """Answers requests that are refused for their headers: cookies that are too large are a matter for the person."""

    def refuse(request: Request, status: HTTPStatus) -> Response:
        if status is not HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
            return refusal_of_head(status)
        response = _written(pages, request, "too-large", status)
        response.headers["connection"] = "close"
        return response

    return refuse


def _written(pages: PageRenderer, request: Request, sheet: str, status: int) -> Response:
    held = cookies.read(request_parsing.joined_header(request, b"cookie", "; "))
    liked = preferred(request_parsing.joined_header(request, b"accept-language"), tuple(pages.languages))
    code = pages.language(held.get(cookies.LANGUAGE), liked).code
    state = request.scope.get("state", {})
    holes = {"reference": state.get("request_id", ""), "near": state.get(NEAR)}
    return PageResponse(sheet, holes, status).response(pages, code)

"""What is shown where a request leads nowhere or something broke: one place that turns each into a page."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from broker.actions.needs import Unavailable
from broker.web import asked, cookies
from broker.web.astray import NEAR
from broker.web.language import preferred
from broker.web.middleware.heads import refusal_of_head
from broker.web.pages import Pages, Sheet
from broker.web.shown import Shown

SHEETS = (
    Sheet("not-found", "public/not_found.html"),
    Sheet("mishap", "public/mishap.html"),
    Sheet("unavailable", "public/unavailable.html"),
    Sheet("too-large", "public/too_large.html"),
)
RETRY_AFTER = 30
"""After how many seconds a browser, or whoever asks, may come again while we cannot be used."""

Handler = Callable[[Request, Exception], Awaitable[Response]]


def handlers(pages: Pages) -> Mapping[object, Handler]:
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

    return {HTTPException: http, Unavailable: unavailable, Exception: mishap}


def head_refused(pages: Pages) -> Callable[[Request, HTTPStatus], Response]:
    """Answers requests that are refused for their headers: cookies that are too large are a matter for the person."""

    def refuse(request: Request, status: HTTPStatus) -> Response:
        if status is not HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
            return refusal_of_head(status)
        response = _written(pages, request, "too-large", status)
        response.headers["connection"] = "close"
        return response

    return refuse


def _written(pages: Pages, request: Request, sheet: str, status: int) -> Response:
    held = cookies.read(asked.joined(request, b"cookie", "; "))
    liked = preferred(asked.joined(request, b"accept-language"), tuple(pages.languages))
    code = pages.language(held.get(cookies.LANGUAGE), liked).code
    state = request.scope.get("state", {})
    holes = {"reference": state.get("request_id", ""), "near": state.get(NEAR)}
    return Shown(sheet, holes, status).response(pages, code)

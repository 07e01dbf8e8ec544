"""What is shown where a request leads nowhere or something broke: one place that turns each into a page."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from broker.actions.needs import Unavailable
from broker.web import cookies
from broker.web.language import preferred
from broker.web.pages import Pages, Sheet
from broker.web.shown import Shown

SHEETS = (
    Sheet("not-found", "public/not_found.html"),
    Sheet("mishap", "public/mishap.html"),
    Sheet("unavailable", "public/unavailable.html"),
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


def _written(pages: Pages, request: Request, sheet: str, status: int) -> Response:
    held = cookies.read(request.headers.get("cookie"))
    liked = preferred(request.headers.get("accept-language"), tuple(pages.languages))
    code = pages.language(held.get(cookies.LANGUAGE), liked).code
    reference = request.scope.get("state", {}).get("request_id", "")
    return Shown(sheet, {"reference": reference}, status).response(pages, code)

"""Exception handlers: render the page for 404, an unreachable store, an unhandled exception, headers too large."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from broker.actions.ports import StoreUnavailable
from broker.web.middleware.header_checks import refusal_of_head
from broker.web.shared import cookies, request_parsing
from broker.web.shared.i18n import Language, preferred
from broker.web.shared.not_found import NEAR
from broker.web.shared.pages import PageRenderer, PageTemplate
from broker.web.shared.responses import PageResponse

SHEETS = (
    PageTemplate("not-found", "public/not_found.html"),
    PageTemplate("mishap", "public/mishap.html"),
    PageTemplate("unavailable", "public/unavailable.html"),
    PageTemplate("too-large", "public/too_large.html"),
)
RETRY_AFTER = 30
"""Seconds in Retry-After while a store is unreachable."""

Handler = Callable[[Request, Exception], Awaitable[Response]]


PageLanguage = Callable[[PageRenderer, Request], Language]
"""Returns the language of the page for a request that did not reach its handler, or failed there."""


def citizen_language(pages: PageRenderer, request: Request) -> Language:
    """The language of a citizen: the one that was chosen in this browser, else one that the browser prefers."""
    received = cookies.read(request_parsing.joined_header(request, b"cookie", "; "))
    liked = preferred(request_parsing.joined_header(request, b"accept-language"), tuple(pages.languages))
    return pages.language(received.get(cookies.LANGUAGE), liked)


@dataclass(frozen=True, slots=True)
class ErrorPages:
    """The pages of errors, and how their language is found."""

    pages: PageRenderer
    language: PageLanguage = citizen_language


def handlers(pages: PageRenderer, language: PageLanguage = citizen_language) -> Mapping[object, Handler]:
    """Exception handlers for Starlette. They use no store, so they work while every store is unreachable."""

    async def http(request: Request, exception: Exception) -> Response:
        status = exception.status_code if isinstance(exception, HTTPException) else 500
        headers = getattr(exception, "headers", None)
        if status == 404:
            return _render(pages, language, request, "not-found", 404)
        return PlainTextResponse("This cannot be done.\n", status, headers)

    async def unavailable(request: Request, _exception: Exception) -> Response:
        response = _render(pages, language, request, "unavailable", 503)
        response.headers["retry-after"] = str(RETRY_AFTER)
        return response

    async def mishap(request: Request, _exception: Exception) -> Response:
        return _render(pages, language, request, "mishap", 500)

    return {HTTPException: http, StoreUnavailable: unavailable, Exception: mishap}


def header_error_handler(
    pages: PageRenderer, language: PageLanguage = citizen_language
) -> Callable[[Request, HTTPStatus], Response]:
    """Builds a `HeadRefusal`: a page for 431, which mostly the browser's cookies cause, plain text otherwise."""

    def refuse(request: Request, status: HTTPStatus) -> Response:
        if status is not HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
            return refusal_of_head(status)
        response = _render(pages, language, request, "too-large", status)
        response.headers["connection"] = "close"
        return response

    return refuse


def _render(pages: PageRenderer, language: PageLanguage, request: Request, template: str, status: int) -> Response:
    state = request.scope.get("state", {})
    variables = {"reference": state.get("request_id", ""), "near": state.get(NEAR)}
    return PageResponse(template, variables, status).response(pages, language(pages, request).code)

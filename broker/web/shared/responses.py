"""HTTP responses: raw bodies and headers, redirects, rendered pages, Set-Cookie.

`RawResponse` sets its header list itself, because Starlette's `Response` rebuilds headers for each answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from broker.web.shared.pages import PageRenderer

Header = tuple[bytes, bytes]

_HTML = (b"content-type", b"text/html; charset=utf-8")

_URL_LETTERS: Final = ":/?#[]@!$&'()*+,;=%-._~"
"""Characters that a URL holds unescaped (RFC 3986 2.2, 2.3); `header_safe_url` percent-encodes all others."""


class RawResponse(Response):
    """A response with this body and these headers; adds Content-Length."""

    def __init__(self, status: int, body: bytes, headers: list[Header]) -> None:
        """`headers` is owned and changed by the response from now on. Names are in lower case."""
        self.status_code = status
        self.body = body
        self.background = None
        headers.append((b"content-length", b"%d" % len(body)))
        self.raw_headers = headers


@dataclass(frozen=True, slots=True)
class PageResponse:
    """A page to render: the `PageTemplate` name, template variables, status, headers, and whole Set-Cookie values."""

    template: str
    variables: Mapping[str, object]
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    cookies: tuple[str, ...] = field(default=())

    def response(self, pages: PageRenderer, language: str) -> RawResponse:
        """Renders the page in a language."""
        headers: list[Header] = [_HTML, (b"content-language", language.encode("ascii"))]
        headers += [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in self.headers]
        response = RawResponse(self.status, pages.page(self.template, language, self.variables).encode(), headers)
        for cookie in self.cookies:
            set_cookie(response, cookie)
        return response


def see_other(path: str) -> RawResponse:
    """303 See Other (RFC 9110 15.4.4). `path` is an absolute path or URL in ASCII."""
    return RawResponse(303, b"", [(b"location", path.encode("ascii"))])


def nothing_begun(status: int) -> RawResponse:
    """The answer to HEAD at an address whose GET changes state: the status of GET, without the change.

    `Location` and `Content-Length` are left out, since their values exist only after the change (RFC 9110 8.6, 9.3.2).
    """
    answer = RawResponse(status, b"", [])
    answer.raw_headers = [(b"content-type", b"text/html; charset=utf-8")] if status < 300 else []
    return answer


def set_cookie(response: Response, cookie: str) -> None:
    """Adds a Set-Cookie header; `cookie` is its whole value (RFC 6265 4.1)."""
    response.raw_headers.append((b"set-cookie", cookie.encode("latin-1")))


def header_safe_url(url: str) -> str:
    """The URL percent-encoded for use in a header such as Refresh."""
    return quote(url, safe=_URL_LETTERS)

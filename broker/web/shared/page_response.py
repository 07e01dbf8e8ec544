"""A page about to be written: which one, what it is filled with, and what goes along with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from broker.web.shared.pages import PageRenderer
from broker.web.shared.responses import Header, RawResponse, set_cookie

_HTML = (b"content-type", b"text/html; charset=utf-8")

_URL_LETTERS: Final = ":/?#[]@!$&'()*+,;=%-._~"
"""What stands in a URL as it is (RFC 3986 2.2, 2.3); a header holds nothing else."""


def header_safe_url(url: str) -> str:
    """A URL as it may stand in a header such as Refresh."""
    return quote(url, safe=_URL_LETTERS)


@dataclass(frozen=True, slots=True)
class PageResponse:
    """A sheet's name, the holes' content, the status, further headers, and cookies to set (whole Set-Cookie values)."""

    sheet: str
    holes: Mapping[str, object]
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    cookies: tuple[str, ...] = field(default=())

    def response(self, pages: PageRenderer, language: str) -> RawResponse:
        """The page as an answer, in a language."""
        headers: list[Header] = [_HTML, (b"content-language", language.encode("ascii"))]
        headers += [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in self.headers]
        response = RawResponse(self.status, pages.page(self.sheet, language, self.holes).encode(), headers)
        for cookie in self.cookies:
            set_cookie(response, cookie)
        return response

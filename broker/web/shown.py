"""A page about to be written: which one, what it is filled with, and what goes along with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import HTMLResponse

from broker.web.pages import Pages


@dataclass(frozen=True, slots=True)
class Shown:
    """A sheet's name, the holes' content, the status, further headers, and cookies to set (whole Set-Cookie values)."""

    sheet: str
    holes: Mapping[str, object]
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    cookies: tuple[str, ...] = field(default=())

    def response(self, pages: Pages, language: str) -> HTMLResponse:
        """The page as an answer, in a language."""
        response = HTMLResponse(pages.page(self.sheet, language, self.holes), self.status, dict(self.headers))
        for cookie in self.cookies:
            response.headers.append("set-cookie", cookie)
        response.headers["content-language"] = language
        return response

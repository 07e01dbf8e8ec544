"""A citizen at a provider that others wrote: follows redirects, keeps cookies, fills in the forms it finds."""

from collections.abc import Mapping
from html.parser import HTMLParser
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import httpx

from broker.provider import CallbackParameters
from tests.unit.providers.citizen import answer
from tests.unit.providers.stage import CALLBACK


class Form(HTMLParser):
    """The first form of a page that is sent by POST: its address and its fields as they stand there."""

    def __init__(self, page: str) -> None:
        """Raises ValueError for a page without such a form."""
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._inside = False
        self.feed(page)
        if self.action is None:
            raise ValueError(page[:2000])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes the form, and the inputs in it."""
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = self.action is None and named.get("method", "").lower() == "post"
            self.action = named.get("action", "") if self._inside else self.action
        elif tag == "input" and self._inside and "name" in named and named.get("type") not in ("checkbox", "submit"):
            self.fields[named["name"]] = named.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Closes the form."""
        self._inside = self._inside and tag != "form"


class Visitor:
    """One browser window. Its cookies go back to the host they came from, also those marked Secure: a browser does
    the same on loopback."""

    def __init__(self) -> None:
        """Nothing is opened yet."""
        self._http = httpx.AsyncClient(trust_env=False, timeout=60)
        self._cookies: dict[str, str] = {}
        self.page = httpx.Response(204)

    async def open(self, url: str) -> CallbackParameters | None:
        """Opens an address. Returns what came back to our callback, or None on a page of the provider."""
        return await self._arrive(await self._http.get(url, headers=self._headers()), url)

    async def send(self, fields: Mapping[str, str]) -> CallbackParameters | None:
        """Sends the form of the page with these fields filled in. Returns what `open` does."""
        form = Form(self.page.text)
        url = urljoin(str(self.page.url), form.action)
        sent = await self._http.post(url, data={**form.fields, **fields}, headers=self._headers())
        return await self._arrive(sent, url)

    async def _arrive(self, page: httpx.Response, url: str) -> CallbackParameters | None:
        for _ in range(12):
            for cookie in page.cookies.jar:
                self._cookies[cookie.name] = cookie.value or ""
            if not page.has_redirect_location:
                self.page = page
                return None
            url = urljoin(url, page.headers["location"])
            if url.split("?")[0] == CALLBACK:
                return answer(url)
            page = await self._http.get(url, headers=self._headers())
        raise AssertionError(f"redirects do not end: {url}")

    def _headers(self) -> dict[str, str]:
        self._http.cookies.clear()
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}

    async def __aenter__(self) -> Self:
        """The window itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, at: TracebackType | None
    ) -> None:
        """Closes the connections."""
        await self._http.aclose()


async def come_back(url: str, *forms: Mapping[str, str]) -> CallbackParameters:
    """Walks from a departure to the callback in a new window, sending the form of each page that comes."""
    async with Visitor() as window:
        found = await window.open(url)
        for form in forms:
            if found is None:
                found = await window.send(form)
        assert found is not None, f"{window.page.status_code} at {window.page.url}: {window.page.text[:1000]}"
        return found

"""A provider and the simulator in one process: calls reach the simulator's application without a socket."""

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urljoin

import httpx
from starlette.types import ASGIApp

from broker.platform.http_client import PLAIN, ConnectionTerms, HttpClients, HttpFailure, HttpResponse, Unreachable
from broker.provider import CallbackParameters
from tests.unit.providers.citizen import Stuck, answer

BASE = "http://simulator.test"


class DirectClients:
    """An `HttpClients` whose calls are answered by an application. `down`: nothing answers."""

    development = True

    def __init__(self, app: ASGIApp) -> None:
        """`app` is the simulator."""
        self.app = app
        self.down = False
        self.calls: list[httpx.Request] = []

    def client(self, _name: str, *, terms: ConnectionTerms = PLAIN, **_options: object) -> "DirectClient":
        """A client with these terms."""
        return DirectClient(self, terms)

    def may_call(self, _url: str) -> bool:
        """Always."""
        return True

    @property
    def as_clients(self) -> HttpClients:
        """As the product's type."""
        return cast(HttpClients, self)


class DirectClient:
    """A client of the application."""

    def __init__(self, clients: DirectClients, terms: ConnectionTerms) -> None:
        """With the terms of one provider."""
        self._clients = clients
        self._terms = terms

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, **_options: object
    ) -> HttpResponse | HttpFailure:
        """Sends a GET."""
        return await self._call("GET", url, headers=headers)

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None, **_options: object
    ) -> HttpResponse | HttpFailure:
        """Sends a form."""
        return await self._call("POST", url, data=form, headers=headers)

    async def _call(self, method: str, url: str, **sent: Any) -> HttpResponse | HttpFailure:
        if self._clients.down:
            return Unreachable("the simulator is down")
        async with browser_of(self._clients.app) as http:
            response = await http.request(method, self._terms.place(url), **sent)
        self._clients.calls.append(response.request)
        return HttpResponse(response.status_code, dict(response.headers), response.content)


def browser_of(app: ASGIApp) -> httpx.AsyncClient:
    """A browser that visits an application."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), trust_env=False)


_REQUEST = re.compile(r'name="request" value="([^"]*)"')


async def sign_in_at(app: ASGIApp, url: str, callback: str, *, persona: str, outcome: str = "ok") -> CallbackParameters:
    """A citizen at the simulator: fills in its page, and comes back to the callback. Raises Stuck."""
    async with browser_of(app) as browser:
        page = await browser.get(url)
        found = _REQUEST.search(page.text)
        if found is not None:
            form = {"request": found[1].replace("&amp;", "&"), "persona": persona, "outcome": outcome}
            page = await browser.post(url.partition("/authorize")[0] + "/sign-in", data=form)
        back = urljoin(url, page.headers.get("location", ""))
        if back.partition("?")[0] != callback:
            raise Stuck(page)
        return answer(back)


__all__ = ["BASE", "DirectClients", "sign_in_at"]

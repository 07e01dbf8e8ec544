"""Requests of a citizen's browser with cookies and form tokens."""

import httpx
from starlette.types import ASGIApp

from broker.web.shared import csrf
from tests.unit.web.citizen_pages import client, marks
from tests.unit.web.examples import HANDLE

SECRET = "a-secret"
COOKIE = {"cookie": f"other=1; __Host-portico-browser={SECRET}.an-older-one; __Host-portico-session=a-session"}
JOURNEY = f"/journey/{HANDLE}"


def token(place: str = HANDLE, secret: str = SECRET) -> str:
    """The CSRF token of a form on a transaction's page."""
    return csrf.token(marks(), (secret,), place)


async def get(app: ASGIApp, at: str, **headers: str) -> httpx.Response:
    """The response to a GET with the cookies of the browser."""
    async with client(app) as browser:
        return await browser.get(at, headers={**COOKIE, **headers})


async def post(app: ASGIApp, at: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
    """The response to a form with its CSRF token and the cookies of the browser."""
    fields.setdefault("token", token())
    async with client(app) as browser:
        return await browser.post(at, data=fields, headers={**COOKIE, **(headers or {})})


def set_cookies(answer: httpx.Response) -> list[str]:
    """The `Set-Cookie` headers of a response."""
    return answer.headers.get_list("set-cookie")

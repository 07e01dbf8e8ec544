"""A citizen at a provider, as far as HTTP goes: follows redirects, keeps cookies, sends a form, comes back."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from broker.provider import CallbackParameters


class Stuck(Exception):
    """The redirects do not end at the callback: the citizen sees this page."""

    def __init__(self, page: httpx.Response) -> None:
        super().__init__(f"{page.status_code} at {page.url}")
        self.page = page


async def walk(url: str, callback: str, form: Mapping[str, str] | None = None) -> CallbackParameters:
    """From a departure to what comes back to the callback. `form` is sent on the first page. Raises Stuck."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        page = await browser.get(url)
        for _ in range(12):
            if page.has_redirect_location:
                url = urljoin(str(page.url), page.headers["location"])
                if url.split("?")[0] == callback:
                    return answer(url)
                page = await browser.get(url)
            elif form is not None and page.status_code == 200:
                page, form = await browser.post(str(page.url), data=form), None
            else:
                break
    raise Stuck(page)


def answer(url: str) -> CallbackParameters:
    """Parameters of a URL of our callback."""
    parts = urlsplit(url)
    return CallbackParameters(dict(parse_qsl(parts.query)), f"{parts.scheme}://{parts.netloc}{parts.path}")

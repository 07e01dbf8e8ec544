"""Requests to the operations endpoints, and values of metrics."""

import re

import httpx
from starlette.types import ASGIApp


def value(text: bytes, name: str, **labels: str) -> float | None:
    """The value of one series, or None if there is none."""
    for line in text.decode().splitlines():
        found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if found and found[1] == name and dict(re.findall(r'(\w+)="([^"]*)"', found[2] or "")) == labels:
            return float(found[3])
    return None


async def get(app: ASGIApp, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """The response to one request."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here.test") as client:
        return await client.request(method, path, headers=headers)

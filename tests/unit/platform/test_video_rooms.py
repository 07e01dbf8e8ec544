"""The tool for video rooms over HTTP: what it is asked, and which links are refused."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from broker.platform.video_rooms import HttpVideoRooms
from tests.unit.platform.notifications.test_http_senders import at_origin, http_clients

LINKS = "https://rooms.example/"


@pytest.mark.parametrize(
    ("status", "body", "link"),
    [
        (200, {"link": f"{LINKS}a1"}, f"{LINKS}a1"),
        (201, {"link": f"{LINKS}a1?x=1"}, f"{LINKS}a1?x=1"),
        (500, {"link": f"{LINKS}a1"}, None),
        (302, {"link": f"{LINKS}a1"}, None),
        (200, {"link": "https://rooms.example.evil/a1"}, None),
        (200, {"link": f"{LINKS}a 1"}, None),
        (200, {"link": f"{LINKS}a\n1"}, None),
        (200, {"link": f"{LINKS}é"}, None),
        (200, {"link": LINKS + "a" * 300}, None),
        (200, {"link": 1}, None),
        (200, {}, None),
        (200, [], None),
    ],
)
async def test_only_links_of_the_tool_are_taken(status: int, body: Any, link: str | None) -> None:
    heard = []

    async def room(request: Request) -> JSONResponse:
        heard.append((request.headers.get("authorization"), await request.json()))
        return JSONResponse(body, status)

    app = Starlette(routes=[Route("/rooms", room, methods=["POST"])])
    async with at_origin(app) as origin, http_clients() as clients:
        rooms = HttpVideoRooms(f"{origin}/rooms", LINKS, clients.client("rooms"), "Bearer secret")
        assert "secret" not in repr(rooms)
        assert await rooms.open("r-1") == link
    assert heard == [("Bearer secret", {"request_id": "r-1"})]


async def test_a_tool_that_does_not_answer_opens_no_room() -> None:
    async with http_clients() as clients:
        assert await HttpVideoRooms("http://127.0.0.1:1/", LINKS, clients.client("rooms")).open("r-1") is None

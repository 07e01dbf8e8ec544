"""Tools of the support centre that the demonstration plays: video rooms, and a print service for letters."""

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ROOMS, LETTERS = "/video-rooms", "/print-service"


def tool_routes(base: str, outbox: Path, page: Callable[..., Response]) -> list[Route]:
    """The tool for meetings by video at `[assisted.video_rooms]`, its rooms, and the print service at
    `[notifications.letter_gateway]`, whose letters lie in the inbox."""

    async def open_room(_request: Request) -> Response:
        return JSONResponse({"link": f"{base}/video/{secrets.token_urlsafe(9)}"}, 201)

    async def room(request: Request) -> Response:
        return page(request, "room.html", room=request.path_params["room"])

    async def print_letter(request: Request) -> Response:
        try:
            told = await request.json()
            letter = {"subject": told["subject"], "text": told["text"], "address": "\n".join(told["to"]), "way": "post"}
            name = told["reference"]
        except (ValueError, KeyError, TypeError):
            return JSONResponse({"error": "letter"}, 400)
        if not name.replace("-", "").replace("_", "").isalnum():
            return JSONResponse({"error": "reference"}, 400)
        await asyncio.to_thread(_write, outbox, name, letter)
        return JSONResponse({}, 202)

    return [
        Route(ROOMS, open_room, methods=["POST"]),
        Route("/video/{room}", room),
        Route(LETTERS, print_letter, methods=["POST"]),
    ]


def _write(outbox: Path, name: str, letter: Mapping[str, str]) -> None:
    """Writes a letter into the folder of the inbox, atomically."""
    outbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = outbox / f".{name}"
    beside.write_text(json.dumps(letter, ensure_ascii=False), "utf-8")
    beside.replace(outbox / f"{name}.json")

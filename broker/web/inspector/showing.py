"""The page of the inspector. It is for engineers, in English, and exists in development alone."""

from datetime import UTC, datetime

from starlette.responses import Response
from starlette.routing import Route

from broker.web.citizens.frame import outer
from broker.web.citizens.journey import page
from broker.web.citizens.visit import Door, Visit
from broker.web.inspector.memory import KEPT, Memory
from broker.web.pages import Sheet
from broker.web.shown import Shown

SHEETS = (Sheet("inspector", "developers/inspector.html", {"kept": KEPT}),)


def inspector_route(door: Door, memory: Memory) -> Route:
    """`/inspector`: the services that were heard of, and the exchanges of the one named in `client`."""

    async def inspector(here: Visit) -> Response:
        frame, chosen = here.frame(), here.request.query_params.get("client")
        holes = {
            **outer(frame),
            "counts": memory.counts(),
            "chosen": chosen,
            "exchanges": [] if chosen is None else [(_clock(each.at), each) for each in memory.of(chosen)],
        }
        return here.answer(Shown("inspector", holes, headers=(("Cache-Control", "no-store"),)), frame)

    return Route("/inspector", page(door, inspector), methods=["GET"])


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")

"""The page of the inspector. It is for engineers, in English, and exists in development alone."""

from datetime import UTC, datetime

from starlette.responses import Response
from starlette.routing import Route

from broker.web.citizens.journey import page
from broker.web.citizens.page_context import base_context
from broker.web.citizens.request import CitizenApp, CitizenRequest
from broker.web.inspector.exchange_log import KEPT, ExchangeLog
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

SHEETS = (PageTemplate("inspector", "developers/inspector.html", {"kept": KEPT}),)


def inspector_route(door: CitizenApp, memory: ExchangeLog) -> Route:
    """`/inspector`: the services that were heard of, and the exchanges of the one named in `client`."""

    async def inspector(here: CitizenRequest) -> Response:
        frame, chosen = here.frame(), here.request.query_params.get("client")
        holes = {
            **base_context(frame),
            "counts": memory.counts(),
            "chosen": chosen,
            "exchanges": [] if chosen is None else [(_clock(each.at), each) for each in memory.of(chosen)],
        }
        return here.answer(PageResponse("inspector", holes, headers=(("Cache-Control", "no-store"),)), frame)

    return Route("/inspector", page(door, inspector), methods=["GET"])


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")

"""Inspector page: for engineers of services, in English only, in development only."""

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


def inspector_route(app: CitizenApp, log: ExchangeLog) -> Route:
    """`/inspector`: the services with recorded exchanges, and the exchanges of the one in the `client` parameter."""

    async def inspector(req: CitizenRequest) -> Response:
        frame, chosen = req.frame(), req.request.query_params.get("client")
        variables = {
            **base_context(frame),
            "counts": log.counts(),
            "chosen": chosen,
            "exchanges": [] if chosen is None else [(_clock(each.at), each) for each in log.of(chosen)],
        }
        return req.answer(PageResponse("inspector", variables, headers=(("Cache-Control", "no-store"),)), frame)

    return Route("/inspector", page(app, inspector), methods=["GET"])


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")

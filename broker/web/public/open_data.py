"""Open data about help from a person: a page that explains it, and the numbers as CSV and JSON.

They hold whole months alone, no count below ten, nothing from which one could be computed, and the others rounded:
nothing in them tells of one citizen.
"""

from dataclasses import asdict
from typing import Final

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.reports import Reports, as_csv, open_data
from broker.assisted.disclosure import PublishedLine
from broker.model.disclosure import SMALLEST, STEP
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import base_context
from broker.web.citizens.request import CitizenApp, CitizenRequest
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

SHEET = PageTemplate("open-data", "public/open_data.html", {"smallest": SMALLEST, "step": STEP})

CACHED: Final = 3600
"""Seconds for which the numbers are computed once. Whole months change only while old rows are counted."""


def open_data_routes(app: CitizenApp, reports: Reports) -> list[Route]:
    """The routes of this file."""
    numbers = _Cached(reports)

    async def send_csv(_req: CitizenRequest) -> Response:
        return _file(as_csv(await numbers.lines()).encode(), "text/csv")

    async def send_json(_req: CitizenRequest) -> Response:
        lines = [asdict(line) for line in await numbers.lines()]
        whole = {"smallest_count": SMALLEST, "rounded_to": STEP, "durations": "seconds", "lines": lines}
        return _file(msgspec.json.encode(whole), "application/json")

    return [
        Route("/open-data", page(app, _explain), methods=["GET"]),
        Route("/open-data/assisted-verification.csv", page(app, send_csv), methods=["GET"]),
        Route("/open-data/assisted-verification.json", page(app, send_json), methods=["GET"]),
    ]


class _Cached:
    """The numbers of the present hour."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._hour = -1
        self._lines: tuple[PublishedLine, ...] = ()

    async def lines(self) -> tuple[PublishedLine, ...]:
        """The numbers, computed at most once an hour."""
        hour = int(self._reports.system.now() // CACHED)
        if hour != self._hour:
            self._lines, self._hour = await open_data(self._reports), hour
        return self._lines


async def _explain(req: CitizenRequest) -> Response:
    frame = req.frame()
    return req.answer(PageResponse(SHEET.name, base_context(frame)), frame)


def _file(content: bytes, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers={"cache-control": f"public, max-age={CACHED}"})

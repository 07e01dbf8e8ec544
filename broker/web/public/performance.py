"""Open data about sign-ins: a page to read, and the same figures as CSV, JSON and an Atom feed with a data dictionary.

Everything is made from the published days, which never change: nothing here is counted.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.reports import Reports, open_data
from broker.actions.open_data.publishing import OpenData
from broker.actions.open_data.series import load_series, moment, series_csv, series_object
from broker.actions.sign_in.context import ConfiguredProvider
from broker.journey.figures import PublishedDay
from broker.model.disclosure import SMALLEST, STEP
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import base_context
from broker.web.citizens.request import CitizenApp, CitizenRequest
from broker.web.public.performance_texts import COLUMN_TEXTS, MEASURE_TEXTS
from broker.web.public.performance_view import performance_variables
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

SHEET = PageTemplate(
    "performance",
    "public/performance.html",
    {"smallest": SMALLEST, "step": STEP, "measures": MEASURE_TEXTS},
)

PATH: Final = "/performance"
CACHED: Final = 300
"""Seconds for which the published days are read once."""
_RECENT: Final = 60
"""Publications in the feed."""
_OPEN: Final = {"cache-control": f"public, max-age={CACHED}", "access-control-allow-origin": "*"}


def performance_routes(
    app: CitizenApp, data: OpenData, help_data: Reports | None, providers: Mapping[str, ConfiguredProvider]
) -> list[Route]:
    """The routes of this file. `help_data` is None if nothing is published about help from a person."""
    series = _Cached(data)

    async def show(req: CitizenRequest) -> Response:
        frame = req.frame()
        lines = () if help_data is None else await open_data(help_data)
        variables = performance_variables(await series.days(), lines, providers, frame.language)
        return req.answer(PageResponse(SHEET.name, {**base_context(frame), **variables}), frame)

    def file(
        media_type: str, make: Callable[[Sequence[PublishedDay]], bytes], **headers: str
    ) -> Callable[[CitizenRequest], Awaitable[Response]]:
        async def send(_req: CitizenRequest) -> Response:
            return Response(make(await series.days()), media_type=media_type, headers={**_OPEN, **headers})

        return send

    described = f'<{PATH}/figures.csv-metadata.json>; rel="describedby"; type="application/csvm+json"'
    files = {
        "figures.csv": file("text/csv; header=present", lambda days: series_csv(days).encode(), link=described),
        "figures.json": file("application/json", lambda days: msgspec.json.encode(series_object(days))),
        "figures.csv-metadata.json": file("application/csvm+json", lambda _: msgspec.json.encode(dictionary())),
        "feed.atom": file("application/atom+xml", lambda days: feed(days, app.pages.site.issuer).encode()),
    }
    return [
        Route(PATH, page(app, show), methods=["GET"]),
        *(Route(f"{PATH}/{name}", page(app, send), methods=["GET"]) for name, send in files.items()),
    ]


class _Cached:
    """The published days, read at most once in CACHED seconds."""

    def __init__(self, data: OpenData) -> None:
        self._data = data
        self._until = -1.0
        self._days: tuple[PublishedDay, ...] = ()

    async def days(self) -> tuple[PublishedDay, ...]:
        """Every revision of every published day."""
        now = self._data.system.now()
        if now >= self._until:
            self._days, self._until = await load_series(self._data.figures), now + CACHED
        return self._days


def dictionary() -> Mapping[str, object]:
    """The data dictionary of the CSV file (W3C Metadata Vocabulary for Tabular Data)."""
    kinds: Mapping[str, object] = {
        "day": {"base": "date", "format": "yyyy-MM-dd"},
        "revision": {"base": "integer", "minimum": 1},
        "published": {"base": "datetime", "format": "yyyy-MM-dd'T'HH:mm:ssX"},
        "measure": {"base": "string", "format": "|".join(MEASURE_TEXTS)},
        "count": {"base": "integer", "minimum": SMALLEST},
    }
    return {
        "@context": "http://www.w3.org/ns/csvw",
        "url": "figures.csv",
        "dc:title": "Sign-ins by day",
        "dc:description": f"Counts below {SMALLEST} and their complements are left out, others rounded to {STEP}.",
        "tableSchema": {
            "columns": [
                {"name": name, "titles": name, "datatype": kinds.get(name, "string"), "dc:description": text}
                for name, text in COLUMN_TEXTS.items()
            ],
            "primaryKey": ["day", "revision", "measure", "detail"],
        },
        "notes": [{"measure": measure, "meaning": text} for measure, text in MEASURE_TEXTS.items()],
    }


def feed(published: Sequence[PublishedDay], issuer: str) -> str:
    """The latest publications, the newest first (RFC 4287). A correction is an entry of its own, with its reason."""
    recent = sorted(published, key=lambda one: (one.published, one.day))[-_RECENT:][::-1]
    entries = "".join(_entry(one, issuer) for one in recent)
    updated = moment(recent[0].published) if recent else moment(0)
    own = quoteattr(f"{issuer}{PATH}/feed.atom")
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        f"<id>{escape(issuer + PATH)}</id><title>Sign-ins by day</title><updated>{updated}</updated>"
        f'<author><name>{escape(issuer)}</name></author><link rel="self" href={own}/>{entries}</feed>\n'
    )


def _entry(one: PublishedDay, issuer: str) -> str:
    title = f"Figures of {one.day}" if one.revision == 1 else f"Correction of {one.day}: {one.reason}"
    figures = "\n".join(f"{line.measure} {line.detail} {line.count}".replace("  ", " ") for line in one.lines)
    return (
        f"<entry><id>{escape(f'{issuer}{PATH}#{one.day}-{one.revision}')}</id><title>{escape(title)}</title>"
        f"<updated>{moment(one.published)}</updated><link href={quoteattr(issuer + PATH)}/>"
        f'<content type="text">{escape(figures)}</content></entry>'
    )

"""Open data about help from a person: whole months alone, no small count, the same numbers in both files."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import httpx
import pytest
from starlette.types import ASGIApp

from broker.actions.assisted.reports import Reports, open_data
from broker.assisted.measures import Key, Measure, Tally
from broker.web.public import open_data_routes
from broker.web.shared.fast_router import fast_router
from broker.web.shared.not_found import NotFoundHandler
from broker.web.shared.pages import PageRenderer
from tests.unit.web.citizen_pages import ISSUER, GivenCitizen, citizen_app, system
from tests.unit.web.examples import NOW

WAITS = {
    Key("2026-12-02", Measure.CONTACT_WAIT, "", "video", "en", 2): Tally(33, 30000),
    Key("2026-12-02", Measure.OUTCOMES, "declined details_differ", "video", "cy"): Tally(9),
    Key("2026-12-02", Measure.OUTCOMES, "approved", "video", "en"): Tally(12),
}


@dataclass
class Counted:
    """Measures that were counted; records what was asked for."""

    spans: list[tuple[str, str]]
    uncounted: float | None = None

    async def first_uncounted(self) -> float | None:
        """The time of the first row that waits."""
        return self.uncounted

    async def count_sealed(self, _count_all: object, /) -> int:
        """Nothing is new."""
        return 0

    async def by_month(self, since: str, until: str) -> Mapping[Key, Tally]:
        """The numbers of the test."""
        self.spans.append((since, until))
        return WAITS

    async def durations(self, _measure: Measure, _since: str) -> Mapping[str, Mapping[int, int]]:
        """None."""
        return {}


@pytest.fixture
def measured() -> Counted:
    """What was counted."""
    return Counted([])


@pytest.fixture
def data(measured: Counted, written: PageRenderer) -> httpx.AsyncClient:
    """A client of the open data."""
    clock = replace(system(), now=lambda: NOW)
    routes = open_data_routes(citizen_app(GivenCitizen(), written), Reports(measured, clock))
    app: ASGIApp = fast_router(routes, {}, NotFoundHandler(ISSUER, ()))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER)


async def test_both_files_hold_the_same_lines_without_small_counts(data: httpx.AsyncClient, measured: Counted) -> None:
    table = await data.get("/open-data/assisted-verification.csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [(row["measure"], row["detail"], row["count"], row["median"]) for row in rows] == [
        ("contact_wait", "", "", "900"),
        ("outcomes", "approved", "10", ""),
    ]
    whole = (await data.get("/open-data/assisted-verification.json")).json()
    assert (whole["smallest_count"], whole["rounded_to"]) == (10, 5)
    told = [{name: "" if value is None else str(value) for name, value in line.items()} for line in whole["lines"]]
    assert told == rows
    assert measured.spans == [("2025-01-01", "2027-01-01")]


@pytest.mark.parametrize(
    ("day", "uncounted", "until"),
    [
        ("2026-12-31", None, "2026-12-01"),
        ("2027-01-01", None, "2026-12-01"),
        ("2027-01-02", None, "2026-12-01"),
        ("2027-01-03", None, "2027-01-01"),
        ("2027-01-20", None, "2027-01-01"),
        ("2027-01-20", "2027-01-20", "2027-01-01"),
        ("2027-01-20", "2026-12-31", "2026-12-01"),
        ("2027-01-20", "2026-03-05", "2026-03-01"),
    ],
)
async def test_a_month_is_published_once_it_does_not_change_any_more(
    day: str, uncounted: str | None, until: str, measured: Counted
) -> None:
    measured.uncounted = None if uncounted is None else at(uncounted)
    await open_data(Reports(measured, replace(system(), now=lambda: at(day))))
    assert measured.spans[-1][1] == until


def at(day: str) -> float:
    """The last second of a day (UTC)."""
    return datetime.fromisoformat(f"{day}T23:59:59+00:00").timestamp()


async def test_the_page_explains_every_word_of_the_files(data: httpx.AsyncClient) -> None:
    html = (await data.get("/open-data")).text
    for word in ("period", "median, ninth", *Measure):
        assert f">{word}</code>" in html
    assert "no count below 10, and the others rounded to 5" in html

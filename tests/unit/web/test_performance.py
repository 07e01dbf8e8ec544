"""The page of open data: the same figures in every form, drop-outs in the denominator, small, and readable."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from starlette.types import ASGIApp

from broker.actions.open_data.publishing import OpenData
from broker.actions.open_data.series import COLUMNS, completion, first_choice, newest, totals, without_person
from broker.journey.figures import REST, Figure, FigureLine, PublishedDay, SignInEnding
from broker.web.public import performance_routes
from broker.web.public.performance_texts import MEASURE_TEXTS
from broker.web.shared.fast_router import fast_router
from broker.web.shared.not_found import NotFoundHandler
from broker.web.shared.pages import PageRenderer
from tests.unit.web.citizen_pages import ISSUER, GivenCitizen, citizen_app, system
from tests.unit.web.examples import PROVIDERS
from tests.unit.web.published import GivenFigures, published_days

ATOM = {"a": "http://www.w3.org/2005/Atom"}
Rows = list[tuple[str, int, str, str, int]]


def client(written: PageRenderer, days: tuple[PublishedDay, ...]) -> httpx.AsyncClient:
    """A client of the pages of these days."""
    data = OpenData(GivenFigures(days), replace(system(), now=lambda: 1_800_000_000.0))
    routes = performance_routes(citizen_app(GivenCitizen(), written), data, None, PROVIDERS)
    app: ASGIApp = fast_router(routes, {}, NotFoundHandler(ISSUER, ()))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER)


@pytest.fixture
def published(written: PageRenderer) -> httpx.AsyncClient:
    """A client of the pages."""
    return client(written, published_days())


def expected() -> Rows:
    """Every published figure."""
    return [
        (one.day, one.revision, line.measure, line.detail, line.count) for one in published_days() for line in one.lines
    ]


async def test_table_json_and_feed_hold_the_same_figures(published: httpx.AsyncClient) -> None:
    table = await published.get("/performance/figures.csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert 'rel="describedby"' in table.headers["link"]
    rows = list(csv.DictReader(io.StringIO(table.text)))
    read = [(row["day"], int(row["revision"]), row["measure"], row["detail"], int(row["count"])) for row in rows]
    assert read == expected()
    whole = (await published.get("/performance/figures.json")).json()
    assert (whole["smallest_count"], whole["rounded_to"]) == (10, 5)
    in_json = [
        (day["day"], day["revision"], figure["measure"], figure["detail"], figure["count"])
        for day in whole["days"]
        for figure in day["figures"]
    ]
    assert in_json == read
    assert [(day["day"], day["reason"]) for day in whole["days"] if not day["figures"] or day["reason"]] == [
        ("2026-11-28", ""),
        ("2026-11-30", "Rows <late> & sealed"),
    ]
    entries = ElementTree.fromstring((await published.get("/performance/feed.atom")).text).findall("a:entry", ATOM)
    in_feed = [line for entry in entries[::-1] for line in (entry.findtext("a:content", "", ATOM)).splitlines()]
    assert in_feed == [f"{measure} {detail} {count}".replace("  ", " ") for _, _, measure, detail, count in read]
    assert "Correction of 2026-11-30: Rows <late> & sealed" in [one.findtext("a:title", "", ATOM) for one in entries]
    assert len({one.findtext("a:id", "", ATOM) for one in entries}) == len(entries) == 31


async def test_the_dictionary_describes_every_column_and_measure(published: httpx.AsyncClient) -> None:
    answer = await published.get("/performance/figures.csv-metadata.json")
    assert answer.headers["content-type"] == "application/csvm+json"
    described: Mapping[str, Any] = answer.json()
    assert described["@context"] == "http://www.w3.org/ns/csvw"
    columns: Sequence[Mapping[str, Any]] = described["tableSchema"]["columns"]
    assert tuple(one["name"] for one in columns) == COLUMNS
    assert all(one["dc:description"] for one in columns)
    assert set(MEASURE_TEXTS) == set(Figure)
    pattern = next(one["datatype"]["format"] for one in columns if one["name"] == "measure")
    assert all(re.fullmatch(pattern, row[2]) for row in expected())


async def test_the_page_tells_the_newest_revision_of_the_latest_days(published: httpx.AsyncClient) -> None:
    html = (await published.get("/performance")).text
    days = newest(published_days())[-28:]
    table = [
        re.findall(r"<t[hd][^>]*>(?:<bdi>)?([^<]*)", row) for row in re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    ]
    daily = [row for row in table if row and re.fullmatch(r"\d+ November", row[0])]
    found = [{(line.measure, line.detail): line.count for line in one.lines} for one in days]
    assert [[cell.replace(",", "") for cell in row[1:]] for row in daily] == [
        [str(one.get((Figure.STARTED, ""), "–")), str(one.get((Figure.ENDED, "answered"), "–"))] for one in found
    ]
    endings = totals(days, Figure.ENDED)
    assert f"Stopped on the way ({endings[SignInEnding.DROPPED]:,})" in html
    assert html.count("Not measured.") == 2
    assert "corrected on" in html
    assert "Rows &lt;late&gt; &amp; sealed" in html
    assert "Alder Bank" in html


async def test_the_page_is_small_and_has_no_script(published: httpx.AsyncClient) -> None:
    for language in ("en", "cy", "ar"):
        html = (await published.get("/performance", headers={"accept-language": language})).text
        assert len(html.encode()) < 30_000
        assert "<script" not in html
        charts = html.count('class="pt-chart"')
        assert charts == html.count("<table") - 1 > 5, "a table beside each chart, and one of languages"


async def test_a_page_without_published_days_says_so(written: PageRenderer) -> None:
    answer = await client(written, ()).get("/performance")
    assert "There are no numbers yet" in answer.text
    assert "<table" not in answer.text
    feed = await client(written, ()).get("/performance/feed.atom")
    assert ElementTree.fromstring(feed.text).findall("a:entry", ATOM) == []


def day(*lines: tuple[str, str, int]) -> PublishedDay:
    """A published day with these figures."""
    return PublishedDay("2026-11-28", 1, 0.0, "", tuple(FigureLine(*line) for line in lines))


def test_completion_counts_drop_outs_and_only_days_that_have_both_numbers() -> None:
    whole = day((Figure.STARTED, "", 100), (Figure.ENDED, "answered", 60))
    part = day((Figure.STARTED, "", 500))
    assert completion([whole, part]).percent == 60
    assert completion([part]).percent is None


def test_what_is_known_to_need_no_person_is_a_lower_bound() -> None:
    one = day(
        (Figure.ENDED, "answered", 100),
        (Figure.ANSWERED, "session", 10),
        (Figure.FIRST_CHOICE, "bank", 40),
        (Figure.FIRST_CHOICE, "help", 15),
        (Figure.FIRST_CHOICE, REST, 20),
        (Figure.AFTER_FAILURE, "post", 15),
    )
    assert without_person([one]).percent == 65
    assert without_person([day((Figure.ENDED, "answered", 100), (Figure.ANSWERED, "session", 10))]).percent is None


def test_a_share_of_first_choices_is_told_if_every_path_is_published() -> None:
    paths = [(Figure.ANSWERED, "first_choice", 60), (Figure.ANSWERED, "other_choice", 20)]
    assert first_choice([day(*paths)]).percent is None
    assert first_choice([day(*paths, (Figure.ANSWERED, "after_failure", 20))]).percent == 60

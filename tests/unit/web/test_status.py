"""The public status: each way and the broker now and in the last 90 days, as a page and a feed."""

from xml.etree import ElementTree

import httpx
import pytest
from starlette.types import ASGIApp

from broker.actions.open_data.status import Status
from broker.model.disruption import StatusRecord
from broker.web.public import status_routes
from broker.web.shared.fast_router import fast_router
from broker.web.shared.not_found import NotFoundHandler
from broker.web.shared.pages import PageRenderer
from tests.unit.web.citizen_pages import ISSUER, GivenCitizen, citizen_app, system
from tests.unit.web.examples import PROVIDERS
from tests.unit.web.published import DISRUPTIONS, GivenDisruptions

ATOM = {"a": "http://www.w3.org/2005/Atom"}


def client(written: PageRenderer, disruptions: GivenDisruptions) -> httpx.AsyncClient:
    """A client of the status of these disruptions."""
    routes = status_routes(citizen_app(GivenCitizen(), written), Status(disruptions, system()), PROVIDERS)
    app: ASGIApp = fast_router(routes, {}, NotFoundHandler(ISSUER, ()))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER)


@pytest.fixture
def status(written: PageRenderer) -> httpx.AsyncClient:
    """A client of the status."""
    return client(written, GivenDisruptions())


async def test_the_page_tells_what_does_not_work_and_what_was(status: httpx.AsyncClient) -> None:
    html = (await status.get("/status")).text
    assert "Something does not work at present." in html
    assert html.count("Does not work since") == 1
    assert html.count("<tr>") == 1 + 3, "an disruption of a provider that the public does not see is not shown"
    assert "Worked 99.98% of the time" in html, "ten minutes of the broker in forty days"
    assert "Alder Bank" in html
    assert len(html.encode()) < 30_000
    assert "<script" not in html


async def test_the_feed_has_an_entry_for_each_disruption_with_start_and_end(status: httpx.AsyncClient) -> None:
    answer = await status.get("/status/feed.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    found = ElementTree.fromstring(answer.text).findall("a:entry", ATOM)
    entries = [entry for entry in found if entry.find("a:content", ATOM) is None]
    titles = [entry.findtext("a:title", "", ATOM) for entry in entries]
    assert len(titles) == len({entry.findtext("a:id", "", ATOM) for entry in entries}) == 3
    assert ["until" in title for title in titles] == [one.ended is not None for one in DISRUPTIONS[:3]]


async def test_notes_of_the_operator_are_on_the_page_and_in_the_feed_with_their_language(
    status: httpx.AsyncClient,
) -> None:
    html, welsh = [(await status.get("/status", headers={"accept-language": code})).text for code in ("en", "cy")]
    assert '<p class="govuk-body" dir="auto">They repair it.</p>' in html
    assert '<p class="govuk-body" dir="auto">Maen nhw’n ei drwsio.</p>' in welsh
    assert '<p class="govuk-body" dir="auto" lang="en">We &lt;moved&gt;.</p>' in welsh
    feed = ElementTree.fromstring((await status.get("/status/feed.atom")).text)
    entries = [one for one in feed.findall("a:entry", ATOM) if one.find("a:content", ATOM) is not None]
    assert [one.findtext("a:content", "", ATOM) for one in entries] == ["They repair it.", "We <moved>."]
    assert ["until" in one.findtext("a:title", "", ATOM) for one in entries] == [False, True]
    assert "Nobody reads this" not in html


async def test_a_broker_without_disruptions_says_that_all_works(written: PageRenderer) -> None:
    html = (await client(written, GivenDisruptions(StatusRecord())).get("/status")).text
    assert "All ways work at present." in html
    assert "Nothing was recorded that did not work." in html
    assert "100.0% of the time" in html

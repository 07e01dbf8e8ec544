"""The register of services: what each may ask for and why, at which level, and what it really got."""

import re

import httpx
from starlette.types import ASGIApp

from broker.web import public
from broker.web.shared.fast_router import fast_router
from broker.web.shared.not_found import NotFoundHandler
from broker.web.shared.pages import PageRenderer
from tests.support.services import change_service
from tests.unit.web.citizen_pages import ISSUER, GivenCitizen, citizen_app
from tests.unit.web.examples import SERVICE
from tests.unit.web.published import GivenEntries, GivenReleases


def client(written: PageRenderer, number: int) -> httpx.AsyncClient:
    """A client of a register of so many services beside the one of the examples."""
    others = [
        change_service(SERVICE, client_id=f"other-{n}", names={"en": f"Service {n:03}"}, claims=())
        for n in range(number)
    ]
    services = {one.client_id: one for one in (SERVICE, *others)}
    routes = public.public_routes(
        citizen_app(GivenCitizen(), written), services, releases=GivenReleases(), entries=GivenEntries()
    )
    app: ASGIApp = fast_router(routes, {}, NotFoundHandler(ISSUER, ()))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER)


async def test_the_register_tells_what_a_service_may_ask_for_and_what_it_got(written: PageRenderer) -> None:
    html = (await client(written, 1).get("/services")).text
    rows = re.findall(r"<dt[^>]*>([^<]*)</dt>\s*<dd[^>]*><bdi>([^<]*)</bdi>(.*?)</dd>", html, re.DOTALL)
    assert [(name, reason, "Last given on" in got) for name, reason, got in rows] == [
        ("Name", "It stands on your licence.", False),
        ("Date of birth", "The price depends on your age.", True),
        ("Address", "We send the licence there.", False),
    ]
    assert "It got these before, and may not ask for them now: Telephone number" in html
    assert "Basic proof of who you are" in html
    assert "It may ask for nothing about you." in html


async def test_the_register_tells_since_when_a_service_is_in_it_and_what_changed_since(written: PageRenderer) -> None:
    html = (await client(written, 1).get("/services")).text
    [since] = re.findall(r"Registered since ([^<]*)\.", html)
    changes = re.findall(r"<li>(\d[^<]*)</li>", html)
    assert [one.partition(": ")[2] for one in changes] == [
        "another proof is needed: Basic proof of who you are",
        "it may also ask for: Address",
    ]
    assert since == "6 December 2026", "the day after its removal on which it was registered again"
    assert changes[0].startswith("26 December 2026: ")
    assert "Email" not in html


async def test_a_long_register_has_pages_that_are_small(written: PageRenderer) -> None:
    browser, seen = client(written, 45), list[str]()
    for page in ("", "?page=2", "?page=3"):
        html = (await browser.get(f"/services{page}")).text
        assert len(html.encode()) < 30_000
        seen += re.findall(r"<h3[^>]*><bdi>([^<]*)", html)
    assert seen == sorted(seen)
    assert len(seen) == 46
    assert 'href="/services?page=2"' in (await browser.get("/services")).text
    for wrong in ("0", "4", "-1", "x", "9" * 50):
        assert "Service 000" in (await browser.get(f"/services?page={wrong}")).text

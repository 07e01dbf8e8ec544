"""`/.well-known/security.txt` (RFC 9116): contact, expiry in the future, canonical address; none without a contact."""

from dataclasses import replace
from datetime import datetime

import httpx
from starlette.types import ASGIApp

from broker.web import public
from broker.web.shared.fast_router import fast_router
from broker.web.shared.not_found import NotFoundHandler
from broker.web.shared.pages import PageRenderer
from broker.web.shared.site_info import SiteInfo
from tests.unit.web.citizen_pages import ISSUER, GivenCitizen, citizen_app
from tests.unit.web.examples import NOW

PATH = "/.well-known/security.txt"


def client(written: PageRenderer) -> httpx.AsyncClient:
    """A client of the public pages."""
    app: ASGIApp = fast_router(
        public.public_routes(citizen_app(GivenCitizen(), written)), {}, NotFoundHandler(ISSUER, ())
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER)


async def test_the_file_names_contact_expiry_and_its_own_address(written: PageRenderer) -> None:
    answer = await client(written).get(PATH)
    assert answer.headers["content-type"].startswith("text/plain")
    fields = [line.split(": ", 1) for line in answer.text.splitlines()]
    assert [value for name, value in fields if name == "Contact"] == ["mailto:help@id.test", "https://id.test/more"]
    found = dict(fields)
    assert found["Canonical"] == f"{ISSUER}{PATH}"
    assert found["Preferred-Languages"].startswith("en")
    expires = datetime.fromisoformat(found["Expires"]).timestamp()
    assert NOW + 86_400 < expires < NOW + 366 * 86_400


async def test_there_is_no_file_without_a_contact(written: PageRenderer) -> None:
    silent = replace(written, site=SiteInfo(ISSUER, languages=written.site.languages))
    assert (await client(silent).get(PATH)).status_code == 404

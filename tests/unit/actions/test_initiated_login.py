"""Sign-ins that a provider begins (OpenID Connect Core 4): what they lead to, and that nothing else can be reached."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape
from typing import Any, cast

import httpx
import pytest
from starlette.applications import Starlette

from broker.journey.transaction import TransactionState
from broker.model.account import ErrandKind
from broker.model.kill_switches import KillSwitchKind
from broker.model.service import Service
from broker.oidc.third_party_login import target_service
from broker.web import citizens
from broker.web.citizens.initiated_login import initiated_login_routes
from broker.web.shared.pages import PageRenderer
from broker.web.shared.static_files import statics
from tests.support.services import change_service
from tests.unit.actions.assisted.case_harness import SERVICE, Stage
from tests.unit.actions.page_world import ALDER, BIRCH, World, world
from tests.unit.web.citizen_pages import SITE, all_pages, marks, system

ISS = "https://alder.example"
AT = f"/providers/{ALDER}/initiate-login"
HERE = "https://broker.example"
FRESH = "https://library.example/later"


@pytest.fixture(scope="module")
def written() -> PageRenderer:
    """Every page."""
    return all_pages(statics(), replace(SITE, issuer=HERE, accounts=True))


@pytest.fixture
def w(stage: Stage, written: PageRenderer) -> World:
    """Alder may begin sign-ins, Birch may not."""
    found = world(stage, written)
    for name, issuer in ((ALDER, ISS), (BIRCH, None)):
        cast(Any, found.upstream[name]).initiating_issuer = issuer
    return found


@pytest.fixture
async def browser(w: World) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has never been here."""
    app = citizens.CitizenApp(w.sign_in.sign_in_context, cast(Any, None), w.pages, marks(), system())
    routes = initiated_login_routes(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=routes)), base_url=HERE) as client:
        yield client


def form_of(html: str) -> tuple[str, dict[str, str]]:
    """The address and the hidden fields of the page's form."""
    main = html[html.index("<main") : html.index("</main>")]
    fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', main))
    return unescape(re.findall(r'<form method="post" action="([^"]*)"', main)[0]), fields


async def pressed(browser: httpx.AsyncClient, page: httpx.Response) -> httpx.Response:
    """The citizen presses the button."""
    action, fields = form_of(page.text)
    return await browser.post(action, data=fields, headers={"Origin": HERE, "Sec-Fetch-Site": "same-origin"})


async def test_a_provider_begins_a_sign_in_to_the_account_and_the_citizen_goes_there_at_once(
    w: World, browser: httpx.AsyncClient
) -> None:
    page = await browser.get(AT, params={"iss": ISS, "login_hint": "ada", "unknown": "1"})
    assert page.status_code == 200
    assert "Go on with <bdi>Alder Bank</bdi>" in page.text
    answer = await pressed(browser, page)
    assert answer.status_code == 303
    handle = answer.headers["location"].removeprefix("/journey/")
    transaction = await w.transaction(handle)
    assert transaction.request.errand is not None
    assert transaction.request.errand.kind is ErrandKind.ACCOUNT
    assert transaction.state is TransactionState.AWAY
    assert transaction.attempt is not None
    assert transaction.attempt.provider == ALDER
    assert transaction.attempt.url.startswith(f"{ISS}/?state=")


async def test_a_provider_that_is_off_leads_to_the_page_that_offers_the_others(
    w: World, browser: httpx.AsyncClient
) -> None:
    await w.off(KillSwitchKind.PROVIDER, ALDER)
    answer = await pressed(browser, await browser.get(AT, params={"iss": ISS}))
    transaction = await w.transaction(answer.headers["location"].removeprefix("/journey/"))
    assert transaction.state is TransactionState.CHOOSING


async def test_a_posted_request_becomes_the_same_by_get_and_begins_nothing(browser: httpx.AsyncClient) -> None:
    cross = {"Origin": ISS, "Sec-Fetch-Site": "cross-site"}
    answer = await browser.post(AT, data={"iss": ISS, "login_hint": "ada"}, headers=cross)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{AT}?iss=https%3A%2F%2Falder.example")
    forged = await browser.post(AT, params={"iss": ISS}, data={"token": "x"}, headers=cross)
    assert (forged.status_code, forged.headers["location"]) == (303, AT)


@pytest.mark.parametrize(
    ("target", "leads"),
    [
        ("https://library.example/start", "https://library.example/start?iss=https%3A%2F%2Fbroker.example"),
        ("https://library.example/", "https://library.example/start?iss=https%3A%2F%2Fbroker.example"),
        (
            FRESH,
            "https://library.example/start?iss=https%3A%2F%2Fbroker.example"
            "&target_link_uri=https%3A%2F%2Flibrary.example%2Flater",
        ),
    ],
)
async def test_a_registered_target_leads_to_the_login_initiation_of_its_service(
    w: World, browser: httpx.AsyncClient, target: str, leads: str
) -> None:
    w.shelf.services["library"] = change_service(w.shelf.services["library"], resume_uri=FRESH)
    answer = await browser.get(AT, params={"iss": ISS, "target_link_uri": target})
    assert (answer.status_code, answer.headers["location"]) == (303, leads)


async def test_the_page_of_the_account_is_a_target_too(browser: httpx.AsyncClient) -> None:
    answer = await browser.get(AT, params={"iss": ISS, "target_link_uri": f"{HERE}/account/ways"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "https://library.example/start?x=1",
        "https://library.example/start/",
        "https://library.example.evil.example/start",
        "https://library.example/back",
        "//library.example/start",
        "javascript:alert(1)",
    ],
)
async def test_another_target_is_never_visited(browser: httpx.AsyncClient, target: str) -> None:
    answer = await browser.get(AT, params={"iss": ISS, "target_link_uri": target})
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert f'href="{target}' not in answer.text


@pytest.mark.parametrize(
    ("at", "query", "status"),
    [
        (AT, "", 400),
        (AT, "iss=https://birch.example", 400),
        (AT, f"iss={ISS}/", 400),
        (AT, f"iss={ISS}&iss={ISS}", 400),
        (AT.replace(ALDER, BIRCH), "iss=https://birch.example", 400),
        (AT.replace(ALDER, "nobody"), f"iss={ISS}", 404),
        (AT.replace(ALDER, "%C3%A9"), f"iss={ISS}", 404),
    ],
)
async def test_another_issuer_and_a_provider_that_may_not_begin_nothing(
    browser: httpx.AsyncClient, at: str, query: str, status: int
) -> None:
    assert (await browser.get(f"{at}?{query}")).status_code == status
    answer = await browser.post(at, content=query, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code in (303, status)
    assert answer.headers.get("location", at).startswith(at)


def test_a_service_without_login_initiation_is_no_target() -> None:
    silent = change_service(SERVICE, initiate_login_uri=None)
    assert target_service(SERVICE.presentation.home, [silent]) is None
    found: Service | None = target_service(SERVICE.presentation.home, [silent, SERVICE])
    assert found is SERVICE


async def test_without_accounts_the_list_of_services_is_shown(w: World) -> None:
    pages = all_pages(statics(), replace(SITE, issuer=HERE, accounts=False))
    app = citizens.CitizenApp(w.sign_in.sign_in_context, cast(Any, None), pages, marks(), system())
    routes = Starlette(routes=initiated_login_routes(app))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(routes), base_url=HERE) as client:
        answer = await client.get(AT, params={"iss": ISS})
    assert (answer.status_code, answer.headers["location"]) == (303, "/services")

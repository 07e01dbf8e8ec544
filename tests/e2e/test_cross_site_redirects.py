"""Under TLS, on different sites that redirect on across origins: cookies hold, and no policy of a page is violated."""

from collections.abc import AsyncIterator
from html import escape
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.async_api import Request

from tests.e2e.app_harness import Stage
from tests.e2e.citizen_page import HARBOUR, NORTHBANK, Citizen
from tests.e2e.conftest import Newcomer
from tests.e2e.tls_deployment import BROKER, PROVIDER_HOP, PROVIDERS, SERVICE, SERVICE_HOP, apart
from tests.support.certificates import Authority


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> AsyncIterator[Stage]:
    """The whole product, each part on a different site."""
    with pytest.MonkeyPatch.context() as patch:
        async with apart(tmp_path_factory.mktemp("sites"), authority, patch) as running:
            yield running


@pytest.fixture
async def citizen(newcomer: Newcomer, stage: Stage, *, script: bool) -> Citizen:
    """A citizen whose browser reports violations of the content security policy; `newcomer` fails the test on any."""
    return await newcomer(stage, script=script, ignore_https_errors=True)


async def test_a_sign_in_over_six_sites_keeps_every_cookie_and_violates_no_policy(citizen: Citizen) -> None:
    page = citizen.page
    seen: list[str | None] = []

    def watch(request: Request) -> None:
        if request.is_navigation_request():
            seen.append(urlsplit(request.url).hostname)

    page.on("request", watch)
    await citizen.begin("move")
    await citizen.choose(NORTHBANK)
    await citizen.at(NORTHBANK)
    await citizen.play("ok")
    await citizen.share()
    await citizen.arrives()
    way = [host for number, host in enumerate(seen) if number == 0 or seen[number - 1] != host]
    assert way == [SERVICE, BROKER, PROVIDERS, PROVIDER_HOP, BROKER, SERVICE, SERVICE_HOP, SERVICE]

    held = {cookie["name"]: cookie for cookie in await page.context.cookies() if cookie["domain"] == BROKER}
    assert {"__Host-portico-browser", "__Host-portico-session"} <= set(held)
    for name in ("__Host-portico-browser", "__Host-portico-session"):
        kept = held[name]
        assert (kept["secure"], kept["httpOnly"], kept["sameSite"], kept["path"]) == (True, True, "Lax", "/")

    # and the session answers a request that comes from another site
    await citizen.begin("parking", prompt="none")
    await citizen.arrives()


async def test_a_failure_a_second_choice_and_the_way_back_lead_across_sites_too(citizen: Citizen) -> None:
    await citizen.begin()
    await citizen.choose(HARBOUR)
    await citizen.play("cancelled")
    await citizen.press("Carry on")
    await citizen.play("could_not_sign_in")
    await citizen.choose(NORTHBANK)
    await citizen.at(NORTHBANK)
    await citizen.returns()
    await citizen.sees(f"You are going to {NORTHBANK}")
    await citizen.press("Stop and go back to Aberlan Council")
    await citizen.sees("You are not signed in")
    assert citizen.page.url.startswith(f"{citizen.stage.service}/arrived?")
    assert "error=access_denied" in citizen.page.url


async def test_a_form_that_another_site_sends_changes_nothing(citizen: Citizen) -> None:
    await citizen.begin()
    await citizen.choose(NORTHBANK)
    await citizen.at(NORTHBANK)
    handle = urlsplit((await citizen.returns()).url).path.rpartition("/")[2]
    before = await citizen.transaction(handle)
    stranger = await citizen.another_tab()
    action = f"{citizen.stage.issuer}/journey/{handle}/give-up"
    await stranger.page.goto(f"{citizen.stage.service}/try")
    await stranger.page.set_content(f'<form method="post" action="{action}"><button>Win a prize</button></form>')
    await stranger.press("Win a prize")
    # the cookie of SameSite=Lax does not go along with the form, only with the redirect to the page that follows
    await stranger.sees(f"You are going to {NORTHBANK}")
    await stranger.reads("We could not be sure that this came from you")
    assert await citizen.transaction(handle) == before


FORM = """<form method="post" action="{action}">{inputs}<button>Sign in by form</button></form>"""


async def test_a_request_posted_from_another_site_keeps_other_tabs_and_sees_the_session(citizen: Citizen) -> None:
    stage = citizen.stage
    await citizen.begin("move")  # the first tab, begun by GET
    tab = await citizen.another_tab()

    async def by_form(tab: Citizen, **more: str) -> None:
        """Sends what the sample service leads to as a form of its page would."""
        async with tab.page.expect_request(lambda request: "/authorize?" in request.url) as led:
            await tab.begin("move", **more)
        action, _, asked = (await led.value).url.partition("?")
        inputs = "".join(f'<input type="hidden" name="{k}" value="{escape(v)}">' for k, v in parse_qsl(asked))
        await tab.page.goto(f"{stage.service}/try")
        await tab.page.set_content(FORM.format(action=action, inputs=inputs))
        await tab.press("Sign in by form")

    await by_form(tab)
    for each in (tab, citizen):  # and the second, begun by POST, finishes first
        await each.choose(NORTHBANK)
        await each.play("ok")
        await each.share()
        await each.arrives()
    await by_form(tab, prompt="none")  # by GET the service had its answer, and waits for no other
    await tab.page.wait_for_url(f"{stage.service}/arrived?**")
    assert "code=" in tab.page.url

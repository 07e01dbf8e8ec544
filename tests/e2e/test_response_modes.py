"""How an answer travels back: in the query or in a form, in the clear or signed, with script and without."""

from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
from playwright.async_api import Request, expect

from tests.e2e.app_harness import Stage
from tests.e2e.citizen_page import NORTHBANK, Citizen
from tests.e2e.conftest import Newcomer
from tests.e2e.extra_clients import LIBRARY_NAME, ClientRequest
from tests.e2e.raw_client import http_sender

POSTED = ["form_post", "form_post.jwt"]


@pytest.fixture
async def citizen(newcomer: Newcomer, shared_stage: Stage, *, script: bool) -> Citizen:
    """A citizen with a fresh browser, once with script and once without."""
    return await newcomer(shared_stage, script=script)


async def unwrapped(library: ClientRequest, fields: dict[str, str]) -> dict[str, str]:
    """The parameters of a response. Another library decodes it if it is a JWT (JARM 2.4)."""
    if "response" not in fields:
        return fields
    assert set(fields) == {"response"}
    async with http_sender() as line:
        keys = jwt.PyJWKSet.from_dict((await line.send("GET", f"{library.stage.issuer}/jwks")).expect().json)
    key = keys[jwt.get_unverified_header(fields["response"])["kid"]]
    read = jwt.decode(
        fields["response"], key, ["ES256"], audience=library.client_id, issuer=library.stage.issuer, leeway=5
    )
    return {name: value for name, value in read.items() if name not in ("aud", "exp")}


async def posted(citizen: Citizen, library: ClientRequest, step: str | None = None) -> dict[str, str]:
    """The form that the browser posts to the service, by script or by its button."""

    def there(request: Request) -> bool:
        return request.method == "POST" and request.url == library.redirect_uri

    async with citizen.page.expect_request(there) as sent:
        if step is not None:
            await citizen.press(step)
        await citizen.page.wait_for_load_state()
        if citizen.page.url.startswith(library.stage.issuer):
            button = citizen.page.locator("form#leave button")
            if await button.count():
                await button.click()
    return dict(parse_qsl((await sent.value).post_data or ""))


@pytest.mark.parametrize("mode", POSTED)
async def test_an_answer_travels_in_a_form(citizen: Citizen, mode: str) -> None:
    library = ClientRequest(citizen.stage)
    await citizen.page.goto(library.request(response_mode=mode, prompt="consent"))
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    fields = await unwrapped(library, await posted(citizen, library, "Share and continue"))
    assert (fields["state"], fields["iss"]) == (library.state, library.stage.issuer)
    assert (await library.redeem(fields["code"])).expect().json["token_type"] == "Bearer"


@pytest.mark.parametrize("mode", ["jwt", "query.jwt"])
async def test_an_answer_travels_signed_in_the_address(citizen: Citizen, mode: str) -> None:
    library = ClientRequest(citizen.stage)
    await citizen.page.goto(library.request(response_mode=mode, prompt="consent"))
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.share()
    await citizen.page.wait_for_url(f"{library.redirect_uri}?**")
    fields = await unwrapped(library, dict(parse_qsl(urlsplit(citizen.page.url).query)))
    assert (fields["state"], fields["iss"]) == (library.state, library.stage.issuer)
    (await library.redeem(fields["code"])).expect()


@pytest.mark.parametrize("mode", POSTED)
async def test_giving_up_returns_the_error_by_form_post(citizen: Citizen, mode: str) -> None:
    library = ClientRequest(citizen.stage)
    await citizen.page.goto(library.request(response_mode=mode))
    fields = await unwrapped(library, await posted(citizen, library, f"Stop and go back to {LIBRARY_NAME}"))
    assert (fields["error"], fields["state"]) == ("access_denied", library.state)


@pytest.mark.parametrize("mode", POSTED)
async def test_a_refusal_without_a_page_is_posted_by_a_page_of_its_own(citizen: Citizen, mode: str) -> None:
    library = ClientRequest(citizen.stage)
    for more, error in (({"prompt": "none"}, "login_required"), ({"scope": "profile"}, "invalid_scope")):
        await citizen.page.route(library.redirect_uri, lambda route: route.fulfill(body="received"))
        await citizen.page.goto(library.request(response_mode=mode, **more), wait_until="commit")
        fields = await unwrapped(library, await posted(citizen, library))
        assert (fields["error"], fields["state"], fields["iss"]) == (error, library.state, library.stage.issuer)


async def test_prompt_create_shows_that_providers_offer_registration(citizen: Citizen) -> None:
    library = ClientRequest(citizen.stage)
    await citizen.page.goto(library.request(prompt="create"))
    await citizen.reads("You can usually sign up there")
    await citizen.page.goto(library.request(prompt="login"))
    await expect(citizen.page.locator("main")).not_to_contain_text("You can usually sign up there")

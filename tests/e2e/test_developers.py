"""An engineer registers a service in the browser and signs somebody in, with nothing but what the pages say."""

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.e2e.app_harness import Script
from tests.e2e.citizen_page import NORTHBANK, Citizen
from tests.e2e.conftest import Newcomer
from tests.e2e.processes import Running, run
from tests.support.serving import serving
from tests.unit.web.axe import violations

SCRIPT = Script(edits={"broker.toml": {"inspector = true": "inspector = true\ndynamic_registration = true"}})


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A broker for trying out, in a process of its own: it reads its settings again."""
    async with run(tmp_path_factory.mktemp("trial"), SCRIPT) as running:
        yield running


async def signs_in(citizen: Citizen, persona: str = "amina") -> None:
    """Goes through a sign-in that is under way, with a way that knows the person."""
    await citizen.choose(NORTHBANK)
    await citizen.play("ok", persona)


async def copied(page: Page, name: str) -> str:
    """A value as the page shows it beside its name."""
    row = page.locator(".govuk-summary-list__row", has=page.get_by_text(name, exact=True))
    return (await row.locator("code").inner_text()).strip()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
async def test_an_engineer_registers_a_service_and_signs_somebody_in(
    stage: Running, newcomer: Newcomer, *, script: bool
) -> None:
    engineer = await newcomer(stage, script=script)
    came: list[str] = []

    async def callback(request: Request) -> Response:
        came.append(str(request.url))
        return HTMLResponse("<!DOCTYPE html><html lang='en'><title>Back</title><h1>You are back</h1></html>")

    async with serving(Starlette(routes=[Route("/back", callback)])) as port:
        page, back = engineer.page, f"http://localhost:{port}/back"
        await page.goto(f"{stage.issuer}/developers")
        await engineer.press("Sign in")
        await signs_in(engineer)
        await engineer.sees("Services that you try out")
        await page.get_by_label("Name of the service").fill("Rides on trial")
        await page.get_by_label("Name, date of birth").check()
        await engineer.press("Register")
        await expect(page.get_by_text("There is a problem")).to_be_visible()
        await expect(page.get_by_label("Name of the service")).to_have_value("Rides on trial")
        await page.get_by_label("Redirect addresses").fill(back)
        await engineer.press("Register")
        await engineer.sees("Registered: Rides on trial")
        client, secret, discovery = [
            await copied(page, name) for name in ("Client id", "Client secret", "Discovery address")
        ]

        async with httpx.AsyncClient() as service:
            metadata = (await service.get(discovery)).json()
            verifier = secrets.token_urlsafe(48)
            challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
            asked = {
                "client_id": client,
                "response_type": "code",
                "redirect_uri": back,
                "scope": "openid profile emial",
            }
            asked |= {"nonce": "n", "code_challenge": challenge, "code_challenge_method": "S256"}
            person = await newcomer(stage, script=script)
            await person.page.goto(
                f"{metadata['authorization_endpoint']}?{urlencode(asked | {'scope': 'openid profile emial'})}"
            )
            await signs_in(person)
            await person.share()
            await person.sees("You are back")
            answer = parse_qs(urlsplit(came[-1]).query)
            form = {"grant_type": "authorization_code", "code": answer["code"][0], "redirect_uri": back}
            form |= {"code_verifier": verifier}
            tokens = await service.post(metadata["token_endpoint"], data=form, auth=(client, secret))
            assert tokens.status_code == 200, tokens.text
            told = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
            assert (await service.get(metadata["userinfo_endpoint"], headers=told)).json()["name"] == "Amina Hughes"

        await page.get_by_role("link", name="See how it does").click()
        await engineer.reads("People signed in: 1.")
        await engineer.reads("emial")
        await engineer.reads("redirect_uris = [")
        if script:
            assert await violations(page) == []
            # what another account may not see
            other = await newcomer(stage)
            await other.page.goto(f"{stage.issuer}/account/developers/service?client={client}")
            await other.press("Sign in")
            await signs_in(other, "ioan")
            await other.sees("Services that you try out")
            await expect(other.page.get_by_text(client)).to_have_count(0)
        await engineer.press("End the registration")
        await engineer.reads("The registration has ended.")
        assert not list(Path(stage.folder / "config" / "services").glob("self-*"))

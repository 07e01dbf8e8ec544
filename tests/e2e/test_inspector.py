"""The inspector shows engineers the requests of their services if it is enabled, and does not exist otherwise."""

import asyncio
from dataclasses import replace

import aiohttp
import httpx
import pytest
from playwright.async_api import Page, expect

from broker import wiring
from tests.e2e.app_harness import Stage
from tests.e2e.raw_client import RawCitizen, http_sender
from tests.e2e.relying_service import land_register
from tests.unit.web.axe import violations

CLIENT = "land-register"


async def shown(stage: Stage, client: str = CLIENT) -> str:
    """The inspector's page for a service."""
    async with httpx.AsyncClient() as engineer:
        return (await engineer.get(f"{stage.issuer}/inspector", params={"client": client})).raise_for_status().text


async def test_a_broken_rule_is_shown_with_its_paragraph_and_those_before_it_as_passed(
    shared_stage: Stage, page: Page
) -> None:
    stage = shared_stage
    async with http_sender() as line:
        raw_citizen = RawCitizen(line, land_register(stage.folder, stage.issuer, stage.service))
        (await raw_citizen.push(code_challenge_method="plain")).expect(400)
    await page.goto(f"{stage.issuer}/inspector?client={CLIENT}")
    newest = page.locator("section").first
    await expect(newest.get_by_role("heading")).to_have_text("POST /par: 400 invalid_request")
    await expect(newest).to_contain_text("the code_challenge_method must be S256")
    rules = newest.locator("li")
    await expect(rules.filter(has_text="check_code_challenge")).to_contain_text("failed")
    await expect(rules.filter(has_text="check_code_challenge")).to_contain_text("RFC 7636 4.3")
    await expect(rules.filter(has_text="check_nonce")).to_contain_text("passed")
    await expect(rules.filter(has_text="check_assertion")).to_contain_text("passed")
    await expect(rules.filter(has_text="check_prompt")).to_contain_text("not reached")
    await expect(newest).to_contain_text("Broken: PKCE with S256")
    await page.set_viewport_size({"width": 320, "height": 900})
    await page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") == 320


async def test_what_of_a_request_had_no_effect_is_shown_in_amber(shared_stage: Stage, page: Page) -> None:
    stage = shared_stage
    async with http_sender() as line:
        raw_citizen = RawCitizen(line, land_register(stage.folder, stage.issuer, stage.service))
        (await raw_citizen.push(acr_values="substancial", scope="openid emial")).expect(201)
    await page.goto(f"{stage.issuer}/inspector?client={CLIENT}")
    newest = page.locator("section").first
    amber = newest.locator(".pt-amber")
    await expect(amber).to_contain_text("This had no effect")
    await expect(amber.locator("li").nth(0)).to_contain_text("did you mean 'substantial'?")
    await expect(amber.locator("li").nth(1)).to_contain_text("did you mean 'email'?")
    assert await violations(page) == []


async def test_a_whole_sign_in_is_kept_without_anything_that_could_be_used_or_says_who_it_was(
    shared_stage: Stage,
) -> None:
    stage = shared_stage
    async with http_sender() as line:
        raw_citizen = RawCitizen(line, land_register(stage.folder, stage.issuer, stage.service))
        code = await raw_citizen.code()
        form = raw_citizen.exchange(code)
        (await raw_citizen.call("/token", {**form, "code_verifier": "x" * 43})).expect(400)
        tokens = (await raw_citizen.redeem(code)).expect().json
        (await raw_citizen.userinfo(tokens["access_token"])).expect()
        (await raw_citizen.redeem(code)).expect(400)
    page = await shown(stage)
    for broken in ("code_verifier does not fit the code_challenge", "the code was redeemed before"):
        assert broken in page
    for heading in ("POST /token: 200", "GET /userinfo: 200", "GET /authorize: 303", "POST /par: 201"):
        assert heading in page
    assert "access_token, " in page
    secrets = [
        code,
        raw_citizen.verifier,
        raw_citizen.state,
        form["client_assertion"],
        "Amina",
        *map(str, tokens.values()),
    ]
    public = {"DPoP", "openid profile", "openid profile offline_access", "600"}
    assert [secret for secret in secrets if secret not in public and secret in page] == []


async def test_fifty_exchanges_of_a_service_are_kept_and_others_do_not_push_them_out(shared_stage: Stage) -> None:
    stage = shared_stage
    async with aiohttp.ClientSession() as caller:

        async def call(client: str) -> None:
            form = {"grant_type": "any", "client_id": client, "client_secret": "wrong"}
            async with caller.post(f"{stage.issuer}/token", data=form) as reply:
                await reply.read()

        await call("travel-office")
        await asyncio.gather(*(call("archive") for _ in range(53)))
        await call("<b>nobody</b>")
    assert (await shown(stage, "archive")).count("<section") == 50
    assert (await shown(stage, "travel-office")).count("<section") == 1
    unnamed = await shown(stage, "")
    assert "&lt;b&gt;nobody" in unnamed
    assert "<b>nobody" not in unnamed


@pytest.mark.parametrize(("wanted", "status"), [(True, 200), (False, 404)])
async def test_there_is_no_inspector_unless_the_configuration_wants_it(
    status: int, shared_stage: Stage, *, wanted: bool
) -> None:
    settings = shared_stage.parts.settings
    broker = replace(settings.broker, inspector=wanted)
    door = wiring.public_app(replace(shared_stage.parts, settings=replace(settings, broker=broker)))
    transport = httpx.ASGITransport(app=door)
    async with httpx.AsyncClient(transport=transport, base_url=shared_stage.issuer) as client:
        refused = await client.post("/token", data={"grant_type": "any"})
        assert refused.json()["error"] == "invalid_client"
        assert (await client.get("/inspector")).status_code == status

"""The simulator itself: a strict OpenID provider with pages for people, and never outside development."""

import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx
import pytest
from playwright.async_api import Page

from broker.crypto.jose import load_signing_key, new_signing_key_pem, sign
from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.platform.system import System
from broker.provider import CallbackParameters, ProviderFailure, ProviderFailureReason, UpstreamRedirect
from providers.openid.authorization_request import challenge
from providers.openid.config_tables import UpstreamAuthentication
from providers.simulator import SimulatedClient, SimulatorSettings, create, simulated_issuers
from providers.simulator.outcomes import OUTCOMES, Group
from providers.simulator.personas import EID, HARBOUR, NORTHBANK, STAFF
from tests.support.certificates import Authority
from tests.support.peers import AXE
from tests.support.serving import listening, serving
from tests.support.system import FakeClock
from tests.unit.providers.citizen import Stuck, walk
from tests.unit.providers.serving import Host
from tests.unit.providers.stage import ASK, CALLBACK, CLIENT, PEM, SECRET, Stage, by_secret, stage

VERIFIER = "v" * 43


def test_it_does_not_start_outside_development(system: System) -> None:
    with pytest.raises(ValueError, match="development only"):
        create(SimulatorSettings("https://op.example", simulated_issuers({}), development=False), system)


# --- people ---


@pytest.mark.parametrize(("persona", "name"), [("amina", "Amina"), ("ioan", "Ioan")])
async def test_a_hint_chooses_the_person(here: Stage, persona: str, name: str) -> None:
    identity = await here.sign_in(f"outcome:ok;persona:{persona}", level=Level.HIGH)
    assert isinstance(identity, Identity)
    assert (identity.subject, identity.claims["given_name"]) == (persona, name)
    assert (identity.level, identity.amr) == (Level.HIGH, ("sc", "pin", "hwk", "mfa"))


async def test_a_basic_account_reaches_the_lowest_level_only(here: Stage) -> None:
    identity = await here.sign_in("persona:noor", level=Level.HIGH)
    assert isinstance(identity, Identity)
    assert identity.level is Level.SUBSTANTIAL


def test_the_simulator_has_three_providers_and_staff_of_every_role() -> None:
    assert len({issuer.levels for issuer in (NORTHBANK, HARBOUR, EID)}) == 3
    assert {persona.claims["role"] for persona in STAFF.personas} == {"agent", "reviewer", "lead"}
    assert all("mfa" in amr and "hwk" in amr for amr in STAFF.amr)


# --- a strict provider ---


def request(**changes: str | None) -> str:
    usual = {
        "response_type": "code",
        "client_id": "portico",
        "redirect_uri": CALLBACK,
        "scope": "openid profile",
        "state": "s",
        "nonce": "n",
        "code_challenge": challenge(VERIFIER),
        "code_challenge_method": "S256",
        "login_hint": "outcome:ok",
    }
    return urlencode({name: value for name, value in {**usual, **changes}.items() if value is not None})


@pytest.mark.parametrize(
    "changes",
    [{"client_id": "stranger"}, {"client_id": None}, {"redirect_uri": f"{CALLBACK}/x"}, {"redirect_uri": None},
     {"login_hint": "outcome:no-such"}, {"login_hint": "persona:nobody"}],
)  # fmt: skip
async def test_a_request_without_a_valid_redirect_uri_shows_an_error_page(here: Stage, changes: dict[str, Any]) -> None:
    with pytest.raises(Stuck) as stuck:
        await walk(f"{here.base}/eid/authorize?{request(**changes)}", CALLBACK)
    assert stuck.value.page.status_code == 400


async def test_a_parameter_that_is_there_twice_is_refused(here: Stage) -> None:
    with pytest.raises(Stuck):
        await walk(f"{here.base}/eid/authorize?{request()}&state=again", CALLBACK)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
async def test_a_faulty_request_is_answered_with_its_error(here: Stage, changes: dict[str, Any], error: str) -> None:
    answer = await walk(f"{here.base}/eid/authorize?{request(**changes)}", CALLBACK)
    assert answer.parameters == {"error": error, "state": "s", "iss": f"{here.base}/eid"}


async def redeem(here: Stage, **changes: str | None) -> httpx.Response:
    """A token request with a good code, and what a test spoils about it."""
    answer = await walk(f"{here.base}/eid/authorize?{request()}", CALLBACK)
    issuer, now = f"{here.base}/eid", int(here.system.now())
    claims = {"iss": "portico", "sub": "portico", "aud": issuer, "jti": str(id(answer)), "iat": now, "exp": now + 60}
    usual = {
        "grant_type": "authorization_code",
        "code": answer.parameters["code"],
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": sign(claims, load_signing_key(PEM, "ES256")),
    }
    form = {name: value for name, value in {**usual, **changes}.items() if value is not None}
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"{issuer}/token", data=form)


def assertion(here: Stage, pem: bytes = PEM, **changes: Any) -> str:
    now = int(here.system.now())
    usual = {"iss": "portico", "sub": "portico", "aud": f"{here.base}/eid", "jti": "j-1", "iat": now, "exp": now + 60}
    return sign({**usual, **changes}, load_signing_key(pem, "ES256"))


async def test_a_good_token_request_is_answered(here: Stage) -> None:
    assert (await redeem(here)).status_code == 200
    assert (await redeem(here, client_assertion=assertion(here, aud=f"{here.base}/eid/token"))).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code": "made-up"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion": "x.y.z"}, "invalid_client"),
        ({"client_assertion": None}, "invalid_client"),
        ({"client_assertion_type": None}, "invalid_client"),
    ],
)
async def test_a_faulty_token_request_is_refused(here: Stage, changes: dict[str, Any], error: str) -> None:
    answer = await redeem(here, **changes)
    assert answer.status_code in (400, 401)
    assert answer.json() == {"error": error}


async def test_an_assertion_of_another_key_or_for_another_or_too_old_or_used_before_is_refused(here: Stage) -> None:
    now = int(here.system.now())
    faulty = [
        assertion(here, new_signing_key_pem("ES256")),
        assertion(here, aud="https://elsewhere.example"),
        assertion(here, sub="stranger"),
        assertion(here, exp=now),
        assertion(here, exp=now + 3600),
        assertion(here, jti=None),
    ]
    for one in faulty:
        assert (await redeem(here, client_assertion=one)).json() == {"error": "invalid_client"}
    assert (await redeem(here, client_assertion=assertion(here))).status_code == 200
    assert (await redeem(here, client_assertion=assertion(here))).json() == {"error": "invalid_client"}


async def test_a_code_is_for_the_client_it_was_made_for(system: System, host: Host) -> None:
    other = SimulatedClient("other", (CALLBACK,), secret="a-secret-of-the-other")
    issuers = (replace(EID, clients=(CLIENT, other)),)
    async with stage(system, host, settings={"issuers": issuers}) as here:
        theirs = {"client_assertion": None, "client_id": "other", "client_secret": other.secret}
        assert (await redeem(here, **theirs)).json() == {"error": "invalid_grant"}


async def test_a_code_works_for_a_minute(here: Stage, clock: FakeClock) -> None:
    departure = await here.depart()
    answer = await walk(departure.url, CALLBACK)
    clock.advance(60)
    failure = await here.provider.complete(departure.provider_state, answer)
    assert isinstance(failure, ProviderFailure)
    assert failure.reason is ProviderFailureReason.UNSAFE


@pytest.mark.parametrize(
    "method", [UpstreamAuthentication.CLIENT_SECRET_BASIC, UpstreamAuthentication.CLIENT_SECRET_POST]
)
async def test_a_client_known_by_a_secret_signs_in_and_one_with_a_wrong_secret_does_not(
    system: System, host: Host, method: UpstreamAuthentication
) -> None:
    client = SimulatedClient("portico", (CALLBACK,), secret=SECRET)
    async with stage(system, host, {"eid": client}, **by_secret(method)) as here:
        assert isinstance(await here.sign_in(), Identity)
    async with stage(system, host, {"eid": replace(client, secret="other")}, **by_secret(method)) as here:
        failure = await here.sign_in()
        assert isinstance(failure, ProviderFailure)
        assert (failure.reason, failure.outage) == (ProviderFailureReason.UNAVAILABLE, True)


async def test_userinfo_requires_a_token(here: Stage) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}):
            assert (await client.get(f"{here.base}/eid/userinfo", headers=headers)).status_code == 401


async def test_a_sign_out_leads_back_only_to_where_it_may(system: System, host: Host) -> None:
    back = "https://broker.example/out"
    client = replace(CLIENT, post_logout_redirect_uris=(back,))
    async with stage(system, host, {"eid": client}) as here, httpx.AsyncClient(trust_env=False) as browser:
        url = f"{here.base}/eid/logout?post_logout_redirect_uri="
        good = await browser.get(f"{url}{quote(back)}&state=s")
        assert (good.status_code, good.headers["location"]) == (303, f"{back}?state=s")
        assert (await browser.get(f"{url}https://elsewhere.example")).status_code == 200
        assert (await browser.get(f"{here.base}/eid/logout")).status_code == 200


async def test_a_browser_stays_signed_in_until_it_signs_out(here: Stage) -> None:
    async with httpx.AsyncClient(trust_env=False) as browser:
        departure = await here.provider.begin(ASK)
        assert isinstance(departure, UpstreamRedirect)
        issuer = departure.url.partition("/authorize")[0]
        query = departure.url.partition("?")[2]
        assert "Continue as" not in (await browser.get(departure.url)).text
        await browser.post(f"{issuer}/sign-in", data={"request": query, "persona": "amina"})
        assert "Continue as Amina Hughes" in (await browser.get(departure.url)).text
        for demand in ("prompt=login", "max_age=0"):
            demanding = f"{departure.url}&{demand}"
            assert "Continue as" not in (await browser.get(demanding)).text
        again = await browser.post(f"{issuer}/sign-in", data={"request": query, "again": "yes"})
        assert "code=" in again.headers["location"]
        # without an ID token it asks first
        asked = await browser.get(f"{issuer}/logout?client_id=portico")
        assert "Sign out of" in asked.text
        assert "Continue as" in (await browser.get(departure.url)).text
        await browser.post(f"{issuer}/logout", data={"client_id": "portico", "agreed": "yes"})
        assert "Continue as" not in (await browser.get(departure.url)).text


async def test_out_of_order_and_in_order_again_at_the_press_of_a_button(here: Stage) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        metadata = f"{here.base}/eid/.well-known/openid-configuration"
        for status in (503, 200):
            await client.post(f"{here.base}/eid/order")
            assert (await client.get(metadata)).status_code == status
        assert (await client.get(f"{here.base}/northbank/.well-known/openid-configuration")).status_code == 200


# --- every outcome has its test elsewhere; here: none is forgotten, and pages show them all ---


async def test_the_page_offers_every_person_and_every_outcome_and_runs_no_script(here: Stage, page: Page) -> None:
    departure = await here.provider.begin(ASK)
    assert isinstance(departure, UpstreamRedirect)
    answer = await page.goto(departure.url)
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert await page.locator("script").count() == 0
    offered = await page.locator("input[name=outcome]").evaluate_all("all => all.map(one => one.value)")
    assert offered == list(OUTCOMES)
    assert await page.locator("input[name=persona]").count() == len(EID.personas)
    for summary in (Group.HONEST, Group.CROOKED):
        await page.get_by_text(summary.value).click()
    await no_violation(page)
    await page.goto(f"{here.base}/")
    await no_violation(page)


async def no_violation(page: Page) -> None:
    """No fault that axe can see, in light and in dark."""
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        # evaluated by the test's own tool, which the page's policy does not bind
        await page.evaluate(AXE.read_text())
        found = await page.evaluate("async () => (await axe.run()).violations.map(one => [one.id, one.nodes[0].html])")
        assert found == []


async def test_a_person_chooses_who_they_are_and_what_happens(here: Stage, page: Page) -> None:
    departure = await here.provider.begin(ASK)
    assert isinstance(departure, UpstreamRedirect)
    found = await choose(page, departure.url, "Ioan Pryce", "Cancel and go back")
    assert found.parameters["error"] == "access_denied"
    assert found.parameters["state"] == ASK.state
    found = await choose(page, departure.url, "Ioan Pryce", None)
    identity = await here.provider.complete(departure.provider_state, found)
    assert isinstance(identity, Identity)
    assert identity.subject == "ioan"


async def choose(page: Page, url: str, who: str, what: str | None) -> CallbackParameters:
    """Chooses on the page, and gives what arrives at the callback."""
    await page.goto(url)
    await page.get_by_label(who).check()
    if what is not None:
        await page.get_by_text(Group.HONEST.value).click()
        await page.get_by_label(what).check()
    async with page.expect_request(lambda sent: sent.url.startswith(f"{CALLBACK}?")) as arrived:
        await page.get_by_role("button", name="Continue").click()
    # nothing listens there
    await page.wait_for_url(re.compile(rf"^(chrome-error:|{re.escape(CALLBACK)})"))
    parts = urlsplit((await arrived.value).url)
    return CallbackParameters({name: values[0] for name, values in parse_qs(parts.query).items()}, CALLBACK)


async def test_under_tls_the_way_back_may_lead_over_another_origin(
    system: System, authority: Authority, page: Page
) -> None:
    sock, port = listening()
    base, hop = f"https://op.test:{port}", f"https://hop.test:{port}/hop"
    app = create(SimulatorSettings(base, simulated_issuers({"eid": CLIENT}), development=True, hop=hop), system)
    context = await page.context.browser.new_context(ignore_https_errors=True)  # type: ignore[union-attr]
    tab = await context.new_page()
    seen: list[str] = []
    tab.on("request", lambda one: seen.append(urlsplit(one.url).netloc))
    async with serving(app, sock, authority.certificate("op.test", "hop.test")):
        url = f"{base}/eid/authorize?{request(login_hint=None)}"
        answer = await choose(tab, url, "Amina Hughes", None)
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            response = await client.get(f"https://127.0.0.1:{port}/hop?to=https://elsewhere.example")
    await context.close()
    assert "code" in answer.parameters
    assert f"hop.test:{port}" in seen
    assert response.status_code == 400

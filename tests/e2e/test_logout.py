"""Signing out at one service signs out at the others, on sites of their own under TLS."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.async_api import expect

from broker.crypto.jose import verify
from tests.e2e.app_harness import Script, Stage
from tests.e2e.citizen_page import NORTHBANK, Citizen, attended
from tests.e2e.conftest import Newcomer
from tests.e2e.extra_clients import LIBRARY, ClientRequest
from tests.e2e.logout_services import ReceivedLogouts, expected_state
from tests.e2e.raw_client import eventually
from tests.e2e.tls_deployment import BROKER, apart
from tests.support.browser import complete_chromium
from tests.support.certificates import Authority

# the library's front-channel page has an origin of its redirect URIs, which is required
FRAMED = """
backchannel_logout_uri = "http://localhost:8002/logout/library"
frontchannel_logout_uri = "http://localhost:8002/framed"
"""
BOOKSHOP = LIBRARY.replace("library", "bookshop").replace("City Library", "Bookshop")
SCRIPT = Script(
    files={
        "services/library.toml": LIBRARY.replace("claims =", f"{FRAMED}\nclaims ="),
        "services/bookshop.toml": BOOKSHOP.replace(
            "claims =", 'backchannel_logout_uri = "http://localhost:8002/logout/bookshop"\nclaims ='
        ),
    }
)


@pytest.fixture(scope="module")
def logouts() -> ReceivedLogouts:
    """What reaches the services."""
    return ReceivedLogouts()


@pytest.fixture(scope="module")
async def stage(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, logouts: ReceivedLogouts
) -> AsyncIterator[Stage]:
    """The whole product, each part on a different site."""
    with pytest.MonkeyPatch.context() as patch:
        async with apart(tmp_path_factory.mktemp("signing out"), authority, patch, SCRIPT, logouts) as running:
            await eventually(30, running.providers_work)
            yield running


@pytest.fixture
async def citizen(newcomer: Newcomer, stage: Stage, logouts: ReceivedLogouts, *, script: bool) -> Citizen:
    """A citizen whose browser reports violations of the content security policy; `newcomer` fails the test on any."""
    logouts.tokens.clear()
    logouts.frames.clear()
    return await newcomer(stage, script=script, ignore_https_errors=True)


async def signed_in(citizen: Citizen, client_id: str, **asked: str) -> tuple[ClientRequest, dict[str, str]]:
    """Signs in at a service, with or without a page; returns the response."""
    library = ClientRequest(citizen.stage, client_id)
    await citizen.page.goto(library.request(**asked))
    if "prompt" in asked:
        if await citizen.page.get_by_role("radio").count():
            await citizen.choose(NORTHBANK)
            await citizen.play("ok")
        await citizen.share()
    return library, await library.answer(citizen.page)


async def test_logout_reaches_every_service_of_the_session_and_returns_to_the_service(
    citizen: Citizen, logouts: ReceivedLogouts
) -> None:
    stage = citizen.stage
    library, first = await signed_in(citizen, "library", prompt="consent")
    tokens = (await library.redeem(first["code"])).expect().json
    bookshop, second = await signed_in(citizen, "bookshop", prompt="consent")
    others = (await bookshop.redeem(second["code"])).expect().json
    mine = verify(tokens["id_token"], stage.parts.crypto.keys.public(), {"ES256"}).claims
    theirs = verify(others["id_token"], stage.parts.crypto.keys.public(), {"ES256"}).claims
    assert mine["sid"] != theirs["sid"]
    assert mine["sub"] != theirs["sub"]
    waiting = (await signed_in(citizen, "bookshop"))[1]["code"]

    await citizen.page.goto(
        f"{stage.issuer}/logout?id_token_hint={tokens['id_token']}&post_logout_redirect_uri={stage.service}/&state=s%201"
    )
    await citizen.sees("You are signed out")

    async def framed() -> bool:
        return logouts.frames == [{"iss": stage.issuer, "sid": mine["sid"]}]

    await eventually(15, framed)
    await citizen.press("Go to City Library")
    await citizen.page.wait_for_url(f"{stage.service}/?state=s%201")

    async def both() -> bool:
        return len(logouts.of(mine["sid"])) == len(logouts.of(theirs["sid"])) == 1

    await eventually(15, both)
    for path, id_token, client_id in (("/logout/library", mine, "library"), ("/logout/bookshop", theirs, "bookshop")):
        [token] = [token for at, token in logouts.of(id_token["sid"]) if at == path]
        [claims] = [claims for claims in logouts.claims(path) if claims["sid"] == id_token["sid"]]
        assert verify(token, stage.parts.crypto.keys.public(), {"ES256"}, "logout+jwt").claims == claims
        assert (claims["iss"], claims["aud"]) == (stage.issuer, client_id)
        assert (claims["sub"], claims["sid"]) == (id_token["sub"], id_token["sid"])
        assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
        assert 0 < claims["exp"] - claims["iat"] <= 120
        assert "nonce" not in claims
    # what was issued in that session opens nothing any more
    assert (await library.userinfo(tokens["access_token"])).status == 401
    assert (await bookshop.redeem(waiting)).json["error"] == "invalid_grant"
    silent = ClientRequest(stage)
    await citizen.page.goto(silent.request(prompt="none"))
    assert (await silent.answer(citizen.page))["error"] == "login_required"


async def test_the_sample_service_ends_its_session_after_a_logout_elsewhere(citizen: Citizen) -> None:
    stage = citizen.stage
    await citizen.begin("parking")
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.share()
    await citizen.page.wait_for_url(f"{stage.service}/signed-in")
    await citizen.page.goto(f"{stage.issuer}/logout")
    await citizen.press("Sign out")
    await citizen.sees("You are signed out")

    async def noticed() -> bool:
        await citizen.page.goto(f"{stage.service}/signed-in")
        return citizen.page.url == f"{stage.service}/"

    await eventually(15, noticed)
    await citizen.reads("1 signed out here")


async def test_a_form_of_a_service_signs_out_too_and_so_does_agreeing_to_be_asked(citizen: Citizen) -> None:
    stage = citizen.stage
    library, answered = await signed_in(citizen, "bookshop", prompt="consent")
    id_token = (await library.redeem(answered["code"])).expect().json["id_token"]
    fields = {"id_token_hint": id_token, "post_logout_redirect_uri": f"{stage.service}/", "state": "s2"}
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    await citizen.page.goto(f"{stage.service}/watching")
    await citizen.page.set_content(f'<form method="post" action="{stage.issuer}/logout">{inputs}<button>Bye</button>')
    await citizen.press("Bye")
    await citizen.press("Go to Bookshop")
    await citizen.page.wait_for_url(f"{stage.service}/?state=s2")
    silent = ClientRequest(stage)
    await citizen.page.goto(silent.request(prompt="none"))
    assert (await silent.answer(citizen.page))["error"] == "login_required"

    # without an ID token the citizen has to confirm, in the language that the service requested
    await signed_in(citizen, "bookshop", prompt="consent")
    asked = f"client_id=bookshop&post_logout_redirect_uri={stage.service}/&ui_locales=xx%20cy-GB&logout_hint=somebody"
    await citizen.page.goto(f"{stage.issuer}/logout?{asked}")
    await expect(citizen.page.locator("html")).to_have_attribute("lang", "cy")
    await citizen.page.locator("main").get_by_role("button").first.click()
    await citizen.page.locator(f"a.govuk-button[href='{stage.service}/']").click()
    await citizen.page.wait_for_url(f"{stage.service}/")


async def test_an_unregistered_post_logout_redirect_uri_is_refused_and_ends_nothing(citizen: Citizen) -> None:
    stage = citizen.stage
    library, answered = await signed_in(citizen, "bookshop", prompt="consent")
    id_token = (await library.redeem(answered["code"])).expect().json["id_token"]
    for uri in (f"{stage.service}/?foo=bar", f"{stage.service}/elsewhere"):
        await citizen.page.goto(f"{stage.issuer}/logout?id_token_hint={id_token}&post_logout_redirect_uri={uri}")
        await citizen.reads("post_logout_redirect_uri is not registered")
        assert citizen.page.url.startswith(stage.issuer)
    await citizen.page.goto(f"{stage.issuer}/logout?id_token_hint={id_token[:-4]}AAAA")
    await citizen.reads("the id_token_hint is not an ID token of ours")
    assert "code" in (await signed_in(citizen, "bookshop"))[1]


WATCH = """([op, message]) => new Promise((done) => {
  window.addEventListener("message", (event) => done([event.origin, event.data]));
  const frame = document.createElement("iframe");
  frame.src = op;
  frame.onload = () => frame.contentWindow.postMessage(message, new URL(op).origin);
  document.body.append(frame);
})"""


async def asked(citizen: Citizen, message: str) -> str:
    """Messages that a page of the service receives from the broker's page in a frame."""
    await citizen.page.goto(f"{citizen.stage.service}/watching")
    origin, answer = await citizen.page.evaluate(WATCH, [f"{citizen.stage.issuer}/session", message])
    assert origin == citizen.stage.issuer
    return str(answer)


@pytest.fixture
async def framed_citizen(stage: Stage, tmp_path: Path, *, third_party_cookies: bool) -> AsyncIterator[Citizen]:
    """A citizen whose browser does or does not let frames of other sites see their cookies."""
    async with complete_chromium(tmp_path / "profile", third_party_cookies=third_party_cookies) as context:
        citizen = attended(await context.new_page(), stage, [])
        yield citizen
        assert citizen.complaints == []


@pytest.mark.parametrize("third_party_cookies", [False])
async def test_a_frame_without_third_party_cookies_gets_the_answer_error(framed_citizen: Citizen) -> None:
    citizen = framed_citizen
    _, answered = await signed_in(citizen, "library", prompt="consent")
    assert await asked(citizen, f"library {answered['session_state']}") == "error"


@pytest.mark.parametrize("third_party_cookies", [True])
async def test_a_service_sees_in_a_frame_that_the_session_is_another_one(framed_citizen: Citizen) -> None:
    citizen, stage = framed_citizen, framed_citizen.stage
    _, answered = await signed_in(citizen, "library", prompt="consent")
    state = answered["session_state"]
    kept = {cookie["name"]: cookie for cookie in await citizen.page.context.cookies() if cookie["domain"] == BROKER}
    cookie = kept["__Secure-portico-state"]
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (
        True,
        False,
        "None",
        "/session",
    )
    assert state == expected_state("library", stage.service, cookie["value"], state.partition(".")[2])
    assert await asked(citizen, f"library {state}") == "unchanged"
    assert await asked(citizen, f"bookshop {state}") == "changed"
    for wrong in ("", "library", f"library {state} more", "library x.y"):
        assert await asked(citizen, wrong) == "error"

    # another answer in the same session has another salt, and both hold
    again = (await signed_in(citizen, "library"))[1]["session_state"]
    assert again != state
    assert await asked(citizen, f"library {again}") == await asked(citizen, f"library {state}") == "unchanged"

    # a citizen signs in again
    anew = (await signed_in(citizen, "library", prompt="login consent"))[1]["session_state"]
    assert await asked(citizen, f"library {state}") == "changed"
    assert await asked(citizen, f"library {anew}") == "unchanged"
    await citizen.page.goto(f"{stage.issuer}/logout")
    await citizen.press("Sign out")
    await citizen.sees("You are signed out")
    assert await asked(citizen, f"library {anew}") == "changed"


async def test_a_step_up_keeps_the_session_and_another_user_ends_it(citizen: Citizen, logouts: ReceivedLogouts) -> None:
    stage = citizen.stage

    async def sid(of: tuple[ClientRequest, dict[str, str]]) -> str:
        token = (await of[0].redeem(of[1]["code"])).expect().json["id_token"]
        return str(verify(token, stage.parts.crypto.keys.public(), {"ES256"}).claims["sid"])

    first = await sid(await signed_in(citizen, "library", prompt="consent"))
    beside = await sid(await signed_in(citizen, "bookshop", prompt="consent"))
    # a step-up keeps the session and the `sid` of each service
    assert await sid(await signed_in(citizen, "bookshop", prompt="login consent")) == beside
    assert logouts.of(first) == logouts.of(beside) == []
    other = ClientRequest(stage, "bookshop")
    await citizen.page.goto(other.request(prompt="login consent"))
    await citizen.choose(NORTHBANK)
    await citizen.play("ok", "ioan")
    await citizen.share()
    assert await sid((other, await other.answer(citizen.page))) not in (first, beside)

    async def both() -> bool:
        return len(logouts.of(first)) == len(logouts.of(beside)) == 1

    await eventually(15, both)
    assert [path for path, _ in (*logouts.of(first), *logouts.of(beside))] == ["/logout/library", "/logout/bookshop"]


async def test_third_party_initiated_login_starts_at_the_broker(citizen: Citizen) -> None:
    stage = citizen.stage
    await citizen.page.goto(f"{stage.issuer}/")
    await citizen.press("Services you can begin with")
    await citizen.sees("Services")
    link = citizen.page.get_by_role("link", name="Aberlan Council")
    address = await link.get_attribute("href")
    assert address is not None
    assert dict(parse_qsl(urlsplit(address).query)) == {"iss": stage.issuer}
    await link.click()
    await citizen.sees("How do you want to prove who you are?")

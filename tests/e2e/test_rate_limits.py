"""Rate limits of citizens: each page names the limit, its end, and the other ways."""

import re
from collections.abc import AsyncIterator
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.e2e import extra_clients
from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.extra_clients import ClientRequest
from tests.e2e.raw_client import AMINA, Forms, HttpSender, RawCitizen, Reply
from tests.e2e.relying_service import RIDES_SERVICE, rides

LIMITS = """[limits]
transactions_per_browser = 3
authorization_requests_per_ip = { max = 1000, window = 60 }
failed_user_codes_per_ip = { max = 2, window = "10 minutes" }
help_requests_per_ip = { max = 2, window = "1 hour" }

[picker]"""
PHONE = "01632 960 100"
"""The example configuration's telephone number."""


@pytest.fixture
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The whole product with limits that are soon met, and a telephone."""
    script = Script(
        files={**extra_clients.FILES, "services/rides.toml": RIDES_SERVICE}, edits={"broker.toml": {"[picker]": LIMITS}}
    )
    async with staged(tmp_path_factory.mktemp("limits"), script) as running:
        yield running


def raw_citizen(stage: Stage, line: HttpSender) -> RawCitizen:
    """A citizen with a fresh browser; all citizens have one IP address."""
    return RawCitizen(line, rides(stage.folder, stage.issuer))


def words(reply: Reply) -> str:
    """Text of a page in one line."""
    body = re.sub(r"<(script|style|svg).*?</\1>", " ", reply.body.decode(), flags=re.S)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body)))


def held(reply: Reply, what: str) -> str:
    """Checks the page of a limit, and returns its text."""
    said = words(reply)
    assert reply.status == 429, said
    assert int(reply.headers["Retry-After"]) >= 1
    assert what in said
    assert re.search(r"at \d{2}:\d{2}", said), said
    assert "Opening this page shared nothing about you." in said
    assert "What you can do now" in said
    assert "Get help" in said
    assert said.index("Talk to us") < said.index(PHONE)
    return said


async def asks_for_help(stage: Stage, line: HttpSender) -> tuple[RawCitizen, Reply]:
    """A citizen with a new browser requests help from a person."""
    citizen = raw_citizen(stage, line)
    await citizen.begin()
    form = Forms((await citizen.visit(f"{citizen.page}/help")).expect().body).found[f"{citizen.page}/help"]
    fields = {**form, "way": "email", "email": "ada@example.org", "channel": "video"}
    return citizen, await citizen.submit(f"{citizen.page}/help", fields)


async def types(citizen: RawCitizen, at: str, code: str) -> Reply:
    """The citizen types a code in."""
    form = Forms((await citizen.visit(at)).expect().body).found[at]
    return await citizen.submit(at, {**form, "code": code})


async def test_the_request_for_help_beyond_the_limit_says_why_and_until_when_and_keeps_the_place(
    stage: Stage, line: HttpSender
) -> None:
    for _ in range(2):
        assert (await asks_for_help(stage, line))[1].status == 303
    citizen, refused = await asks_for_help(stage, line)
    said = held(refused, "Too many requests for help came at once")
    assert "Your place is kept until" in said
    assert "Your reference is" in said
    assert f'href="{citizen.page}"' in refused.body.decode()
    # the place is kept indeed: another way leads on
    await citizen.return_()
    (await citizen.share()).expect(303)
    assert await citizen.collect()


async def test_one_sign_in_too_many_in_a_browser_says_why_and_until_when(stage: Stage, line: HttpSender) -> None:
    citizen = raw_citizen(stage, line)
    for _ in range(3):
        await citizen.begin()
    first = citizen.page
    (await citizen.push()).expect(201)
    said = held(await citizen.authorize(), "Too many sign-ins are open in this browser")
    assert "Nothing was begun here, so nothing is lost." in said
    # the advice works: one of them is stopped, and a new one begins
    form = Forms((await citizen.visit(first)).expect().body).found[f"{first}/give-up"]
    (await citizen.submit(f"{first}/give-up", form)).expect(303)
    (await citizen.push()).expect(201)
    (await citizen.authorize()).expect(303)


async def a_question(stage: Stage, line: HttpSender) -> str:
    """A citizen signs in at the library, which then sends a backchannel request. Returns the user code."""
    reader, asker = raw_citizen(stage, line), ClientRequest(stage)
    reader.page = (
        (await reader.visit(asker.request(prompt="consent", login_hint=AMINA.replace("amina", "ioan"))))
        .expect(303)
        .location
    )
    await reader.return_()
    (await reader.share()).expect(303)
    code = dict(parse_qsl(urlsplit(await reader.leave()).query))["code"]
    token = (await asker.redeem(code)).expect().json["id_token"]
    asked = (await asker.ask("Order 17", id_token_hint=token)).expect().json
    return str(asked["user_code"])


async def test_a_question_that_would_open_one_sign_in_too_many_says_so_and_is_no_error(
    stage: Stage, line: HttpSender
) -> None:
    code, citizen = await a_question(stage, line), raw_citizen(stage, line)
    for _ in range(3):
        await citizen.begin()
    held(await types(citizen, "/confirm", code), "Too many sign-ins are open in this browser")


async def test_wrong_codes_of_questions_say_until_when_and_right_ones_do_not_count(
    stage: Stage, line: HttpSender
) -> None:
    others, citizen, code = raw_citizen(stage, line), raw_citizen(stage, line), await a_question(stage, line)
    for _ in range(4):
        assert (await types(raw_citizen(stage, line), "/confirm", code)).location.startswith("/journey/")
    for _ in range(2):
        assert (await types(others, "/confirm", "BCDF-GHJK")).location.startswith("/confirm?problem=code")
    said = held(await types(citizen, "/confirm", "BCDF-GHJK"), "Too many wrong codes were typed in")
    assert "You did nothing wrong." in said


async def test_one_sign_in_too_many_at_an_address_says_why_and_until_when(
    tmp_path_factory: pytest.TempPathFactory, line: HttpSender
) -> None:
    edit = LIMITS.replace("max = 1000", "max = 2").replace("window = 60 }", "window = 86400 }")
    script = Script(files={"services/rides.toml": RIDES_SERVICE}, edits={"broker.toml": {"[picker]": edit}})
    async with staged(tmp_path_factory.mktemp("starts"), script) as stage:
        for _ in range(2):
            await raw_citizen(stage, line).begin()
        citizen = raw_citizen(stage, line)
        (await citizen.push()).expect(201)
        reply = await citizen.authorize()
        assert reply.status == 429
        assert "Too many sign-ins began at once" in words(reply)
        assert "You did nothing wrong." in words(reply)
        assert "slow_down: limit starts" in words(reply)
        (await citizen.push(prompt="none")).expect(201)
        assert (await citizen.authorize()).status == 429


async def test_a_right_continuation_code_works_whatever_others_typed_in_before(stage: Stage, line: HttpSender) -> None:
    citizen, others, elsewhere = (raw_citizen(stage, line) for _ in range(3))
    await citizen.begin()
    form = Forms((await citizen.visit(f"{citizen.page}/later")).expect().body).found[f"{citizen.page}/later"]
    (await citizen.submit(f"{citizen.page}/later", form)).expect(303)
    page = (await citizen.visit(f"{citizen.page}/later")).expect()
    code = re.search(r'pt-spoken--large"><bdi>([^<]+)<', page.body.decode())
    assert code is not None
    for _ in range(30):
        assert "problem=code" in (await types(others, "/continue", "23456789ABCDEFGH")).location
    assert (await types(elsewhere, "/continue", code[1])).location == citizen.page

"""Callbacks without a matching attempt change nothing; the browser sees its transaction or an explanation."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.async_api import Route

from tests.e2e.citizen_page import HARBOUR, NORTHBANK, Citizen
from tests.e2e.conftest import Newcomer

GOING = f"You are going to {NORTHBANK}"


async def on_the_way_back(citizen: Citizen, outcome: str = "ok") -> tuple[str, str]:
    """A sign-in at Northbank whose answer was stopped before it reached the broker: the journey, and that callback."""
    await citizen.begin()
    journey = citizen.page.url
    await citizen.choose(NORTHBANK)
    await citizen.decide(outcome)
    caught: list[str] = []

    # the redirect to the callback is followed by hand, since a browser's own redirects cannot be stopped
    async def answer(route: Route) -> None:
        response = await route.fetch(max_redirects=0)
        caught.append(response.headers["location"])
        await route.fulfill(status=200, body="stopped")

    await citizen.page.route(f"{citizen.stage.providers}/**/sign-in", answer)
    await citizen.page.get_by_role("button").first.click()
    await citizen.page.unroute(f"{citizen.stage.providers}/**/sign-in")
    [callback] = caught
    assert callback.startswith(f"{citizen.stage.issuer}/callback/northbank?")
    return journey, callback


def changed(callback: str, **parameters: str) -> str:
    """The callback with other parameters; an empty one is left out."""
    parts = urlsplit(callback)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()} | parameters
    return parts._replace(query=urlencode({name: value for name, value in asked.items() if value})).geturl()


async def test_a_callback_in_another_browser_changes_nothing(newcomer: Newcomer, citizen: Citizen) -> None:
    journey, callback = await on_the_way_back(citizen)
    other = await newcomer(citizen.stage)
    # also one with another journey under way
    await other.begin()
    own = other.page.url
    handle = journey.rpartition("/")[2]
    before = await citizen.transaction(handle)
    await other.page.goto(callback)
    await other.sees("We lost your place")
    assert await citizen.transaction(handle) == before
    await other.page.goto(own)
    await other.sees("How do you want to prove who you are?")
    # the callback is accepted in the browser that it belongs to
    await citizen.page.goto(callback)
    await citizen.share()
    await citizen.arrives()


STRAY: dict[str, Callable[[str], str]] = {
    "of another provider": lambda url: url.replace("/callback/northbank", "/callback/harbour"),
    "of no provider": lambda url: url.replace("/callback/northbank", "/callback/nobody"),
    "in the name of another issuer": lambda url: changed(url, iss=url.partition("/callback")[0]),
    "without an issuer": lambda url: changed(url, iss=""),
    "with two codes": lambda url: f"{url}&code=other",
    "with two codes, one of them empty": lambda url: f"{url}&code=",
    "with an error beside it that is not in UTF-8": lambda url: f"{url}&error=%E9",
    "with the state of another attempt": lambda url: changed(url, state=parse_qs(url)["state"][0][:-3] + "abc"),
}


async def test_a_callback_that_does_not_belong_changes_nothing_and_shows_where_one_stands(citizen: Citizen) -> None:
    journey, callback = await on_the_way_back(citizen)
    before = await citizen.transaction(journey.rpartition("/")[2])
    for kind, stray in STRAY.items():
        await citizen.page.goto(stray(callback))
        assert citizen.page.url == journey, kind
        await citizen.sees(GOING)
        assert await citizen.transaction() == before, kind
    await citizen.page.goto(callback)
    await citizen.share()
    await citizen.arrives()


async def test_a_callback_with_a_forged_state_is_a_lost_place_and_changes_nothing(citizen: Citizen) -> None:
    journey, callback = await on_the_way_back(citizen)
    handle = journey.rpartition("/")[2]
    before = await citizen.transaction(handle)
    for state in ("", "nonsense", "nonsense.nonsense", "x" * 64 + "." + "y" * 32, ".", "a.b.c", handle):
        await citizen.page.goto(changed(callback, state=state))
        await citizen.sees("We lost your place")
        assert await citizen.transaction(handle) == before, state


@pytest.mark.parametrize(
    "more",
    [
        "error_description=Best%E4tigt",
        "error_description=100%",
        "foo=1&foo=2",
        "foo=%FF%00",
        "&".join(f"foo{number}=1" for number in range(500)),
        "%63ode_challenge=x&%FF=1&=",
    ],
)
async def test_what_a_provider_sends_beside_its_answer_may_be_anything(citizen: Citizen, more: str) -> None:
    _, callback = await on_the_way_back(citizen)
    await citizen.page.goto(f"{callback}&{more}")
    await citizen.sees("Check what you share")


@pytest.mark.parametrize("more", ["state=x", "iss=x", "%73tate=x", "error=", "error=access_denied&error=access_denied"])
async def test_a_repeated_callback_parameter_changes_nothing(citizen: Citizen, more: str) -> None:
    journey, callback = await on_the_way_back(citizen)
    before = await citizen.transaction(journey.rpartition("/")[2])
    await citizen.page.goto(f"{callback}&iss=y&{more}" if more == "iss=x" else f"{callback}&error=&{more}")
    # with a readable state the browser is led to its transaction, else to an explanation
    await citizen.sees("We lost your place" if "tate" in more else GOING)
    assert await citizen.transaction(journey.rpartition("/")[2]) == before


async def test_a_callback_twice_is_taken_in_once(citizen: Citizen) -> None:
    _, callback = await on_the_way_back(citizen)
    await citizen.page.goto(callback)
    await citizen.sees("Check what you share")
    proven = await citizen.transaction()
    await citizen.page.goto(callback)
    await citizen.sees("Check what you share")
    assert await citizen.transaction() == proven
    await citizen.share()
    await citizen.arrives()
    await citizen.page.goto(callback)
    await citizen.sees("You are going to Aberlan Council")


async def test_a_callback_of_an_attempt_that_was_given_up_changes_nothing(citizen: Citizen) -> None:
    journey, callback = await on_the_way_back(citizen)
    await citizen.page.goto(journey)
    await citizen.choose(HARBOUR)
    await citizen.at(HARBOUR)
    before = await citizen.transaction(journey.rpartition("/")[2])
    await citizen.page.goto(callback)
    await citizen.sees(f"You are going to {HARBOUR}")
    assert await citizen.transaction() == before


@pytest.mark.parametrize("outcome", ["mix_up", "missing_issuer"])
async def test_an_answer_in_the_name_of_another_provider_is_not_looked_at(citizen: Citizen, outcome: str) -> None:
    await citizen.begin()
    await citizen.choose(NORTHBANK)
    await citizen.play(outcome)
    await citizen.sees(GOING)
    await citizen.reads("You were on your way there")
    await citizen.press(f"Go to {NORTHBANK}")
    await citizen.play("ok")
    await citizen.share()
    await citizen.arrives()

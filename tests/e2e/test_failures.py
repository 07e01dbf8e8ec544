"""Every way in which a sign-in can go wrong has its page, and from every page there is a way on."""

import re
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from playwright.async_api import expect

from broker.journey.transaction import TransactionState
from broker.model.failures import FAILURES, FailureClass, NextStep, from_reason
from broker.model.kill_switches import KillSwitchKind
from broker.provider import ProviderFailureReason
from broker.web.citizens.failure_texts import FAILURE_TEXTS
from tests.e2e.app_harness import Ahead, Stage
from tests.e2e.citizen_page import HARBOUR, NORTHBANK, PICKER, Citizen
from tests.e2e.conftest import Newcomer
from tests.e2e.extra_clients import ARCHIVE_NAME, ClientRequest
from tests.e2e.raw_client import SOON, eventually

COUNCIL = "Aberlan Council"
DAY = 24 * 3600
F, N = FailureClass, NextStep
PLAYED = [
    from_reason(reason) for reason in ProviderFailureReason if reason is not ProviderFailureReason.PASSKEY_UNUSABLE
]
"""The failures that the simulator plays. A passkey never goes there: `test_passkeys` uses one that leads nowhere."""
AGAIN: Mapping[NextStep, str] = MappingProxyType(
    {N.RETRY: "Try again", N.RESUME: "Go on", N.STEP_UP: "Go to {provider}"}
)
"""The steps that lead to the same provider, by what is on their buttons."""


def title(failure: FailureClass, provider: str = NORTHBANK, service: str = COUNCIL) -> str:
    """The heading of a failure page."""
    return FAILURE_TEXTS[failure].title.format(provider=provider, service=service, site="Portico")


def metrics(stage: Stage) -> str:
    """What this process counted, as Prometheus reads it."""
    return stage.parts.monitoring.metrics.text().decode()


@pytest.mark.parametrize("failure", PLAYED)
async def test_a_failure_at_a_provider_has_its_page_with_steps_that_work(failure: F, citizen: Citizen) -> None:
    await citizen.begin()
    await citizen.choose(NORTHBANK)
    await citizen.play(failure)
    provider = NORTHBANK
    for step in FAILURES[failure].next:
        await tells(citizen, failure, provider)
        provider = await works(citizen, step, failure, provider)
    await tells(citizen, failure, provider)
    await leaves(citizen, failure)


async def tells(citizen: Citizen, failure: F, provider: str = NORTHBANK) -> None:
    """What happened and with whom, what was not shared, what is kept, what can be done, help, a reference: in order."""
    await citizen.sees(title(failure, provider))
    text = await citizen.page.locator("main").inner_text()
    parts = [
        f"{COUNCIL} was told nothing about you",
        "Your place is kept until",
        "What you can do now",
        "If you are stuck",
        "Your reference is",
    ]
    assert [part for part in parts if part in text] == parts
    assert sorted(text.index(part) for part in parts) == [text.index(part) for part in parts]
    assert re.search(r"Your reference is [2-9A-Z]{4} [2-9A-Z]{4}\.", text)


async def works(citizen: Citizen, step: NextStep, failure: F, provider: str) -> str:
    """Follows a link of the page. One that leads to a provider ends in the same failure again, at that provider.

    Gives the provider with which it failed last.
    """
    journey = citizen.page.url
    match step:
        case N.RETRY | N.RESUME | N.STEP_UP:
            await citizen.press("Carry on" if failure is F.CANCELLED else AGAIN[step].format(provider=provider))
            await citizen.at(provider)
            await citizen.play(failure)
        case N.ANOTHER:
            provider = HARBOUR
            await citizen.choose(provider)
            await citizen.at(provider)
            await citizen.play(failure)
        case N.WHAT_YOU_HAVE:
            await leads(citizen, "See what fits", "What do you have at hand?")
        case N.HELP:
            await leads(citizen, "Ask for help", "Get help from a person")
        case N.LATER:
            await leads(citizen, "Get a code", "Finish later")
        case N.WHAT_AND_WHY:
            await leads(citizen, "See what and why", f"What {COUNCIL} asks for")
        case N.OTHER_WAYS:
            await citizen.reads("Visit the council office, 1 Quay Row")
        case N.CONTACT_PROVIDER:
            await citizen.reads("Northbank, 01632 960 400")
        case _:
            raise AssertionError(f"nothing is known of {step}")
    await expect(citizen.page).to_have_url(journey)
    return provider


async def leads(citizen: Citizen, link: str, heading: str) -> None:
    """A link opens a page of this journey, from which one comes back."""
    journey = citizen.page.url
    await citizen.press(link)
    await citizen.sees(heading)
    await citizen.page.goto(journey)


async def leaves(citizen: Citizen, failure: F) -> None:
    """Returns to the service, which receives the registered error and the URL of its explanation."""
    await citizen.press(f"Stop and go back to {COUNCIL}")
    answer = await citizen.is_refused()
    kind = FAILURES[failure]
    explained = f"{citizen.stage.issuer}/errors/{failure}"
    assert (answer["error"], answer["error_description"], answer["error_uri"]) == (
        kind.error,
        kind.description,
        explained,
    )
    assert answer["iss"] == citizen.stage.issuer
    assert answer["state"]
    assert set(answer) == {"error", "error_description", "error_uri", "iss", "state"}
    await explains(citizen, failure)


async def explains(citizen: Citizen, failure: F) -> None:
    """The public page explains the error that the service received."""
    await citizen.page.locator("a[href*='/errors/']").click()
    await citizen.sees(FAILURE_TEXTS[failure].heading)
    await citizen.reads(f"We call this: {failure}")


async def test_an_abandoned_attempt_times_out(newcomer: Newcomer, clocked_stage: Stage, ahead: Ahead) -> None:
    citizen = await newcomer(clocked_stage)
    await citizen.begin()
    journey = citizen.page.url
    await citizen.choose(NORTHBANK)
    await citizen.play("took_too_long")
    await citizen.sees("One moment please")
    ahead.advance(15 * 60 + 1)
    await citizen.page.goto(journey)
    await tells(citizen, F.TOOK_TOO_LONG)
    await citizen.press("Try again")
    await citizen.at(NORTHBANK)
    ahead.advance(15 * 60 + 1)
    # what comes now is of an attempt that is over
    await citizen.play("ok")
    await tells(citizen, F.TOOK_TOO_LONG)
    await leaves(citizen, F.TOOK_TOO_LONG)


async def test_a_callback_whose_processing_never_ends_is_an_internal_failure(
    newcomer: Newcomer, clocked_stage: Stage, ahead: Ahead
) -> None:
    citizen = await newcomer(clocked_stage)
    other_tab = await citizen.another_tab()
    await citizen.begin()
    journey = citizen.page.url
    await citizen.choose(NORTHBANK)
    await citizen.decide("slow")
    await citizen.page.get_by_role("button").first.click(no_wait_after=True)

    async def checking() -> bool:
        return (await other_tab.transaction(journey.rpartition("/")[2])).state is TransactionState.CHECKING

    await eventually(SOON, checking)
    await other_tab.page.goto(journey)
    await other_tab.sees("We are looking at the reply")
    ahead.advance(16)
    await other_tab.page.reload()
    await tells(other_tab, F.OUR_FAULT)
    counted = re.findall(r"^portico_operator_calls_total\{.*our_fault.*\} (.+)$", metrics(clocked_stage), re.MULTILINE)
    assert counted == ["1.0"]
    # the answer that comes in after all is no longer waited for
    await citizen.sees(title(F.OUR_FAULT))
    await leaves(citizen, F.OUR_FAULT)


async def test_declining_to_share_has_its_page_and_can_be_thought_over(citizen: Citizen) -> None:
    await citizen.begin()
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.press("Do not share")
    await tells(citizen, F.DECLINED_SHARING)
    await leads(citizen, "See what and why", f"What {COUNCIL} asks for")
    await citizen.press("Try again")
    await citizen.play("ok")
    await citizen.press("Do not share")
    await leaves(citizen, F.DECLINED_SHARING)


async def test_a_level_that_no_provider_reaches_is_reported_in_place_of_the_picker(citizen: Citizen) -> None:
    archive = ClientRequest(citizen.stage, "archive")
    await citizen.page.goto(archive.request())
    await citizen.sees(title(F.NO_ROUTE, service=ARCHIVE_NAME))
    await expect(citizen.page.get_by_role("radio")).to_have_count(0)
    await citizen.reads("State Archive, 01632 960 301")
    # nor does assisted verification, so the page does not offer it
    await expect(citizen.page.get_by_role("link", name="Ask for help")).to_have_count(0)
    await citizen.press(f"Stop and go back to {ARCHIVE_NAME}")
    answer = await archive.answer(citizen.page)
    assert answer["error"] == "unmet_authentication_requirements"
    assert answer["error_uri"] == f"{citizen.stage.issuer}/errors/no_route"


async def test_a_service_that_was_turned_off_is_not_signed_in_to_and_says_whom_to_ask(citizen: Citizen) -> None:
    await citizen.begin()
    board, now = citizen.stage.parts.connections.sql_stores.kill_switches, citizen.stage.parts.system.now()
    await board.turn_off(KillSwitchKind.SERVICE, "demo-service", "out of hours", "operator", now)
    try:
        await citizen.page.reload()
        await citizen.sees(title(F.SERVICE_OFF))
        await citizen.reads("Aberlan Council, 01632 960 200")
        await expect(citizen.page.get_by_role("radio")).to_have_count(0)
        await citizen.begin()
        await citizen.sees(title(F.SERVICE_OFF))
    finally:
        await board.turn_on(KillSwitchKind.SERVICE, "demo-service", "operator", now)
    await citizen.page.reload()
    await citizen.sees(PICKER)


async def test_a_journey_in_another_browser_is_a_lost_place(newcomer: Newcomer, citizen: Citizen) -> None:
    await citizen.begin()
    other = await newcomer(citizen.stage)
    shown = await other.page.goto(citizen.page.url)
    assert shown is not None
    assert shown.status == 404
    await other.sees(title(F.LOST_PLACE))
    await other.press("Type in a code")
    await other.sees("Continue with a code")


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "http://localhost:1/"},
        {"redirect_uri": ""},
        {"client_id": "nobody"},
    ],
)
async def test_a_request_with_an_invalid_redirect_uri_shows_an_error_page(
    citizen: Citizen, changed: dict[str, str]
) -> None:
    shown = await citizen.page.goto(ClientRequest(citizen.stage).request(**changed))
    assert shown is not None
    assert shown.status == 400
    await citizen.sees(title(F.BAD_LINK))
    assert citizen.page.url.startswith(f"{citizen.stage.issuer}/authorize")


async def test_a_request_that_is_wrong_goes_back_to_the_service_with_its_error(citizen: Citizen) -> None:
    library = ClientRequest(citizen.stage)
    await citizen.page.goto(library.request(code_challenge="short"))
    answer = await library.answer(citizen.page)
    assert answer["error"] == "invalid_request"
    assert answer["error_uri"] == f"{citizen.stage.issuer}/errors/bad_request"
    await citizen.page.goto(answer["error_uri"])
    await citizen.sees(FAILURE_TEXTS[F.BAD_REQUEST].heading)


async def test_a_request_that_shows_no_page_goes_back_at_once(citizen: Citizen) -> None:
    await citizen.begin(prompt="none")
    answer = await citizen.is_refused()
    assert answer["error"] == "login_required"
    assert answer["error_uri"] == f"{citizen.stage.issuer}/errors/silent"
    await explains(citizen, F.SILENT)


async def test_leaving_with_an_open_case_says_that_the_case_continues(citizen: Citizen) -> None:
    await citizen.begin()
    await citizen.ask_for_a_person()
    await leaves(citizen, F.HELP_WAITING)


async def test_a_request_for_help_that_was_taken_back_leaves_every_way_open(citizen: Citizen) -> None:
    await citizen.begin()
    await citizen.ask_for_a_person()
    await citizen.press("Take it back")
    await citizen.press("Yes, take it back")
    await citizen.sees("You took back your request for help")
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.share()
    await citizen.arrives()


async def test_an_unattended_request_for_help_expires(newcomer: Newcomer, clocked_stage: Stage, ahead: Ahead) -> None:
    citizen = await newcomer(clocked_stage)
    await citizen.begin()
    await citizen.ask_for_a_person()
    code = await citizen.page.locator(".pt-spoken--large").inner_text()
    # the request of the service is long gone by then; the code still leads to the case
    ahead.advance(13.5 * DAY)
    await citizen.page.goto(f"{clocked_stage.issuer}/continue")
    await citizen.page.get_by_label("Your code").fill(code)
    await citizen.press("Continue")
    await citizen.sees("You are in line")
    ahead.advance(0.6 * DAY)
    await citizen.page.reload()
    await tells(citizen, F.HELP_EXPIRED)
    await leads(citizen, "Ask for help", "Get help from a person")
    await citizen.choose(NORTHBANK)
    await citizen.at(NORTHBANK)

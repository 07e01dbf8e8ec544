"""Rate limit pages, and the texts of requests that were not done."""

import re
from collections.abc import Callable

import httpx
import pytest
from starlette.types import ASGIApp

from broker.actions.results import HelpRefused, LimitKind, ProofResult, RateLimited
from broker.assisted.transitions import TransitionRefused
from broker.web.citizens.rate_limit_page import rate_limited_page
from broker.web.shared.pages import PageRenderer
from tests.unit.web.citizen_pages import GivenCitizen, path
from tests.unit.web.citizen_requests import JOURNEY, post, token
from tests.unit.web.examples import HELP_ON_OFFER, NOW, SERVICE
from tests.unit.web.test_pages import LANGUAGES, frame, text

UNTIL = NOW + 305.0
PARTS = ("What you can do now", "Talk to us", "0300 123 4567", "If you are stuck")


def held(limit: LimitKind) -> RateLimited:
    """A rate limit result with every optional field."""
    known = limit not in (LimitKind.CODES, LimitKind.FREEZES)
    transaction = HELP_ON_OFFER.transaction if limit is LimitKind.HELP else None
    return RateLimited(limit, UNTIL, SERVICE if known else None, transaction)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("limit", LimitKind)
def test_every_limit_has_a_page_in_every_language(limit: LimitKind, language: str, written: PageRenderer) -> None:
    found = rate_limited_page(held(limit), frame(written, language), "slow_down: <limit>")
    html = written.page(found.template, language, found.variables)
    assert found.status == 429
    assert ("Retry-After", "305") in found.headers
    assert html.count("<h1") == 1
    assert len(html.encode()) < 15 * 1024
    assert "0300 123 4567" in html
    assert "slow_down: &lt;limit&gt;" in html
    assert not re.search(r"\[\[|\[%|\{\w+\}", html)


@pytest.mark.parametrize("limit", LimitKind)
def test_a_limit_says_the_first_full_minute_in_which_it_is_over(limit: LimitKind, written: PageRenderer) -> None:
    found = rate_limited_page(held(limit), frame(written))
    said = text(written.page(found.template, "en", found.variables))
    # NOW is 08:00 in London and the limit ends five seconds after 08:05
    assert "08:06" in said
    assert "08:05" not in said
    places = [said.index(part) for part in PARTS]
    assert places == sorted(places)
    assert ("Your place is kept until" in said) == (limit is LimitKind.HELP)
    assert ("Get in touch with \u2068Apply for a fishing licence\u2069" in said) == (
        limit not in (LimitKind.CODES, LimitKind.FREEZES)
    )


HELP_FORM = {"way": "email", "email": "ada@example.org", "channel": "video"}


@pytest.mark.parametrize(
    ("at", "fields", "arrange"),
    [
        ("help", HELP_FORM, lambda citizen: setattr(citizen, "asked", held(LimitKind.HELP))),
        ("asked", {}, lambda citizen: setattr(citizen, "begun", held(LimitKind.OPEN))),
    ],
)
async def test_a_form_beyond_a_limit_is_answered_with_its_page(
    at: str, fields: dict[str, str], arrange: Callable[[GivenCitizen], None], app: ASGIApp, citizen: GivenCitizen
) -> None:
    arrange(citizen)
    answer = await post(app, f"{JOURNEY}/{at}", **fields)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "305")
    assert "What you can do now" in answer.text


async def test_a_code_of_a_question_beyond_the_limit_is_answered_with_its_page(
    app: ASGIApp, citizen: GivenCitizen
) -> None:
    citizen.begun = held(LimitKind.CODES)
    answer = await post(app, "/confirm", token=token("confirm"), code="BCDF-GHJK")
    assert answer.status_code == 429
    assert "Too many wrong codes were typed in" in answer.text


@pytest.mark.parametrize(
    ("at", "fields", "arrange", "problem", "said"),
    [
        ("choose", {"provider": "birch"}, {"refusal": HelpRefused.NOT_NOW}, "gone", "cannot be used at this moment"),
        ("help", HELP_FORM, {"asked": HelpRefused.NOT_NOW}, "not_now", "That cannot be done any more"),
        ("code", {}, {"refusal": HelpRefused.JUST_SENT}, "just_sent", "We sent you a code a moment ago"),
        ("bind", {"code": "1", "words": "x"}, {"proof": ProofResult.WRONG}, "proof", "does not match what we have"),
        (
            "bind",
            {"code": "1", "words": "x"},
            {"proof": ProofResult.ATTEMPTS_EXHAUSTED},
            "spent",
            "did not match too often",
        ),
        (
            "bind",
            {"code": "1", "words": "x"},
            {"proof": ProofResult.EXPIRED},
            "run_out",
            "The time of the code was over",
        ),
        (
            "bind",
            {"code": "1", "words": "x"},
            {"proof": ProofResult.NOT_ALLOWED},
            "not_now",
            "That cannot be done any more",
        ),
        ("bind", {"code": "1", "words": "x"}, {"proof": ProofResult.DONE}, "", ""),
        (
            "bind",
            {"code": "1", "call": "2"},
            {"proof": ProofResult.CALL_OVER},
            "call_over",
            "The number of the call does not count any more.",
        ),
        (
            "bind",
            {"code": "1", "words": "x"},
            {"proof": ProofResult.BELOW_NEED},
            "below_need",
            "This browser cannot finish your request. Nothing is lost",
        ),
        ("meet", {}, {"meeting": TransitionRefused.NOT_NOW}, "not_now", "That cannot be done any more"),
    ],
)
async def test_a_refused_action_is_explained_on_the_next_page(
    at: str,
    fields: dict[str, str],
    arrange: dict[str, object],
    problem: str,
    said: str,
    app: ASGIApp,
    citizen: GivenCitizen,
) -> None:
    for name, value in arrange.items():
        setattr(citizen, name, value)
    answer = await post(app, f"{JOURNEY}/{at}", **fields)
    assert answer.headers["location"] == (f"{JOURNEY}?problem={problem}" if problem else JOURNEY)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://id.test") as browser:
        for view in ("choose", "waiting_to_take_up"):
            assert said in (await browser.get(f"{path(view)}?problem={problem}")).text

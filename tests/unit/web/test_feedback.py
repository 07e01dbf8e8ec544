"""Feedback: anybody gives it, nothing typed is lost, and what was agreed to is published with its answer."""

import re
from html import unescape

import pytest
from starlette.types import ASGIApp

from broker.actions.ports import StoreUnavailable
from broker.journey.figures import Figure, FigureKey, FigureLine, count_all, publish
from broker.model.audit import AuditEvent
from broker.model.feedback import LONGEST, WAITS, Rating
from broker.web.public import feedback_routes
from broker.web.shared.pages import PageRenderer
from broker.web.shared.static_files import Statics
from tests.unit.web.citizen_pages import GivenCitizen, application, citizen_app
from tests.unit.web.citizen_requests import get, post, token
from tests.unit.web.examples import NOW
from tests.unit.web.published import GivenFeedback, feedback_box, published_feedback

TYPED = 'Über <b>"it"</b> & so on'


@pytest.fixture
def store() -> GivenFeedback:
    """Feedback that was published before."""
    return GivenFeedback(published_feedback())


def opened(store: GivenFeedback, pages: PageRenderer, files: Statics, uses: int = 1_000) -> ASGIApp:
    """The citizens' application with the page."""
    door = citizen_app(GivenCitizen(), pages)
    return application(GivenCitizen(), pages, files, door, feedback_routes(door, feedback_box(store, uses)))


@pytest.fixture
def app(store: GivenFeedback, written: PageRenderer, files: Statics) -> ASGIApp:
    """The application."""
    return opened(store, written, files)


def held(html: str) -> tuple[list[str], str, bool]:
    """What the form of a page holds: the checked rating, the text, whether it may be published."""
    ratings = re.findall(r'name="rating" type="radio" value="(\w+)" checked', html)
    [text] = re.findall(r"<textarea[^>]*>(.*?)</textarea>", html, re.DOTALL)
    return ratings, unescape(text), bool(re.search(r'name="public" value="yes" checked', html))


async def test_feedback_is_taken_without_an_account_and_counted_without_what_it_says(
    app: ASGIApp, store: GivenFeedback
) -> None:
    answer = await post(app, "/feedback", token=token("feedback"), rating="mixed", text=f" {TYPED}\r\n2 ", public="yes")
    assert (answer.status_code, answer.headers["location"]) == (303, "/feedback?done=sent")
    given = store.held[-1]
    assert (given.rating, given.words.text, given.public, given.published) == (Rating.MIXED, f"{TYPED}\n2", True, None)
    assert (given.at, given.expires) == (NOW, NOW + WAITS)
    [row] = store.events
    assert (row.kind, row.actor, row.account) == ("feedback_given", "citizen", None)
    assert row.details == {"rating": "mixed", "language": "en", "started": "2027-01-15"}
    shown = (await get(app, "/feedback?done=sent")).text
    assert "Thank you. A person reads it." in shown
    assert "so on" not in shown  # it is not published yet


async def test_what_was_published_is_shown_with_its_language_and_its_answer(app: ASGIApp) -> None:
    english, welsh = [(await get(app, "/feedback", **{"accept-language": code})).text for code in ("en", "cy")]
    assert 'lang="cy">Roedd y dudalen yn araf.\nDiolch.</p>' in english.replace("&#39;", "'")
    assert ">We made it faster.</bdi>" in english
    assert 'lang="en">We made it faster.</bdi>' in welsh
    assert ">Good.</p>" in english


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"text": TYPED, "public": "yes"}, 422, "Choose one of the answers"),
        ({"rating": "wrong", "text": TYPED, "public": "yes"}, 422, "Choose one of the answers"),
        ({"rating": "poor", "text": TYPED + "x" * LONGEST, "public": "yes"}, 422, "Write at most 2,000 characters"),
        ({"rating": "poor", "text": TYPED, "public": "yes", "token": "wrong"}, 403, "Please do it once more"),
    ],
)
async def test_nothing_that_was_typed_is_lost_when_feedback_is_refused(
    app: ASGIApp, store: GivenFeedback, fields: dict[str, str], status: int, said: str
) -> None:
    answer = await post(app, "/feedback", **{"token": token("feedback"), **fields})
    assert answer.status_code == status
    assert said in unescape(answer.text)
    rating = [fields["rating"]] if fields.get("rating") in set(Rating) else []
    assert held(answer.text) == (rating, fields["text"], True)
    assert not store.events


async def test_nothing_is_lost_at_the_limit_which_says_when_to_send_it_again(
    store: GivenFeedback, written: PageRenderer, files: Statics
) -> None:
    app = opened(store, written, files, uses=1)
    fields = {"token": token("feedback"), "rating": "good", "text": TYPED}
    assert (await post(app, "/feedback", **fields)).status_code == 303
    answer = await post(app, "/feedback", **fields)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3600")
    assert held(answer.text) == (["good"], TYPED, False)
    assert len(store.events) == 1


async def test_nothing_is_lost_while_the_database_does_not_answer(
    app: ASGIApp, store: GivenFeedback, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object) -> None:
        raise StoreUnavailable("gone")

    for action in ("give", "published"):
        monkeypatch.setattr(GivenFeedback, action, unreachable)
    fields = {"token": token("feedback"), "rating": "good", "text": TYPED, "public": "yes"}
    answer = await post(app, "/feedback", **fields)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert held(answer.text) == (["good"], TYPED, True)
    assert (await get(app, "/feedback")).status_code == 503
    assert not store.events


async def test_a_change_of_language_keeps_what_was_typed_and_sends_nothing(app: ASGIApp, store: GivenFeedback) -> None:
    fields = {"token": token("feedback"), "rating": "poor", "text": TYPED, "public": "yes", "language": "cy"}
    answer = await post(app, "/feedback", **fields)
    assert 'lang="cy"' in answer.text
    assert held(answer.text) == (["poor"], TYPED, True)
    assert not store.events


async def test_a_form_of_another_site_is_neither_taken_nor_shown_again(app: ASGIApp, store: GivenFeedback) -> None:
    fields = {"token": token("feedback"), "rating": "poor", "text": TYPED}
    answer = await post(app, "/feedback", {"sec-fetch-site": "cross-site"}, **fields)
    assert answer.status_code == 403
    assert held(answer.text) == ([], "", False)
    assert not store.events


async def test_feedback_without_words_is_not_to_be_published(app: ASGIApp, store: GivenFeedback) -> None:
    await post(app, "/feedback", token=token("feedback"), rating="good", text=" \n ", public="yes")
    assert (store.held[-1].public, store.held[-1].words.text) == (False, "")


async def test_every_page_leads_to_feedback(app: ASGIApp) -> None:
    for path in ("/", "/help", "/privacy", "/no-such-page"):
        assert '<a href="/feedback">' in (await get(app, path)).text


def test_open_data_counts_feedback_by_its_answer_and_leaves_small_numbers_out() -> None:
    def rows(rating: str, number: int) -> list[AuditEvent]:
        return [
            AuditEvent("feedback_given", NOW, "citizen", details={"rating": rating, "started": "2027-01-15"})
        ] * number

    counted = count_all([*rows("good", 41), *rows("mixed", 22), *rows("poor", 14)])
    assert counted[FigureKey("2027-01-15", Figure.FEEDBACK_RATING, "good")] == 41
    assert publish(counted) == (
        FigureLine("feedback", "", 75),
        FigureLine("feedback_rating", "good", 40),
        FigureLine("feedback_rating", "mixed", 20),
        FigureLine("feedback_rating", "poor", 15),
    )
    few = publish(count_all([*rows("good", 41), *rows("poor", 3)]))
    assert not any(line.detail == "poor" for line in few)
    assert publish(count_all(rows("poor", 9))) == ()

"""Pages of the citizen's account: what they show, what their forms do, and their size."""

import gzip
import re
from dataclasses import replace

import pytest
from starlette.types import ASGIApp

from broker.account.links import LinkRefusal
from broker.actions.account.ways import EndedWay
from broker.actions.results import LimitKind, RateLimited, StartedTransaction
from broker.model.account import ErrandKind, UnlinkResult
from broker.model.provider_policy import ProviderPolicy
from tests.unit.web.citizen_pages import GivenCitizen, path
from tests.unit.web.citizen_requests import COOKIE, JOURNEY, get, post, set_cookies, token
from tests.unit.web.examples import ACCOUNT, BANK, HANDLE, NOW, OWN, POST, own_way

HOME = "/account"
WAYS = f"{HOME}/ways"
SIGN_IN = f"{HOME}/sign-in"
LARGEST = 15_000
"""Bytes of a page without compression."""


def one_way(refusal: LinkRefusal | None = None) -> object:
    """The account with its first way alone."""
    return replace(ACCOUNT, ways=(replace(ACCOUNT.ways[0], last=True),), refusal=refusal)


def buttons(html: str) -> set[str]:
    """The addresses of the forms and links in the page's main part."""
    main = html[html.index("<main") : html.index("</main>")]
    return set(re.findall(r'(?:action|href)="([^"]*)"', main))


async def test_without_a_session_the_page_offers_to_sign_in_and_shows_nothing(app: ASGIApp) -> None:
    html = (await get(app, WAYS)).text
    assert buttons(html) == {SIGN_IN, HOME}


async def test_without_a_session_the_page_tells_what_citizens_of_providers_that_left_can_do(
    app: ASGIApp, citizen: GivenCitizen
) -> None:
    assert "If you used a way that is gone" not in (await get(app, WAYS)).text
    citizen.ended = (EndedWay(BANK, NOW - 9e6, NOW + 9e6), EndedWay(POST, NOW - 9e6, None))
    html = (await get(app, WAYS)).text
    assert "If you used a way that is gone" in html
    assert html.count("you can still sign in with it on this page") == 1
    assert html.count("We cannot check any more that it was yours.") == 1
    assert buttons(html) == {SIGN_IN, "/help", HOME}


async def test_a_way_that_left_says_until_when_its_citizen_can_move(app: ASGIApp, citizen: GivenCitizen) -> None:
    policy = ProviderPolicy(accept_sign_in_until=NOW - 60, accept_moving_until=NOW + 86_400)
    citizen.account = replace(ACCOUNT, ways=(own_way(POST, policy=policy),))
    html = (await get(app, WAYS)).text
    assert "Services do not take it any more. You can move to another way until" in html


async def test_the_ways_are_listed_with_what_can_be_done(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.account = ACCOUNT
    html = (await get(app, WAYS)).text
    for name in ("Alder Bank", "Birch &amp; Post &lt;i&gt;", "مدينة الأرز", "gone.example"):
        assert f"<bdi>{name}</bdi>" in html
    assert "It can be used until 13 February 2027." in html
    assert "It is not offered here any more." in html
    assert buttons(html) == {HOME, f"{WAYS}/link", "/account/wrong/stop"} | {
        f"{WAYS}/unlink?way={own.way.key}" for own in ACCOUNT.ways
    }
    assert html.count("You are signed in with this one now.") == 1


async def test_a_way_whose_session_can_be_watched_leads_to_that_page(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.account = replace(ACCOUNT, ways=(own_way(BANK, current=True, watched=True), own_way(POST)))
    html = (await get(app, WAYS)).text
    assert html.count("/session-watch") == 1
    assert (
        f'href="/providers/{BANK.id}/session-watch">Sign out here when you sign out at <bdi>Alder Bank</bdi></a>'
        in html
    )


@pytest.mark.parametrize("refusal", [LinkRefusal.NOT_FRESH, LinkRefusal.TOO_WEAK])
async def test_after_an_old_or_weak_sign_in_nothing_but_a_new_one_is_offered(
    app: ASGIApp, citizen: GivenCitizen, refusal: LinkRefusal
) -> None:
    citizen.account = replace(ACCOUNT, refusal=refusal)
    html = (await get(app, WAYS)).text
    assert buttons(html) == {SIGN_IN, HOME}
    assert ("your strongest way" in html) == (refusal is LinkRefusal.TOO_WEAK)
    location = (await get(app, f"{WAYS}/unlink?way={ACCOUNT.ways[0].way.key}")).headers["location"]
    assert location == WAYS


@pytest.mark.parametrize("done", ["linked", "moved", "unlinked", "forged"])
async def test_what_was_done_is_said_once(app: ASGIApp, citizen: GivenCitizen, done: str) -> None:
    for account in (None, ACCOUNT):
        citizen.account = account
        html = (await get(app, f"{WAYS}?done={done}")).text
        assert html.count('role="status"') == (done != "forged")


async def test_the_forms_begin_an_errand_in_this_browser(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.begun = StartedTransaction(HANDLE, "a-new-secret")
    for where, fields, expected in (
        (SIGN_IN, {}, (ErrandKind.ACCOUNT, None, "")),
        (SIGN_IN, {"next": "/sessions"}, (ErrandKind.ACCOUNT, None, "/sessions")),
        (f"{WAYS}/link", {}, (ErrandKind.LINK, None, "/ways")),
        (f"{WAYS}/link", {"instead": "key-of-alder"}, (ErrandKind.LINK, "key-of-alder", "/ways")),
    ):
        answer = await post(app, where, token=token("account"), **fields)
        assert (answer.status_code, answer.headers["location"]) == (303, JOURNEY)
        assert citizen.done[-1] == ("begin_errand", "en", *expected)
        assert "a-new-secret" in set_cookies(answer)[0]


@pytest.mark.parametrize(
    ("where", "back"),
    [
        (SIGN_IN, HOME),
        (f"{WAYS}/link", WAYS),
        (f"{WAYS}/unlink", WAYS),
        *((f"{HOME}/services/{deed}", f"{HOME}/services") for deed in ("withdraw", "block", "unblock")),
        (f"{HOME}/sessions/end", f"{HOME}/sessions"),
        (f"{HOME}/wrong", f"{HOME}/wrong"),
        (f"{HOME}/wrong/resume", f"{HOME}/wrong"),
    ],
)
async def test_a_form_without_its_token_changes_nothing(
    app: ASGIApp, citizen: GivenCitizen, where: str, back: str
) -> None:
    answer = await post(app, where, token="forged", way="key-of-alder", service="fishing", session="here", all="here")
    assert (answer.headers["location"], citizen.done) == (f"{back}?problem=again", [])


async def test_a_rate_limit_has_its_page(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.begun = RateLimited(LimitKind.STARTS, NOW + 60, OWN)
    answer = await post(app, SIGN_IN, token=token("account"))
    assert answer.status_code == 429
    assert "https://id.test/account" in buttons(answer.text)


async def test_before_a_way_is_removed_the_page_asks(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.account = ACCOUNT
    html = (await get(app, f"{WAYS}/unlink?way=key-of-birch")).text
    assert "Your other ways work as before." in html
    assert 'name="last"' not in html
    assert (await get(app, f"{WAYS}/unlink?way=unknown")).headers["location"] == WAYS
    answer = await post(app, f"{WAYS}/unlink", token=token("account"), way="key-of-birch")
    assert answer.headers["location"] == f"{WAYS}?done=unlinked"
    assert citizen.done == [("unlink", "key-of-birch", False)]


async def test_the_last_way_is_removed_after_a_warning_and_a_tick(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.account = one_way()  # type: ignore[assignment]
    where = f"{WAYS}/unlink?way=key-of-alder"
    html = (await get(app, where)).text
    assert "This is your only way." in html
    assert "Apply for a fishing licence" in html
    assert 'name="instead" value="key-of-alder"' in html
    citizen.unlinked = UnlinkResult.LAST
    answer = await post(app, f"{WAYS}/unlink", token=token("account"), way="key-of-alder")
    assert answer.headers["location"] == f"{where}&problem=last"
    assert 'href="#last"' in (await get(app, f"{where}&problem=last")).text
    citizen.unlinked = UnlinkResult.UNLINKED
    await post(app, f"{WAYS}/unlink", token=token("account"), way="key-of-alder", last="yes")
    assert citizen.done[-1] == ("unlink", "key-of-alder", True)


async def test_a_way_that_cannot_be_removed_any_more_leads_back_with_a_reason(
    app: ASGIApp, citizen: GivenCitizen
) -> None:
    for result in (UnlinkResult.UNKNOWN, LinkRefusal.NOT_FRESH, LinkRefusal.SIGNED_OUT):
        citizen.unlinked = result
        answer = await post(app, f"{WAYS}/unlink", token=token("account"), way="key-of-alder")
        assert answer.headers["location"] == f"{WAYS}?problem=not_now"


async def test_both_proved_identities_are_shown_before_they_are_linked(app: ASGIApp) -> None:
    html = (await get(app, path("link"))).text
    for shown in ("Alder Bank", "Ada &lt;b&gt;Marchetti&lt;/b&gt;", "2 April 1958", "Birch &amp; Post", "Marchetti"):
        assert shown in html
    assert "join them" in html
    moving = (await get(app, path("link_and_move"))).text
    assert "no longer opens your account" in moving
    assert "join them" not in moving


async def test_agreeing_links_and_sets_the_new_session(app: ASGIApp, citizen: GivenCitizen) -> None:
    answer = await post(app, f"{JOURNEY}/link", agree="yes")
    assert (answer.headers["location"], citizen.done) == (JOURNEY, [("link", HANDLE, True)])
    assert any(cookie.startswith("__Host-portico-session=new-session") for cookie in set_cookies(answer))
    answer = await post(app, f"{JOURNEY}/link", agree="perhaps")
    assert answer.headers["location"] == f"{JOURNEY}?problem=again"


@pytest.mark.parametrize("refusal", LinkRefusal)
async def test_each_refusal_says_that_nothing_was_changed_and_leads_back(app: ASGIApp, refusal: LinkRefusal) -> None:
    html = (await get(app, path(f"link_{refusal}"))).text
    assert "Nothing was changed." in html
    assert 'value="no"' in html
    assert 'value="yes"' not in html


async def test_a_failure_on_the_way_to_the_account_speaks_of_the_account_and_not_of_a_service(app: ASGIApp) -> None:
    html = (await get(app, path("failed_for_account"))).text
    assert "Nothing was changed in your account." in html
    assert "told nothing" not in html
    assert "told nothing" not in (await get(app, path("ended_for_account"))).text
    assert "Which way do you want to add?" in (await get(app, path("choose_for_account"))).text


@pytest.mark.parametrize("language", ["en", "cy", "ar"])
async def test_the_pages_are_small_and_need_no_script(app: ASGIApp, citizen: GivenCitizen, language: str) -> None:
    citizen.account = ACCOUNT
    cookie = f"{COOKIE['cookie']}; __Host-portico-language={language}"
    for where in (WAYS, f"{WAYS}/unlink?way=key-of-birch", path("link"), path("link_known_twice")):
        answer = await get(app, where, cookie=cookie)
        assert answer.headers["content-language"] == language
        assert len(answer.content) < LARGEST, (where, len(answer.content), len(gzip.compress(answer.content)))
        assert "<script" not in answer.text

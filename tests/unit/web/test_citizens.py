"""Citizens' pages: the transaction's page, the redirect after each POST, and the provider callback."""

import re
from urllib.parse import urlencode

import httpx
import pytest
from starlette.types import ASGIApp

from broker.actions.browser import BrowserUpdates
from broker.actions.results import AskingMark, ContinuationIssued, IncompleteProof, ProofField, ProofResult
from broker.crypto.jose import load_signing_key, new_signing_key_pem, sign
from tests.unit.web.citizen_pages import CODE, ISSUER, GivenCitizen, client, path
from tests.unit.web.citizen_requests import COOKIE, JOURNEY, SECRET, get, post, set_cookies, token
from tests.unit.web.example_views import VIEWS
from tests.unit.web.examples import HANDLE


async def test_the_page_of_a_transaction_shows_what_the_action_found(app: ASGIApp, citizen: GivenCitizen) -> None:
    answer = await get(app, path("choose"))
    assert answer.status_code == 200
    assert "How do you want to prove who you are?" in answer.text
    assert citizen.browsers[0].secrets == (SECRET, "an-older-one")
    assert citizen.browsers[0].session == "a-session"
    assert citizen.browsers[0].address == "127.0.0.1"


async def test_the_cookies_of_a_view_are_set(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.shared = BrowserUpdates(secret="newer", session="session-2")
    remembered = set_cookies(await get(app, path("leave_for_service")))
    assert f"__Host-portico-browser=newer.{SECRET}.an-older-one; Path=/; Secure; HttpOnly; SameSite=Lax" in remembered
    assert "__Host-portico-session=session-2; Path=/; Secure; HttpOnly; SameSite=Lax" in remembered


async def test_leaving_is_a_page_and_never_a_redirect(app: ASGIApp) -> None:
    answer = await get(app, path("leave"))
    assert answer.status_code == 200
    assert answer.headers["refresh"] == "0;url=https://alder.example/authorize?a=1&b=2"
    assert set_cookies(answer)[0].startswith(f"portico-left=mark-1; Path={path('leave')};")
    again = await get(app, path("leave"), cookie=f"{COOKIE['cookie']}; portico-left=mark-1")
    assert "refresh" not in again.headers
    assert "Go to <bdi>Alder Bank</bdi>" in again.text


async def test_only_the_form_that_leaves_for_a_service_may_be_sent_elsewhere(app: ASGIApp) -> None:
    posted = ("leave_by_post", "ended_and_posted")
    for view in posted:
        assert "form-action" not in (await get(app, path(view))).headers["content-security-policy"]
    for view in VIEWS:
        if view not in posted:
            assert "form-action 'self'" in (await get(app, path(view))).headers["content-security-policy"]


async def test_a_page_that_waits_asks_again_by_itself(app: ASGIApp) -> None:
    assert (await get(app, path("checking"))).headers["refresh"] == "3"


async def test_the_page_of_a_line_names_the_place_and_the_time_and_reloads_itself(app: ASGIApp) -> None:
    page = await get(app, path("queued"))
    assert page.headers["refresh"] == "30"
    assert "Your place in line: 800. It is your turn in about 7 minutes." in page.text
    assert 'value="alder"' in page.text
    assert 'value="birch"' not in page.text
    assert 'value="help"' in page.text


@pytest.mark.parametrize(
    "handle", ["short", "with%20space-and-more", "a" * 129, "a;b=c-and-more-of-it", "a%0d%0ab-and-more"]
)
async def test_a_handle_that_was_never_given_out_is_no_page(handle: str, app: ASGIApp, citizen: GivenCitizen) -> None:
    assert (await get(app, f"/journey/{handle}")).status_code == 404
    assert citizen.browsers == []


async def test_a_lost_place_is_a_page_with_ways_on(app: ASGIApp) -> None:
    answer = await get(app, path("lost"))
    assert answer.status_code == 404
    assert 'href="/continue"' in answer.text


@pytest.mark.parametrize(
    ("at", "fields", "done"),
    [
        ("choose", {"provider": "alder"}, ("choose", HANDLE, "alder")),
        ("share", {"agree": "yes"}, ("share", HANDLE, True)),
        ("share", {"agree": "no"}, ("share", HANDLE, False)),
        ("share", {"agree": "yes", "share.email": "yes", "share.a b": ""}, ("share", HANDLE, True, "email")),
        ("confirm", {"agree": "yes"}, ("confirm", HANDLE, True)),
        ("confirm", {"agree": "no"}, ("confirm", HANDLE, False)),
        ("asked", {}, ("answer_here", HANDLE)),
        ("give-up", {}, ("give_up", HANDLE)),
        ("status", {}, ("resume_help", HANDLE)),
        ("ready", {}, ("ready", HANDLE)),
        ("code", {}, ("send_code", HANDLE)),
        ("withdraw", {}, ("withdraw", HANDLE)),
        ("meet", {}, ("meet_again", HANDLE)),
        ("bind", {"code": " 123456 ", "words": "harbour lantern"}, ("bind", HANDLE, "123456", "harbour lantern")),
    ],
)
async def test_a_post_acts_and_redirects_to_the_page_with_303(
    at: str, fields: dict[str, str], done: tuple[object, ...], app: ASGIApp, citizen: GivenCitizen
) -> None:
    answer = await post(app, f"{JOURNEY}/{at}", **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, JOURNEY)
    assert citizen.done == [done]


POSTS = (
    "choose",
    "share",
    "confirm",
    "asked",
    "give-up",
    "status",
    "ready",
    "code",
    "withdraw",
    "meet",
    "bind",
    "help",
    "later",
)


@pytest.mark.parametrize("at", POSTS)
@pytest.mark.parametrize(
    ("headers", "forged"),
    [
        ({}, "not-a-token"),
        ({}, token("another-handle-for-tests")),
        ({}, token(secret="another-browser")),
        ({"sec-fetch-site": "cross-site"}, token()),
        ({"sec-fetch-site": "same-site"}, token()),
        ({"origin": "https://evil.test"}, token()),
        ({"content-type": "text/plain"}, token()),
    ],
)
async def test_a_post_without_a_valid_csrf_token_changes_nothing(
    at: str, headers: dict[str, str], forged: str, app: ASGIApp, citizen: GivenCitizen
) -> None:
    answer = await post(app, f"{JOURNEY}/{at}", headers, token=forged, provider="alder", agree="yes")
    back = {"help": f"{JOURNEY}/help", "later": f"{JOURNEY}/later"}.get(at, JOURNEY)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{back}?problem=again")
    assert citizen.done == []
    assert "Nothing was changed" in (await get(app, f"{path('choose')}?problem=again")).text


async def test_a_tab_opened_before_the_last_sign_in_still_works(app: ASGIApp, citizen: GivenCitizen) -> None:
    await post(app, f"{JOURNEY}/choose", token=token(secret="an-older-one"), provider="alder")
    assert citizen.done == [("choose", HANDLE, "alder")]


async def test_repeated_fields_change_nothing(app: ASGIApp, citizen: GivenCitizen) -> None:
    async with client(app) as browser:
        body = urlencode([("token", token()), ("provider", "alder"), ("provider", "cedar")])
        kind = {"content-type": "application/x-www-form-urlencoded"}
        answer = await browser.post(f"{JOURNEY}/choose", content=body, headers={**COOKIE, **kind})
    assert answer.headers["location"].endswith("problem=again")
    assert citizen.done == []


async def test_choosing_nothing_is_said_on_the_page(app: ASGIApp, citizen: GivenCitizen) -> None:
    answer = await post(app, f"{JOURNEY}/choose")
    assert answer.headers["location"] == f"{JOURNEY}?problem=choice"
    assert citizen.done == []
    html = (await get(app, f"{path('choose')}?problem=choice")).text
    assert '<a href="#provider">Choose one of the ways</a>' in html
    assert 'id="provider" name="provider"' in html
    assert "<title>Error:" in re.sub(r"\s*\n\s*", "", html)


async def test_choosing_a_person_leads_to_asking_for_one(app: ASGIApp, citizen: GivenCitizen) -> None:
    assert (await post(app, f"{JOURNEY}/choose", provider="help")).headers["location"] == f"{JOURNEY}/help"
    assert citizen.done == []


async def test_agreeing_gives_the_browser_a_new_secret_in_front_of_the_others(app: ASGIApp) -> None:
    remembered = set_cookies(await post(app, f"{JOURNEY}/share", agree="yes"))
    assert remembered[0].startswith(f"__Host-portico-browser=new-secret.{SECRET}.an-older-one;")
    assert remembered[1].startswith("__Host-portico-session=new-session;")
    assert set_cookies(await post(app, f"{JOURNEY}/share", agree="no")) == []


@pytest.mark.parametrize("answered", ["", "YES", "maybe"])
async def test_only_a_plain_yes_or_no_shares_or_declines(answered: str, app: ASGIApp, citizen: GivenCitizen) -> None:
    await post(app, f"{JOURNEY}/share", agree=answered)
    assert citizen.done == []


async def test_a_wrong_proof_does_not_say_which_part_was_wrong(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.proof = ProofResult.WRONG
    answer = await post(app, f"{JOURNEY}/bind", code="1", words="x")
    assert answer.headers["location"] == f"{JOURNEY}?problem=proof"
    html = (await get(app, f"{path('waiting_to_take_up')}?problem=proof")).text
    assert "What you typed in does not match what we have." in html
    assert "You can try 2 more times." in html


@pytest.mark.parametrize(
    ("proof", "said"),
    [
        (IncompleteProof(ProofField.MISSING, None), ["Type in the code that we sent you"]),
        (IncompleteProof(ProofField.MALFORMED, None), ["The code has 6 digits."]),
        (IncompleteProof(None, ProofField.MISSING), ["Type in your two words"]),
        (
            IncompleteProof(ProofField.MALFORMED, ProofField.MALFORMED),
            ["The code has 6 digits.", "Type in two words, first the one you said"],
        ),
    ],
)
async def test_an_incomplete_proof_names_what_is_missing_and_keeps_what_was_typed(
    proof: IncompleteProof, said: list[str], app: ASGIApp, citizen: GivenCitizen
) -> None:
    citizen.proof = proof
    shown = path("waiting_to_take_up")
    answer = await post(app, f"{shown}/bind", token=token(shown.rpartition("/")[2]), code="12<3", words="one & three")
    assert answer.status_code == 422
    for text in said:
        assert answer.text.count(text) == 2  # in the summary and at the field
    assert "This did not count as a try." in answer.text
    assert "<title>Error: " in answer.text
    assert 'value="12&lt;3"' in answer.text
    assert 'value="one &amp; three"' in answer.text


async def test_the_asking_browser_keeps_a_mark_as_long_as_the_case_can_last(
    app: ASGIApp, citizen: GivenCitizen
) -> None:
    citizen.asked = ContinuationIssued(CODE, AskingMark("a-mark", 2_000_000))
    wanted = {"channel": "video", "way": "email", "email": "ada@example.org"}
    asked = set_cookies(await post(app, f"{JOURNEY}/help", **wanted))
    meeting = set_cookies(await post(app, f"{JOURNEY}/meet"))
    for cookies, seconds in ((asked, 2_000_000), (meeting, 600)):
        kept = [cookie for cookie in cookies if cookie.startswith("__Host-portico-asked")]
        assert kept == [f"__Host-portico-asked=a-mark; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"]


@pytest.mark.parametrize("problem", ["<script>", "choice%22", "nothing"])
async def test_a_problem_that_is_not_ours_is_not_shown(problem: str, app: ASGIApp) -> None:
    assert "error-summary" not in (await get(app, f"{path('choose')}?problem={problem}")).text


async def test_a_callback_leads_to_its_transaction(app: ASGIApp, citizen: GivenCitizen) -> None:
    answer = await get(app, f"/callback/alder?code=x&state={HANDLE}")
    assert (answer.status_code, answer.headers["location"]) == (303, JOURNEY)
    assert citizen.done == [("complete", "alder", {"code": "x", "state": HANDLE})]


async def test_a_signed_callback_is_found_by_the_state_in_its_token(app: ASGIApp, citizen: GivenCitizen) -> None:
    key = load_signing_key(new_signing_key_pem("ES256"), "ES256")
    token = sign({"state": HANDLE}, key)
    assert (await get(app, f"/callback/alder?response={token}")).status_code == 303
    assert citizen.done == [("complete", "alder", {"response": token, "state": HANDLE})]


@pytest.mark.parametrize(
    ("kind", "body", "query"),
    [
        ("application/x-www-form-urlencoded", "code=a%2Bb&state=s&code=x", "?code=a%2Bb&state=s&code=x"),
        ("application/x-www-form-urlencoded", "", "?"),
        ("application/x-www-form-urlencoded", "code=<a>\r\n", ""),
        ("application/x-www-form-urlencoded", "code=" + "a" * 9000, ""),
        ("application/json", "code=a", ""),
    ],
)
async def test_a_posted_callback_becomes_a_get_with_the_cookies_of_the_browser(
    app: ASGIApp, citizen: GivenCitizen, kind: str, body: str, query: str
) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER) as browser:
        answer = await browser.post("/callback/alder", content=body, headers={"content-type": kind})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/callback/alder{query}")
    assert "set-cookie" not in answer.headers
    assert citizen.done == []


async def test_a_stray_callback_shows_a_page(app: ASGIApp) -> None:
    answer = await get(app, "/callback/alder?code=x")
    assert answer.status_code == 404
    assert "We lost your place" in answer.text


@pytest.mark.parametrize("query", ["code=x&code=y&state=z", "code=%ff", "code=%zz&state=a"])
async def test_a_callback_that_can_be_read_in_two_ways_is_passed_on_as_unreadable(
    query: str, app: ASGIApp, citizen: GivenCitizen
) -> None:
    assert (await get(app, f"/callback/alder?{query}")).status_code == 404
    assert citizen.done == [("complete", "alder", None)]

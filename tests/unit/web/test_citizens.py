"""Routes of the citizens' pages: which action a form calls, where it redirects, which cookies it sets."""

import re
from dataclasses import replace
from urllib.parse import urlencode

import httpx
import pytest
from starlette.types import ASGIApp

from broker.actions.browser import BrowserUpdates
from broker.actions.results import HelpRefused, HelpRequest, ProofResult, ResumedTransaction, StartedTransaction
from broker.actions.views import DeadEnd
from broker.assisted.case import ContactMethod
from broker.model.failures import FailureClass
from broker.web.shared import csrf
from tests.unit.web.citizen_pages import CODE, ISSUER, GivenCitizen, client, marks, path
from tests.unit.web.examples import HANDLE, HELP_ON_OFFER, VIEWS

SECRET = "a-secret"
COOKIE = {"cookie": f"other=1; __Host-portico-browser={SECRET}.an-older-one; __Host-portico-session=a-session"}
JOURNEY = f"/journey/{HANDLE}"


def token(place: str = HANDLE, secret: str = SECRET) -> str:
    return csrf.token(marks(), (secret,), place)


async def get(app: ASGIApp, at: str, **headers: str) -> httpx.Response:
    async with client(app) as browser:
        return await browser.get(at, headers={**COOKIE, **headers})


async def post(app: ASGIApp, at: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
    fields.setdefault("token", token())
    async with client(app) as browser:
        return await browser.post(at, data=fields, headers={**COOKIE, **(headers or {})})


def set_cookies(answer: httpx.Response) -> list[str]:
    return answer.headers.get_list("set-cookie")


# --- the transaction's page ---


async def test_the_page_of_a_transaction_shows_what_the_action_found(app: ASGIApp, citizen: GivenCitizen) -> None:
    answer = await get(app, path("choose"))
    assert answer.status_code == 200
    assert "How do you want to prove who you are?" in answer.text
    assert citizen.browsers[0].secrets == (SECRET, "an-older-one")
    assert citizen.browsers[0].session == "a-session"
    assert citizen.browsers[0].address == "127.0.0.1"


async def test_what_looking_answered_is_remembered(app: ASGIApp, citizen: GivenCitizen) -> None:
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


# --- every POST redirects to the page ---


@pytest.mark.parametrize(
    ("at", "fields", "done"),
    [
        ("choose", {"provider": "alder"}, ("choose", HANDLE, "alder")),
        ("share", {"agree": "yes"}, ("share", HANDLE, True)),
        ("share", {"agree": "no"}, ("share", HANDLE, False)),
        ("confirm", {"agree": "yes"}, ("confirm", HANDLE, True)),
        ("confirm", {"agree": "no"}, ("confirm", HANDLE, False)),
        ("asked", {}, ("answer_here", HANDLE)),
        ("give-up", {}, ("give_up", HANDLE)),
        ("status", {}, ("resume_help", HANDLE)),
        ("ready", {}, ("ready", HANDLE)),
        ("code", {}, ("send_code", HANDLE)),
        ("withdraw", {}, ("withdraw", HANDLE)),
        ("bind", {"code": " 123456 ", "words": "harbour lantern"}, ("bind", HANDLE, "123456", "harbour lantern")),
    ],
)
async def test_a_post_does_its_deed_and_leads_to_the_page(
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
async def test_a_post_that_is_not_the_citizens_own_doing_changes_nothing(
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
    assert "The code and the words do not match what we have." in html
    assert "You can try 2 more times." in html


@pytest.mark.parametrize("problem", ["<script>", "choice%22", "nothing"])
async def test_a_problem_that_is_not_ours_is_not_shown(problem: str, app: ASGIApp) -> None:
    assert "error-summary" not in (await get(app, f"{path('choose')}?problem={problem}")).text


# --- provider callback ---


async def test_a_callback_leads_to_its_transaction(app: ASGIApp, citizen: GivenCitizen) -> None:
    answer = await get(app, f"/callback/alder?code=x&state={HANDLE}")
    assert (answer.status_code, answer.headers["location"]) == (303, JOURNEY)
    assert citizen.done == [("complete", "alder", {"code": "x", "state": HANDLE})]


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


# --- assisted verification ---


async def test_asking_for_a_person_takes_what_was_typed_and_shows_the_code_on_the_page(
    app: ASGIApp, citizen: GivenCitizen
) -> None:
    fields = {"way": "phone", "phone": " +44 (7700) 900-982 ", "email": "", "channel": "video", "unsafe": "1"}
    answer = await post(app, f"{JOURNEY}/help", **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, JOURNEY)
    assert citizen.done == [("ask_help", HANDLE, HelpRequest("phone", "+44 (7700) 900-982", "video", False, True))]
    assert set_cookies(answer) == [
        f"portico-code={CODE}; Path={JOURNEY}; Max-Age=600; Secure; HttpOnly; SameSite=Strict"
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, ["Choose how we may reach you", "Choose how you want to talk to us"]),
        ({"way": "email", "channel": "video"}, ["Type in an email address"]),
        ({"way": "email", "email": "no at sign", "channel": "video"}, ["Type in an email address"]),
        ({"way": "phone", "phone": "12", "channel": "video"}, ["Type in a telephone number"]),
        ({"way": "phone", "phone": "0800 FLOWERS", "channel": "video"}, ["such as 07700 900 982 or +44 7700 900 982"]),
        ({"way": "email", "email": "jörg@example.org", "channel": "video"}, ["We cannot send to this email address"]),
        ({"way": "email", "email": "a@b_c.test", "channel": "video"}, ["Type in an email address"]),
        ({"way": "post", "channel": "video"}, ["Choose how we may reach you"]),
        ({"way": "email", "email": "a@b.test", "channel": "smoke"}, ["Choose how you want to talk to us"]),
    ],
)
async def test_a_form_that_is_not_complete_comes_back_with_what_was_typed(
    fields: dict[str, str], said: list[str], app: ASGIApp, citizen: GivenCitizen
) -> None:
    answer = await post(app, f"{JOURNEY}/help", **fields)
    assert answer.status_code == 422
    assert citizen.done == []
    for line in said:
        assert answer.text.count(line) == 2  # in the summary, and at the field
    if "email" in fields:
        assert f'value="{fields["email"]}"' in answer.text


async def test_an_address_that_is_refused_can_be_put_right(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.asked = HelpRefused.ADDRESS
    answer = await post(app, f"{JOURNEY}/help", way="email", email="a@b.test", channel="video")
    assert answer.status_code == 422
    assert 'value="a@b.test"' in answer.text


async def test_an_address_that_mail_cannot_be_sent_to_is_refused_with_the_reason(
    app: ASGIApp, citizen: GivenCitizen
) -> None:
    citizen.asked = HelpRefused.UNREACHABLE
    answer = await post(app, f"{JOURNEY}/help", way="email", email="a@b.test", channel="video")
    assert answer.status_code == 422
    assert "We cannot send to this email address" in answer.text


async def test_only_ways_in_which_messages_can_be_sent_are_offered(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.help = replace(HELP_ON_OFFER, ways=frozenset({ContactMethod.EMAIL}))
    html = (await get(app, f"{JOURNEY}/help")).text
    assert re.findall(r'name="way" value="(\w+)"', html) == ["email"]
    citizen.asked = HelpRefused.WAY
    answer = await post(app, f"{JOURNEY}/help", way="phone", phone="07700 900982", channel="video")
    assert (answer.status_code, "Choose how we may reach you" in answer.text) == (422, True)


async def test_only_the_sessions_on_offer_can_be_seen(app: ASGIApp) -> None:
    html = (await get(app, f"{JOURNEY}/help")).text
    assert re.findall(r'name="channel" value="(\w+)"', html) == ["video", "in_person"]


async def test_where_no_person_can_be_asked_for_the_page_says_what_is(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.help = DeadEnd(FailureClass.LOST_PLACE)
    assert "We lost your place" in (await get(app, f"{JOURNEY}/help")).text


# --- continuation codes ---


async def test_a_code_to_continue_is_made_by_a_button_and_survives_a_reload(
    app: ASGIApp, citizen: GivenCitizen
) -> None:
    assert CODE not in (await get(app, f"{path('choose')}/later")).text
    answer = await post(app, f"{JOURNEY}/later")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{JOURNEY}/later")
    assert set_cookies(answer)[0].startswith(f"portico-code={CODE}; Path={JOURNEY}; Max-Age=600;")
    html = (await get(app, f"{path('choose')}/later", cookie=f"portico-code={CODE}")).text
    assert CODE in html
    assert '<svg role="img"' in html
    citizen.later = None
    assert (await post(app, f"{JOURNEY}/later")).headers["location"] == JOURNEY


async def test_a_code_moves_the_place_to_this_browser(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.resumed = ResumedTransaction("another-handle-for-tests", "moved-secret")
    answer = await post(app, "/continue", token=token("continue"), code="k7wm 2qxd 4fhj 9tbv")
    assert (answer.status_code, answer.headers["location"]) == (303, "/journey/another-handle-for-tests")
    assert citizen.done == [("resume", "k7wm 2qxd 4fhj 9tbv")]
    assert set_cookies(answer)[0].startswith(f"__Host-portico-browser=moved-secret.{SECRET}.")
    assert len(set_cookies(answer)) == 1
    citizen.resumed = ResumedTransaction("another-handle-for-tests", "moved-secret", "NEXT-CODE")
    answer = await post(app, "/continue", token=token("continue"), code=CODE)
    assert set_cookies(answer)[1].startswith("portico-code=NEXT-CODE; Path=/journey/another-handle-for-tests;")


async def test_a_code_works_in_a_browser_that_was_never_here(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.resumed = ResumedTransaction("another-handle-for-tests", "moved-secret")
    async with client(app) as browser:
        form = (await browser.get("/continue")).text
        found = re.search(r'action="/continue".*?name="token" value="([^"]+)"', form, re.DOTALL)
        assert found
        answer = await browser.post("/continue", data={"token": found[1], "code": CODE})
    assert answer.headers["location"] == "/journey/another-handle-for-tests"


async def test_a_code_that_leads_nowhere_is_said_on_the_page(app: ASGIApp) -> None:
    answer = await post(app, "/continue", token=token("continue"), code="wrong")
    assert answer.headers["location"] == "/continue?problem=code"
    assert "This code does not work." in (await get(app, "/continue?problem=code")).text


async def test_the_code_of_a_question_leads_to_a_journey_of_its_own(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.begun = StartedTransaction("another-handle-for-tests", None)
    answer = await post(app, "/confirm", token=token("confirm"), code=" bcdf ghjk")
    assert (answer.status_code, answer.headers["location"]) == (303, "/journey/another-handle-for-tests")
    assert citizen.done == [("take_question", " bcdf ghjk", "en")] and not set_cookies(answer)
    citizen.begun = StartedTransaction("another-handle-for-tests", "first-secret")
    answer = await post(app, "/confirm", token=token("confirm"), code="BCDF-GHJK")
    assert set_cookies(answer)[0].startswith("__Host-portico-browser=first-secret;")


async def test_the_code_of_no_question_is_said_on_the_page(app: ASGIApp, citizen: GivenCitizen) -> None:
    answer = await post(app, "/confirm", token=token("confirm"), code="wrong")
    assert answer.headers["location"] == "/confirm?problem=code"
    assert "This code does not work." in (await get(app, "/confirm?problem=code")).text
    answer = await post(app, "/confirm", token=token("continue"), code="BCDF-GHJK")
    assert answer.headers["location"] == "/confirm?problem=again" and len(citizen.done) == 1
    assert 'value="BCDF-GHJK"' in (await get(app, "/confirm?code=BCDF-GHJK%22%3E")).text


async def test_a_backchannel_request_is_shown_on_the_pages_of_its_transaction(app: ASGIApp) -> None:
    for view in ("choose_asked", "confirm"):
        html = (await get(app, path(view))).text
        assert "Order &lt;17&gt;: two books" in html and "asks you to confirm" in html
        assert "Stop and go back" not in html
    staff = (await get(app, path("confirm_for_staff"))).text
    assert "Your call with us on Tuesday" in staff and "Portico asks you to confirm, for your request to" in staff
    assert "It also gets these details" not in staff
    waiting = (await get(app, path("waiting_asked"))).text
    assert "Your call with us on Tuesday" in waiting and f' action="{JOURNEY}' not in waiting.partition("<main")[0]
    assert "Confirm on this device" not in (await get(app, path("waiting_talking"))).text


async def test_a_camera_brings_the_code_but_does_not_send_it(app: ASGIApp, citizen: GivenCitizen) -> None:
    html = (await get(app, f"/continue?code={CODE}%22%3E")).text
    assert f'value="{CODE}"' in html
    assert citizen.done == []


# --- information pages ---


async def test_what_the_citizen_has_sorts_the_providers_and_excludes_none(app: ASGIApp) -> None:
    html = (await get(app, f"{path('choose')}/have?bank_account=1")).text
    assert re.findall(r'type="radio" value="(\w+)"', html) == ["alder", "cedar", "help"]
    html = (await get(app, f"{path('choose')}/have?passport=1")).text
    assert re.findall(r'type="radio" value="(\w+)"', html) == ["cedar", "alder", "help"]
    assert "Less likely" in html
    assert 'type="radio"' not in (await get(app, f"{path('choose')}/have")).text


async def test_about_a_way_that_is_not_there_leads_back(app: ASGIApp) -> None:
    assert "Alder Bank" in (await get(app, f"{path('choose')}/about/alder")).text
    assert (await get(app, f"{path('choose')}/about/nobody")).headers["location"] == path("choose")


async def test_what_a_service_asks_for_can_be_read_with_its_reasons(app: ASGIApp) -> None:
    html = (await get(app, f"{path('failed_declined_sharing')}/data")).text
    assert "It stands on your licence." in html
    assert "Boat name" in html


# --- language ---


async def test_switching_the_language_comes_back_to_the_same_page(app: ASGIApp, citizen: GivenCitizen) -> None:
    html = (await get(app, path("share"))).text
    form = re.search(r'action="/language".*?value="([^"]+)".*?name="back" value="([^"]+)"', html, re.DOTALL)
    assert form
    answer = await post(app, "/language", token=form[1], back=form[2], language="cy")
    assert (answer.status_code, answer.headers["location"]) == (303, path("share"))
    assert set_cookies(answer)[0].startswith("__Host-portico-language=cy; Path=/; Max-Age=31536000;")
    assert citizen.done == []
    welsh = await get(app, path("choose"), cookie=f"{COOKIE['cookie']}; __Host-portico-language=cy")
    assert welsh.headers["content-language"] == "cy"
    assert "Sut hoffech chi brofi pwy ydych chi?" in welsh.text


@pytest.mark.parametrize(
    "back", ["https://evil.test/", "//evil.test", "/\\evil.test", "/a b", "journey", "", "/a\r\nb"]
)
async def test_switching_the_language_never_leads_elsewhere(back: str, app: ASGIApp) -> None:
    answer = await post(app, "/language", token=token("language"), back=back, language="cy")
    assert answer.headers["location"] == "/"


async def test_a_language_that_is_not_offered_is_not_remembered(app: ASGIApp) -> None:
    assert set_cookies(await post(app, "/language", token=token("language"), back="/", language="de")) == []
    assert set_cookies(await post(app, "/language", token="forged", back="/", language="cy")) == []


async def test_the_citizens_choice_comes_before_the_services_and_that_before_the_browsers(
    app: ASGIApp, citizen: GivenCitizen
) -> None:
    async def language(cookie: str, **headers: str) -> str:
        return (await get(app, "/help" if not citizen.view else JOURNEY, cookie=cookie, **headers)).headers[
            "content-language"
        ]

    liked = {"accept-language": "ar;q=0.9, de"}
    assert await language("a=b") == "en"
    assert await language("a=b", **liked) == "ar"
    assert await language("__Host-portico-language=cy", **liked) == "cy"
    assert await language("__Host-portico-language=xx", **liked) == "ar"
    citizen.view = VIEWS["choose"]
    assert await language("a=b", **liked) == "en"
    assert await language("__Host-portico-language=cy", **liked) == "cy"


# --- public pages ---


@pytest.mark.parametrize("failure", FailureClass)
async def test_every_class_is_explained_to_anybody(failure: FailureClass, app: ASGIApp, citizen: GivenCitizen) -> None:
    answer = await get(app, f"/errors/{failure}")
    assert answer.status_code == 200
    assert f"<code>{failure}</code>" in answer.text
    assert citizen.browsers == []
    assert f'href="/errors/{failure}"' in (await get(app, "/errors")).text


async def test_a_class_that_does_not_exist_is_no_page(app: ASGIApp) -> None:
    assert (await get(app, "/errors/no_such_thing")).status_code == 404


def test_the_own_origin_is_the_issuers() -> None:
    assert csrf.from_here(None, ISSUER, ISSUER)

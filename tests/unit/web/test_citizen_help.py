"""Citizens' pages: the request for assisted verification, continuation codes and user codes."""

import re
from dataclasses import replace

import pytest
from starlette.types import ASGIApp

from broker.actions.results import HelpRefused, HelpRequest, ResumedTransaction, ResumeRefused, StartedTransaction
from broker.actions.views import DeadEnd
from broker.assisted.case_records import ContactMethod
from broker.model.failures import FailureClass
from tests.unit.web.citizen_pages import CODE, GivenCitizen, client, path
from tests.unit.web.citizen_requests import JOURNEY, SECRET, get, post, set_cookies, token
from tests.unit.web.examples import HANDLE, HELP_ON_OFFER


async def test_asking_for_a_person_takes_what_was_typed_and_shows_the_code_on_the_page(
    app: ASGIApp, citizen: GivenCitizen
) -> None:
    fields = {"way": "phone", "phone": " +44 (7700) 900-982 ", "email": "", "channel": "video", "unsafe": "1"}
    answer = await post(app, f"{JOURNEY}/help", **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, JOURNEY)
    assert citizen.done == [
        ("ask_help", HANDLE, HelpRequest("phone", "+44 (7700) 900-982", "video", someone_with_me=False, unsafe=True))
    ]
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
    citizen.help = replace(HELP_ON_OFFER, contact_methods=frozenset({ContactMethod.EMAIL}))
    html = (await get(app, f"{JOURNEY}/help")).text
    assert re.findall(r'name="way" value="(\w+)"', html) == ["email"]
    citizen.asked = HelpRefused.WAY
    answer = await post(app, f"{JOURNEY}/help", way="phone", phone="07700 900982", channel="video")
    assert (answer.status_code, "Choose how we may reach you" in answer.text) == (422, True)


async def test_only_the_sessions_on_offer_can_be_seen(app: ASGIApp) -> None:
    html = (await get(app, f"{JOURNEY}/help")).text
    assert re.findall(r'name="channel" value="(\w+)"', html) == ["in_person", "video"]


async def test_where_no_person_can_be_asked_for_the_page_says_what_is(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.help = DeadEnd(FailureClass.LOST_PLACE)
    assert "We lost your place" in (await get(app, f"{JOURNEY}/help")).text


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


async def test_an_unknown_continuation_code_is_reported_on_the_page(app: ASGIApp) -> None:
    answer = await post(app, "/continue", token=token("continue"), code="wrong")
    assert answer.headers["location"] == "/continue?problem=code"
    assert "This code does not work." in (await get(app, "/continue?problem=code")).text


async def test_a_code_of_a_case_that_was_bound_elsewhere_says_where_to_go_on(
    app: ASGIApp, citizen: GivenCitizen
) -> None:
    citizen.resumed = ResumeRefused.BOUND_ELSEWHERE
    answer = await post(app, "/continue", token=token("continue"), code=CODE)
    assert answer.headers["location"] == "/continue?problem=bound_elsewhere"
    assert "Go on there: your code still works there." in (await get(app, answer.headers["location"])).text


async def test_the_code_of_a_question_leads_to_a_journey_of_its_own(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.begun = StartedTransaction("another-handle-for-tests", None)
    answer = await post(app, "/confirm", token=token("confirm"), code=" bcdf ghjk")
    assert (answer.status_code, answer.headers["location"]) == (303, "/journey/another-handle-for-tests")
    assert citizen.done == [("take_question", " bcdf ghjk", "en")]
    assert not set_cookies(answer)
    citizen.begun = StartedTransaction("another-handle-for-tests", "first-secret")
    answer = await post(app, "/confirm", token=token("confirm"), code="BCDF-GHJK")
    assert set_cookies(answer)[0].startswith("__Host-portico-browser=first-secret;")


async def test_an_unknown_user_code_is_reported_on_the_page(app: ASGIApp, citizen: GivenCitizen) -> None:
    answer = await post(app, "/confirm", token=token("confirm"), code="wrong")
    assert answer.headers["location"] == "/confirm?problem=code"
    assert "This code does not work." in (await get(app, "/confirm?problem=code")).text
    answer = await post(app, "/confirm", token=token("continue"), code="BCDF-GHJK")
    assert answer.headers["location"] == "/confirm?problem=again"
    assert len(citizen.done) == 1
    assert 'value="BCDF-GHJK"' in (await get(app, "/confirm?code=BCDF-GHJK%22%3E")).text


async def test_a_backchannel_request_is_shown_on_the_pages_of_its_transaction(app: ASGIApp) -> None:
    for view in ("choose_asked", "confirm"):
        html = (await get(app, path(view))).text
        assert "Order &lt;17&gt;: two books" in html
        assert "asks you to confirm" in html
        assert "Stop and go back" not in html
    staff = (await get(app, path("confirm_for_staff"))).text
    assert "Your call with us on Tuesday" in staff
    assert "Portico asks you to confirm, for your request to" in staff
    assert "It also gets these details" not in staff
    waiting = (await get(app, path("waiting_asked"))).text
    assert "Your call with us on Tuesday" in waiting
    assert f' action="{JOURNEY}' not in waiting.partition("<main")[0]
    assert "Confirm on this device" not in (await get(app, path("waiting_talking"))).text


async def test_a_camera_brings_the_code_but_does_not_send_it(app: ASGIApp, citizen: GivenCitizen) -> None:
    html = (await get(app, f"/continue?code={CODE}%22%3E")).text
    assert f'value="{CODE}"' in html
    assert citizen.done == []

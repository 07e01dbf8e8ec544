"""Pages of the citizen's services and sessions: what they show, and what their forms do."""

import csv
import io
from dataclasses import replace

import pytest
from starlette.types import ASGIApp

from broker.actions.account.own import OwnRefusal
from tests.unit.web.citizen_pages import GivenCitizen
from tests.unit.web.citizen_requests import get, post, set_cookies, token
from tests.unit.web.examples import ACCOUNT
from tests.unit.web.test_account_pages import buttons

SERVICES = "/account/services"
SESSIONS = "/account/sessions"


def cookie(session: str) -> dict[str, str]:
    """The cookies of a browser with this session."""
    return {"cookie": f"__Host-portico-browser=the-browsers-secret; __Host-portico-session={session}"}


@pytest.mark.parametrize("page", ["services", "sessions", "kept"])
async def test_without_a_session_a_page_leads_to_the_sign_in_which_leads_back(app: ASGIApp, page: str) -> None:
    if page != "kept":
        answer = await get(app, f"/account/{page}")
        assert answer.headers["location"] == f"/account?next=/{page}"
    html = (await get(app, f"/account?next=/{page}")).text
    assert f'name="next" value="/{page}"' in html


async def test_no_address_of_another_site_gets_into_the_sign_in(app: ASGIApp) -> None:
    for wanted in ("https://evil.example", "//evil.example", "/services/../../x", "services"):
        assert 'name="next" value=""' in (await get(app, f"/account?next={wanted}")).text


async def test_the_first_page_leads_to_the_others(app: ASGIApp) -> None:
    html = (await get(app, "/account", **cookie("account"))).text
    assert "You are signed in with" in html
    assert {SERVICES, "/account/ways", SESSIONS} <= buttons(html)


async def test_every_page_leads_to_the_account(app: ASGIApp) -> None:
    for page in ("/", "/help", "/privacy"):
        assert '<li><a href="/account">Your account</a></li>' in (await get(app, page)).text


async def test_services_are_listed_with_what_each_has_and_what_can_be_done(app: ASGIApp) -> None:
    html = (await get(app, SERVICES, **cookie("account"))).text
    for shown in (
        "Apply for a fishing licence",
        "Date of birth, Name",
        "Strong proof of who you are",
        "Yes, until",
        "No, only when you sign in there.",
        "closed since &amp; &lt;gone&gt;",
        "No details",
        "You took this back on",
        "Blocked since",
    ):
        assert shown in html
    assert html.count("Blocked since") == html.count(f'action="{SERVICES}/unblock"') == 1
    assert f"{SERVICES}/end?service=closed%20since%20%26%20%3Cgone%3E" in html


async def test_nothing_is_changed_after_an_old_sign_in_and_a_new_one_leads_back(app: ASGIApp) -> None:
    for page in (SERVICES, SESSIONS):
        html = (await get(app, page, **cookie("stale"))).text
        assert buttons(html) <= {"/account/sign-in", "/account", "/logout"}
        assert f'name="next" value="{page.removeprefix("/account")}"' in html
    assert (await get(app, f"{SERVICES}/end?service=fishing", **cookie("stale"))).headers["location"] == SERVICES


async def test_a_service_is_taken_back_or_blocked_after_a_question(app: ASGIApp, citizen: GivenCitizen) -> None:
    html = (await get(app, f"{SERVICES}/end?service=fishing", **cookie("account"))).text
    assert {f"{SERVICES}/withdraw", f"{SERVICES}/block", SERVICES} <= buttons(html)
    assert "help@fishing.example" in html
    for unknown in ("nobody", "blocked", ""):
        answer = await get(app, f"{SERVICES}/end?service={unknown}", **cookie("account"))
        assert answer.headers["location"] == SERVICES
    for deed, done, expected in (
        ("withdraw", "withdrawn", ("end_agreement", "fishing", False)),
        ("block", "blocked", ("end_agreement", "fishing", True)),
        ("unblock", "unblocked", ("unblock", "fishing")),
    ):
        answer = await post(app, f"{SERVICES}/{deed}", token=token("account"), service="fishing")
        assert answer.headers["location"] == f"{SERVICES}?done={done}"
        assert citizen.done[-1] == expected
        assert 'role="status"' in (await get(app, f"{SERVICES}?done={done}", **cookie("account"))).text


@pytest.mark.parametrize(
    ("refusal", "query"),
    [
        (OwnRefusal.NOT_FRESH, "problem=not_now"),
        (OwnRefusal.NOTHING, "problem=not_now"),
        (OwnRefusal.SIGNED_OUT, "next="),
    ],
)
async def test_a_refused_change_leads_back_with_a_reason(
    app: ASGIApp, citizen: GivenCitizen, refusal: OwnRefusal, query: str
) -> None:
    citizen.own_refusal = refusal
    for address in (f"{SERVICES}/withdraw", f"{SERVICES}/unblock", f"{SESSIONS}/end"):
        answer = await post(app, address, token=token("account"), service="fishing", session="elsewhere")
        assert query in answer.headers["location"]


ACTIVITY = "/account/activity"


async def test_activity_says_service_way_level_and_details_and_of_a_person_the_role(app: ASGIApp) -> None:
    html = (await get(app, ACTIVITY, **cookie("account"))).text
    for shown in (
        "You signed in to Apply for a fishing licence",
        "With Alder Bank",
        "Very strong proof of who you are",
        "Name, Date of birth",
        "A try to sign in for Apply for a fishing licence did not work",
        "The sign-in was not finished",
        "Role: agent at the counter of a partner",
    ):
        assert shown in html
    assert f"{ACTIVITY}?what=&amp;page=1" in html


async def test_activity_is_filtered_and_paged(app: ASGIApp) -> None:
    html = (await get(app, f"{ACTIVITY}?what=people", **cookie("account"))).text
    assert "A person looked at your request for help" in html
    assert "You signed in" not in html
    assert '<strong aria-current="true">Help by a person</strong>' in html
    last = (await get(app, f"{ACTIVITY}?page=99999", **cookie("account"))).text
    assert f"{ACTIVITY}?what=&amp;page=0" in last
    assert "page=2" not in last
    for odd in ("page=-1", "page=%D9%A3", "what=%3Cscript%3E"):
        assert (await get(app, f"{ACTIVITY}?{odd}", **cookie("account"))).status_code == 200


async def test_activity_is_a_file_in_csv_and_json_without_formulas(app: ASGIApp) -> None:
    table = await get(app, f"{ACTIVITY}.csv", **cookie("account"))
    rows = list(csv.DictReader(io.StringIO(table.text)))
    entries = (await get(app, f"{ACTIVITY}.json", **cookie("account"))).json()["activity"]
    assert len(rows) == len(entries) > 25
    assert (rows[0]["service"], rows[0]["level"], rows[0]["details"]) == ("fishing", "high", "name birthdate")
    assert [one["office"] for one in rows if one["office"]] == ["'=HYPERLINK(1)"]
    assert [one["office"] for one in entries if one["office"]] == ["=HYPERLINK(1)"]
    assert table.headers["content-disposition"] == 'attachment; filename="activity.csv"'
    assert table.headers["cache-control"] == "no-store"
    for kind in ("csv", "json"):
        assert (await get(app, f"{ACTIVITY}.{kind}", **cookie("stale"))).headers["location"] == ACTIVITY
        assert "next=/activity" in (await get(app, f"{ACTIVITY}.{kind}")).headers["location"]


async def test_without_a_fresh_sign_in_no_activity_is_shown(app: ASGIApp) -> None:
    html = (await get(app, ACTIVITY, **cookie("stale"))).text
    assert "Before we show it" in html
    assert "You signed in to" not in html


WRONG = "/account/wrong"


async def test_everything_is_stopped_by_one_press_also_long_after_the_sign_in(
    app: ASGIApp, citizen: GivenCitizen
) -> None:
    for session in ("account", "stale"):
        html = (await get(app, WRONG, **cookie(session))).text
        assert "This was not me: stop everything" in html
        assert html.count("It is stopped too.") == html.count("It stays on, because") == 1
        assert (html.count(f'action="{WRONG}/resume"'), html.count("Sign in once more")) == (
            (1, 0) if session == "account" else (0, 1)
        )
    answer = await post(app, WRONG, token=token("account"), way="key-of-birch")
    assert (citizen.done[-1], answer.headers["location"]) == (("disown", "key-of-birch"), "/account?done=stopped")
    assert any("portico-departed" in one for one in set_cookies(answer))
    assert "Everything is stopped." in (await get(app, "/account?done=stopped")).text


async def test_a_stopped_way_is_turned_on(app: ASGIApp, citizen: GivenCitizen) -> None:
    answer = await post(app, f"{WRONG}/resume", token=token("account"), way="key-of-cedar")
    assert (citizen.done[-1], answer.headers["location"]) == (("resume_way", "key-of-cedar"), f"{WRONG}?done=resumed")
    citizen.own_refusal = OwnRefusal.NOT_FRESH
    answer = await post(app, f"{WRONG}/resume", token=token("account"), way="key-of-cedar")
    assert answer.headers["location"] == f"{WRONG}?problem=not_now"


async def test_sessions_are_listed_by_browser_with_their_services(app: ASGIApp) -> None:
    html = (await get(app, SESSIONS, **cookie("account"))).text
    for shown in ("Firefox on Linux", "A browser on Android", "<bdi>A browser</bdi>", "the check by a person"):
        assert shown in html
    assert html.count("This browser") == html.count('href="/logout">Sign out in this browser') == 1
    assert "End all but this browser" not in (await get(app, SESSIONS, **cookie("one"))).text


async def test_one_session_is_ended_or_all(app: ASGIApp, citizen: GivenCitizen) -> None:
    for fields, expected, back in (
        ({"session": "elsewhere"}, ("elsewhere", False), f"{SESSIONS}?done=ended"),
        ({"session": ""}, ("", False), f"{SESSIONS}?done=ended"),
        ({"all": "others"}, (None, False), f"{SESSIONS}?done=ended"),
        ({"all": "here"}, (None, True), "/account"),
    ):
        answer = await post(app, f"{SESSIONS}/end", token=token("account"), **fields)
        assert (citizen.done[-1], answer.headers["location"]) == (("end_sessions", *expected), back)
    assert any("portico-departed" in one for one in set_cookies(answer))


async def test_a_way_is_turned_off_in_advance(app: ASGIApp, citizen: GivenCitizen) -> None:
    citizen.account = ACCOUNT
    html = (await get(app, "/account/ways", **cookie("account"))).text
    assert html.count(f'action="{WRONG}/stop"') == len(ACCOUNT.ways)
    citizen.account = replace(ACCOUNT, ways=ACCOUNT.ways[:1])
    assert f'action="{WRONG}/stop"' not in (await get(app, "/account/ways", **cookie("account"))).text
    answer = await post(app, f"{WRONG}/stop", token=token("account"), way="key-of-birch")
    assert (citizen.done[-1], answer.headers["location"]) == (("stop_way", "key-of-birch"), "/account/ways?done=off")
    assert "The way is off." in (await get(app, "/account/ways?done=off", **cookie("account"))).text
    citizen.own_refusal = OwnRefusal.NOTHING
    refused = await post(app, f"{WRONG}/stop", token=token("account"), way="key-of-alder")
    assert refused.headers["location"] == "/account/ways?problem=not_now"


DATA = "/account/data"


async def test_all_that_is_held_is_shown_and_can_be_taken_along(app: ASGIApp) -> None:
    html = (await get(app, DATA, **cookie("account"))).text
    for shown in (
        "Ada &lt;i&gt;Hughes&lt;/i&gt;",
        "10 December 1985",
        "For your passkeys, from",
        "which can still read it",
    ):
        assert shown in html
    file = await get(app, f"{DATA}.json", **cookie("account"))
    held = file.json()
    assert file.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert file.headers["cache-control"] == "no-store"
    assert set(held["dictionary"]) == set(held) - {"dictionary"}
    assert held["signed_in"]["name"] == "Ada <i>Hughes</i>"
    fishing = held["services"][0]
    assert (fishing["service"], fishing["knows_you_as"], len(fishing["details"])) == ("fishing", "sub-at-fishing", 3)
    assert held["kept"][0]["passkeys"][0]["name"] == "My <phone>"
    assert held["readable"][0]["details"]["birthdate"] == "1985-12-10"
    assert len(held["activity"]) > 25
    text = file.text
    for secret in ("key-of-kept", '"digest"', '"sid"', "account-1"):
        assert secret not in text, secret


async def test_without_a_fresh_sign_in_no_data_is_shown_and_nothing_deleted(app: ASGIApp) -> None:
    html = (await get(app, DATA, **cookie("stale"))).text
    assert "Before we show it" in html
    assert "Hughes" not in html
    for path in (f"{DATA}.json", f"{DATA}/delete"):
        assert (await get(app, path, **cookie("stale"))).headers["location"] == DATA
        assert "next=/data" in (await get(app, path)).headers["location"]


async def test_an_account_is_deleted_after_a_clear_yes(app: ASGIApp, citizen: GivenCitizen) -> None:
    html = (await get(app, f"{DATA}/delete", **cookie("account"))).text
    assert "What stays" in html
    assert "checked" not in html
    unsure = await post(app, f"{DATA}/delete", token=token("account"))
    assert (citizen.done, unsure.headers["location"]) == ([], f"{DATA}/delete?problem=last")
    html = (await get(app, f"{DATA}/delete?problem=last", **cookie("account"))).text
    assert html.count("Tick the box if you really want this") == 2
    answer = await post(app, f"{DATA}/delete", token=token("account"), last="yes")
    assert (citizen.done[-1], answer.headers["location"]) == (("leave",), "/account?done=deleted")
    assert any("portico-departed" in one for one in set_cookies(answer))
    citizen.own_refusal = OwnRefusal.NOT_FRESH
    assert (await post(app, f"{DATA}/delete", token=token("account"), last="yes")).headers["location"].startswith(DATA)
    assert "Your account here is deleted" in (await get(app, "/account?done=deleted")).text

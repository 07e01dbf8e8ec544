"""The picker: its order, the way used last, what the citizen has, why they are asked again, and a step in any case."""

import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp

from broker.actions.browser import Browser
from broker.actions.views import FailureView, PickerView
from broker.journey.next_steps import next_steps
from broker.journey.provider_offer import Candidate, Offer, OfferPolicy, ProviderOption, UnavailableProvider, offer
from broker.journey.transaction import AskedAgain, FailedAttempt, TransactionState
from broker.model.failures import FAILURES, FailureClass
from broker.model.kill_switches import KillSwitches
from broker.model.provider_policy import DisplayOrder, ProviderPolicy
from broker.model.service import Service
from broker.provider import Prerequisite, ProviderHealth
from broker.web.citizens.next_steps import steps
from broker.web.citizens.page_context import PageContext
from broker.web.citizens.view_pages import render_view
from broker.web.shared.pages import PageRenderer
from tests.support.services import change_service
from tests.unit.web.citizen_pages import ISSUER, GivenCitizen, marks, path
from tests.unit.web.citizen_requests import COOKIE, JOURNEY, get, post, set_cookies
from tests.unit.web.example_views import VIEWS
from tests.unit.web.examples import BANK, CITY, HANDLE, NOW, OFFER, POST, RICH_OFFER, SERVICE, transaction

CHOOSING = transaction(TransactionState.CHOOSING)
CARDS = (BANK, POST, CITY, replace(BANK, id="dogwood"))
CANDIDATES = [Candidate(card, ProviderPolicy(), ProviderHealth(working=True)) for card in CARDS]
NOTHING_OFF = KillSwitches(1)


def radios(html: str) -> list[str]:
    """The values of the radio buttons, in the order of the page."""
    return re.findall(r'type="radio" value="([\w-]+)"', html)


def shown(pages: PageRenderer, view: PickerView, cookies: dict[str, str] | None = None) -> str:
    """The picker as HTML."""
    frame = PageContext(JOURNEY, HANDLE, Browser(("s",)), pages.languages["en"], NOW, marks(), ISSUER)
    page = render_view(view, frame, cookies or {})
    return pages.page(page.template, "en", page.variables)


# --- order ---


def test_over_many_browsers_every_provider_stands_in_every_place_about_as_often(written: PageRenderer) -> None:
    """A chi-squared test over the pages at a significance of 0.1 %, for each place of the list."""
    browsers, policy = 400, OfferPolicy(DisplayOrder.SHUFFLED, None)
    seen: Counter[tuple[int, str]] = Counter()
    for seed in range(browsers):
        asked = replace(CHOOSING, order_seed=seed * 7_919)
        found = offer(asked, CANDIDATES, SERVICE, NOTHING_OFF, NOW, policy)
        seen.update(enumerate(radios(shown(written, PickerView(asked, SERVICE, found)))))
    expected = browsers / len(CARDS)
    for place in range(len(CARDS)):
        squares = [(seen[place, card.id] - expected) ** 2 / expected for card in CARDS]
        assert sum(squares) < 16.27, (place, seen)  # 3 degrees of freedom


def test_the_way_used_last_comes_first_and_the_others_keep_their_order(written: PageRenderer) -> None:
    policy = OfferPolicy(DisplayOrder.SHUFFLED, None)
    for seed in range(20):
        asked = replace(CHOOSING, order_seed=seed)
        view = PickerView(asked, SERVICE, offer(asked, CANDIDATES, SERVICE, NOTHING_OFF, NOW, policy))
        plain, used = (radios(shown(written, view, cookies)) for cookies in ({}, {"__Host-portico-used": "cedar"}))
        assert used == ["cedar", *(one for one in plain if one != "cedar")]


@pytest.mark.parametrize(
    ("found", "used", "expected"),
    [
        (RICH_OFFER, "birch", ["You used this last time", "Apply for a fishing licence", "All other ways", "or"]),
        (RICH_OFFER, "alder", ["You used this last time", "All other ways", "or"]),
        (RICH_OFFER, "gone", ["Apply for a fishing licence", "All other ways", "or"]),
        (OFFER, "alder", ["You used this last time", "All other ways", "or"]),
        (OFFER, "cedar", ["or"]),  # it failed in this request
        (OFFER, "<script>", ["or"]),
    ],
)
def test_each_block_of_the_picker_has_a_heading(
    written: PageRenderer, found: Offer, used: str, expected: list[str]
) -> None:
    html = shown(written, PickerView(CHOOSING, SERVICE, found), {"__Host-portico-used": used})
    headings = re.findall(r'govuk-radios__divider">([^<]*)', html)
    assert [heading for heading, start in zip(headings, expected, strict=True) if start not in heading] == []


async def test_the_way_is_remembered_only_if_the_citizen_asks_and_until_they_do_not(
    app: ASGIApp, citizen: GivenCitizen
) -> None:
    known = {"cookie": f"{COOKIE['cookie']}; __Host-portico-used=birch"}

    async def chosen(headers: dict[str, str] | None = None, **fields: str) -> list[str]:
        return set_cookies(await post(app, f"{JOURNEY}/choose", headers, provider="alder", **fields))

    assert await chosen(asked="1") == []
    [cookie] = await chosen(asked="1", remember="1")
    assert cookie.startswith("__Host-portico-used=alder; Path=/; Max-Age=7776000; Secure; HttpOnly; SameSite=Lax")
    [cookie] = await chosen(known, asked="1", remember="1")
    assert cookie.startswith("__Host-portico-used=alder;")
    [cookie] = await chosen(known)  # a failure page does not ask
    assert cookie.startswith("__Host-portico-used=alder;")
    [cookie] = await chosen(known, asked="1")
    assert cookie.startswith("__Host-portico-used=; Path=/; Max-Age=0;")
    assert [what[0] for what in citizen.done] == ["choose"] * 5


async def test_the_way_used_last_can_be_forgotten(app: ASGIApp) -> None:
    known = {"cookie": f"{COOKIE['cookie']}; __Host-portico-used=alder"}
    html = (await get(app, path("choose"), **known)).text
    assert f'formaction="{path("choose")}/forget"' in html
    assert 'id="remember" name="remember" value="1" checked' in html
    assert "/forget" not in (await get(app, path("choose"))).text
    answer = await post(app, f"{JOURNEY}/forget", known)
    assert answer.headers["location"] == JOURNEY
    assert set_cookies(answer)[0].startswith("__Host-portico-used=; Path=/; Max-Age=0;")
    assert (await post(app, f"{JOURNEY}/forget", known, token="forged")).headers["location"].endswith("?problem=again")


async def test_the_line_is_left_by_a_button_that_needs_no_script(app: ASGIApp, citizen: GivenCitizen) -> None:
    html = (await get(app, path("queued"))).text
    assert re.search(
        rf'<form method="post" action="{path("queued")}/leave-line">\s*<input type="hidden" name="token"', html
    )
    answer = await post(app, f"{JOURNEY}/leave-line")
    assert (answer.status_code, answer.headers["location"]) == (303, JOURNEY)
    assert (await post(app, f"{JOURNEY}/leave-line", token="forged")).headers["location"].endswith("?problem=again")
    assert [what[0] for what in citizen.done] == ["leave_queue"]


# --- what is said before the choice ---


@pytest.mark.parametrize("moving", [None, NOW + 86_400])
def test_a_provider_that_left_leads_to_what_its_citizens_can_do(written: PageRenderer, moving: float | None) -> None:
    left = UnavailableProvider(POST, left=NOW - 86_400, moving=moving)
    html = shown(written, PickerView(CHOOSING, SERVICE, replace(OFFER, not_working=(left,))))
    assert '<a class="govuk-link" href="/account/ways">If you used a way that is gone</a>' in html
    assert ("You can still move to another way until" in html) is (moving is not None)
    other = UnavailableProvider(POST, since=NOW - 60)
    assert "is gone</a>" not in shown(written, PickerView(CHOOSING, SERVICE, replace(OFFER, not_working=(other,))))


def test_the_rule_of_the_order_tells_of_a_provider_that_does_not_work(written: PageRenderer) -> None:
    told = "what can take more people comes first more often"
    assert told in shown(written, PickerView(CHOOSING, SERVICE, replace(OFFER, fallback=True)))
    assert told not in shown(written, PickerView(CHOOSING, SERVICE, OFFER))


def test_a_citizen_who_is_sent_to_the_others_reads_that_the_next_try_gives_a_place_in_line(
    written: PageRenderer,
) -> None:
    failed = FailedAttempt(FailureClass.PROVIDER_BUSY, NOW, "alder")

    def page(*, lines_up: bool) -> str:
        options = tuple(replace(option, lines_up=lines_up) for option in OFFER.options)
        found = replace(OFFER, options=options)
        view = FailureView(CHOOSING, SERVICE, failed, BANK, found, next_steps(CHOOSING, found, failed))
        frame = PageContext(JOURNEY, HANDLE, Browser(("s",)), written.languages["en"], NOW, marks(), ISSUER)
        made = render_view(view, frame, {})
        return written.page(made.template, "en", made.variables)

    assert "you get a place in line" in page(lines_up=True)
    assert "you get a place in line" not in page(lines_up=False)


@pytest.mark.parametrize("again", AskedAgain)
def test_a_citizen_who_is_signed_in_reads_why_they_are_asked_again(written: PageRenderer, again: AskedAgain) -> None:
    html = shown(written, PickerView(replace(CHOOSING, again=again), SERVICE, OFFER))
    assert len(re.findall(r'class="govuk-inset-text">[^<]*signed in', html)) == 1


async def test_before_the_first_click_the_picker_says_that_one_provider_alone_will_do(app: ASGIApp) -> None:
    html = (await get(app, path("choose_only"))).text
    assert "Only <bdi>Alder Bank</bdi> gives the proof that <bdi>Apply for a fishing licence</bdi> needs." in html
    assert "this page says what else you can do" in html
    assert "Apply by post" in html
    assert "help@fishing.example" in html
    assert "Only <bdi>" not in (await get(app, path("choose"))).text


async def test_a_picker_on_which_nothing_works_says_what_else_can_be_done(app: ASGIApp) -> None:
    html = (await get(app, path("choose_nothing"))).text
    assert "Nothing works right now" in html
    assert "Apply by post" in html


def test_without_any_other_way_the_picker_says_whom_to_ask(written: PageRenderer) -> None:
    bare = Offer(DisplayOrder.SHUFFLED, options=OFFER.options[:1], reachable=True, only=BANK)
    html = shown(written, PickerView(CHOOSING, SERVICE, bare))
    assert "what else you can do" in html
    assert "this page says" not in html


# --- what the citizen has ---


async def test_a_person_comes_first_for_a_citizen_who_has_nothing(app: ASGIApp) -> None:
    html = (await get(app, f"{path('choose')}/have?none=1")).text
    assert radios(html)[0] == "help"
    assert "Without any of these, a person can help you" in html
    assert radios((await get(app, f"{path('choose')}/have?bank_account=1")).text)[-1] == "help"


async def test_each_thing_that_can_be_ticked_leads_to_a_provider_on_offer(app: ASGIApp) -> None:
    for view in ("choose", "choose_again"):
        things = re.findall(r'type="checkbox" id="(\w+)"', (await get(app, f"{path(view)}/have")).text)
        found = VIEWS[view]
        assert isinstance(found, PickerView)
        assert things == [
            *(one for one in Prerequisite if any(one in option.card.prerequisites for option in found.offer.options)),
            "none",
        ]


@pytest.mark.parametrize(
    ("held", "fits"),
    [
        ({Prerequisite.PASSPORT}, ["birch"]),
        ({Prerequisite.SMARTPHONE}, ["birch"]),
        ({Prerequisite.BANK_ACCOUNT, Prerequisite.PASSPORT}, ["alder", "birch"]),
    ],
)
def test_all_prerequisites_are_needed_or_one_of_them(held: set[Prerequisite], fits: list[str]) -> None:
    assert [card.id for card in (BANK, POST) if card.fits(frozenset(held))] == fits


# --- about a provider ---


async def test_the_page_about_a_provider_says_who_runs_it_until_when_and_where_to_read_more(app: ASGIApp) -> None:
    html = (await get(app, f"{path('choose_again')}/about/birch")).text
    for said in ("The post office", "https://birch.example/about", "Can be used until 13 February 2027."):
        assert said in html
    html = (await get(app, f"{path('choose')}/about/alder")).text
    assert "about 7 minutes" in html  # the measured time, which is longer than the configured five
    assert "https://alder.example/help" in html
    assert "Arabic, French" in (await get(app, f"{path('choose')}/about/cedar")).text
    assert "They are moving house." in (await get(app, f"{path('choose')}/about/paused")).text


# --- a step in any case ---


offers = st.builds(
    Offer,
    order=st.just(DisplayOrder.SHUFFLED),
    options=st.sets(st.integers(0, 2)).map(lambda some: tuple(ProviderOption((BANK, POST, CITY)[at]) for at in some)),
    reachable=st.booleans(),
    help=st.booleans(),
    later=st.booleans(),
    other_ways=st.booleans(),
    contact=st.booleans(),
    contacts=st.sampled_from(({}, {"alder": "call them"})),
)


@given(st.sampled_from([one for one in FailureClass if FAILURES[one].page]), offers, st.sampled_from(("alder", None)))
def test_after_every_failure_the_page_has_a_step_whatever_is_on_offer(
    written: PageRenderer, failure: FailureClass, found: Offer, provider: str | None
) -> None:
    failed = FailedAttempt(failure, NOW, provider)
    asked = replace(transaction(TransactionState.FAILED, failed), case=None)
    asked = replace(asked, request=replace(asked.request, requested_claims=()))
    service: Service = change_service(
        SERVICE,
        contact="call us" if found.contact else None,
        other_ways=SERVICE.presentation.other_ways if found.other_ways else (),
    )
    card = BANK if provider else None
    view = FailureView(asked, service, failed, card, found, next_steps(asked, found, failed))
    made = steps(view, JOURNEY, written.languages["en"], NOW)
    assert made
    assert all(step.to or step.lines or step.ways for step in made)


# --- the public register ---


async def test_the_register_lists_every_provider_with_its_limits_and_the_rule_of_the_order(app: ASGIApp) -> None:
    html = (await get(app, "/providers")).text
    assert re.findall(r"__key\"><bdi>([^<]*)</bdi>", html) == [
        "Alder Bank",
        "Birch &amp; Post &lt;i&gt;",
        "مدينة الأرز",
    ]
    for said in (
        "The order of this list is by chance, so that nobody gains by it.",
        "Each way comes first equally often.",
        "Only if you already have an account there.",
        "Can be used until 13 February 2027.",
        "They are moving house.",
        "Run by The post office.",
        "English, Welsh",
    ):
        assert said in html
    assert 'href="/providers"' in (await get(app, path("choose"))).text

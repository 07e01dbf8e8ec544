"""What a citizen may read before choosing: about one way, which ways fit, which details are asked for and why."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.sign_in import dispatch
from broker.actions.views import CaseStatusView, FailureView, PickerView, RedirectAway, View
from broker.journey.provider_offer import DisplayOrder, Offer
from broker.provider import Prerequisite
from broker.web.citizens.claim_labels import label
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import PageContext, level_text
from broker.web.citizens.provider_choices import Choice, cards, choices
from broker.web.citizens.request import CitizenApp, CitizenRequest, language_of, question_of, redirect_to
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.shared.responses import PageResponse

THINGS: Mapping[Prerequisite, str] = MappingProxyType(
    {
        Prerequisite.PASSPORT: marked("A passport"),
        Prerequisite.DRIVING_LICENCE: marked("A driving licence"),
        Prerequisite.BANK_ACCOUNT: marked("A bank account that I use online"),
        Prerequisite.SMARTPHONE: marked("A smartphone"),
    }
)

LISTED = "listed"
"""The field that says that the form already stood below a list of ways."""

SHEETS = (
    PageTemplate("about-way", "citizens/about_way.html"),
    PageTemplate("have", "citizens/have.html", {"things": THINGS}),
    PageTemplate("data", "citizens/data.html"),
)


def reading_routes(door: CitizenApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/journey/{handle}/about/{provider}", page(door, about), methods=["GET"]),
        Route("/journey/{handle}/have", page(door, have), methods=["GET"]),
        Route("/journey/{handle}/have", page(door, tick), methods=["POST"]),
        Route("/journey/{handle}/data", page(door, data), methods=["GET"]),
    ]


async def about(here: CitizenRequest) -> Response:
    """About one provider: what is needed there, how long it takes, what it learns."""
    view, shared = await dispatch.current_view(here.app.context, here.app.cases, here.handle, here.browser)
    card = cards(offer_of(view)).get(here.request.path_params["provider"])
    if card is None or not isinstance(view, PickerView | RedirectAway | CaseStatusView | FailureView):
        return redirect_to(here.base)
    frame = here.frame(language_of(view), question=question_of(view))
    words = frame.language
    holes = frame.holes(
        view.service,
        name=card.name(words.code),
        needs=in_language(card.needs, words.code),
        minutes=words.minutes(card.minutes),
        strength=level_text(words, card.max_level),
        provider=card.id,
        available=offer_of(view).has(card.id),
    )
    return here.answer(PageResponse("about-way", holes), frame, shared)


async def have(here: CitizenRequest) -> Response:
    """Sorts the ways by what the citizen has at hand. Nothing of it is kept, and it keeps nobody from any way."""
    view, shared = await dispatch.current_view(here.app.context, here.app.cases, here.handle, here.browser)
    offer = offer_of(view)
    if not offer.options or not isinstance(view, PickerView | CaseStatusView | FailureView):
        return redirect_to(here.base)
    frame = here.frame(language_of(view), question=question_of(view))
    words, service = frame.language, view.service.name(frame.language.code)
    asked = here.typed or here.request.query_params
    held = {thing for thing in Prerequisite if thing.value in asked}
    listed: list[Choice] = []
    if LISTED in here.typed or (not here.typed and (held or "none" in asked)):
        listed = sorted_by(held, offer, choices(offer, words, service, frame.now, person=True), frame)
    holes = frame.holes(
        view.service, held={thing.value: thing in held for thing in Prerequisite}, ways=listed, keeps=True
    )
    return here.answer(PageResponse("have", holes), frame, shared)


async def tick(here: CitizenRequest) -> Response:
    """What was ticked becomes an address, which holds closed words alone; or the page in another language."""
    form = await here.form()
    if form is None:
        return redirect_to(f"{here.base}/have", "again")
    if (other := here.switched(form)) is not None:
        return await have(other)
    ticked = [name for name in (*Prerequisite, "none") if name in form]
    return redirect_to(f"{here.base}/have" + ("?" + "&".join(f"{name}=1" for name in ticked) if ticked else ""))


def sorted_by(held: set[Prerequisite], offer: Offer, listed: Sequence[Choice], frame: PageContext) -> list[Choice]:
    """The ways in blocks: those that are likely to work with what is held, the others, and a person last."""
    words, known = frame.language, cards(offer)
    likely = [way for way in listed if way.value in known and held.issuperset(known[way.value].prerequisites)]
    others = [way for way in listed if way.value in known and way not in likely]
    person = [way for way in listed if way.value not in known]
    return [
        *_block(likely, words.text("Likely to work for you")),
        *_block(others, words.text("Less likely: you may need something else")),
        *_block(person, words.text("or")),
    ]


def _block(listed: Sequence[Choice], heading: str) -> list[Choice]:
    return [
        Choice(way.value, way.name, "" if number else heading, way.needs, way.facts, way.notes)
        for number, way in enumerate(listed)
    ]


async def data(here: CitizenRequest) -> Response:
    """Which details the service asks for in this request, and why."""
    view, shared = await dispatch.current_view(here.app.context, here.app.cases, here.handle, here.browser)
    if not isinstance(view, PickerView | CaseStatusView | FailureView):
        return redirect_to(here.base)
    frame = here.frame(language_of(view), question=question_of(view))
    words, asked = frame.language, view.transaction.request.requested_claims
    reasons = {use.claim: in_language(use.reason, words.code) for use in view.service.claim_purposes}
    listed = [(label(claim, words), reasons.get(claim, "")) for claim in asked]
    return here.answer(PageResponse("data", frame.holes(view.service, asked=listed)), frame, shared)


def offer_of(view: View) -> Offer:
    """What a view says may be chosen now; an empty offer where it says nothing."""
    match view:
        case PickerView() | CaseStatusView() | FailureView():
            return view.offer
        case RedirectAway() if view.offer is not None:
            return view.offer
        case _:
            return Offer(DisplayOrder.SHUFFLED)

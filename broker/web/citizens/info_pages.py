"""Information pages of a transaction: one provider, providers by what the citizen has, requested claims and reasons."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.sign_in import dispatch
from broker.actions.views import CaseStatusView, FailureView, PickerView, RedirectAway, View
from broker.journey.provider_offer import Offer
from broker.model.provider_policy import DisplayOrder
from broker.provider import Prerequisite
from broker.web.citizens.claim_labels import label
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import PageContext, level_text
from broker.web.citizens.provider_choices import (
    Choice,
    cards,
    choices,
    duration,
    language_names,
    restrictions,
    trouble,
)
from broker.web.citizens.request import CitizenApp, CitizenRequest, language_of, question_of, redirect_to
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.shared.responses import PageResponse

PREREQUISITE_TEXTS: Mapping[Prerequisite, str] = MappingProxyType(
    {
        Prerequisite.PASSPORT: marked("A passport"),
        Prerequisite.DRIVING_LICENCE: marked("A driving licence"),
        Prerequisite.BANK_ACCOUNT: marked("A bank account that I use online"),
        Prerequisite.SMARTPHONE: marked("A smartphone"),
        Prerequisite.IDENTITY_CARD: marked("An identity card with a chip"),
        Prerequisite.CARD_READER: marked("A card reader"),
        Prerequisite.MOBILE_ID: marked("A SIM card with mobile ID"),
        Prerequisite.IDENTITY_APP: marked("An app that proves who I am"),
        Prerequisite.RESIDENCE_PERMIT: marked("A residence permit"),
        Prerequisite.EMAIL_ACCOUNT: marked("An email address"),
    }
)

LISTED = "listed"
"""The field that a form has if it was shown below a list of providers."""

SHEETS = (
    PageTemplate("about-way", "citizens/about_way.html"),
    PageTemplate("prerequisites", "citizens/prerequisites.html", {"prerequisites": PREREQUISITE_TEXTS}),
    PageTemplate("requested-claims", "citizens/requested_claims.html"),
)


def info_routes(app: CitizenApp) -> list[Route]:
    """The routes of the information pages."""
    return [
        Route("/journey/{handle}/about/{provider}", page(app, about), methods=["GET"]),
        Route("/journey/{handle}/have", page(app, show_prerequisites), methods=["GET"]),
        Route("/journey/{handle}/have", page(app, choose_prerequisites), methods=["POST"]),
        Route("/journey/{handle}/data", page(app, requested_claims), methods=["GET"]),
    ]


async def about(req: CitizenRequest) -> Response:
    """The page of one provider: what it needs, how long it takes, its level of assurance."""
    view, shared = await dispatch.current_view(req.app.context, req.app.cases, req.handle, req.browser)
    offer = offer_of(view)
    card = cards(offer).get(req.request.path_params["provider"])
    if card is None or not isinstance(view, PickerView | RedirectAway | CaseStatusView | FailureView):
        return redirect_to(req.base)
    frame = req.frame(language_of(view), question=question_of(view))
    words, option = frame.language, offer.option(card.id)
    down = next((one for one in offer.not_working if one.card.id == card.id), None)
    variables = frame.template_variables(
        view.service,
        name=card.name(words.code),
        needs=in_language(card.needs, words.code),
        minutes=words.about_minutes(card.minutes) if option is None else duration(option, words),
        strength=level_text(words, card.max_level),
        operator=in_language(card.operator, words.code),
        languages="" if option is None else language_names(option.page_languages, words),
        notes=[] if option is None else list(restrictions(option, words)),
        trouble=words.text("It is not working right now.") if down is None else trouble(down, words, frame.now),
        page=card.page,
        contact=offer.contacts.get(card.id),
        provider=card.id,
        available=option is not None,
    )
    return req.answer(PageResponse("about-way", variables), frame, shared)


async def show_prerequisites(req: CitizenRequest) -> Response:
    """Sorts the providers by what the citizen has at hand. The answers are not stored and exclude no provider.

    Only things with which a provider on offer can be used are asked for, so that each leads somewhere.
    """
    view, shared = await dispatch.current_view(req.app.context, req.app.cases, req.handle, req.browser)
    offer = offer_of(view)
    if not offer.options or not isinstance(view, PickerView | CaseStatusView | FailureView):
        return redirect_to(req.base)
    frame = req.frame(language_of(view), question=question_of(view))
    words, service = frame.language, view.service.name(frame.language.code)
    asked = req.typed or req.request.query_params
    selected = frozenset(one for one in Prerequisite if one.value in asked)
    useful = {one for option in offer.options for one in option.card.prerequisites}
    listed: list[Choice] = []
    if LISTED in req.typed or (not req.typed and (selected or "none" in asked)):
        listed = sorted_by(selected, offer, choices(offer, words, service, frame.now, person=True), frame)
    variables = frame.template_variables(
        view.service,
        selected={one.value: one in selected for one in Prerequisite},
        useful={one.value: one in useful for one in Prerequisite},
        ways=listed,
        keeps=True,
    )
    return req.answer(PageResponse("prerequisites", variables), frame, shared)


async def choose_prerequisites(req: CitizenRequest) -> Response:
    """Redirects to the list with the ticked names in the query (from a closed set), or switches the language."""
    form = await req.form()
    if form is None:
        return redirect_to(f"{req.base}/have", "again")
    if (other := req.switched(form)) is not None:
        return await show_prerequisites(other)
    ticked = [name for name in (*Prerequisite, "none") if name in form]
    return redirect_to(f"{req.base}/have" + ("?" + "&".join(f"{name}=1" for name in ticked) if ticked else ""))


def sorted_by(
    selected: frozenset[Prerequisite], offer: Offer, listed: Sequence[Choice], frame: PageContext
) -> list[Choice]:
    """The choices in blocks: providers likely to work with what the citizen has, the others, a person last.

    For a citizen who has none of the things a person comes first.
    """
    words, known = frame.language, cards(offer)
    likely = [way for way in listed if way.value in known and known[way.value].fits(selected)]
    others = [way for way in listed if way.value in known and way not in likely]
    person = [way for way in listed if way.value not in known]
    if not selected:
        first = _block(person, words.text("Without any of these, a person can help you"))
        return [*first, *_block(likely, words.text("Likely to work for you")), *_block(others, words.text("or"))]
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


async def requested_claims(req: CitizenRequest) -> Response:
    """The page of the claims that the service requests, with its reasons."""
    view, shared = await dispatch.current_view(req.app.context, req.app.cases, req.handle, req.browser)
    if not isinstance(view, PickerView | CaseStatusView | FailureView):
        return redirect_to(req.base)
    frame = req.frame(language_of(view), question=question_of(view))
    words, asked = frame.language, view.transaction.request.requested_claims
    reasons = {use.claim: in_language(use.reason, words.code) for use in view.service.claim_purposes}
    listed = [(label(claim, words), reasons.get(claim, "")) for claim in asked]
    return req.answer(
        PageResponse("requested-claims", frame.template_variables(view.service, requested=listed)), frame, shared
    )


def offer_of(view: View) -> Offer:
    """The offer of providers in a view; an empty offer if the view has none."""
    match view:
        case PickerView() | CaseStatusView() | FailureView():
            return view.offer
        case RedirectAway() if view.offer is not None:
            return view.offer
        case _:
            return Offer(DisplayOrder.SHUFFLED)

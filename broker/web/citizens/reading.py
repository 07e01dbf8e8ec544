"""What a citizen may read before choosing: about one way, which ways fit, which details are asked for and why."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.views import Choose, Leave, View, Waiting, WentWrong
from broker.journey.offer import Offer, OrderRule
from broker.provider import Thing
from broker.web.citizens.claims import label
from broker.web.citizens.frame import Frame, strength
from broker.web.citizens.journey import page
from broker.web.citizens.tellings import marked
from broker.web.citizens.visit import Door, Visit, language_of, onward, question_of
from broker.web.citizens.ways import Way, cards, ways
from broker.web.pages import Sheet, in_language
from broker.web.shown import Shown

THINGS: Mapping[Thing, str] = MappingProxyType(
    {
        Thing.PASSPORT: marked("A passport"),
        Thing.DRIVING_LICENCE: marked("A driving licence"),
        Thing.BANK_ACCOUNT: marked("A bank account that I use online"),
        Thing.SMARTPHONE: marked("A smartphone"),
    }
)

LISTED = "listed"
"""The field that says that the form already stood below a list of ways."""

SHEETS = (
    Sheet("about-way", "citizens/about_way.html"),
    Sheet("have", "citizens/have.html", {"things": THINGS}),
    Sheet("data", "citizens/data.html"),
)


def reading_routes(door: Door) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/journey/{handle}/about/{provider}", page(door, about), methods=["GET"]),
        Route("/journey/{handle}/have", page(door, have), methods=["GET"]),
        Route("/journey/{handle}/have", page(door, tick), methods=["POST"]),
        Route("/journey/{handle}/data", page(door, data), methods=["GET"]),
    ]


async def about(here: Visit) -> Response:
    """About one provider: what is needed there, how long it takes, what it learns."""
    view, shared = await here.door.citizen.look(here.handle, here.browser)
    card = cards(offer_of(view)).get(here.request.path_params["provider"])
    if card is None or not isinstance(view, Choose | Leave | Waiting | WentWrong):
        return onward(here.base)
    frame = here.frame(language_of(view), question=question_of(view))
    words = frame.language
    holes = frame.holes(
        view.service,
        name=card.name(words.code),
        needs=in_language(card.needs, words.code),
        minutes=words.minutes(card.minutes),
        strength=strength(words, card.max_level),
        provider=card.id,
        available=offer_of(view).has(card.id),
    )
    return here.answer(Shown("about-way", holes), frame, shared)


async def have(here: Visit) -> Response:
    """Sorts the ways by what the citizen has at hand. Nothing of it is kept, and it keeps nobody from any way."""
    view, shared = await here.door.citizen.look(here.handle, here.browser)
    offer = offer_of(view)
    if not offer.options or not isinstance(view, Choose | Waiting | WentWrong):
        return onward(here.base)
    frame = here.frame(language_of(view), question=question_of(view))
    words, service = frame.language, view.service.name(frame.language.code)
    asked = here.typed or here.request.query_params
    held = {thing for thing in Thing if thing.value in asked}
    listed: list[Way] = []
    if LISTED in here.typed or (not here.typed and (held or "none" in asked)):
        listed = sorted_by(held, offer, ways(offer, words, service, frame.now, person=True), frame)
    holes = frame.holes(view.service, held={thing.value: thing in held for thing in Thing}, ways=listed, keeps=True)
    return here.answer(Shown("have", holes), frame, shared)


async def tick(here: Visit) -> Response:
    """What was ticked becomes an address, which holds closed words alone; or the page in another language."""
    form = await here.form()
    if form is None:
        return onward(f"{here.base}/have", "again")
    if (other := here.switched(form)) is not None:
        return await have(other)
    ticked = [name for name in (*Thing, "none") if name in form]
    return onward(f"{here.base}/have" + ("?" + "&".join(f"{name}=1" for name in ticked) if ticked else ""))


def sorted_by(held: set[Thing], offer: Offer, listed: Sequence[Way], frame: Frame) -> list[Way]:
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


def _block(listed: Sequence[Way], heading: str) -> list[Way]:
    return [
        Way(way.value, way.name, "" if number else heading, way.needs, way.facts, way.notes)
        for number, way in enumerate(listed)
    ]


async def data(here: Visit) -> Response:
    """Which details the service asks for in this request, and why."""
    view, shared = await here.door.citizen.look(here.handle, here.browser)
    if not isinstance(view, Choose | Waiting | WentWrong):
        return onward(here.base)
    frame = here.frame(language_of(view), question=question_of(view))
    words, asked = frame.language, view.transaction.request.asked
    reasons = {use.claim: in_language(use.reason, words.code) for use in view.service.claim_purposes}
    listed = [(label(claim, words), reasons.get(claim, "")) for claim in asked]
    return here.answer(Shown("data", frame.holes(view.service, asked=listed)), frame, shared)


def offer_of(view: View) -> Offer:
    """What a view says may be chosen now; an empty offer where it says nothing."""
    match view:
        case Choose() | Waiting() | WentWrong():
            return view.offer
        case Leave() if view.offer is not None:
            return view.offer
        case _:
            return Offer(OrderRule.SHUFFLED)

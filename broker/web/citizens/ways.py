"""The ways on offer, as the picker and the failure pages list them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from broker.journey.offer import NotWorking, Offer, Option, OrderRule
from broker.provider import Card
from broker.web.citizens.frame import strength
from broker.web.citizens.tellings import TELLINGS
from broker.web.language import Language, apart
from broker.web.pages import in_language

HELP = "help"
"""The value of the last radio: a person. No provider may have it as its id."""


@dataclass(frozen=True, slots=True)
class Way:
    """One radio. `heading` stands above it where a new block begins; `notes` say what is special about it now."""

    value: str
    name: str
    heading: str = ""
    needs: str = ""
    facts: str = ""
    notes: tuple[str, ...] = ()


def ways(
    offer: Offer, words: Language, service: str, now: float, person: bool, without: str | None = None
) -> list[Way]:
    """What may be chosen, in the order of the page: the suggested one, the others, and a person if `person`.

    `without` is a provider that the page speaks of already.
    """
    hinted = offer.hinted
    others = [option for option in offer.options if option != hinted and option.card.id != without]
    listed: list[Way] = []
    if hinted is not None:
        listed.append(way(hinted, words, now, words.text("{service} suggests this", service=apart(service))))
    listed += [way(option, words, now) for option in others]
    if hinted is not None and others:
        listed[1] = way(others[0], words, now, words.text("All other ways"))
    if person and offer.help:
        listed.append(
            Way(
                HELP,
                words.text("I cannot use any of these: get help from a person"),
                heading=words.text("or") if listed else "",
                needs=words.text("Somebody talks to you and looks at your documents."),
            )
        )
    return listed


def way(option: Option, words: Language, now: float, heading: str = "") -> Way:
    """One provider as a radio."""
    card = option.card
    facts = (words.text("Takes {duration}", duration=duration(option, words)), strength(words, card.max_level))
    return Way(
        card.id,
        card.name(words.code),
        heading,
        in_language(card.needs, words.code),
        " · ".join(facts),
        tuple(_notes(option, words, now)),
    )


def duration(option: Option, words: Language) -> str:
    """How long a way takes: what it took others lately where that is longer than its card says."""
    minutes = option.card.minutes
    if option.seconds is not None:
        minutes = max(minutes, -int(-option.seconds // 60))
    return words.minutes(minutes)


def _notes(option: Option, words: Language, now: float) -> Iterable[str]:
    if option.failed is not None:
        telling = TELLINGS[option.failed.failure]
        if telling.short:
            time = words.moment(option.failed.at, now)
            yield words.text("You tried this at {time}.", time=time) + " " + words.text(telling.short)
    if option.closed:
        yield words.text("Only if you already have an account there.")
    elif option.closes is not None:
        yield words.text("Takes nobody new from {date} on.", date=words.day(option.closes))
    if option.leaves is not None:
        yield words.text("Can be used until {date}.", date=words.day(option.leaves))
    if option.languages:
        names = ", ".join(_language_name(code, words) for code in option.languages)
        yield words.text("Its own pages are in: {languages}.", languages=names)


def _language_name(code: str, words: Language) -> str:
    return str(words.locale.languages.get(code, code))


def not_working(offer: Offer, words: Language, now: float) -> list[tuple[str, str]]:
    """What does not work right now: name, and since when or why."""
    return [(one.card.name(words.code), _trouble(one, words, now)) for one in offer.not_working]


def _trouble(one: NotWorking, words: Language, now: float) -> str:
    told = []
    if one.why:
        told.append(in_language(one.why, words.code))
        if one.until is not None:
            told.append(words.text("We expect it back at {time}.", time=words.moment(one.until, now)))
        return " ".join(told)
    if one.since is None:
        told.append(words.text("Not working right now."))
    else:
        told.append(words.text("Not working since {time}.", time=words.moment(one.since, now)))
    if one.checked is not None:
        told.append(words.text("We last checked at {time}.", time=words.moment(one.checked, now)))
    return " ".join(told)


def order_rule(offer: Offer, words: Language) -> str:
    """By which rule the picker is ordered, told to everybody."""
    match offer.order:
        case OrderRule.SHUFFLED:
            return words.text("The order of this list is by chance, so that nobody gains by it.")
        case OrderRule.ALPHABETICAL:
            return words.text("This list is in the order of the alphabet.")
        case OrderRule.CONFIGURED:
            return words.text("The order of this list is set by the people who run this website.")


def cards(offer: Offer) -> Mapping[str, Card]:
    """The cards of everything the citizen might read more about."""
    shown = [option.card for option in offer.options] + [one.card for one in offer.not_working]
    return {card.id: card for card in shown}

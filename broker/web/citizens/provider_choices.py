"""Provider choices: the radio buttons of the picker and of failure pages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from broker.journey.provider_offer import Offer, ProviderOption, UnavailableProvider
from broker.journey.transaction import AskedAgain
from broker.model.provider_policy import DisplayOrder
from broker.provider import ProviderInfo
from broker.web.citizens.failure_texts import FAILURE_TEXTS
from broker.web.citizens.page_context import level_text
from broker.web.shared.i18n import Language, isolate
from broker.web.shared.pages import in_language

HELP = "help"
"""The value of the radio button for help from a person. No provider may have it as its id."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One radio button. `heading` starts a new block above it; `notes` are its current restrictions and failures."""

    value: str
    name: str
    heading: str = ""
    needs: str = ""
    facts: str = ""
    notes: tuple[str, ...] = ()


def choices(
    offer: Offer, words: Language, service: str, now: float, without: str | None = None, *, person: bool
) -> list[Choice]:
    """The choices in page order: the suggested provider, the others, and a person if `person`.

    `without` is a provider to leave out, because the page already mentions it.
    """
    hinted = offer.hint
    others = [option for option in offer.options if option != hinted and option.card.id != without]
    listed: list[Choice] = []
    if hinted is not None:
        listed.append(choice(hinted, words, now, words.text("{service} suggests this", service=isolate(service))))
    listed += [choice(option, words, now) for option in others]
    if hinted is not None and others:
        listed[1] = choice(others[0], words, now, words.text("All other ways"))
    if person and offer.help:
        listed.append(
            Choice(
                HELP,
                words.text("I cannot use any of these: get help from a person"),
                heading=words.text("or") if listed else "",
                needs=words.text("Somebody talks to you and looks at your documents."),
            )
        )
    return listed


def used_first(listed: list[Choice], offer: Offer, used: str | None, words: Language) -> list[Choice]:
    """The choices with the provider that this browser remembers above all others, whose order stays as it is."""
    option = offer.option(used) if used else None
    known = next((one for one in listed if one.value == used), None)
    if option is None or option.failed is not None or known is None:
        return listed
    rest = [one for one in listed if one is not known]
    unnamed = 1 if offer.hint is not None and offer.hint is not option else 0
    if unnamed < len(rest) and not rest[unnamed].heading:
        rest[unnamed] = replace(rest[unnamed], heading=words.text("All other ways"))
    return [replace(known, heading=words.text("You used this last time")), *rest]


def choice(option: ProviderOption, words: Language, now: float, heading: str = "") -> Choice:
    """The radio button of one provider."""
    card = option.card
    facts = (words.text("Takes {duration}", duration=duration(option, words)), level_text(words, card.max_level))
    return Choice(
        card.id,
        card.name(words.code),
        heading,
        in_language(card.needs, words.code),
        " · ".join(facts),
        tuple(notes(option, words, now)),
    )


def duration(option: ProviderOption, words: Language) -> str:
    """How long a provider takes: the recently measured time if it is longer than its configured minutes."""
    minutes = option.card.minutes
    if option.seconds is not None:
        minutes = max(minutes, -int(-option.seconds // 60))
    return words.about_minutes(minutes)


def notes(option: ProviderOption, words: Language, now: float) -> Iterable[str]:
    """What restricts a provider now, and how it failed in this transaction."""
    if option.failed is not None:
        texts = FAILURE_TEXTS[option.failed.failure]
        if texts.short:
            time = words.format_time(option.failed.at, now)
            yield words.text("You tried this at {time}.", time=time) + " " + words.text(texts.short)
    yield from restrictions(option, words)
    if option.languages:
        yield words.text("Its own pages are in: {languages}.", languages=language_names(option.languages, words))


def restrictions(option: ProviderOption, words: Language) -> Iterable[str]:
    """Until when a provider takes new citizens, and until when it can be used."""
    if option.closed:
        yield words.text("Only if you already have an account there.")
    elif option.closes is not None:
        yield words.text("Takes nobody new from {date} on.", date=words.day(option.closes))
    if option.leaves is not None:
        yield words.text("Can be used until {date}.", date=words.day(option.leaves))


def language_names(codes: Iterable[str], words: Language) -> str:
    """The names of languages, in the language of the page."""
    return ", ".join(str(words.locale.languages.get(code, code)) for code in codes)


def not_working(offer: Offer, words: Language, now: float) -> list[tuple[str, str]]:
    """The providers that do not work now: name, and since when or why."""
    return [(one.card.name(words.code), trouble(one, words, now)) for one in offer.not_working]


def trouble(one: UnavailableProvider, words: Language, now: float) -> str:
    """Since when a provider does not work, or why it is paused and until when."""
    texts = []
    if one.why:
        texts.append(in_language(one.why, words.code))
        if one.until is not None:
            texts.append(words.text("We expect it back at {time}.", time=words.format_time(one.until, now)))
        return " ".join(texts)
    if one.left is not None:
        texts.append(words.text("Nobody can sign in with it here since {date}.", date=words.day(one.left)))
        if one.moving is not None:
            texts.append(words.text("You can still move to another way until {date}.", date=words.day(one.moving)))
        return " ".join(texts)
    if one.off:
        return words.text("Turned off on this website for now.")
    if one.since is None:
        texts.append(words.text("Not working right now."))
    else:
        texts.append(words.text("Not working since {time}.", time=words.format_time(one.since, now)))
    if one.checked is not None:
        texts.append(words.text("We last checked at {time}.", time=words.format_time(one.checked, now)))
    return " ".join(texts)


def order_rule(order: DisplayOrder, words: Language, *, fallback: bool = False) -> str:
    """The text that discloses how the picker is ordered. `fallback` is that of the offer."""
    match order:
        case DisplayOrder.SHUFFLED if fallback:
            return words.text(
                "The order of this list is by chance. Something else does not work right now, so what can take more "
                "people comes first more often."
            )
        case DisplayOrder.SHUFFLED:
            return words.text("The order of this list is by chance, so that nobody gains by it.")
        case DisplayOrder.ALPHABETICAL:
            return words.text("This list is in the order of the alphabet.")
        case DisplayOrder.CONFIGURED:
            return words.text("The order of this list is set by the people who run this website.")


def asked_again(again: AskedAgain | None, words: Language, service: str) -> str:
    """Why a citizen who is signed in has to sign in again; "" for one who is not."""
    name = isolate(service)
    match again:
        case None:
            return ""
        case AskedAgain.LEVEL:
            return words.text(
                "You are signed in, but {service} needs a stronger proof of who you are than you gave before.",
                service=name,
            )
        case AskedAgain.AGE:
            return words.text("You signed in some time ago, and {service} needs a more recent sign-in.", service=name)
        case AskedAgain.FRESH:
            return words.text("You are signed in, but {service} wants a new sign-in each time.", service=name)
        case AskedAgain.PERSON:
            return words.text("Somebody is signed in here, but {service} expects another account.", service=name)
        case AskedAgain.ENDED:
            return words.text(
                "You were signed in, but the organisation that confirmed who you are no longer does so. Please sign in "
                "again."
            )
        case AskedAgain.UNCONFIRMED:
            return words.text(
                "You are signed in, but we could not ask the organisation that confirmed who you are whether this is "
                "still right. Please sign in again."
            )
        case AskedAgain.CHANGE:
            return words.text("You are signed in, but before a change we make sure once more that it is you.")


def cards(offer: Offer) -> Mapping[str, ProviderInfo]:
    """The cards of all providers that have an information page, by id."""
    listed = [option.card for option in offer.options] + [one.card for one in offer.not_working]
    return {card.id: card for card in listed}

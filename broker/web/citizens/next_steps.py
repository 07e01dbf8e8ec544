"""Next steps after a failure, each as a button, a link, a list of providers, or text."""

from dataclasses import dataclass
from enum import StrEnum

from broker.actions.views import DeadEnd, FailureView
from broker.journey.provider_offer import ProviderOption
from broker.model.failures import FAILURES, FailureClass, NextStep
from broker.model.service import Service
from broker.normalize.email import sendable
from broker.web.citizens.provider_choices import Choice, choices, duration
from broker.web.shared.i18n import Language, isolate
from broker.web.shared.pages import in_language


class StepControl(StrEnum):
    """The control of a step. The failure template has a block for each."""

    POST = "post"
    LINK = "link"
    PICK = "pick"
    READ = "read"


@dataclass(frozen=True, slots=True)
class ContactLine:
    """A line of text with an optional link."""

    text: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class StepContext:
    """One step. `to` is the target of its form or link, `label` the label of the control, `lines` text to read.

    `provider` is a field of the form if it chooses one. `ways` are the radio buttons of PICK.
    """

    control: StepControl
    title: str
    text: str = ""
    to: str = ""
    label: str = ""
    provider: str = ""
    lines: tuple[ContactLine, ...] = ()
    ways: tuple[Choice, ...] = ()

    @classmethod
    def link(cls, title: str, to: str, label: str) -> "StepContext":
        """A step with a link; with an empty `to` it is text only."""
        return cls(StepControl.LINK, title, to=to, label=label)


def rate_limit_steps(service: Service | None, base: str | None, words: Language) -> list[StepContext]:
    """The steps on a rate limit page: the transaction's page at `base`, and other ways to reach the service."""
    back = None if base is None else StepContext.link(words.text("Use another way"), base, words.text("Go back"))
    around = (None, None) if service is None else (_contact(service, words), _other_ways(service, words))
    return [step for step in (back, *around) if step is not None]


def steps(view: FailureView, base: str, words: Language, now: float) -> list[StepContext]:
    """The steps of a failure page, in the order of the view. `base` is the path of the transaction's page."""
    made = (_step(step, view, base, words, now) for step in view.steps)
    return [step for step in made if step is not None]


def dead_end_steps(view: DeadEnd, words: Language) -> list[StepContext]:
    """The steps of a failure page without a transaction."""
    made = (_dead_end_step(step, view, words) for step in FAILURES[view.failure].next)
    return [step for step in made if step is not None]


def _dead_end_step(step: NextStep, view: DeadEnd, words: Language) -> StepContext | None:
    match step:
        case NextStep.USE_CODE:
            return _use_code(words)
        case NextStep.START_AGAIN | NextStep.HOME if view.back:
            return _start_again(view.service, view.back, words)
        case NextStep.CONTACT if view.service is not None:
            return _contact(view.service, words)
        case NextStep.OTHER_WAYS if view.service is not None:
            return _other_ways(view.service, words)
        case _:
            return None


def _step(step: NextStep, view: FailureView, base: str, words: Language, now: float) -> StepContext | None:
    match step:
        case NextStep.RETRY | NextStep.RESUME | NextStep.STEP_UP:
            option = view.offer.option(view.failed.provider or "")
            return None if option is None else _retry(step, option, view, base, words, now)
        case NextStep.ANOTHER:
            return _another(view, base, words, now)
        case NextStep.WHAT_YOU_HAVE:
            title = words.text("Tell us what you have")
            text = words.text("Say what you have at hand, and we show which ways fit. It takes a minute.")
            return StepContext(StepControl.LINK, title, text, f"{base}/have", words.text("See what fits"))
        case NextStep.HELP:
            text = words.text("Somebody talks to you and looks at your documents. Asking takes about 3 minutes.")
            return StepContext(
                StepControl.LINK, words.text("Get help from a person"), text, f"{base}/help", words.text("Ask for help")
            )
        case NextStep.NEW_LOOK:
            title = words.text("Read why, and ask for a new look")
            text = words.text("You can have other people look at it again, complain, or print the decision.")
            return StepContext(StepControl.LINK, title, text, f"{base}/redress", words.text("Read why"))
        case NextStep.STATUS | NextStep.CHANGE_HELP | NextStep.WITHDRAW:
            return _open_case(step, base, words)
        case NextStep.LATER:
            text = words.text("Get a code and go on when it suits you, also on another device. It takes a moment.")
            return StepContext(
                StepControl.LINK, words.text("Finish later"), text, f"{base}/later", words.text("Get a code")
            )
        case NextStep.WHAT_AND_WHY:
            text = words.text("Read which details it asks for, and the reason for each.")
            title = words.text("See what {service} asks for", service=isolate(view.service.name(words.code)))
            return StepContext(StepControl.LINK, title, text, f"{base}/data", words.text("See what and why"))
        case NextStep.CONTACT_PROVIDER:
            return _contact_provider(view, words)
        case NextStep.CONTACT:
            return _contact(view.service, words)
        case NextStep.OTHER_WAYS:
            return _other_ways(view.service, words)
        case NextStep.USE_CODE:
            return _use_code(words)
        case NextStep.OWN_SERVICES:
            return _own_services(words)
        case NextStep.START_AGAIN | NextStep.HOME:
            return _start_again(view.service, view.service.presentation.home, words)


def _retry(
    step: NextStep, option: ProviderOption, view: FailureView, base: str, words: Language, now: float
) -> StepContext:
    name = isolate(option.card.name(words.code))
    text = words.text("It takes {duration}.", duration=duration(option, words))
    match step:
        case NextStep.RESUME:
            title, label = words.text("Go on with {provider}", provider=name), words.text("Go on")
        case NextStep.STEP_UP:
            title = words.text("Make your account with {provider} stronger", provider=name)
            label = words.text("Go to {provider}", provider=name)
        case _:
            title = words.text("Try {provider} again", provider=name)
            label = words.text("Try again")
    if view.failed.failure is FailureClass.CANCELLED:
        title, label = words.text("Carry on with {provider}", provider=name), words.text("Carry on")
    if view.failed.failure in (FailureClass.PROVIDER_DOWN, FailureClass.PROVIDER_BUSY):
        text = words.text("It did not work at {time}.", time=words.format_time(view.failed.at, now)) + " " + text
    if view.failed.failure is FailureClass.PROVIDER_BUSY and option.lines_up:
        text += " " + words.text("If it is still very busy then, you get a place in line.")
    return StepContext(StepControl.POST, title, text, f"{base}/choose", label, option.card.id)


def _another(view: FailureView, base: str, words: Language, now: float) -> StepContext | None:
    service = view.service.name(words.code)
    others = choices(view.offer, words, service, now, person=False, without=view.failed.provider)
    if not others:
        return None
    title = words.text("Use another way")
    return StepContext(StepControl.PICK, title, "", f"{base}/choose", words.text("Continue"), ways=tuple(others))


def _contact_provider(view: FailureView, words: Language) -> StepContext | None:
    contact = view.offer.contacts.get(view.failed.provider or "")
    if contact is None or view.card is None:
        return None
    name = isolate(view.card.name(words.code))
    return StepContext(StepControl.READ, words.text("Ask {provider}", provider=name), lines=(_line(contact),))


def _contact(service: Service, words: Language) -> StepContext | None:
    if service.presentation.contact is None:
        return None
    name = isolate(service.name(words.code))
    title = words.text("Get in touch with {service}", service=name)
    return StepContext(StepControl.READ, title, lines=(_line(service.presentation.contact),))


def _other_ways(service: Service, words: Language) -> StepContext | None:
    if not service.presentation.other_ways:
        return None
    name = isolate(service.name(words.code))
    lines = tuple(
        ContactLine(in_language(other.text, words.code), other.url) for other in service.presentation.other_ways
    )
    return StepContext(StepControl.READ, words.text("Other ways to use {service}", service=name), lines=lines)


def _use_code(words: Language) -> StepContext:
    text = words.text("If you wrote down a code earlier, it brings you back to where you were.")
    return StepContext(
        StepControl.LINK, words.text("Continue with a code"), text, "/continue", words.text("Type in a code")
    )


def _open_case(step: NextStep, base: str, words: Language) -> StepContext:
    if step is NextStep.WITHDRAW:
        title = words.text("Take back your request for help")
        return StepContext(StepControl.POST, title, "", f"{base}/withdraw", words.text("Take it back"))
    title = words.text("See how your request for help stands")
    return StepContext(StepControl.POST, title, "", f"{base}/status", words.text("See how it stands"))


def _own_services(words: Language) -> StepContext:
    text = words.text("You can lift the block there. Afterwards go to the service again.")
    return StepContext(
        StepControl.LINK, words.text("See your services"), text, "/account/services", words.text("Go to your account")
    )


def _start_again(service: Service | None, back: str, words: Language) -> StepContext:
    if service is None:
        title = words.text("Start again from the service")
        label = words.text("Go to the service")
    else:
        name = isolate(service.name(words.code))
        title = words.text("Start again from {service}", service=name)
        label = words.text("Go to {service}", service=name)
    return StepContext(StepControl.LINK, title, "", back, label)


def _line(contact: str) -> ContactLine:
    if (address := sendable(contact)) is not None:
        return ContactLine(contact, f"mailto:{address}")
    return ContactLine(contact, contact if contact.startswith(("https://", "http://", "tel:", "mailto:")) else None)

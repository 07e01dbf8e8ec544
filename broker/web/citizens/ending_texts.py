"""Texts of the page of a transaction that has ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from broker.actions.views import Ending
from broker.web.citizens.failure_texts import marked


@dataclass(frozen=True, slots=True)
class EndingText:
    """The texts of one ending. Placeholder: {service}."""

    title: str
    story: str


ENDING_TEXTS: Mapping[Ending, EndingText] = MappingProxyType(
    {
        Ending.ANSWERED: EndingText(
            marked("You are done here"),
            marked("You proved who you are, and {service} was told. Go on there."),
        ),
        Ending.REFUSED: EndingText(
            marked("You went back to {service}"),
            marked(
                "You stopped here, and {service} was told nothing about you this time. To sign in, start again from "
                "there."
            ),
        ),
        Ending.EXPIRED: EndingText(
            marked("Your request has ended"),
            marked(
                "It was open for longer than we keep one. {service} was told nothing about you this time. Start again "
                "from there."
            ),
        ),
        Ending.CONFIRMED: EndingText(
            marked("You are done here"),
            marked("You confirmed it, and whoever asked you knows. You can close this page."),
        ),
        Ending.DECLINED: EndingText(
            marked("You declined"),
            marked("Whoever asked you learns that it was not confirmed, and nothing else. You can close this page."),
        ),
        Ending.OTHER_PERSON: EndingText(
            marked("This was asked of somebody else"),
            marked(
                "You proved who you are, but {service} asked another person. Nothing was confirmed, and nothing about "
                "you was told. If it was meant for you, ask them to ask again, and use the account you use there."
            ),
        ),
        Ending.OVER: EndingText(
            marked("This is no longer asked"),
            marked(
                "Its time is over, or it was answered already. Nothing was confirmed here. If it still matters, "
                "whoever asked you can ask again."
            ),
        ),
        Ending.KEPT: EndingText(
            marked("You proved who you are"),
            marked(
                "{service} has not been told yet: you went on in another browser, or it stopped waiting. Start again "
                "from there: if you do so soon, in this browser, we remember that it is you."
            ),
        ),
        Ending.ALREADY: EndingText(
            marked("This request was answered already"),
            marked(
                "You finished it before, perhaps in another window, and {service} was told then. Go on there. If "
                "something did not work, start again from {service}."
            ),
        ),
    }
)

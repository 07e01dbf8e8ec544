"""Failure texts of help by a person: a part of `failure_texts`."""

from collections.abc import Mapping
from types import MappingProxyType

from broker.model.failures import FailureClass as F
from broker.web.citizens.failure_text import FailureText
from broker.web.shared.i18n import marked

HELP_FAILURE_TEXTS: Mapping[F, FailureText] = MappingProxyType(
    {
        F.HELP_WAITING: FailureText(
            heading=marked("A person is checking"),
            title=marked("We are checking your identity"),
            story=(marked("A person is dealing with it. You can look at any time how it stands."),),
            meaning=marked("A person is checking somebody’s identity, and the answer is not there yet."),
            advice=marked("Come back with your code to see how it stands."),
            not_shared=marked("{service} has been told nothing about you so far this time."),
        ),
        F.HELP_DECLINED: FailureText(
            heading=marked("A person could not confirm the identity"),
            title=marked("We could not confirm your identity"),
            story=(
                marked("The people who looked at your case could not confirm who you are from what they had."),
                marked("Other documents, or another way, may still do it. Our help page says how to reach us."),
            ),
            meaning=marked("A person looked at somebody’s documents and could not confirm who they are from them."),
            advice=marked("Other documents may help. One can ask for it to be looked at again, or use another way."),
        ),
        F.HELP_EXPIRED: FailureText(
            heading=marked("A request for help ran out of time"),
            title=marked("Time ran out for your request for help"),
            story=(marked("Requests for help close after a while."),),
            meaning=marked("A request for help by a person was not finished within its time."),
            advice=marked("Ask for help again, or use another way."),
        ),
        F.HELP_UNREACHED: FailureText(
            heading=marked("A request for help was closed, because the person could not be reached"),
            title=marked("We closed your request for help, because we could not reach you"),
            story=(marked("We tried several times, and kept the request open for a while after that."),),
            meaning=marked("Staff could not reach a person who had asked for help, and their request was closed."),
            advice=marked("Ask for help again, and check the telephone number or address, or use another way."),
        ),
        F.HELP_WITHDRAWN: FailureText(
            heading=marked("A request for help was taken back"),
            title=marked("You took back your request for help"),
            story=(marked("What you gave us for it is erased."),),
            meaning=marked("Somebody took back their request for help by a person."),
            advice=marked("Use another way, or ask for help once more."),
        ),
        F.HELP_ELSEWHERE: FailureText(
            heading=marked("A request for help goes on elsewhere"),
            title=marked("Your request for help goes on elsewhere"),
            story=(marked("It was taken up in another browser or on another device. Go on there."),),
            meaning=marked("A request for help was taken up in another browser or on another device."),
            advice=marked("Go on where it was taken up, or use its newest code."),
        ),
        F.HELP_TOO_LOW: FailureText(
            heading=marked("The check by a person was not strong enough"),
            title=marked("The check does not reach the level {service} needs"),
            story=(
                marked("A person confirmed your identity, but {service} needs a stronger proof of who you are."),
                marked(
                    "It is strongest if you ask for help and take the result up in the same browser, with both words."
                ),
            ),
            meaning=marked("A person confirmed somebody’s identity, but the service needs a stronger proof."),
            advice=marked("Ask for help and take the result up in the same browser, or use another way."),
        ),
        F.HELP_REVOKED: FailureText(
            heading=marked("A confirmed identity was taken back"),
            title=marked("The confirmation of your identity was taken back"),
            story=(marked("It had been confirmed by a person, and can no longer be used."),),
            meaning=marked("An identity that a person had confirmed was taken back."),
            advice=marked("Get in touch with us, or use another way."),
        ),
    }
)

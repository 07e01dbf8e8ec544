"""Failure texts: what citizens read about each failure class. Catalogues translate them."""

from collections.abc import Mapping
from types import MappingProxyType

from broker.model.failures import FailureClass as F
from broker.web.citizens.failure_text import NO_SERVICE, FailureText
from broker.web.citizens.help_failure_texts import HELP_FAILURE_TEXTS
from broker.web.shared.i18n import marked as marked

FAILURE_TEXTS: Mapping[F, FailureText] = MappingProxyType(
    {
        F.CANCELLED: FailureText(
            heading=marked("The sign-in was not finished"),
            title=marked("You did not finish with {provider}"),
            story=(marked("You came back before {provider} told us who you are."),),
            meaning=marked("Somebody came back from the place where they sign in before they had finished there."),
            advice=marked("Carry on where you were, try another way to prove who you are, or ask a person for help."),
            short=marked("You did not finish here."),
        ),
        F.DECLINED_SHARING: FailureText(
            heading=marked("The details were not shared"),
            title=marked("You chose not to share your details"),
            story=(marked("That is your choice. {service} cannot let you in without them."),),
            meaning=marked("Somebody chose not to share their details with a service. That is their right."),
            advice=marked("See what the service asks for and why, and decide again if you like."),
            short=marked("You chose not to share your details."),
        ),
        F.COULD_NOT_SIGN_IN: FailureText(
            heading=marked("Signing in did not work"),
            title=marked("{provider} could not sign you in"),
            story=(
                marked("This can happen when your account is with another organisation in our list."),
                marked("If you are not sure which one you used before, another may be the right one."),
            ),
            meaning=marked("The organisation that somebody chose could not sign them in."),
            advice=marked(
                "Your account may be with another organisation. Try another one, or sign in there once more."
            ),
            short=marked("You could not be signed in here."),
        ),
        F.NOT_VERIFIED: FailureText(
            heading=marked("The identity could not be confirmed"),
            title=marked("{provider} could not confirm your identity"),
            story=(
                marked("Organisations hold different records, so another one may be able to."),
                marked("This happens to many people. It does not mean that you did something wrong."),
            ),
            meaning=marked("The organisation that somebody chose could not confirm who they are from what it holds."),
            advice=marked("Another organisation holds other records and may be able to. A person can help as well."),
            short=marked("Your identity could not be confirmed here."),
        ),
        F.LEVEL_TOO_LOW: FailureText(
            heading=marked("The proof was not strong enough"),
            title=marked("This account does not reach the level {service} needs"),
            story=(marked("You signed in with {provider}. {service} needs a stronger proof of who you are."),),
            meaning=marked("Somebody signed in, but the service needs a stronger proof of who they are."),
            advice=marked("Make your account stronger where you signed in, or use one that gives a stronger proof."),
            short=marked("This account did not reach the level that is needed."),
        ),
        F.NO_ROUTE: FailureText(
            heading=marked("There is no way online yet"),
            title=marked("You cannot prove your identity online for {service} yet"),
            story=(
                marked("None of the ways we have gives the proof that {service} needs."),
                marked("We say so now, so that you do not spend time on trying."),
            ),
            meaning=marked("No way of signing in that we have gives the proof that the service needs."),
            advice=marked("A person can check your identity, or the service may have another way for you."),
        ),
        F.PAUSED: FailureText(
            heading=marked("An account is not finished"),
            title=marked("Your account with {provider} is not finished"),
            story=(marked("{provider} still has a step to do, or is waiting for you to do one."),),
            meaning=marked("An account is not finished yet: the organisation is still checking, or waits for a step."),
            advice=marked("Finish it there and come back. You can get a code to come back later, on any device."),
            short=marked("Your account here is not finished."),
        ),
        F.PROVIDER_DOWN: FailureText(
            heading=marked("A way to sign in is not working"),
            title=marked("{provider} was not working"),
            story=(marked("The problem is with {provider}. It has nothing to do with you or your details."),),
            meaning=marked("The organisation that somebody chose cannot be reached, or has a fault."),
            advice=marked("Try again in a while, use another way, or get a code and come back later."),
            short=marked("It was not working."),
        ),
        F.PROVIDER_BUSY: FailureText(
            heading=marked("A way to sign in is very busy"),
            title=marked("{provider} was very busy"),
            story=(marked("Many people were signing in there. Waiting a few minutes often helps."),),
            meaning=marked("Many people are signing in at the organisation that somebody chose."),
            advice=marked("Wait a few minutes and try again, or use another way."),
            short=marked("It was very busy."),
        ),
        F.TOOK_TOO_LONG: FailureText(
            heading=marked("Time ran out"),
            title=marked("You ran out of time with {provider}"),
            story=(marked("We stop waiting after a while to keep you safe."),),
            meaning=marked("A sign-in was open for longer than we wait for one."),
            advice=marked("Start again. It helps to have what you need at hand before you begin."),
            short=marked("Time ran out."),
        ),
        F.UNSAFE_REPLY: FailureText(
            heading=marked("A reply could not be trusted"),
            title=marked("We could not trust the reply from {provider}"),
            story=(marked("Something in it was not as it must be, so we did not use it. We will look into it."),),
            meaning=marked("A reply did not pass our security checks, so we did not use it."),
            advice=marked(
                "Try once more. If it happens again, use another way, and tell us the reference on the page."
            ),
            short=marked("We could not trust its reply."),
        ),
        F.INCOMPLETE_REPLY: FailureText(
            heading=marked("A reply was not complete"),
            title=marked("{provider} did not send everything {service} needs"),
            story=(
                marked("A detail that {service} needs was missing. You may be able to add it to your account there."),
            ),
            meaning=marked("A reply came, but a detail that the service needs was not in it."),
            advice=marked("Add what is missing to your account and try again, or use another way."),
            short=marked("It did not send everything that is needed."),
        ),
        F.CANNOT_USE: FailureText(
            heading=marked("An account cannot be used"),
            title=marked("You cannot use {provider} for this"),
            story=(
                marked("{provider} says that this account cannot be used at present. Only they can tell you more."),
            ),
            meaning=marked("The organisation says that an account there cannot be used at present."),
            advice=marked("Ask that organisation, use another way, or ask a person for help."),
            short=marked("It cannot be used for this."),
        ),
        F.PASSKEY_UNUSABLE: FailureText(
            heading=marked("A passkey cannot be used"),
            title=marked("This passkey cannot be used now"),
            story=(
                marked("It may have been removed, or the time for which we keep your details with it is over."),
                marked("If a person is checking your identity, it can be used when they have finished."),
            ),
            meaning=marked(
                "A passkey leads to no details that we may use: they were removed, stopped or not made yet."
            ),
            advice=marked("Sign in another way. After that you can add the passkey again on the page of your account."),
            short=marked("The passkey could not be used."),
        ),
        F.ACTING_FOR_ANOTHER: FailureText(
            heading=marked("A sign-in was for somebody else"),
            title=marked("{provider} says that you act for somebody else"),
            story=(
                marked("You signed in there on behalf of another person or an organisation."),
                marked("{service} needs to know who you are yourself."),
            ),
            meaning=marked(
                "Somebody signed in for another person or an organisation, and a service needs them in person."
            ),
            advice=marked("Sign in again in your own name, or use another way."),
            short=marked("You signed in there for somebody else."),
        ),
        F.WAY_CLOSED: FailureText(
            heading=marked("A way to sign in was taken off the list"),
            title=marked("You can no longer use {provider} here"),
            story=(
                marked("It was taken off the list of ways for {service} while you were signing in."),
                marked("This has nothing to do with you or with your account there."),
            ),
            meaning=marked("A way to sign in was taken off the list for a service while somebody was using it."),
            advice=marked("Use another way. Accounts with that organisation are not affected."),
            short=marked("It was taken off the list."),
        ),
        F.NO_NEWCOMERS: FailureText(
            heading=marked("A way to sign in takes nobody new"),
            title=marked("{provider} takes nobody new here"),
            story=(
                marked("It leaves our list soon, so only people who used it here before can still use it."),
                marked("This has nothing to do with your account there."),
            ),
            meaning=marked("A way to sign in leaves the list soon, and only people who used it before can use it."),
            advice=marked("Use another way."),
            short=marked("It takes nobody new."),
        ),
        F.ACCOUNT_OFF: FailureText(
            heading=marked("An account here is turned off"),
            title=marked("Your account with us is turned off"),
            story=(marked("We turned it off, and {provider} has nothing to do with it. Get in touch with us."),),
            meaning=marked("The account that somebody has here is turned off for the time being."),
            advice=marked("Get in touch with us."),
            short=marked("Your account with us is turned off."),
        ),
        F.SERVICE_REFUSED: FailureText(
            heading=marked("A service is blocked"),
            title=marked("You blocked {service}"),
            story=(marked("You said in your account here that it may not sign you in. You can lift that there."),),
            meaning=marked("Somebody blocked a service in their account here, so it cannot sign them in."),
            advice=marked("Sign in to your account here, and lift the block if you want to use the service again."),
        ),
        F.WAY_STOPPED: FailureText(
            heading=marked("A way to sign in was stopped"),
            title=marked("You stopped {provider} here"),
            story=(
                marked("You told us that it was not you who signed in with it, so it opens nothing here."),
                marked("If you want to use it again, sign in to your account here in another way, and turn it on."),
            ),
            meaning=marked("Somebody told us that it was not them who signed in, and stopped a way to sign in."),
            advice=marked("Sign in to your account here in another way, and turn the stopped one on."),
            short=marked("You stopped it."),
        ),
        F.OTHER_ACCOUNT: FailureText(
            heading=marked("Another account was asked for"),
            title=marked("{service} asked for another account"),
            story=(
                marked("You signed in with {provider}, but that is not the account which {service} asked for."),
                marked("Use the account with which you went to {service} before."),
            ),
            meaning=marked("A service asked for a certain account, and somebody signed in with another."),
            advice=marked("Use the account with which you went to the service before."),
            short=marked("It was not the account that is asked for."),
        ),
        F.OTHER_PERSON: FailureText(
            heading=marked("An account may be another person's"),
            title=marked("We are not sure that this account is yours"),
            story=(
                marked("{provider} described another person when this sign-in was used here before."),
                marked("To protect both of you, we opened no account. {provider} can correct what it has about you."),
            ),
            meaning=marked(
                "An organisation described another person than before for a sign-in, so we opened no account."
            ),
            advice=marked(
                "Use another way, ask a person for help, or ask that organisation to correct what it has about you."
            ),
            short=marked("It described another person before."),
        ),
        F.SESSION_ENDED: FailureText(
            heading=marked("An earlier sign-in has ended"),
            title=marked("Your earlier sign-in has ended"),
            story=(
                marked("You had signed in with {provider} before, and that would have done. It has ended meanwhile."),
                marked("Prove once more who you are to go on."),
            ),
            meaning=marked("Somebody had signed in before, and that ended before they went on."),
            advice=marked("Sign in once more."),
            short=marked("Your earlier sign-in has ended."),
        ),
        F.REQUEST_EXPIRED: FailureText(
            heading=marked("A request has ended"),
            title=marked("Your request has ended"),
            story=(marked("It was open for longer than we keep one. Please start again from {service}."),),
            meaning=marked(
                "A request stays open for some hours. After that it ends, and the service has to ask again."
            ),
            advice=marked("Go to the service and start again."),
        ),
        F.LOST_PLACE: FailureText(
            heading=marked("The place was lost"),
            title=marked("We lost your place"),
            story=(
                marked("This page belongs to another browser, or this browser no longer knows where you were."),
                marked(
                    "It happens when cookies are turned off or removed, and when a link is opened on another device."
                ),
            ),
            meaning=marked("A page was opened in a browser that does not know it, or that forgot it."),
            advice=marked(
                "Go back to the browser you began in, use a code to continue, or start again from the service."
            ),
            not_shared=NO_SERVICE,
        ),
        F.BAD_LINK: FailureText(
            heading=marked("A link was not right"),
            title=marked("There is a problem with the link you used"),
            story=(
                marked("It is not right, or no longer works, so we stopped here to keep you safe."),
                marked("Go to the website of the service and start again from there."),
            ),
            meaning=marked("A link to us was not right, and we could not tell safely where to send its user back."),
            advice=marked(
                "Go to the website of the service and start again from there. Tell the service if it happens again."
            ),
            not_shared=NO_SERVICE,
        ),
        F.BAD_REQUEST: FailureText(
            heading=marked("A service asked in a way we could not accept"),
            title=marked("{service} asked us in a way we could not accept"),
            story=(marked("This is for {service} to put right."),),
            meaning=marked(
                "A service asked for a sign-in in a way that does not follow the rules, so we sent it back."
            ),
            advice=marked("This is for the service to put right. The description of the error says what was wrong."),
        ),
        F.SILENT: FailureText(
            heading=marked("A page has to be shown"),
            title=marked("{service} needs you to sign in"),
            story=(marked("It tried to sign you in without asking you anything. That was not possible."),),
            meaning=marked("A service asked for a sign-in without showing a page, and that was not possible."),
            advice=marked("The service has to ask again and let the citizen take part."),
        ),
        F.OVERLOADED: FailureText(
            heading=marked("The website is not available"),
            title=marked("{site} is not available right now"),
            story=(marked("Please try again in a few minutes."),),
            meaning=marked("More people are using this website than it can serve, or it is being worked on."),
            advice=marked("Try again in a few minutes."),
        ),
        F.OUR_FAULT: FailureText(
            heading=marked("A problem on our side"),
            title=marked("There is a problem on our side"),
            story=(marked("Something went wrong here. It is not because of anything you did."),),
            meaning=marked("Something went wrong on our side."),
            advice=marked("Try again. If it does not help, tell us the reference on the page."),
            short=marked("There was a problem on our side."),
        ),
        F.SERVICE_OFF: FailureText(
            heading=marked("A service is turned off"),
            title=marked("You cannot use {service} right now"),
            story=(
                marked("Signing in to {service} is not possible for the time being. It has nothing to do with you."),
            ),
            meaning=marked("Signing in to a service is not possible for the time being."),
            advice=marked("Get in touch with the service."),
        ),
        **HELP_FAILURE_TEXTS,
    }
)

"""Next steps: what a citizen can do after a failure, and who can use no provider on offer."""

from broker.journey.provider_offer import Offer
from broker.journey.transaction import FailedAttempt, Transaction
from broker.model.failures import FAILURES, NextStep

LAST_RESORTS = (
    NextStep.STATUS,
    NextStep.RETRY,
    NextStep.ANOTHER,
    NextStep.HELP,
    NextStep.LATER,
    NextStep.OTHER_WAYS,
    NextStep.CONTACT,
    NextStep.START_AGAIN,
)
"""Steps of which the first possible one is offered if a failure class has none that is possible. The last one always
is: no citizen is left without a step."""


def next_steps(transaction: Transaction, offer: Offer, failed: FailedAttempt) -> tuple[NextStep, ...]:
    """Steps that are possible after a failure, in the order of the page.

    If a case is already open, its status replaces the step of requesting help.
    """
    steps = list(FAILURES[failed.failure].next)
    if transaction.case is not None and NextStep.STATUS not in steps:
        steps = [NextStep.STATUS if step is NextStep.HELP else step for step in steps]
    provider = failed.provider or ""
    possible = tuple(step for step in steps if _is_available(step, transaction, offer, provider))
    if possible or not FAILURES[failed.failure].page:
        return possible
    return next(((step,) for step in LAST_RESORTS if _is_available(step, transaction, offer, provider)), ())


def beside_providers(transaction: Transaction, offer: Offer) -> tuple[NextStep, ...]:
    """Steps for a citizen who can use no provider on offer, beside help from a person."""
    steps = (NextStep.LATER, NextStep.OTHER_WAYS, NextStep.CONTACT)
    return tuple(step for step in steps if _is_available(step, transaction, offer, ""))


def _is_available(step: NextStep, transaction: Transaction, offer: Offer, provider: str) -> bool:
    others = sum(option.card.id != provider for option in offer.options)
    match step:
        case NextStep.RETRY | NextStep.RESUME | NextStep.STEP_UP:
            return offer.has(provider)
        case NextStep.ANOTHER:
            return others > 0
        case NextStep.WHAT_YOU_HAVE:
            return others > 1 and any(option.card.prerequisites for option in offer.options)
        case NextStep.HELP:
            return offer.help
        case NextStep.STATUS | NextStep.CHANGE_HELP | NextStep.WITHDRAW:
            return transaction.case is not None
        case NextStep.NEW_LOOK:
            return transaction.ended_case is not None
        case NextStep.LATER:
            return offer.later and transaction.open
        case NextStep.WHAT_AND_WHY:
            return bool(transaction.request.requested_claims)
        case NextStep.CONTACT:
            return offer.contact
        case NextStep.CONTACT_PROVIDER:
            return provider in offer.contacts
        case NextStep.OTHER_WAYS:
            return offer.other_ways
        case NextStep.USE_CODE | NextStep.START_AGAIN | NextStep.HOME | NextStep.OWN_SERVICES:
            return True


def given_up(transaction: Transaction, failed: FailedAttempt) -> bool:
    """Whether this failure is the reason for which its provider is not offered again in this transaction."""
    tries = FAILURES[failed.failure].tries
    alike = sum((one.failure, one.provider) == (failed.failure, failed.provider) for one in transaction.failures)
    return tries is not None and failed.provider is not None and alike >= tries

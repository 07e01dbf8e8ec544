"""What a citizen does about a declined case: read why, ask for a new look, complain to a lead."""

from dataclasses import dataclass

from broker.actions.assisted.citizen import CitizenCases
from broker.actions.assisted.context import load_case, update_case
from broker.actions.browser import Browser
from broker.actions.results import AskingMark
from broker.actions.sign_in.context import advance_transaction, load_own_transaction
from broker.actions.views import DeadEnd
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Complaint
from broker.assisted.codes import phrase
from broker.assisted.declined import DeclinedStatus, declined_status
from broker.assisted.transitions import TransitionRefused
from broker.journey.events import HelpRequested
from broker.journey.transaction import Transaction
from broker.model import handle as handles
from broker.model.service import Service

LONGEST_COMPLAINT = 2000
"""Characters of a complaint at most."""


@dataclass(frozen=True, slots=True)
class DeclinedView:
    """The page of a declined case."""

    transaction: Transaction
    service: Service
    status: DeclinedStatus


async def view_declined(cases: CitizenCases, handle: str, browser: Browser) -> DeclinedView | DeadEnd | None:
    """The declined case of this browser's transaction; None if there is none, or the time to complain is over."""
    found = await _declined(cases, handle, browser)
    if not isinstance(found, tuple):
        return found
    transaction, case = found
    service = cases.sign_in_context.service(transaction)
    status = declined_status(case, cases.context.rules.policy)
    return None if service is None or status is None else DeclinedView(transaction, service, status)


async def ask_new_look(
    cases: CitizenCases, handle: str, browser: Browser
) -> AskingMark | DeadEnd | TransitionRefused | None:
    """Asks for a new look by other people. The transaction waits for the case again, and this browser shows new words.

    Returns the mark of this browser, or why not; None if there is no declined case.
    """
    found = await _declined(cases, handle, browser)
    if not isinstance(found, tuple):
        return found
    transaction, case = found
    if transaction.case is not None or not transaction.open:
        return TransitionRefused.NOT_NOW
    context, mark = cases.context, browser.case_mark(transaction.browser)
    until = context.system.now() + context.rules.policy.redress_within
    words, asker = phrase(context.system.random_bytes), handles.sha256_hex(mark)
    asked = ev.RedressAsked(words, transaction.browser, asker, until)
    if not isinstance(await update_case(context, case, asked), Case):
        return TransitionRefused.NOT_NOW
    await advance_transaction(cases.sign_in_context, handle, transaction, HelpRequested(case.id))
    return cases.asking_mark(mark)


async def complain(cases: CitizenCases, handle: str, browser: Browser, text: str) -> DeadEnd | TransitionRefused | None:
    """Sends a complaint to the leads. NOT_NOW if it was answered already, REASON_NEEDED for an empty or too long text.

    None if it was recorded, or there is no declined case.
    """
    found = await _declined(cases, handle, browser)
    if not isinstance(found, tuple):
        return found
    if not 0 < len(text.strip()) <= LONGEST_COMPLAINT:
        return TransitionRefused.REASON_NEEDED
    complaint = Complaint(cases.context.system.now(), text.strip())
    done = await update_case(cases.context, found[1], ev.Complained(complaint))
    return None if isinstance(done, Case) else TransitionRefused.NOT_NOW


async def _declined(cases: CitizenCases, handle: str, browser: Browser) -> tuple[Transaction, Case] | DeadEnd | None:
    """The transaction of this browser and its case that ended last, if that is declined and went on nowhere else."""
    transaction = await load_own_transaction(cases.sign_in_context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    case = None if transaction.ended_case is None else await load_case(cases.context, transaction.ended_case)
    if case is None or case.transaction != transaction.id:
        return None
    return None if declined_status(case, cases.context.rules.policy) is None else (transaction, case)

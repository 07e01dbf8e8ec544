"""Assisted verification as a sign-in sees it: a transaction waits for a case and reads its outcome on each view."""

from dataclasses import dataclass
from typing import Protocol

from broker.actions.sign_in.context import SignInContext, advance_transaction, audit_event
from broker.assisted.case_status import CaseStatus
from broker.journey.events import HelpEnded, IdentityProven
from broker.journey.transaction import Transaction
from broker.model.backchannel_request import BackchannelRequest
from broker.model.failures import FailureClass
from broker.model.identity import Identity


@dataclass(frozen=True, slots=True)
class CaseProven:
    """The case is bound: the citizen's identity is proved."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class CaseEnded:
    """The case ended without an identity."""

    failure: FailureClass


class CaseLink(Protocol):
    """What a sign-in reads and writes in verification cases."""

    async def outcome(self, transaction: Transaction) -> CaseProven | CaseEnded | None:
        """Returns the outcome of the transaction's case; None while it is open."""
        ...

    async def case_status(self, transaction: Transaction) -> CaseStatus:
        """Returns what the citizen may see of the case."""
        ...

    async def withdraw_unneeded(self, transaction: Transaction) -> None:
        """Withdraws the case that is no longer needed after a sign-in with a provider, if there is one."""
        ...

    async def pending_question(self, transaction: Transaction) -> BackchannelRequest | None:
        """Returns the pending question of staff to the citizen of the transaction's case, or None."""
        ...

    async def record_confirmation(self, question: BackchannelRequest, identity: Identity) -> bool:
        """Records the confirmation of a question in its case; False if the case takes no more evidence."""
        ...

    async def record_release(self, case: str) -> None:
        """Records that the identity of a case was released to a service."""
        ...


async def sync_with_case(context: SignInContext, cases: CaseLink, handle: str, transaction: Transaction) -> Transaction:
    """Returns the transaction after applying the outcome of its case: staff write the case only."""
    case = transaction.case
    if case is None:
        return transaction
    match await cases.outcome(transaction):
        case CaseProven(identity):
            return (
                await advance_transaction(context, handle, transaction, IdentityProven(identity, case)) or transaction
            )
        case CaseEnded(failure):
            ended = await advance_transaction(context, handle, transaction, HelpEnded(failure, case))
            if ended is not None and ended is not transaction:
                await context.stores.audit.write([audit_event(context, "help_ended", transaction, failure=failure)])
            return ended or transaction
        case None:
            return transaction

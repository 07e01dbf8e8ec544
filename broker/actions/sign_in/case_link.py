"""The way over a person, as the journey sees it: a case is opened, its outcome is taken in when somebody looks."""

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
    """The case is bound: this is who the citizen is."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class CaseEnded:
    """The case ended without an identity."""

    failure: FailureClass


class CaseLink(Protocol):
    """What a look at a waiting transaction asks of the cases."""

    async def outcome(self, transaction: Transaction) -> CaseProven | CaseEnded | None:
        """What became of the transaction's case; None while it is still open."""
        ...

    async def standing(self, transaction: Transaction) -> CaseStatus:
        """What the citizen may see of the case."""
        ...

    async def tidy(self, transaction: Transaction) -> None:
        """Withdraws the case that an identity proven elsewhere made needless, if there is one."""
        ...

    async def asked(self, transaction: Transaction) -> BackchannelRequest | None:
        """What staff ask the citizen of the transaction's case to confirm, as long as it waits for an answer."""
        ...

    async def vouched(self, question: BackchannelRequest, identity: Identity) -> bool:
        """Records in a case that somebody confirmed its question; False where the case takes nothing more in."""
        ...

    async def released(self, case: str) -> None:
        """The identity of a case answered a service."""
        ...


async def sync_with_case(context: SignInContext, cases: CaseLink, handle: str, transaction: Transaction) -> Transaction:
    """The transaction after what staff and clocks did to its case: staff write the case only."""
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

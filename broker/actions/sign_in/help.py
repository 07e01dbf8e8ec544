"""The way over a person, as the journey sees it: a case is opened, its outcome is taken in when somebody looks."""

from dataclasses import dataclass
from typing import Protocol

from broker.actions.sign_in.desk import Desk, event, step
from broker.assisted.standing import Standing
from broker.journey.events import HelpEnded, IdentityProven
from broker.journey.transaction import Transaction
from broker.model.failures import FailureClass
from broker.model.identity import Identity
from broker.model.question import Question


@dataclass(frozen=True, slots=True)
class Proven:
    """The case is bound: this is who the citizen is."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class Over:
    """The case ended without an identity."""

    failure: FailureClass


class Help(Protocol):
    """What a look at a waiting transaction asks of the cases."""

    async def outcome(self, transaction: Transaction) -> Proven | Over | None:
        """What became of the transaction's case; None while it is still open."""
        ...

    async def standing(self, transaction: Transaction) -> Standing:
        """What the citizen may see of the case."""
        ...

    async def tidy(self, transaction: Transaction) -> None:
        """Withdraws the case that an identity proven elsewhere made needless, if there is one."""
        ...

    async def asked(self, transaction: Transaction) -> Question | None:
        """What staff ask the citizen of the transaction's case to confirm, as long as it waits for an answer."""
        ...

    async def vouched(self, question: Question, identity: Identity) -> bool:
        """Records in a case that somebody confirmed its question; False where the case takes nothing more in."""
        ...

    async def released(self, case: str) -> None:
        """The identity of a case answered a service."""
        ...


async def settle(desk: Desk, help: Help, handle: str, transaction: Transaction) -> Transaction:
    """The transaction after what staff and clocks did to its case: staff write the case only."""
    case = transaction.case
    if case is None:
        return transaction
    match await help.outcome(transaction):
        case Proven(identity):
            return await step(desk, handle, transaction, IdentityProven(identity, case)) or transaction
        case Over(failure):
            ended = await step(desk, handle, transaction, HelpEnded(failure, case))
            if ended is not None and ended is not transaction:
                await desk.audit.write([event(desk, "help_ended", transaction, failure=failure)])
            return ended or transaction
        case None:
            return transaction

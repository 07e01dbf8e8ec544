"""What the actions and the stores hand each other about facts: records of things that hold together, and outcomes."""

from dataclasses import dataclass
from enum import StrEnum

from broker.model.audit import AuditEvent
from broker.model.grant import AuthorizationCode
from broker.model.session import LogoutFanOut, Session


class StoreUnavailable(Exception):
    """A store cannot be reached. The door answers 503; nothing was done, or what was done is whole."""


@dataclass(frozen=True, slots=True)
class LinkedIdentity:
    """What is known of an identity: its account, the pairwise subject for a sector, what was shared with a service.

    `shared` is None when nothing was ever shared with that service.
    """

    account: str
    subject: str | None
    shared: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class SupersededSession:
    """A session that ends because somebody else signed in, in the same browser: its digest, and what follows."""

    digest: str
    event: AuditEvent
    farewell: LogoutFanOut


@dataclass(frozen=True, slots=True)
class AuthorizationWrite:
    """Everything that must become true together when a service is answered with a code.

    `account`, `code.account`, and `subject`, `code.release.subject`, are proposals: an account already known for
    (issuer, subject), and a subject already given for (account, sector), win, and are written into the code, the
    session and the audit rows instead. `shared` names the claims agreed to. `session` is None where no session may
    be kept; one whose `id` is already known renews it, under the digest it has now. `replaced` is a session that ends
    with the answer. `code` is None where no code may be sent (the transaction was moved, or outlived the service's
    patience): then everything else is written, what was shared as long as `client_id` says with whom. `fact` names this
    one answer: whoever records an answer by the same name again tells nothing new, and the audit rows stay as they were
    first written. `question` is the id of the question that the answer settles: then nothing is written unless that
    still waits, for this very account.
    """

    issuer: str
    identity_subject: str
    account: str
    sector: str
    subject: str
    code: AuthorizationCode | None
    shared: tuple[str, ...]
    session: Session | None
    events: tuple[AuditEvent, ...]
    fact: str
    client_id: str | None = None
    replaced: SupersededSession | None = None
    question: str | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationWritten:
    """The account and the pairwise subject that hold after an answer was recorded."""

    account: str
    subject: str


@dataclass(frozen=True, slots=True)
class StoredCode:
    """A code, whether it was redeemed, the grant it became, and whether its session has ended since."""

    code: AuthorizationCode
    redeemed: bool
    grant: str | None
    session_ended: bool = False


class RedeemResult(StrEnum):
    """What became of a redemption."""

    DONE = "done"
    USED_BEFORE = "used_before"
    ASSERTION_USED_BEFORE = "assertion_used_before"


class CreateCaseResult(StrEnum):
    """What became of a new verification case."""

    DONE = "done"
    ONE_OPEN_ALREADY = "one_open_already"
    REFERENCE_TAKEN = "reference_taken"

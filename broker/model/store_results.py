"""Arguments and results of SQL store operations: records that are written together, and outcomes."""

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.grant import AuthorizationCode
from broker.model.session import LogoutFanOut, Session


class StoreUnavailable(Exception):
    """Store that cannot be reached. The endpoint answers 503; the operation was done completely or not at all."""


class RoomTaken(Exception):
    """Another case has the room of an appointment at that time. Nothing was written."""


@dataclass(frozen=True, slots=True)
class LinkedIdentity:
    """Account of an identity, its pairwise subject for a sector, and the claims released to a service before.

    `shared` is None if nothing was released to that service yet. `reassigned`: the identity had another anchor before,
    so the account is another person's. `blocked`: the provider reported that its account is disabled. Sign-ins before
    `fresh_after` (seconds since 1970 UTC) count no more, since a credential of it was lost or changed then. `refused`:
    the citizen blocked the service. `stopped`: they stopped this way to sign in.
    """

    account: str
    subject: str | None
    shared: tuple[str, ...] | None
    reassigned: bool = False
    blocked: bool = False
    fresh_after: float | None = None
    refused: bool = False
    stopped: bool = False

    def outdated(self, auth_time: float) -> bool:
        """Whether a sign-in at `auth_time` counts no more."""
        return self.fresh_after is not None and auth_time < self.fresh_after


@dataclass(frozen=True, slots=True)
class SupersededSession:
    """Session that ends because another person signed in in the same browser: its digest, audit event and logout
    fan-out.
    """

    digest: str
    event: AuditEvent
    logout_fan_out: LogoutFanOut


@dataclass(frozen=True, slots=True)
class AuthorizationWrite:
    """Everything that is written in one database transaction when a service is answered with a code.

    `provider` asserted the identity at `level`; both are recorded with it. `anchor` is that of the identity; it is
    recorded for an identity that has none.
    `account`, `code.account`, and `subject`, `code.release.subject`, are proposals: an account that exists for (issuer,
    subject), and a subject that exists for (account, sector), take precedence and are written into the code, the
    session and the audit rows instead. `shared` names the claims consented to. `session` is None if no session may be
    stored; if its `id` exists, that session is renewed under the new digest. `replaced` is a session that ends with the
    answer. `code` is None if no code may be sent (the transaction was moved, or outlived the service's
    `answer_timeout`): then everything else is written, including the consent if `client_id` names the service. `fact`
    identifies this answer: recording it again under the same name changes nothing, and the audit rows stay as first
    written. `question` is the id of the backchannel request that the answer settles: then nothing is written unless
    that request still waits, for this account. `sector` is None if the citizen signed in for no service: then there is
    no pairwise subject. `proved` is when the citizen signed in: nothing is written if that counts no more.
    """

    issuer: str
    identity_subject: str
    provider: str
    level: Level
    account: str
    sector: str | None
    subject: str
    code: AuthorizationCode | None
    shared: tuple[str, ...]
    session: Session | None
    events: tuple[AuditEvent, ...]
    fact: str
    client_id: str | None = None
    replaced: SupersededSession | None = None
    question: str | None = None
    anchor: str | None = field(default=None, repr=False)
    proved: float = inf


@dataclass(frozen=True, slots=True)
class AuthorizationWritten:
    """Account and pairwise subject after the write of an authorization."""

    account: str
    subject: str


@dataclass(frozen=True, slots=True)
class StoredCode:
    """Authorization code with its state: whether it was redeemed, its grant, and whether its session has ended."""

    code: AuthorizationCode
    redeemed: bool
    grant: str | None
    session_ended: bool = False


class RedeemResult(StrEnum):
    """Results of redeeming a code."""

    DONE = "done"
    USED_BEFORE = "used_before"
    ASSERTION_USED_BEFORE = "assertion_used_before"


class CreateCaseResult(StrEnum):
    """Results of creating a verification case."""

    DONE = "done"
    ONE_OPEN_ALREADY = "one_open_already"
    REFERENCE_TAKEN = "reference_taken"

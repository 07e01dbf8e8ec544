"""Protocols of the stores, each implemented by every store of its kind.

Ephemeral state (memory, Redis) may be lost at any instant; the only effect may be that a citizen starts again. The
database (SQLite, PostgreSQL) has committed when a method returns. Expiry is always decided by the broker's own clock.
Handles are passed in plain and stored as digests only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from broker.crypto.jose import SigningKey
from broker.journey.transaction import Transaction
from broker.model.account import Disclosure, LinkedWay, LinkResult, LinkWrite, UnlinkResult
from broker.model.audit import AuditEvent
from broker.model.backchannel_request import BackchannelRequest, BackchannelState, PollResult
from broker.model.grant import AssertionUse, Grant, StoredToken
from broker.model.identity import Identity
from broker.model.kill_switches import KillSwitches
from broker.model.notification import Notification
from broker.model.rate_limit import RateLimit
from broker.model.request import AuthorizationRequest
from broker.model.session import EndedSession, LogoutFanOut, PendingLogout, Session
from broker.model.store_results import AuthorizationWrite as AuthorizationWrite
from broker.model.store_results import AuthorizationWritten as AuthorizationWritten
from broker.model.store_results import LinkedIdentity as LinkedIdentity
from broker.model.store_results import RedeemResult as RedeemResult
from broker.model.store_results import StoredCode as StoredCode
from broker.model.store_results import StoreUnavailable as StoreUnavailable
from broker.model.store_results import SupersededSession as SupersededSession


class Transactions(Protocol):
    """Open transactions (ephemeral state), encrypted, one record for each handle."""

    async def create(self, handle: str, transaction: Transaction, limit: int, start: RateLimit | None = None) -> bool:
        """Stores a new transaction; False when its browser already has `limit` open ones. One round trip.

        With `start` it is counted against that allowance first, and False when that is used up.
        """
        ...

    async def room_from(self, browser: str, limit: int) -> float | None:
        """When a browser (its secret's digest) will have fewer than `limit` open transactions; None if it has now."""
        ...

    async def load(self, handle: str) -> Transaction | None:
        """The transaction, also an ended one while its stub is kept; None if unknown or past its keeping time."""
        ...

    async def save(self, handle: str, transaction: Transaction) -> bool:
        """Saves a transaction if `transaction.version - 1` is stored; False if another request was faster."""
        ...


class PushedRequests(Protocol):
    """Pushed authorization requests (ephemeral state, RFC 9126)."""

    async def put(self, handle: str, request: AuthorizationRequest, expires: float) -> None:
        """Keeps a checked request until `expires`."""
        ...

    async def get(self, handle: str) -> tuple[AuthorizationRequest, bool] | None:
        """The request, and whether it is fetched for the first time; None if unknown or expired. One round trip.

        It is not consumed by reading.
        """
        ...


class Continuations(Protocol):
    """Continuation codes of transactions (ephemeral state)."""

    async def put(self, code: str, handle: str, expires: float) -> None:
        """Keeps which transaction a code continues."""
        ...

    async def take(self, code: str) -> str | None:
        """Returns and deletes the handle: of two concurrent calls one gets it."""
        ...


class PendingLogouts(Protocol):
    """Logouts whose page is open, or which wait for the provider (ephemeral state)."""

    async def put(self, handle: str, goodbye: PendingLogout, expires: float) -> None:
        """Stores what the page after a sign-out displays until `expires`, in place of what was stored before."""
        ...

    async def get(self, handle: str) -> PendingLogout | None:
        """Returns what the page displays, or None if unknown or expired."""
        ...


class Proofs(Protocol):
    """DPoP proofs seen (ephemeral state, RFC 9449 11.1)."""

    async def first_use(self, jti: str, expires: float, epoch: str) -> bool:
        """Whether this is the first use of a proof id; remembers it until `expires`.

        Raises StoreUnavailable, also if `epoch` is not the present one.
        """
        ...

    async def epoch(self) -> str:
        """A text that changes when the memory of seen proofs was lost; server nonces are bound to it.

        Raises StoreUnavailable, also if no proof can be remembered now.
        """
        ...


class RateLimits(Protocol):
    """Rate limits in fixed windows (ephemeral state)."""

    async def allow(self, key: str, most: int, window: int) -> bool:
        """Counts one use of `key`; False beyond `most` in the current window of `window` seconds."""
        ...

    async def give_back(self, key: str, window: int) -> None:
        """Takes one counted use of `key` out of the current window of `window` seconds."""
        ...


class KillSwitchReader(Protocol):
    """The kill switches of operators, at most one request old."""

    async def current(self) -> KillSwitches:
        """The switches as they are now."""
        ...


class Authorizations(Protocol):
    """Authorizations of services (database)."""

    async def code_issued(self, transaction: str, pushed: str | None) -> bool:
        """Whether a code was written for a transaction (its public id) or for a pushed request (its digest)."""
        ...

    async def linked_identity(
        self, issuer: str, subject: str, sector: str, client_id: str, anchor: str | None = None
    ) -> LinkedIdentity | None:
        """What is known of (issuer, subject) for a service; None for a person not seen before. One round trip."""
        ...

    async def leave_out(self, account: str, client_id: str, claims: Sequence[str], event: AuditEvent) -> None:
        """Ends the sharing of claims with a service: they go out again only if the citizen chooses them again."""
        ...

    async def record(self, answer: AuthorizationWrite) -> AuthorizationWritten | None:
        """Writes all of it in one transaction. An unredeemed code of the same transaction is replaced.

        None, and nothing written, when the transaction's code was already redeemed, its pushed request was
        already answered in another transaction, or its question is no longer pending or for another person.
        """
        ...


class AccountLinks(Protocol):
    """The ways of accounts, and what services received of an account (database)."""

    async def ways(self, account: str) -> Sequence[LinkedWay]:
        """The ways of an account, oldest first. One round trip."""
        ...

    async def disclosures(self, account: str) -> Sequence[Disclosure]:
        """What services received of an account, by service and claim. One round trip."""
        ...

    async def common_sectors(self, account: str, issuer: str, subject: str) -> Sequence[str]:
        """The sectors that know both an account and the account of an identity, which keep these from merging."""
        ...

    def key(self, issuer: str, subject: str) -> str:
        """The key of the way that an identity is (`LinkedWay.key`)."""
        ...

    async def link(self, write: LinkWrite) -> LinkResult:
        """Links an identity to an account; what `write` replaces is unlinked in the same transaction."""
        ...

    async def unlink(
        self, account: str, key: str, event: AuditEvent, ended: AuditEvent, fan_out: LogoutFanOut, *, last: bool
    ) -> UnlinkResult:
        """Unlinks a way, and ends the sessions that it proved. With `last` it may be the only one of the account."""
        ...


class Grants(Protocol):
    """Codes, grants and tokens (database). Everything older than the current epoch counts as unknown."""

    async def code(self, digest: str) -> StoredCode | None:
        """The code with this digest, whatever its expiry. One round trip."""
        ...

    async def code_for(self, digest: str, use: AssertionUse | None) -> StoredCode | RedeemResult | None:
        """The same for a caller with a client assertion: ASSERTION_USED_BEFORE if it was. One round trip."""
        ...

    async def redeem(
        self,
        digest: str,
        grant: Grant,
        tokens: Sequence[StoredToken],
        assertion: AssertionUse | None,
        events: Sequence[AuditEvent],
    ) -> RedeemResult:
        """One conditional update and all that follows from it, in one transaction. Nothing is written unless DONE."""
        ...

    async def revoke_code(self, digest: str, now: float, event: AuditEvent) -> None:
        """A second redemption was tried: everything issued from the code is revoked. Does nothing if it was already."""
        ...

    async def token(self, digest: str) -> tuple[StoredToken, Grant] | None:
        """A live token and its grant; None if unknown or revoked. Expiry is the caller's to check. One round trip."""
        ...

    async def token_for(self, digest: str, use: AssertionUse | None) -> tuple[StoredToken, Grant] | RedeemResult | None:
        """The same for a caller with a client assertion: ASSERTION_USED_BEFORE if it was. One round trip."""
        ...

    async def refresh(
        self, grant: str, access: StoredToken, assertion: AssertionUse | None, events: Sequence[AuditEvent]
    ) -> RedeemResult:
        """A new access token on a live grant. USED_BEFORE when the grant was revoked meanwhile."""
        ...

    async def rotate(
        self, digest: str, tokens: Sequence[StoredToken], now: float, events: Sequence[AuditEvent]
    ) -> RedeemResult:
        """A refresh token is used up and new tokens take its place, in one transaction; else USED_BEFORE."""
        ...

    async def revoke_used(self, digest: str, client_id: str, now: float, event: AuditEvent) -> bool:
        """Revokes the whole grant of this client whose used-up refresh token came again. False if there is none."""
        ...

    async def revoke(self, digest: str, client_id: str, now: float, event: AuditEvent) -> bool:
        """Revokes a token of this client; a refresh token takes its whole grant along (RFC 7009 2.1).

        False if unknown.
        """
        ...

    async def use_assertion(self, use: AssertionUse) -> bool:
        """Records one use of a client assertion; False when it was used before."""
        ...

    async def assertion_used(self, use: AssertionUse) -> bool:
        """Whether a use of a client assertion is recorded. Nothing is written."""
        ...


class BackchannelRequests(Protocol):
    """Backchannel requests (database). Everything older than the current epoch counts as unknown."""

    async def create(
        self,
        question: BackchannelRequest,
        use: AssertionUse | None,
        notices: Sequence[Notification],
        events: Sequence[AuditEvent],
    ) -> RedeemResult:
        """Writes a question with its notices, audit rows and the use of the signed request that it came in.

        All in one transaction, and nothing unless DONE: ASSERTION_USED_BEFORE if the signed request was used before,
        USED_BEFORE if another question has the code.
        """
        ...

    async def load(self, request_id: str) -> BackchannelRequest | None:
        """The question with this id."""
        ...

    async def by_code(self, code: str) -> BackchannelRequest | None:
        """Returns the question with this user code."""
        ...

    async def of_case(self, case: str) -> Sequence[BackchannelRequest]:
        """The questions of a verification case, the oldest first."""
        ...

    async def end(self, request_id: str, state: BackchannelState, now: float, events: Sequence[AuditEvent]) -> bool:
        """Answers a waiting question without tokens; False, and nothing written, if it is no longer pending."""
        ...

    async def poll(
        self, digest: str, client_id: str, now: float, use: AssertionUse | None
    ) -> PollResult | RedeemResult | None:
        """The state of a question for a poll of its service; records the poll, and the use of an assertion.

        None if this service has no such question; ASSERTION_USED_BEFORE if the assertion was used before.
        """
        ...

    async def account(self, sector: str, subject: str) -> str | None:
        """The account that the services of a sector know by this `sub`."""
        ...

    async def identity_of(self, account: str, now: float) -> Identity | None:
        """Who is behind an account, as far as its newest live session says."""
        ...


class Sessions(Protocol):
    """The broker's sessions (database, by digest)."""

    async def load(self, digest: str) -> Session | None:
        """A live session, or None. Expiry is the caller's to check."""
        ...

    async def revise(self, digest: str, change: Callable[[Identity], Identity | None]) -> Identity | None:
        """Changes the identity of a live session, one caller at a time; `change` returns None to leave it. Returns the
        identity as it was before, or None if the session is not live."""
        ...

    async def end(self, digest: str, event: AuditEvent, fan_out: LogoutFanOut) -> EndedSession | None:
        """Ends a session and stores its logout deliveries; None, and nothing written, if it is not live.

        Codes of the session, and grants that end with it, are invalid from then on.
        """
        ...


class AuditLog(Protocol):
    """Audit rows that are written on their own (a failure by class, an operator's action)."""

    async def write(self, events: Sequence[AuditEvent]) -> None:
        """Writes the rows, durably."""
        ...


class SigningKeys(Protocol):
    """The broker's signing keys."""

    def signing(self, alg: str) -> SigningKey:
        """The current key for an algorithm."""
        ...


class MacSigner(Protocol):
    """Keyed message authentication codes (see `broker.crypto.seal`)."""

    def mac(self, use: str, data: bytes) -> bytes:
        """Returns a MAC of 32 bytes on data, for one use."""
        ...

    def mac_matches(self, use: str, data: bytes, mark: bytes) -> bool:
        """Returns whether `mark` is the MAC on this data for this use, compared in constant time."""
        ...


@dataclass(frozen=True, slots=True)
class BrokerCrypto:
    """The broker's signing keys and keyed message authentication codes."""

    keys: SigningKeys
    macs: MacSigner

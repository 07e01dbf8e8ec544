"""Account of a citizen: the ways by which they sign in to it, and what services received."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.identity import Identity
from broker.model.json_types import JsonObject
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.session import LogoutFanOut, Session

ACCOUNT_SERVICE = "account"
"""Client id of the broker's own pages in transactions, logs and audit rows. No service may have it."""


class ErrandKind(StrEnum):
    """Why a citizen signs in at the broker itself."""

    ACCOUNT = "account"
    """To open the pages of their account, or to prove it once more before a change."""
    LINK = "link"
    """To link a second way to the account of the browser's session, or to move to it."""
    RENEW = "renew"
    """To have an identity renewed by a person that is kept for the account of the browser's session."""
    REBIND = "rebind"
    """To have the lost passkeys of a kept identity replaced by a person."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Sign-in for the broker's own pages in place of a service.

    For LINK, `account` is the account to which the identity is to be linked, and `replaced` the key of the way that it
    replaces, None to keep all. For RENEW, `replaced` is the key of the kept identity. `page` is the page of the account
    to which an errand leads, but for LINK: its path after that of the first page.
    """

    kind: ErrandKind
    account: str | None = None
    replaced: str | None = None
    page: str = ""


@dataclass(frozen=True, slots=True)
class LinkedWay:
    """Identity that leads to an account: one citizen's sign-in at one provider.

    `key` is the keyed digest of issuer and subject, unique among all identities. `provider` is the broker's id of the
    provider that asserted it last, `level` the highest level at which it did; both are None for an identity that was
    stored before they were recorded and was not used since. `linked` is seconds since 1970 UTC. `stopped` is when the
    citizen stopped it, None if it can be used.
    """

    key: str
    issuer: str
    provider: str | None
    level: Level | None
    linked: float
    stopped: float | None = None


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Claim that a service received of an account, first and last (seconds since 1970 UTC).

    `withdrawn` is when the citizen took back the agreement; the service receives it again only after a new one.
    """

    client_id: str
    claim: str
    first: float
    last: float
    withdrawn: float | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a citizen agreed to for one service, and what follows from it now.

    `level` is that of the last sign-in there, None if no audit row says. `until` is until when the service may read
    the details by itself, with the tokens that it has (seconds since 1970 UTC); None if it cannot. `blocked` is when
    the citizen blocked the service, None if it is not.
    """

    client_id: str
    claims: tuple[Disclosure, ...]
    level: Level | None = None
    until: float | None = None
    blocked: float | None = None

    @property
    def first(self) -> float:
        """When the service received something first."""
        return min((claim.first for claim in self.claims), default=0.0)

    @property
    def last(self) -> float:
        """When the service received something last."""
        return max((claim.last for claim in self.claims), default=0.0)

    @property
    def stands(self) -> bool:
        """Whether the agreement was not taken back."""
        return any(claim.withdrawn is None for claim in self.claims)


@dataclass(frozen=True, slots=True)
class AgreementEnd:
    """The end of an agreement, written in one database transaction with its audit row.

    Codes, tokens and grants of the service end; `logout_fan_out` makes its logout tokens for the live sessions in
    which it took part, `deliveries` are its security events. With `block` it is refused from then on.
    """

    account: str
    client_id: str
    event: AuditEvent
    logout_fan_out: LogoutFanOut
    deliveries: tuple[OutboundDelivery, ...] = ()
    block: bool = False


@dataclass(frozen=True, slots=True)
class AccountStop:
    """Everything that ends because a citizen says "this was not me", in one database transaction with its audit row.

    Sessions (each with the audit event `ended`), codes, tokens and grants of the account end, and no earlier sign-in
    counts any more. `way` is the key of the way that is stopped, None for none.
    """

    account: str
    way: str | None
    event: AuditEvent
    ended: AuditEvent
    logout_fan_out: LogoutFanOut
    deliveries: tuple[OutboundDelivery, ...] = ()


@dataclass(frozen=True, slots=True)
class WayStop:
    """A way that a citizen turns off in advance, with the end of the sessions that it proved (each with the audit event
    `ended`), in one database transaction with its audit row."""

    account: str
    way: str
    event: AuditEvent
    ended: AuditEvent
    logout_fan_out: LogoutFanOut


@dataclass(frozen=True, slots=True)
class OwnSession:
    """Live session of an account: the digest of its cookie, the browser in closed words, how it was proved, and the
    services that took part, by client id. Times are seconds since 1970 UTC."""

    digest: str
    browser: str
    provider: str | None
    level: Level | None
    created: float
    used: float
    expires: float
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dependents:
    """Identities of one provider: those that alone lead to their account, and those with another way beside them."""

    alone: int
    beside: int


@dataclass(frozen=True, slots=True)
class LinkWrite:
    """Link of an identity to an account, written in one database transaction with its audit row.

    `replaced` is the key of a way of the account that is unlinked with it, which is then a move. The sessions that the
    replaced way proved end with the audit event `ended`, and `logout_fan_out` makes the messages to their services.
    `first` is the session of the browser in which this happens, which proved the account: nothing is written if it has
    ended, or if a sign-in with either identity counts no more. `session` renews it, and is written before the sessions
    of the replaced way end.
    """

    account: str
    first: Session
    identity: Identity
    event: AuditEvent
    ended: AuditEvent
    logout_fan_out: LogoutFanOut
    replaced: str | None = None
    session: Session | None = None


class LinkResult(StrEnum):
    """Results of linking an identity to an account. Nothing is written by CONFLICT, GONE and OUTDATED."""

    LINKED = "linked"
    ALREADY = "already"
    """The identity was a way of this account before."""
    MERGED = "merged"
    """The identity had an account of its own, which became part of this one."""
    CONFLICT = "conflict"
    """The identity has an account of its own, and a service knows both accounts; or it is another person's."""
    GONE = "gone"
    """The account does not exist any more: it became part of another one."""
    OUTDATED = "outdated"
    """A provider reported meanwhile that an account is disabled or a credential lost, or the session has ended."""


class UnlinkResult(StrEnum):
    """Results of unlinking a way. Only UNLINKED writes something."""

    UNLINKED = "unlinked"
    UNKNOWN = "unknown"
    """It is no way of the account (any more)."""
    LAST = "last"
    """It is the last way of the account, and the citizen did not accept that."""


@dataclass(frozen=True, slots=True)
class HeldRelease:
    """Details that a service may still read with its tokens: `claims` as it receives them, since and until when
    (seconds since 1970 UTC)."""

    client_id: str
    claims: JsonObject
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """What is held of an account beside its ways, agreements, sessions and kept identities.

    `created` is seconds since 1970 UTC; `subjects` are the names by which services know the citizen, by sector.
    """

    created: float
    subjects: Mapping[str, str]
    releases: tuple[HeldRelease, ...]


@dataclass(frozen=True, slots=True)
class AccountErasure:
    """The end of an account that its citizen leaves, written in one database transaction with its audit row.

    `ended` and `logout_fan_out` are for each live session. `purged` returns the messages to services that know the
    citizen, by the subjects of the sectors.
    """

    account: str
    event: AuditEvent
    ended: AuditEvent
    logout_fan_out: LogoutFanOut
    purged: Callable[[Mapping[str, str]], Sequence[OutboundDelivery]]

"""What is written when an identity is stopped by its person, released, or taken back by a lead."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from broker.assisted.case import Case
from broker.assisted.case_records import IdentityBinding
from broker.model.audit import AuditEvent
from broker.model.freeze_link import FreezeLink
from broker.model.notification import Notification
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.session import LogoutFanOut


@dataclass(frozen=True, slots=True)
class FreezeWrite:
    """A used link and the frozen case, on top of `case.version - 1`, with its audit events and notices.

    `issuer` is that of the identities that cases prove. `ended` is the audit event of each session that ends,
    `fan_out` makes its deliveries, `about` the security events about the account.
    """

    link: FreezeLink
    case: Case
    issuer: str
    events: Sequence[AuditEvent]
    notices: tuple[Notification, ...]
    ended: AuditEvent
    fan_out: LogoutFanOut
    about: Callable[[str], Sequence[OutboundDelivery]]


@dataclass(frozen=True, slots=True)
class RevokeWrite:
    """A case whose identity a lead took back, on top of `case.version - 1`. `binding` is that of the case before. The
    other fields as in FreezeWrite."""

    case: Case
    binding: IdentityBinding | None
    issuer: str
    events: Sequence[AuditEvent]
    ended: AuditEvent
    fan_out: LogoutFanOut
    about: Callable[[str], Sequence[OutboundDelivery]]


@dataclass(frozen=True, slots=True)
class ReleaseWrite:
    """A case whose identity is frozen no longer, on top of `case.version - 1`, with its audit events. `frozen` is since
    when it was. `issuer` and `about` as in FreezeWrite."""

    case: Case
    frozen: float
    issuer: str
    events: Sequence[AuditEvent]
    about: Callable[[str], Sequence[OutboundDelivery]]

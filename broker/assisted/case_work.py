"""What is written in the same transaction as a case."""

from dataclasses import dataclass

from broker.assisted.quality import QualitySample
from broker.model.audit import AuditEvent
from broker.model.desk import DeskAnswer
from broker.model.evidence_file import EvidenceFile
from broker.model.freeze_link import FreezeLink
from broker.model.notification import Notification, NotificationKind
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.passkey import UNREACHED, KeptIdentity, KeptReach, Passkey
from broker.model.session import LogoutFanOut


@dataclass(frozen=True, slots=True)
class FormerWrite:
    """What is written of a kept identity that a case renews or binds again, or nothing of the case either: if it is
    frozen or not kept any more, or if its passkeys were replaced since `rebound`.

    `kept` and `reach` replace what was kept; None leaves both. With `ends` its passkeys are deleted, but for the one
    with the digest `leads`, and so are the sessions of its account that it proved: `ended` is the audit event of each,
    `fan_out` makes their deliveries.
    """

    key: str
    rebound: float
    kept: KeptIdentity | None
    reach: KeptReach
    leads: str
    account: str | None
    ended: AuditEvent
    fan_out: LogoutFanOut
    ends: bool = True


@dataclass(frozen=True, slots=True)
class CaseWork:
    """What is written with a change of a case, or not at all: `notices` to the citizen, `deliveries` to services (such
    as security events), `freeze_links` by which the identity can be stopped, `passkey` that the citizen made. `kept` is
    the identity that is kept from now on, `reach` how its citizen is reached; the passkey with the digest `leads` leads
    to it, that with the digest `removed` is deleted. `former` is what becomes of an identity that was kept before.
    `answers` are those to calls of partner desks; `file` is a photograph of one, examined, whose record is READY from
    now on. `samples` are decisions that were drawn for a score sheet.

    `outdated` are the kinds of notice whose reason ended `at` this time (seconds since 1970 UTC): those that wait are
    withdrawn.

    `files_until` is the time at which its evidence files expire (seconds since 1970 UTC), None leaves them as they are.
    """

    notices: tuple[Notification, ...] = ()
    deliveries: tuple[OutboundDelivery, ...] = ()
    freeze_links: tuple[FreezeLink, ...] = ()
    files_until: float | None = None
    samples: tuple[QualitySample, ...] = ()
    passkey: Passkey | None = None
    kept: KeptIdentity | None = None
    reach: KeptReach = UNREACHED
    leads: str = ""
    removed: str = ""
    former: FormerWrite | None = None
    outdated: frozenset[NotificationKind] = frozenset()
    at: float = 0.0
    answers: tuple[DeskAnswer, ...] = ()
    file: EvidenceFile | None = None


NO_WORK = CaseWork()
"""Nothing is written besides the case and its audit rows."""

"""What is written in the same transaction as a case."""

from dataclasses import dataclass

from broker.assisted.quality import QualitySample
from broker.model.desk import DeskAnswer
from broker.model.evidence_file import EvidenceFile
from broker.model.freeze_link import FreezeLink
from broker.model.notification import Notification, NotificationKind
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.passkey import UNREACHED, KeptIdentity, KeptReach, Passkey


@dataclass(frozen=True, slots=True)
class CaseWork:
    """What is written with a change of a case, or not at all: `notices` to the citizen, `deliveries` to services (such
    as security events), `freeze_links` by which the identity can be stopped, `passkey` that the citizen made. `kept` is
    the identity that is kept from now on, `reach` how its citizen is reached; the passkey with the digest `leads` leads
    to it. `answers` are those to calls of partner desks; `file` is a photograph of one, examined, whose record is READY
    from now on. `samples` are decisions that were drawn for a score sheet.

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
    outdated: frozenset[NotificationKind] = frozenset()
    at: float = 0.0
    answers: tuple[DeskAnswer, ...] = ()
    file: EvidenceFile | None = None


NO_WORK = CaseWork()
"""Nothing is written besides the case and its audit rows."""

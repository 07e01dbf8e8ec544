"""Records of cases that renew a kept identity, or bind it again after its passkeys were lost."""

from dataclasses import dataclass
from enum import StrEnum

from broker.model.assurance import Level
from broker.model.notification import Recipient


class CasePurpose(StrEnum):
    """Why a case was opened: for a NEW identity, for the RENEWAL of a kept one before its end, or for the REBIND of one
    whose citizen has no passkey any more.
    """

    NEW = "new"
    RENEWAL = "renewal"
    REBIND = "rebind"


@dataclass(frozen=True, slots=True)
class FormerIdentity:
    """Kept identity that a case renews or binds again. `key` is that of the kept identity, `subject` its subject.

    Its level is the highest that the case can reach. `keep` is for how many seconds it is kept at a time, `profile` the
    profile of scores that it was checked by, if its scores may be used again. `rebound` is when its passkeys were
    replaced last: the case is too late if that happens once more. `recipients` get notices of what becomes of it.
    `confirmed` is the agent for whom the details and the evidence agreed with what is kept.
    """

    key: str
    subject: str
    level: Level
    keep: float
    profile: str | None = None
    rebound: float = 0.0
    recipients: tuple[Recipient, ...] = ()
    confirmed: str | None = None

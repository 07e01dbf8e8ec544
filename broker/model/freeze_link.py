"""Link in a notice by which a person stops an identity that another person proved as theirs."""

from dataclasses import dataclass
from enum import StrEnum

from broker.model.notification import Recipient


class LinkState(StrEnum):
    """Whether a link can stop the identity, and what became of one that did. RELEASED: staff released it again.
    REVOKED: staff took it back for good. GONE: the link is unknown, or has expired.
    """

    USABLE = "usable"
    USED = "used"
    RELEASED = "released"
    REVOKED = "revoked"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class FreezeLink:
    """A link that works once, until `expires` (seconds since 1970 UTC). Only the digest of its handle is stored.

    `recipients` are the addresses that get notices of what was done with it: the case forgets them when its identity is
    released to a service.
    """

    digest: str
    case: str
    reference: str
    created: float
    expires: float
    recipients: tuple[Recipient, ...]

"""Partner desks: settings of the proofing agent API, and the stored answers of its calls."""

from dataclasses import dataclass
from typing import Annotated, Final

from broker.model.rate_limit import RateWindow
from broker.platform.toml_loader import Range, Seconds

ANSWER_LIFE: Final = 24 * 3600
"""How long (seconds) the answer of a call is stored under its `Idempotency-Key`."""


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """Partner desks: services that meet citizens at their counters for the support centre, over the proofing agent
    API. A desk recommends; a member of staff decides."""

    enabled: bool = False
    """Whether the API is served, at `/desk/v1`, while assisted verification is offered. A desk is a service with `desk`
    in `own_scopes`."""
    lease: Annotated[Seconds, Range(5 * 60, 4 * 3600)] = 3600
    """How long a desk holds a case after each step. After that the citizen waits for a person again."""
    per_case: Annotated[int, Range(1, 20)] = 3
    """How often desks may accept one case within `window`, all desks together."""
    per_document: Annotated[int, Range(1, 100)] = 5
    """In how many cases desks may record one document within `window`, all desks together."""
    window: Annotated[Seconds, Range(86400, 366 * 86400)] = 30 * 86400
    """The time in which these numbers are counted, from the first use on."""
    finds: RateWindow = RateWindow(120, 3600)
    """How often one desk may look a reference up, found or not, for each worker."""


@dataclass(frozen=True, slots=True)
class DeskAnswer:
    """Answer of a call, stored under the desk and its `Idempotency-Key` in the transaction of what the call changed.

    `digest` is the SHA-256 of method, path and body of the call; `expires` is in seconds since 1970 UTC.
    """

    client_id: str
    key: str
    digest: str
    status: int
    body: bytes
    expires: float


@dataclass(frozen=True, slots=True)
class Use:
    """A use that is counted over all desks: of what (`mark`), by which call, and how many there may be."""

    mark: str
    call: str
    most: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Uses that were counted: `made` of them until `until`, after which counting starts again."""

    made: int
    until: float

"""Failed sign-in, as staff find it by the reference that the citizen's page displayed. It holds nothing personal."""

from dataclasses import dataclass
from typing import Final

KEPT: Final = 90 * 24 * 3600
"""How long (seconds) a failed sign-in can be found."""


@dataclass(frozen=True, slots=True)
class SignInFailure:
    """One failed attempt to sign in.

    `reference` is the transaction's, as the citizen's page displays it, and the reference of the case if they asked for
    help then. `failure` is the class of failure (`model.failures.FailureClass`); `reason` is the provider's reason
    (`ProviderFailureReason`), empty if the provider did not fail. `at` is in seconds since 1970 UTC, as in the audit
    row of the attempt; `request_id` is the one in the log.
    """

    reference: str
    at: float
    failure: str
    reason: str
    provider: str
    client_id: str
    request_id: str

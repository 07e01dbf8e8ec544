"""Log lines and counts for operators: failed attempts at providers, stray callbacks, failures that call an operator.

Neither holds anything of a person: ids of the configuration, closed words, the reference that the citizen's page shows,
the id of the request, and `ProviderFailure.detail`, which no claim, code or token ever gets into.
"""

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from broker.model.failures import FAILURES, FailureClass, from_reason
from broker.provider import ProviderFailure, ProviderFailureReason

LOG: logging.Logger = logging.getLogger("portico.providers")


class StrayReason(StrEnum):
    """Why a callback was ignored."""

    UNREADABLE = "unreadable"
    """The query is ambiguous or malformed."""
    UNKNOWN = "unknown"
    """No transaction of this browser has this `state`."""
    NOT_AWAITED = "not_awaited"
    """The transaction awaits no callback: it was answered, given up or expired. A page reload does this."""
    OTHER_ATTEMPT = "other_attempt"
    """The callback answers an earlier attempt."""
    OTHER_PROVIDER = "other_provider"
    """The callback is another provider's, or the provider is not configured any more."""
    OTHER_ISSUER = "other_issuer"
    """`iss` is missing or another one (RFC 9207 2.4)."""
    TAKEN = "taken"
    """A copy of the same answer came first."""


class AttemptCounts(Protocol):
    """Receives counts of attempts. It never fails and never waits."""

    def provider_failed(self, provider: str, reason: str, cause: str, fault: str) -> None:
        """An attempt failed at a provider."""
        ...

    def stray_callback(self, provider: str, why: str) -> None:
        """A callback was ignored."""
        ...

    def operator_called(self, failure: str, provider: str) -> None:
        """A failure of a class that calls an operator (`Kind.alarm`). `provider` is empty if none is involved."""
        ...


@dataclass(frozen=True, slots=True)
class AttemptLog:
    """Logs and counts. `reference` is empty if no transaction is known, `client_id` if it is about staff."""

    counts: AttemptCounts

    def failed(
        self,
        provider: str,
        failure: str,
        outcome: ProviderFailure | None,
        *,
        reference: str,
        client_id: str,
        request_id: str,
    ) -> None:
        """Logs an attempt that failed: by class of failure, or for a staff sign-in by a reason of its own.

        `outcome` is the provider's failure; None if the provider did not fail. Logged as a warning if the provider
        failed or its reply cannot be trusted: an operator may have to act.
        """
        fields = {"provider": provider, "failure": str(failure), "client_id": client_id}
        if outcome is not None:
            fields |= {
                "reason": outcome.reason.value,
                "cause": outcome.cause.value,
                "fault": outcome.fault,
                "detail": outcome.detail,
            }
            self.counts.provider_failed(provider, outcome.reason.value, outcome.cause.value, outcome.fault)
        grave = outcome is not None and (outcome.outage or outcome.reason is ProviderFailureReason.UNSAFE)
        level = logging.WARNING if grave else logging.INFO
        LOG.log(level, "attempt_failed", extra={**fields, "reference": _log_value(reference), "request_id": request_id})
        found = failure if outcome is None else from_reason(outcome.reason)
        if isinstance(found, FailureClass):
            self.call_operator(found, provider, reference=reference, client_id=client_id, request_id=request_id)

    def call_operator(
        self, failure: FailureClass, provider: str = "", *, reference: str, client_id: str, request_id: str
    ) -> None:
        """Logs a failure at ERROR and counts it, if only an operator can repair what fails so (`Kind.alarm`)."""
        if not FAILURES[failure].alarm:
            return
        self.counts.operator_called(failure.value, provider)
        fields = {"failure": failure.value, "provider": provider, "client_id": client_id}
        LOG.error("operator_called", extra={**fields, "reference": _log_value(reference), "request_id": request_id})

    def stray(self, provider: str, why: StrayReason, *, reference: str = "", request_id: str) -> None:
        """Logs and counts an ignored callback. `provider` is a configured one, or empty."""
        self.counts.stray_callback(provider, why.value)
        fields = {"provider": provider, "why": why.value, "reference": _log_value(reference), "request_id": request_id}
        LOG.info("stray_callback", extra=fields)


def _log_value(reference: str) -> str:
    """Returns a reference as the citizen's page displays it."""
    return reference.replace("-", " ")

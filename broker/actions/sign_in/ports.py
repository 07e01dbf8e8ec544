"""Ports of sign-ins: what the stores must do for them alone (the others are in `broker.actions.ports`)."""

from collections.abc import Sequence
from typing import Protocol

from broker.model.audit import AuditEvent
from broker.model.sign_in_failure import SignInFailure


class SignInFailures(Protocol):
    """Failed sign-ins, which staff find by reference (`actions.assisted.ports.FailedSignIns`)."""

    async def record(self, failure: SignInFailure, events: Sequence[AuditEvent]) -> None:
        """Writes a failed sign-in with its audit rows, durably, in one transaction and one round trip."""
        ...

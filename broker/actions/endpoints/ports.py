"""Protocols of the stores that only the services' endpoints use."""

from typing import Protocol

from broker.model.audit import AuditEvent
from broker.model.client_token import ClientToken
from broker.model.grant import AssertionUse


class ClientTokens(Protocol):
    """Tokens of services for themselves (database)."""

    async def issue(self, token: ClientToken, assertion: AssertionUse | None, event: AuditEvent) -> bool:
        """Writes a token; False, and nothing written, if the client assertion was used before."""
        ...

    async def load(self, digest: str) -> ClientToken | None:
        """A token that was not revoked. Expiry is the caller's to check."""
        ...

    async def revoke(self, digest: str, client_id: str, now: float, event: AuditEvent) -> bool:
        """Revokes a token of this client. False if it has none."""
        ...

"""Ports of the citizen's own pages, which the SQL stores implement."""

from collections.abc import Sequence
from typing import Protocol

from broker.model.account import (
    AccountErasure,
    AccountRecord,
    AccountStop,
    Agreement,
    AgreementEnd,
    OwnSession,
    WayStop,
)
from broker.model.audit import AuditEvent
from broker.model.session import LogoutFanOut


class Agreements(Protocol):
    """What services may do in the name of an account (database)."""

    async def of_account(self, account: str, now: float) -> Sequence[Agreement]:
        """The agreements of an account, those with the latest answer first, and blocked services."""
        ...

    async def end(self, write: AgreementEnd) -> bool:
        """Takes back an agreement. False, and nothing written, if there is none that stands; a block also needs one,
        but it may have been taken back."""
        ...

    async def unblock(self, account: str, client_id: str, event: AuditEvent) -> bool:
        """Lifts the block of a service. False, and nothing written, if there is none."""
        ...


class OwnActivity(Protocol):
    """The audit rows of an account (database)."""

    async def of_account(self, account: str, since: float) -> Sequence[AuditEvent]:
        """The rows since a time, with the failed attempts of its sign-ins and the work on its cases, the latest
        first."""
        ...


class AccountStops(Protocol):
    """Stops of accounts (database)."""

    async def stop(self, write: AccountStop) -> bool:
        """Stops an account. False, and nothing written, if it does not exist any more."""
        ...

    async def stop_way(self, write: WayStop) -> bool:
        """Stops one way. False, and nothing written, if it is none of the account's, stopped already, or no other way
        that can be used proves as much."""
        ...

    async def resume(self, account: str, way: str, event: AuditEvent) -> bool:
        """Turns a stopped way on again. False, and nothing written, if it is none of the account's."""
        ...


class AccountData(Protocol):
    """What is held of accounts (database)."""

    async def read(self, account: str, now: float) -> AccountRecord | None:
        """What is held of an account at a time, None if it does not exist."""
        ...

    async def erase(self, write: AccountErasure) -> bool:
        """Erases what is held of an account. False, and nothing written, if it has no way any more."""
        ...


class OwnSessions(Protocol):
    """The live sessions of an account (database)."""

    async def of_account(self, account: str) -> Sequence[OwnSession]:
        """The sessions of an account that were not ended, the one used last first. The caller checks expiry."""
        ...

    async def end(self, account: str, digests: Sequence[str], event: AuditEvent, fan_out: LogoutFanOut) -> int:
        """Ends those of these sessions that are the account's. Returns their number."""
        ...

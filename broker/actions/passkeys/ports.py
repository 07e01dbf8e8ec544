"""Ports of passkeys and kept identities, which the SQL stores implement."""

from collections.abc import Sequence
from typing import Protocol

from broker.model.audit import AuditEvent
from broker.model.notification import Notification
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.passkey import DueReminder, KeptIdentity, KeptWithPasskeys, KnownPasskey, NewlyKept, Passkey
from broker.model.session import Session


class PasskeysInUse(Protocol):
    """Passkeys as a sign-in needs them (database)."""

    async def find(self, digest: str) -> KnownPasskey | None:
        """The passkey with this digest of a credential id. One round trip."""
        ...

    async def use(self, passkey: Passkey, sign_count: int, now: float) -> bool:
        """Records a use, and the new signature counter. False if the passkey was used or removed in between."""
        ...


class Passkeys(Protocol):
    """Passkeys that lead to a kept identity (database)."""

    async def add(
        self, passkey: Passkey, proof: Session, event: AuditEvent, deliveries: Sequence[OutboundDelivery] = ()
    ) -> bool:
        """Registers a passkey for the account of the session `proof`. False, and nothing written, if its credential id
        is registered, or if the session has ended or counts no more."""
        ...

    async def rename(self, passkey: Passkey) -> None:
        """Writes the name of a passkey."""
        ...

    async def remove(self, passkey: Passkey, event: AuditEvent, deliveries: Sequence[OutboundDelivery] = ()) -> bool:
        """Deletes a passkey. False, and nothing written, if there is none."""
        ...


class KeptIdentities(Protocol):
    """Kept identities (database)."""

    def key(self, issuer: str, subject: str) -> str:
        """The key of the identity with this issuer and subject."""
        ...

    async def of_account(self, account: str) -> Sequence[KeptWithPasskeys]:
        """The kept identities of an account with their passkeys, oldest first. One round trip."""
        ...

    async def keep(
        self,
        proof: Session,
        new: NewlyKept,
        events: Sequence[AuditEvent],
        deliveries: Sequence[OutboundDelivery] = (),
    ) -> bool:
        """Keeps an identity as a new way of the account of the session `proof`, with its first passkey. False if that
        is registered already, or if the session has ended or counts no more."""
        ...

    async def renew(
        self,
        kept: KeptIdentity,
        remind_at: float | None,
        event: AuditEvent,
        deliveries: Sequence[OutboundDelivery] = (),
    ) -> bool:
        """Writes what the source said again, until when it is kept, and when its citizen is reminded.

        False if it is not kept any more.
        """
        ...


class KeptReminders(Protocol):
    """Kept identities that end (database)."""

    async def due(self, now: float, limit: int) -> Sequence[DueReminder]:
        """Those whose citizens are to be reminded by now, the earliest first."""
        ...

    async def reminded(
        self,
        due: DueReminder,
        next_at: float | None,
        notices: Sequence[Notification],
        events: Sequence[AuditEvent],
    ) -> bool:
        """Writes the notices and when the next reminder is due, in one transaction. False if another process did."""
        ...

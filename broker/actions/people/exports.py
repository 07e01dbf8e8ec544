"""Signed exports of the audit record by two persons: one asks with a reason, another releases, the first downloads.

An export is JSON lines: one line for each sealed row, with its number and its hash, in the order of the chain. The
audit record holds ids and closed words, and an export adds nothing to it. A detached JWS over the file is made when it
is released; the file is made again from the rows for each download, which is recorded.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import msgspec

from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.people.ports import Exports
from broker.actions.ports import AuditLog
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.audit_export import AuditExport, ExportReason, ExportState, SealedRow
from broker.model.staff import StaffRole
from broker.platform.system import System

LIFE: Final = 7 * 24 * 3600
"""How long (seconds) an export waits for its release, and can then be downloaded."""
MOST_ROWS: Final = 100_000
"""Rows of an export at most. More need several exports of fewer days each."""
_PAGE: Final = 2_000
SHOWN: Final = 30
"""Exports that a page shows."""

_encode: Final = msgspec.json.Encoder(order="sorted").encode


class ExportRefused(StrEnum):
    """Why there is no export."""

    NOT_ALLOWED = "not_allowed"
    SAME_PERSON = "same_person"
    UNKNOWN = "unknown"
    REASON = "reason"
    DAYS = "days"
    EMPTY = "empty"
    TOO_MANY = "too_many"
    NOT_FRESH = "not_fresh"
    STALE = "stale"


def lines_of(rows: Sequence[SealedRow]) -> bytes:
    """The rows as JSON lines."""
    return b"".join(_encode({"number": row.number, "hash": row.hash, **row.content}) + b"\n" for row in rows)


@dataclass(frozen=True, slots=True)
class AuditExports:
    """Exports. `sign` makes the detached signature of a file, `keys` is the JWK Set that verifies it."""

    store: Exports
    audit: AuditLog
    system: System
    sign: Callable[[bytes], str]
    keys: Callable[[], bytes]

    async def recent(self, who: StaffPrincipal) -> Sequence[AuditExport] | ExportRefused:
        """For auditors and admins: the newest exports."""
        return await self.store.recent(SHOWN) if _entitled(who) else ExportRefused.NOT_ALLOWED

    async def ask(self, who: StaffPrincipal, begins: float, ends: float, reason: str) -> AuditExport | ExportRefused:
        """For auditors and admins: asks for the rows from `begins` to before `ends`."""
        if not _entitled(who):
            return ExportRefused.NOT_ALLOWED
        if reason not in set(ExportReason):
            return ExportRefused.REASON
        now = self.system.now()
        if not 0 <= begins < ends or begins > now:
            return ExportRefused.DAYS
        name, why = handles.new_handle(self.system, "export"), ExportReason(reason)
        export = AuditExport(name, who.member.id, now, why, begins, ends, now + LIFE)
        await self.store.ask(export, self._event("audit_export_asked", who, export))
        return export

    async def decide(self, who: StaffPrincipal, export_id: str, *, release: bool) -> AuditExport | ExportRefused:
        """For another auditor or admin: releases an export, which reads and signs its rows, or refuses it."""
        export, now = await self.store.load(export_id), self.system.now()
        if not _entitled(who):
            return ExportRefused.NOT_ALLOWED
        if export is None or export.state is not ExportState.OPEN or export.expires <= now:
            return ExportRefused.UNKNOWN
        if not release:
            refused = replace(export, state=ExportState.REFUSED, decided_by=who.member.id, decided=now)
            done = await self.store.decide(refused, self._event("audit_export_refused", who, export))
            return refused if done else ExportRefused.STALE
        if export.asked_by == who.member.id:
            return ExportRefused.SAME_PERSON
        if now >= who.fresh_until:
            return ExportRefused.NOT_FRESH
        span = await self.store.span(export.begins, export.ends)
        if span is None:
            return ExportRefused.EMPTY
        if span[1] - span[0] >= MOST_ROWS:
            return ExportRefused.TOO_MANY
        content = b"".join([part async for part in self._content(*span)])
        signature = await asyncio.to_thread(self.sign, content)
        released = replace(
            export,
            state=ExportState.RELEASED,
            decided_by=who.member.id,
            decided=now,
            expires=now + LIFE,
            first=span[0],
            last=span[1],
            rows=content.count(b"\n"),
            sha256=hashlib.sha256(content).hexdigest(),
            signature=signature,
        )
        done = await self.store.decide(released, self._event("audit_export_released", who, released))
        return released if done else ExportRefused.STALE

    async def download(self, who: StaffPrincipal, export_id: str) -> tuple[AuditExport, AsyncIterator[bytes]] | None:
        """For the one who asked: the file of a released export, after the download was recorded; None for others."""
        export = await self.released(who, export_id)
        if export is None:
            return None
        await self.audit.write([self._event("audit_export_downloaded", who, export)])
        return export, self._content(export.first, export.last)

    async def released(self, who: StaffPrincipal, export_id: str) -> AuditExport | None:
        """A released export of the one who asked for it, while it can be downloaded."""
        export = await self.store.load(export_id) if _entitled(who) else None
        ready = export is not None and export.state is ExportState.RELEASED and export.expires > self.system.now()
        return export if export is not None and ready and export.asked_by == who.member.id else None

    async def _content(self, first: int, last: int) -> AsyncIterator[bytes]:
        while first <= last and (rows := await self.store.rows(first, last, _PAGE)):
            yield lines_of(rows)
            first = rows[-1].number + 1

    def _event(self, kind: str, who: StaffPrincipal, export: AuditExport) -> AuditEvent:
        details = {
            "export": export.id,
            "reason": export.reason.value,
            "begins": f"{export.begins:.0f}",
            "ends": f"{export.ends:.0f}",
        }
        if export.sha256:
            details |= {"rows": str(export.rows), "sha256": export.sha256}
        return AuditEvent(kind, self.system.now(), f"staff:{who.member.id}", details=details)


def _entitled(who: StaffPrincipal) -> bool:
    return who.member.may(StaffRole.AUDITOR, StaffRole.ADMIN)

"""Switches: what operators turned off, and the in-process copy that is never staler than one request.

The table has a version, which grows with every change in the transaction that makes it. Whoever makes a request of the
hot path asks some store anyway, and that answer brings the version along: from SQL in the same statement
(`heard`), from Redis in the same command as the record (`heard_mirror`). `current()` gives the copy in the process only
while the version last heard is the copy's own; else it reads the table again. So what a request decides after its first
look into a store is what held when that look was made, or later.

Redis holds a mirror of the version only, never of the switches. A change deletes the mirror first, then commits, then
writes the mirror anew: in between, and after a Redis that was emptied, every request finds no mirror and asks SQL. A
mirror that travelled back in time (a replica that lagged and took over) is the one case left: it is seen and mended by
the next look into SQL of any process, and by `check`, which is made once a second.

Without Redis there is no mirror, and `current()` asks SQL each time.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from sqlalchemy import Double, Text, bindparam, delete, select, update

from broker.model.audit import AuditEvent
from broker.model.kill_switches import KillSwitches, KillSwitchKind
from broker.model.session import LogoutFanOut, no_fan_out
from broker.model.store_results import StoreUnavailable
from broker.stores.sql import audit
from broker.stores.sql.database import AtomicWrite, Database
from broker.stores.sql.session_termination import SessionTermination
from broker.stores.sql.shared_counters import is_mark
from broker.stores.sql.tables import kill_switches, shared_counters

_log: Final = logging.getLogger("portico.stores")
_AUDITED: Final[Mapping[KillSwitchKind, str]] = {
    KillSwitchKind.PROVIDER: "provider",
    KillSwitchKind.SERVICE: "client_id",
    KillSwitchKind.ACCOUNT: "account",
}


class VersionMirror(Protocol):
    """Where the version is mirrored for readers that do not look into SQL."""

    async def write(self, version: int, instead: int | None) -> None:
        """Mirrors a version where none, an earlier one, or the one to be put right stands; a later one stays."""
        ...

    async def forget(self) -> None:
        """Takes the mirrored version away."""
        ...


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """One thing that is turned off: why, by whom, since when (seconds since 1970 UTC)."""

    kind: KillSwitchKind
    id: str
    reason: str
    who: str
    at: float


class KillSwitchStore:
    """The switches as this process sees them, and the changing of them."""

    def __init__(self, database: Database, endings: SessionTermination) -> None:
        self._database = database
        self._endings = endings
        self._mirror: VersionMirror | None = None
        self._copy: KillSwitches | None = None
        self._heard: int | None = None
        self._mirrored: int | None = None
        columns = (
            kill_switches.c.kind,
            kill_switches.c.id,
            kill_switches.c.reason,
            kill_switches.c.who,
            kill_switches.c.at,
        )
        names = {name: bindparam(name, type_=Text) for name in ("kind", "id", "reason", "who")}
        this = (kill_switches.c.kind == names["kind"], kill_switches.c.id == names["id"])
        off = database.upsert(kill_switches).values(**names, at=bindparam("at", type_=Double))
        grown = update(shared_counters).where(is_mark("kill_switches")).values(value=shared_counters.c.value + 1)
        then = (lambda passed: grown.where(passed), audit.written())
        self._read = database.prepare(
            select(shared_counters.c.value, *columns)
            .select_from(shared_counters.outerjoin(kill_switches, kill_switches.c.kind.is_not(None)))
            .where(is_mark("kill_switches"))
            .order_by(kill_switches.c.kind, kill_switches.c.id)
        )
        self._off = database.prepare(AtomicWrite(off.on_conflict_do_nothing().returning(kill_switches.c.id), then))
        self._on = database.prepare(AtomicWrite(delete(kill_switches).where(*this).returning(kill_switches.c.id), then))

    def mirror_in(self, mirror: VersionMirror) -> None:
        """From now on the version is also kept in a mirror, and what is heard is believed."""
        self._mirror = mirror

    def observe_version(self, version: int) -> None:
        """A look into SQL brought this version along."""
        self._heard = version

    def observe_mirror(self, version: int | None) -> None:
        """A look into passing state brought this version along, or found none."""
        self._mirrored = version
        self._heard = version

    async def current(self) -> KillSwitches:
        """The switches as they are now: never older than this request's last look into a store."""
        copy = self._copy
        if self._mirror is not None and copy is not None and copy.version == self._heard:
            return copy
        return await self._reload()

    async def check(self) -> None:
        """Asks SQL, whatever was heard, and mends the mirror. For once a second."""
        await self._reload()

    async def listing(self) -> Sequence[SwitchedOff]:
        """Everything that is turned off, by kind and id."""
        rows = await self._database.query(self._read, {})
        return [SwitchedOff(KillSwitchKind(row[1]), *row[2:]) for row in rows if row[1] is not None]

    async def turn_off(
        self, kind: KillSwitchKind, id: str, reason: str, who: str, now: float, farewell: LogoutFanOut = no_fan_out
    ) -> bool:
        """Turns something off, with its audit row. False, and nothing written, if it was off already.

        With an account all its sessions end, for good: turned on again, its citizen signs in anew. `farewell` says what
        the services of those sessions are told. Holds for every request that begins after this returned.
        """
        event = self._event(f"{kind.value}_disabled", kind, id, who, now, {"reason": reason})
        values = {"kind": kind.value, "id": id, "reason": reason, "who": who, "at": now, "events": audit.rows([event])}

        async def off() -> bool:
            async with self._database.transaction() as unit:
                changed = bool(await unit.run(self._off, values))
                if changed and kind is KillSwitchKind.ACCOUNT:
                    ended = replace(event, kind="session_ended", details={"why": "account_disabled"})
                    await self._endings.of_account(unit, id, ended, farewell)
            return changed

        return await self._change(off)

    async def turn_on(self, kind: KillSwitchKind, id: str, who: str, now: float) -> bool:
        """Turns something on again, with its audit row. False, and nothing written, if it was not off."""
        event = self._event(f"{kind.value}_enabled", kind, id, who, now, {})
        values = {"kind": kind.value, "id": id, "events": audit.rows([event])}

        async def on() -> bool:
            return bool(await self._database.perform(self._on, values))

        return await self._change(on)

    async def _change(self, change: Callable[[], Awaitable[bool]]) -> bool:
        if self._mirror is not None:
            await self._forget(self._mirror)
        changed = await change()
        await self._reload()
        return changed

    async def _forget(self, mirror: VersionMirror) -> None:
        """With passing state gone no journey runs, and whoever comes back to it finds the change by `check`."""
        self._mirrored = None
        try:
            await mirror.forget()
        except StoreUnavailable:
            _log.warning("switch_mirror_unreachable")

    async def _reload(self) -> KillSwitches:
        heard, mirrored = self._heard, self._mirrored
        rows = await self._database.query(self._read, {})
        off = {(KillSwitchKind(row[1]), row[2]): row[3] for row in rows if row[1] is not None}
        copy = self._copy = KillSwitches(int(rows[0][0]), off)
        if self._heard == heard:
            # nobody heard of another change while the table was read: what was read is what holds
            self._heard = copy.version
        if self._mirror is not None and mirrored != copy.version:
            await self._repair(self._mirror, copy.version, mirrored)
        return copy

    async def _repair(self, mirror: VersionMirror, version: int, instead: int | None) -> None:
        """A mirror that cannot be written stays as wrong as it is: the next look finds that and tries again."""
        try:
            await mirror.write(version, instead)
        except StoreUnavailable:
            _log.warning("switch_mirror_unreachable")
        else:
            self._mirrored = version

    def _event(
        self, name: str, kind: KillSwitchKind, id: str, who: str, now: float, details: Mapping[str, str]
    ) -> AuditEvent:
        return AuditEvent(name, now, who, details=details, **{_AUDITED[kind]: id})

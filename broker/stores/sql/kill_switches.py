"""Kill switches: what operators turned off, and an in-process copy that is never staler than one request.

The table has a version, which increases with every change in the same transaction. Every request of the hot path reads
some store anyway, and the reply includes the version: from SQL in the same statement (`observe_version`), from Redis in
the same command as the record (`observe_mirror`). `current()` returns the copy in the process only if its version is
the last observed one; otherwise it reads the table again. So a request decides by the switches as they were at its
first store access, or later.

Redis holds only a mirror of the version, never the switches. A change deletes the mirror, commits, then writes the
mirror again: in between, and after Redis was emptied, every request finds no mirror and reads SQL. A mirror that went
back to an earlier version (promotion of a lagging replica) is the remaining case: it is detected and corrected by the
next SQL access of any process, and by `check` once a second.

Without Redis there is no mirror, and `current()` reads SQL each time.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from sqlalchemy import Double, Text, bindparam, delete, select, update

from broker.model.audit import AuditEvent
from broker.model.kill_switches import KillSwitches, KillSwitchKind, ProviderPause
from broker.model.session import LogoutFanOut, no_fan_out
from broker.model.store_results import StoreUnavailable
from broker.stores.sql import audit
from broker.stores.sql.database import AtomicWrite, Database
from broker.stores.sql.session_termination import SessionTermination
from broker.stores.sql.shared_counters import is_mark
from broker.stores.sql.tables import kill_switches, shared_counters

_log: Final = logging.getLogger("portico.stores")
PAUSE: Final = "pause"
"""The kind of the rows that pause a provider."""

_AUDITED: Final[Mapping[KillSwitchKind, str]] = {
    KillSwitchKind.PROVIDER: "provider",
    KillSwitchKind.SERVICE: "client_id",
    KillSwitchKind.ACCOUNT: "account",
}


class VersionMirror(Protocol):
    """Mirror of the version for readers that do not access SQL."""

    async def write(self, version: int, instead: int | None) -> None:
        """Writes a version over none, an earlier one, or the wrong one to be replaced; a later one stays."""
        ...

    async def forget(self) -> None:
        """Deletes the mirrored version."""
        ...


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """One entry that is turned off: reason, actor, time (seconds since 1970 UTC)."""

    kind: KillSwitchKind
    id: str
    reason: str
    who: str
    at: float


class KillSwitchStore:
    """The kill switches as this process sees them, and their changes."""

    def __init__(self, database: Database, session_termination: SessionTermination) -> None:
        self._database = database
        self._session_termination = session_termination
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
            kill_switches.c.texts,
            kill_switches.c.until,
        )
        names = {name: bindparam(name, type_=Text) for name in ("kind", "id", "reason", "who")}
        this = (kill_switches.c.kind == names["kind"], kill_switches.c.id == names["id"])
        off = database.upsert(kill_switches).values(**names, at=bindparam("at", type_=Double))
        paused = database.upsert(kill_switches).values(
            **names,
            at=bindparam("at", type_=Double),
            texts=bindparam("texts", type_=Text),
            until=bindparam("until", type_=Double),
        )
        changed = {name: paused.excluded[name] for name in ("reason", "who", "at", "texts", "until")}
        grown = update(shared_counters).where(is_mark("kill_switches")).values(value=shared_counters.c.value + 1)
        then = (lambda passed: grown.where(passed), audit.insert_rows())
        self._read = database.prepare(
            select(shared_counters.c.value, *columns)
            .select_from(shared_counters.outerjoin(kill_switches, kill_switches.c.kind.is_not(None)))
            .where(is_mark("kill_switches"))
            .order_by(kill_switches.c.kind, kill_switches.c.id)
        )
        self._off = database.prepare(AtomicWrite(off.on_conflict_do_nothing().returning(kill_switches.c.id), then))
        self._pause = database.prepare(
            AtomicWrite(
                paused.on_conflict_do_update(index_elements=["kind", "id"], set_=changed).returning(kill_switches.c.id),
                then,
            )
        )
        self._on = database.prepare(AtomicWrite(delete(kill_switches).where(*this).returning(kill_switches.c.id), then))

    def mirror_in(self, mirror: VersionMirror) -> None:
        """Adds a mirror of the version, whose observations are trusted from now on."""
        self._mirror = mirror

    def observe_version(self, version: int) -> None:
        """An SQL access returned this version."""
        self._heard = version

    def observe_mirror(self, version: int | None) -> None:
        """An access to the ephemeral stores returned this version, or found no mirror."""
        self._mirrored = version
        self._heard = version

    async def current(self) -> KillSwitches:
        """The kill switches: never older than this request's last store access."""
        copy = self._copy
        if self._mirror is not None and copy is not None and copy.version == self._heard:
            return copy
        return await self._reload()

    @property
    def latest(self) -> KillSwitches | None:
        """The kill switches as they were read last, at most a second ago; for metrics only."""
        return self._copy

    async def check(self) -> None:
        """Reads SQL, whatever was observed, and corrects the mirror. Called once a second."""
        await self._reload()

    async def listing(self) -> Sequence[SwitchedOff]:
        """Everything that is turned off, by kind and id."""
        rows = await self._database.query(self._read, {})
        return [SwitchedOff(KillSwitchKind(row[1]), *row[2:6]) for row in rows if row[1] not in (None, PAUSE)]

    async def turn_off(
        self, kind: KillSwitchKind, target: str, reason: str, actor: str, now: float, fan_out: LogoutFanOut = no_fan_out
    ) -> bool:
        """Turns something off, with its audit row. False, and nothing written, if it was off already.

        Turning an account off also ends all its sessions permanently: after it is turned on again, the citizen has to
        sign in. `fan_out` makes the logout deliveries for the services of those sessions. Applies to every request
        that starts after the return.
        """
        event = self._event(f"{kind.value}_disabled", kind, target, actor, now, {"reason": reason})
        values = {
            "kind": kind.value,
            "id": target,
            "reason": reason,
            "who": actor,
            "at": now,
            "events": audit.rows([event]),
        }

        async def off() -> bool:
            async with self._database.transaction() as unit:
                changed = bool(await unit.run(self._off, values))
                if changed and kind is KillSwitchKind.ACCOUNT:
                    ended = replace(event, kind="session_ended", details={"why": "account_disabled"})
                    await self._session_termination.of_account(unit, target, ended, fan_out)
            return changed

        return await self._change(off)

    async def turn_on(self, kind: KillSwitchKind, target: str, actor: str, now: float) -> bool:
        """Turns something on again, with its audit row. False, and nothing written, if it was not off."""
        event = self._event(f"{kind.value}_enabled", kind, target, actor, now, {})
        values = {"kind": kind.value, "id": target, "events": audit.rows([event])}

        async def on() -> bool:
            return bool(await self._database.perform(self._on, values))

        return await self._change(on)

    async def pause(self, provider: str, texts: Mapping[str, str], until: float | None, actor: str, now: float) -> None:
        """Pauses a provider, with its audit row, in place of a pause before. `texts` are for citizens, by language.

        Applies to every request that starts after the return. Citizens who are at the provider may come back.
        """
        reason = next(iter(texts.values()))
        end = {} if until is None else {"until": str(int(until))}
        event = self._event("provider_paused", KillSwitchKind.PROVIDER, provider, actor, now, {"reason": reason, **end})
        values = {
            "kind": PAUSE,
            "id": provider,
            "reason": reason,
            "who": actor,
            "at": now,
            "texts": json.dumps(dict(texts), ensure_ascii=False),
            "until": until,
            "events": audit.rows([event]),
        }

        async def pause() -> bool:
            return bool(await self._database.perform(self._pause, values))

        await self._change(pause)

    async def resume(self, provider: str, actor: str, now: float) -> bool:
        """Ends a pause of a provider, with its audit row. False, and nothing written, if there is none."""
        event = self._event("provider_resumed", KillSwitchKind.PROVIDER, provider, actor, now, {})
        values = {"kind": PAUSE, "id": provider, "events": audit.rows([event])}

        async def resume() -> bool:
            return bool(await self._database.perform(self._on, values))

        return await self._change(resume)

    async def _change(self, change: Callable[[], Awaitable[bool]]) -> bool:
        if self._mirror is not None:
            await self._forget(self._mirror)
        changed = await change()
        await self._reload()
        return changed

    async def _forget(self, mirror: VersionMirror) -> None:
        """Without ephemeral state no journey continues; processes that reconnect detect the change by `check`."""
        self._mirrored = None
        try:
            await mirror.forget()
        except StoreUnavailable:
            _log.warning("switch_mirror_unreachable")

    async def _reload(self) -> KillSwitches:
        heard, mirrored = self._heard, self._mirrored
        rows = await self._database.query(self._read, {})
        off = {(KillSwitchKind(row[1]), row[2]): row[3] for row in rows if row[1] not in (None, PAUSE)}
        pauses = {row[2]: ProviderPause(json.loads(row[6]), row[7], row[5]) for row in rows if row[1] == PAUSE}
        copy = self._copy = KillSwitches(int(rows[0][0]), off, pauses)
        if self._heard == heard:
            # no other change was observed while the table was read: this reading is current
            self._heard = copy.version
        if self._mirror is not None and mirrored != copy.version:
            await self._repair(self._mirror, copy.version, mirrored)
        return copy

    async def _repair(self, mirror: VersionMirror, version: int, instead: int | None) -> None:
        """If the mirror cannot be written it stays wrong: the next access detects that and tries again."""
        try:
            await mirror.write(version, instead)
        except StoreUnavailable:
            _log.warning("switch_mirror_unreachable")
        else:
            self._mirrored = version

    def _event(
        self, name: str, kind: KillSwitchKind, target: str, actor: str, now: float, details: Mapping[str, str]
    ) -> AuditEvent:
        return AuditEvent(name, now, actor, details=details, **{_AUDITED[kind]: target})

"""What the commands are given to work with, and how they refuse."""

import argparse
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from broker.actions.assisted.reports import Reports
from broker.actions.open_data.publishing import OpenData
from broker.actions.open_data.releases import ClaimReleases
from broker.assisted.case import Case
from broker.model.account import Dependents
from broker.model.audit import AuditEvent
from broker.model.audit_export import SealedRow
from broker.model.audit_search import AuditQuery
from broker.model.kill_switches import KillSwitches, KillSwitchKind
from broker.model.self_test import SelfTestFinding
from broker.model.session import LogoutFanOut
from broker.model.sign_in_failure import SignInFailure
from broker.model.status_note import StatusNote
from broker.normalize.text import clean
from broker.platform.system import System
from broker.settings import ProviderKind, Settings, load
from broker.wiring.connection_checks import ConnectionResult
from broker.wiring.errors import CommandError, format_problems

LONGEST = 1000
"""Characters of an argument that is kept, such as a reason."""


class DisabledItem(Protocol):
    """One thing that is turned off: why, by whom, since when (seconds since 1970 UTC)."""

    @property
    def kind(self) -> KillSwitchKind: ...
    @property
    def id(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def who(self) -> str: ...
    @property
    def at(self) -> float: ...


class Switchboard(Protocol):
    """Turns things off and on, each time with its audit row."""

    async def listing(self) -> Sequence[DisabledItem]:
        """Everything that is off."""
        ...

    async def turn_off(
        self, kind: KillSwitchKind, target: str, reason: str, actor: str, now: float, fan_out: LogoutFanOut
    ) -> bool:
        """False, and nothing written, if it was off already. With an account its sessions end."""
        ...

    async def current(self) -> KillSwitches:
        """Everything that is off or paused."""
        ...

    async def pause(self, provider: str, texts: Mapping[str, str], until: float | None, actor: str, now: float) -> None:
        """Pauses a provider, in place of a pause before. `texts` are for citizens, by language."""
        ...

    async def resume(self, provider: str, actor: str, now: float) -> bool:
        """False, and nothing written, if the provider was not paused."""
        ...

    async def turn_on(self, kind: KillSwitchKind, target: str, actor: str, now: float) -> bool:
        """False, and nothing written, if it was not off."""
        ...


class SessionAdmin(Protocol):
    """The broker's sessions."""

    async def end_all(self, account: str, event: AuditEvent, fan_out: LogoutFanOut) -> int:
        """Ends every session of an account; gives their number."""
        ...


class Epochs(Protocol):
    """The number that everything issued carries."""

    async def raise_epoch(self, actor: str, now: float) -> int:
        """Begins a new epoch: everything of earlier ones is unknown from now on. Gives the new one."""
        ...


class Reloads(Protocol):
    """The shared counter of reload requests, which every process polls."""

    async def ask_reload(self, actor: str, now: float) -> int:
        """Adds a request, with an audit row. Returns the number of requests."""
        ...


class Verifier(Protocol):
    """Reads the audit chain again from its beginning."""

    async def verify(self) -> "AuditReportPort":
        """What was found. Changes nothing."""
        ...


class Recorder(Protocol):
    """Writes audit rows for what was done outside of the stores."""

    async def write(self, events: Sequence[AuditEvent]) -> None:
        """Writes them. Raises StoreUnavailable."""
        ...


class AuditReportPort(Protocol):
    """What a reading of the audit chain found."""

    @property
    def rows(self) -> int:
        """How many sealed rows were read."""
        ...

    @property
    def unsealed(self) -> int:
        """How many rows wait to be sealed."""
        ...

    @property
    def faults(self) -> Sequence[str]:
        """Each change, gap and cut, in words. Empty: the record is whole."""
        ...


class Clocks(Protocol):
    """This machine's clock compared with the database's, in seconds, at the last reading."""

    @property
    def offset(self) -> float: ...
    @property
    def ahead(self) -> float: ...
    @property
    def explanation(self) -> str: ...
    @property
    def own_clock_is_off(self) -> bool: ...
    @property
    def mark_is_ahead(self) -> bool: ...

    async def read_clocks(self) -> None:
        """Reads the clocks and judges."""
        ...

    async def lower_mark(self, actor: str) -> bool:
        """Takes back a latest time noted that lies in the future. False if another process was faster."""
        ...


class Links(Protocol):
    """Links of identities to accounts."""

    async def has_account(self, account: str) -> bool:
        """Returns whether there is an account with this id."""
        ...

    async def dependents(self, provider: str) -> Dependents:
        """The accounts that a provider leads to."""
        ...

    async def forget_anchors(self, account: str, event: AuditEvent) -> int:
        """Forgets the anchors of an account's identities. Returns how many there were."""
        ...


class AuditSearch(Protocol):
    """Search in the audit record."""

    async def row(self, number: int) -> tuple[int, AuditEvent] | None:
        """The row with this id."""
        ...

    async def search(self, want: AuditQuery, limit: int) -> list[tuple[int, AuditEvent]]:
        """The newest rows that fulfil all conditions, the oldest first, with their ids; at most `limit`."""
        ...


class FailedSignIns(Protocol):
    """Failed sign-ins."""

    async def by_reference(self, reference: str, now: float) -> Sequence[SignInFailure]:
        """The failures with this reference, in any notation, the newest first."""
        ...


class CaseRecords(Protocol):
    """Cases of assisted verification."""

    async def by_reference(self, reference: str) -> Case | None:
        """The case with this reference, in any notation."""
        ...


class AuditRows(Protocol):
    """Sealed audit rows."""

    async def span(self, begins: float, ends: float) -> tuple[int, int] | None:
        """The first and the last number of the sealed rows of a time; None if there are none."""
        ...

    async def rows(self, first: int, last: int, limit: int) -> Sequence[SealedRow]:
        """The sealed rows with these numbers, at most `limit`."""
        ...


class Notes(Protocol):
    """Notes of the operator on the status page."""

    async def write(self, note: StatusNote, event: AuditEvent) -> None:
        """Writes a note, or what changed of it."""
        ...

    async def withdraw(self, note_id: str, event: AuditEvent) -> bool:
        """Deletes a note. False, and nothing written, if there is none with this id."""
        ...

    async def load(self, note_id: str) -> StatusNote | None:
        """The note with this id."""
        ...

    async def recent(self, since: float) -> Sequence[StatusNote]:
        """The notes that last or ended after a time, the newest first."""
        ...


class AdminStoresPort(Protocol):
    """The stores of facts that commands touch."""

    @property
    def kill_switches(self) -> Switchboard: ...
    @property
    def links(self) -> Links: ...
    @property
    def sessions(self) -> SessionAdmin: ...
    @property
    def epochs(self) -> Epochs: ...
    @property
    def audit(self) -> Verifier: ...
    @property
    def audit_log(self) -> Recorder: ...
    @property
    def reloads(self) -> Reloads: ...
    @property
    def clock(self) -> Clocks: ...
    @property
    def reports(self) -> Reports: ...
    @property
    def open_data(self) -> OpenData: ...
    @property
    def audit_search(self) -> AuditSearch: ...
    @property
    def audit_rows(self) -> AuditRows: ...
    @property
    def failures(self) -> FailedSignIns: ...
    @property
    def cases(self) -> CaseRecords: ...
    @property
    def claim_releases(self) -> ClaimReleases: ...
    @property
    def status_notes(self) -> Notes: ...


@dataclass(frozen=True, slots=True)
class CommandContext:
    """Everything a command needs of its surroundings.

    `kinds` are the kinds of providers; `user` is who runs the command, for audit rows; `open` opens the stores of
    facts and closes them again; `migrate` brings the schema up to date and names each step that it took; `connect` uses
    everything outside of the process once, and returns the result of each.
    """

    kinds: Mapping[str, ProviderKind]
    system: System
    user: str
    open: Callable[[Settings], AbstractAsyncContextManager[AdminStoresPort]]
    migrate: Callable[[Settings], Awaitable[Sequence[str]]]
    connect: Callable[[Settings], Awaitable[Mapping[str, ConnectionResult]]]
    test_provider: Callable[[Settings, str], Awaitable[Sequence[SelfTestFinding]]]


def require_clock(facts: AdminStoresPort) -> None:
    """Raises CommandError if this machine's clock is wrong, since rows would be written with a wrong time."""
    if facts.clock.own_clock_is_off:
        raise CommandError(
            f"{facts.clock.explanation}\n    correct this machine's clock, or run the command on another host"
        )


def line(text: str) -> str:
    """An argument that is kept: one line of 1 to 1000 characters, in normal form. Raises ArgumentTypeError.

    Bytes that are no UTF-8 arrive as surrogates, which no database takes.
    """
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise argparse.ArgumentTypeError("this is not UTF-8 text")
    found = clean(text)
    if not 1 <= len(found) <= LONGEST:
        raise argparse.ArgumentTypeError(f"1 to {LONGEST} characters are needed, here are {len(found)}")
    return found


def moment(argument: str) -> float:
    """A point in time with its offset from UTC. Raises ArgumentTypeError."""
    try:
        found = datetime.fromisoformat(argument)
    except ValueError:
        raise argparse.ArgumentTypeError("write it as 2027-03-31T17:00:00+01:00") from None
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("add the offset from UTC, such as +01:00 or Z")
    return found.timestamp()


def add_config(parser: argparse.ArgumentParser) -> None:
    """The option that every command has in common."""
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("config"),
        metavar="PLACE",
        help="the folder with broker.toml, or one file with everything (default: %(default)s)",
    )


def load_settings(args: argparse.Namespace, machine: CommandContext, *, prepared: bool = True) -> Settings:
    """The settings that `--config` names. Raises CommandError with every problem in them."""
    loaded = load(args.config, machine.kinds, prepared=prepared)
    if isinstance(loaded, list):
        raise CommandError(format_problems(loaded, args.config))
    return loaded

"""The lead's board: deadlines at risk, flags and questions that wait, who is on shift; and the sessions of staff."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from broker.actions.assisted.context import CaseContext
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import ActionRefused
from broker.actions.console.lists import visible
from broker.assisted.case_row import CaseCounts, CaseFilter, CaseFlag, CaseOrder, CaseRow
from broker.assisted.case_states import WITH_AGENT, CaseState
from broker.model.audit import AuditEvent
from broker.model.staff import StaffMember, StaffPresence, StaffRole

AT_RISK: Final = 4 * 3600
"""Seconds before a deadline from which on it is at risk."""

SHOWN: Final = 20
"""Rows of each part of the board at most. The lists show all."""

_STAFFS_TURN: Final = (CaseState.QUEUED, CaseState.REVIEW, *sorted(WITH_AGENT))
_FLAGGED: Final = (None, CaseState.BOUND, CaseState.RELEASED)
"""Where flags wait: in open cases, and in those whose identity was taken up."""


@dataclass(frozen=True, slots=True)
class OnShift:
    """A signed-in member of staff: when they used the console last, and how many cases they hold."""

    member: str
    used: float
    held: int


@dataclass(frozen=True, slots=True)
class BoardView:
    """The board. Each part has its most urgent rows."""

    counts: CaseCounts
    at_risk: tuple[CaseRow, ...]
    unseen: tuple[CaseRow, ...]
    questions: tuple[CaseRow, ...]
    shift: tuple[OnShift, ...]


@dataclass(frozen=True, slots=True)
class Oversight:
    """What leads see of all cases, and leads, auditors and admins of the sessions of staff."""

    context: CaseContext

    async def board(self, who: StaffPrincipal, idle: float) -> BoardView | ActionRefused:
        """The board. `idle` is the timeout (seconds) of a session without a request."""
        if not who.member.may(StaffRole.LEAD):
            return ActionRefused.NOT_ALLOWED
        lists, now = self.context.stores.lists, self.context.system.now()
        soon = now + AT_RISK
        at_risk = [CaseFilter(state=state, ends_before=soon) for state in _STAFFS_TURN]
        unseen = [CaseFilter(state=state, flags=CaseFlag.UNSEEN) for state in _FLAGGED]
        held = await lists.held()
        present = await self.context.stores.presence.present(now, now - idle)
        return BoardView(
            await lists.counts(),
            await self._rows(who.member, at_risk),
            await self._rows(who.member, unseen),
            await self._rows(who.member, [CaseFilter(flags=CaseFlag.QUESTION)]),
            tuple(OnShift(one.member, one.used, held.get(one.member, 0)) for one in present),
        )

    async def _rows(self, member: StaffMember, filters: Iterable[CaseFilter]) -> tuple[CaseRow, ...]:
        now, found = self.context.system.now(), list[CaseRow]()
        for want in filters:
            found += (await self.context.stores.lists.page(want, CaseOrder.DEADLINE, None, SHOWN)).rows
        return tuple(visible(row, member, now) for row in sorted(found, key=lambda row: (row.ends, row.id))[:SHOWN])

    async def sessions(self, who: StaffPrincipal, idle: float) -> Mapping[str, StaffPresence] | ActionRefused:
        """For leads, auditors and admins: the members of staff who are signed in, by their id."""
        if not who.member.may(StaffRole.LEAD, StaffRole.AUDITOR, StaffRole.ADMIN):
            return ActionRefused.NOT_ALLOWED
        now = self.context.system.now()
        return {one.member: one for one in await self.context.stores.presence.present(now, now - idle)}

    async def end_sessions(self, who: StaffPrincipal, member: str) -> int | ActionRefused:
        """For admins: ends every session of a member of staff. Returns how many ended."""
        if not who.member.may(StaffRole.ADMIN):
            return ActionRefused.NOT_ALLOWED
        details = {"member": member}
        ended = AuditEvent("staff_sessions_ended", self.context.system.now(), f"staff:{who.member.id}", details=details)
        return await self.context.stores.presence.end_all(member, ended)

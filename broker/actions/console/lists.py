"""The console's lists of cases, and the actions of a lead on their rows. No record is opened to show a list."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from broker.actions.assisted.context import CaseContext
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import ActionRefused
from broker.assisted.case_row import (
    AFTERWARDS,
    CaseCounts,
    CaseFilter,
    CaseFlag,
    CaseOrder,
    CasePage,
    CaseRow,
)
from broker.assisted.case_states import CaseState
from broker.assisted.codes import lint_note
from broker.model.staff import SavedViews, StaffMember, StaffRole

PAGE: Final = 50
"""Rows of a page."""

LONGEST_NAME, MOST_VIEWS = 40, 20
"""Characters of the name of a saved view, and views of a member of staff."""

FOR_ALL: Final = CaseFlag.LATE | CaseFlag.SKILL | CaseFlag.AGAIN | CaseFlag.CALL | CaseFlag.REDRESS | CaseFlag.PROMISE
"""Marks that agents and reviewers see too. The others come from silent flags and from holds."""


class WorkList(StrEnum):
    """Lists of cases: those of the member of staff, those that wait for an agent or a reviewer, and all."""

    MINE = "mine"
    QUEUE = "queue"
    CASES = "cases"


_READERS: Final = {
    WorkList.MINE: (StaffRole.AGENT, StaffRole.REVIEWER),
    WorkList.QUEUE: (StaffRole.AGENT, StaffRole.REVIEWER, StaffRole.LEAD),
    WorkList.CASES: (StaffRole.LEAD,),
}


def may_read(member: StaffMember, what: WorkList) -> bool:
    """Whether a member of staff may read a list."""
    return member.may(*_READERS[what])


@dataclass(frozen=True, slots=True)
class WorkLists:
    """The lists of cases."""

    context: CaseContext

    async def page(
        self,
        who: StaffPrincipal,
        what: WorkList,
        want: CaseFilter,
        order: CaseOrder = CaseOrder.DEADLINE,
        after: str | None = None,
    ) -> CasePage | ActionRefused:
        """One page of a list, as the member of staff may see it. NOT_ALLOWED without the role for the list."""
        if not may_read(who.member, what):
            return ActionRefused.NOT_ALLOWED
        page = await self.context.stores.lists.page(_within(what, want, who.member), order, after, PAGE)
        now = self.context.system.now()
        return CasePage(tuple(visible(row, who.member, now) for row in page.rows), page.after)

    async def fitting(self, who: StaffPrincipal, what: WorkList, want: CaseFilter) -> int:
        """How many cases are on all pages of a list, up to the `most` of `counts`."""
        return await self.context.stores.lists.count(_within(what, want, who.member))

    async def views(self, who: StaffPrincipal) -> SavedViews:
        """The views that the member of staff saved."""
        return await self.context.stores.views.load(who.member.id)

    async def save_view(self, who: StaffPrincipal, name: str, address: str) -> bool:
        """Saves a view under a name, in place of one of the same name. False for an unusable name, or for too many."""
        name, views = name.strip(), dict((await self.views(who)).addresses)
        usable = 0 < len(name) <= LONGEST_NAME and name.isprintable() and lint_note(name) is None
        if not usable or (name not in views and len(views) >= MOST_VIEWS):
            return False
        saved = SavedViews({**views, name: address})
        await self.context.stores.views.save(who.member.id, saved, self.context.system.now())
        return True

    async def remove_view(self, who: StaffPrincipal, name: str) -> None:
        """Removes a view, if there is one of this name."""
        views = dict((await self.views(who)).addresses)
        if views.pop(name, None) is not None:
            await self.context.stores.views.save(who.member.id, SavedViews(views), self.context.system.now())

    async def counts(self) -> CaseCounts:
        """How much waits."""
        return await self.context.stores.lists.counts()

    async def stopped(self, who: StaffPrincipal) -> tuple[CaseRow, ...] | ActionRefused:
        """For a lead: held cases, late reviews, frozen identities and complaints, a page of them at most.

        Those with the nearest deadline come first.

        A review is late from its deadline on, though its record says so only after the next reading.
        """
        overdue = CaseFilter(state=CaseState.REVIEW, ends_before=self.context.system.now())
        found: dict[str, CaseRow] = {}
        for want in (CaseFilter(flags=AFTERWARDS), overdue, CaseFilter(flags=CaseFlag.STOPPED)):
            page = await self.page(who, WorkList.CASES, want)
            if isinstance(page, ActionRefused):
                return page
            found |= {row.id: row for row in page.rows}
        return tuple(sorted(found.values(), key=lambda row: (row.ends, row.id))[:PAGE])

    async def marked(self, flags: Sequence[CaseFlag]) -> tuple[int, ...]:
        """How many cases have each of these marks, up to the `most` of `counts`."""
        return tuple([await self.context.stores.lists.count(_outliving(CaseFilter(flags=flag))) for flag in flags])


def _within(what: WorkList, want: CaseFilter, member: StaffMember) -> CaseFilter:
    """A filter within a list, as far as the member of staff may use it."""
    match what:
        case WorkList.MINE:
            want = CaseFilter(holder=member.id)
        case WorkList.QUEUE if want.state not in (CaseState.QUEUED, CaseState.REVIEW):
            want = replace(want, state=CaseState.QUEUED)
    if not member.may(StaffRole.LEAD):
        want = replace(want, flags=want.flags & FOR_ALL)
    return _outliving(want) if what is WorkList.CASES else want


def _outliving(want: CaseFilter) -> CaseFilter:
    """The filter, with closed cases if its marks wait for a lead in those, too."""
    return replace(want, closed_too=bool(want.flags) and not want.flags & ~AFTERWARDS)


def visible(row: CaseRow, member: StaffMember, now: float) -> CaseRow:
    """The row as it stands now, as a member of staff may see it.

    Only a lead sees reasons and the marks of silent flags and of holds.
    """
    if row.state in (CaseState.REVIEW, CaseState.HELD) and row.ends <= now:
        row = replace(row, flags=row.flags | CaseFlag.LATE | CaseFlag.STOPPED)
    return row if member.may(StaffRole.LEAD) else replace(row, flags=row.flags & FOR_ALL, why="")

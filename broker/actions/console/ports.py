"""Ports of the console's lists."""

from collections.abc import Sequence
from typing import Protocol

from broker.assisted.case import Case
from broker.assisted.case_row import CaseCounts, CaseFilter, CaseOrder, CasePage
from broker.assisted.queue import Worker
from broker.model.staff import SavedViews


class SavedViewStore(Protocol):
    """Views of lists that staff saved. The content is sealed."""

    async def load(self, member: str) -> SavedViews:
        """The views of a member of staff, none if they saved none."""
        ...

    async def save(self, member: str, views: SavedViews, now: float) -> None:
        """Writes the views of a member of staff in place of those of before."""
        ...


class CaseLists(Protocol):
    """Lists of cases. The cost of each method does not depend on how many cases there are."""

    async def page(self, want: CaseFilter, order: CaseOrder, after: str | None, limit: int) -> CasePage:
        """At most `limit` rows of open cases, or of cases in the state that is asked for. No record is opened."""
        ...

    async def counts(self) -> CaseCounts:
        """How many cases wait. No record is opened."""
        ...

    async def next_for(self, worker: Worker, now: float, limit: int, after: Case | None = None) -> Sequence[Case]:
        """At most `limit` cases that may be next for a member of staff, in turn, after an earlier one."""
        ...

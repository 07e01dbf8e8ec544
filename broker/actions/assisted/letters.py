"""Letters that staff print and post, where no print service does.

A letter can hold a code that proves the citizen: it is closed to everyone who has, or had, a part in its case.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from broker.actions.assisted.context import CaseContext, load_case
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import ActionRefused
from broker.actions.outbox.ports import Notices
from broker.assisted.separation_of_duties import may_lead
from broker.model.audit import AuditEvent
from broker.model.notification import NoticeRecord, Notification
from broker.model.staff import StaffMember, StaffRole

SHOWN: Final = 100
"""Letters that the list shows at most."""


@dataclass(frozen=True, slots=True)
class PrintableLetter:
    """A letter as it is printed: the lines of the envelope, and the text."""

    id: str
    address: tuple[str, ...]
    subject: str
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Letters:
    """What printing letters works with."""

    context: CaseContext
    notices: Notices

    async def waiting(self, who: StaffPrincipal) -> Sequence[tuple[str, NoticeRecord]] | ActionRefused:
        """The letters to be posted, the oldest first, each with the reference of its case."""
        if not may_post(who.member):
            return ActionRefused.NOT_ALLOWED
        return await self.notices.letters(self.context.system.now(), SHOWN)

    async def open(self, who: StaffPrincipal, letter: str) -> PrintableLetter | ActionRefused:
        """A letter to print. Each look is in the audit record before the letter is shown."""
        found = await self._permitted(who, letter)
        if isinstance(found, ActionRefused):
            return found
        await self.context.stores.audit.write([self._event("letter_opened", who, found)])
        subject, text = self.context.told.written(found)
        lines = tuple(line.strip() for line in found.address.splitlines() if line.strip())
        return PrintableLetter(found.id, lines, subject, text, found.language)

    async def posted(self, who: StaffPrincipal, letter: str) -> ActionRefused | None:
        """Records that the letter was posted; its content is erased, with an audit row."""
        found = await self._permitted(who, letter)
        if isinstance(found, ActionRefused):
            return found
        done = await self.notices.mark_posted(letter, self._event("letter_posted", who, found))
        return None if done else ActionRefused.UNKNOWN

    async def _permitted(self, who: StaffPrincipal, letter: str) -> Notification | ActionRefused:
        if not may_post(who.member):
            return ActionRefused.NOT_ALLOWED
        found = await self.notices.open_letter(letter, self.context.system.now())
        case = None if found is None or found.case is None else await load_case(self.context, found.case)
        if found is None or case is None:
            return ActionRefused.UNKNOWN
        return found if may_lead(case, who.member.id) else ActionRefused.NOT_ALLOWED

    def _event(self, kind: str, who: StaffPrincipal, letter: Notification) -> AuditEvent:
        details = {"notice": letter.id, "kind": letter.kind.value}
        return AuditEvent(kind, self.context.system.now(), f"staff:{who.member.id}", case=letter.case, details=details)


def may_post(member: StaffMember) -> bool:
    """Whether the member of staff may print and post letters."""
    return member.may(StaffRole.AGENT, StaffRole.LEAD)

"""Find a case or a failed sign-in by what the citizen says: a reference, an address, a telephone number or a document.

Every look-up needs a reason, which is recorded with what kind of thing was looked up and how much was found, never
with the text itself. Leads read the look-ups that no work followed (`look_ups`). An address, a number or a document is
compared as a keyed digest. A look-up shows rows of lists and nothing personal; a case is then opened by its reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from broker.actions.assisted.contact import contact, fingerprint_texts
from broker.actions.assisted.context import CaseContext
from broker.actions.assisted.permissions import has_staff_role
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import ActionRefused, StaffAction
from broker.actions.console.lists import visible
from broker.assisted.case_records import ContactMethod
from broker.assisted.case_row import CaseRow
from broker.assisted.reasons import ReasonContext, valid_for
from broker.model.audit import AuditEvent
from broker.model.handle import normalize_user_code
from broker.model.sign_in_failure import SignInFailure
from broker.model.staff import StaffDraft, StaffRole
from broker.model.staff_audit import StaffAct

MOST: Final = 20
"""Cases that a look-up shows at most."""

PAGE: Final = 50
"""Audit rows of a page."""

SHOWN_FOR: Final = 1800
"""How long (seconds) the result of a look-up can be read again."""

WATCHED: Final = 30 * 24 * 3600
"""How far back (seconds) leads see look-ups without work."""

_PLACE: Final = "-find"
"""The place of a result among the drafts of staff, where no case has its id."""


class LookUpBy(StrEnum):
    """What a citizen names."""

    REFERENCE = "reference"
    EMAIL = "email"
    PHONE = "phone"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class LookUpResult:
    """What was found: failed sign-ins and cases, the newest first. `reason` is the one that was given."""

    by: LookUpBy
    reason: str
    failures: tuple[SignInFailure, ...]
    rows: tuple[CaseRow, ...]


@dataclass(frozen=True, slots=True)
class Finder:
    """Look-ups by members of staff."""

    context: CaseContext

    async def look_up(self, who: StaffPrincipal, by: LookUpBy, text: str, reason: str) -> ActionRefused | None:
        """Looks something up, with an audit row, and keeps the result for `result`. None, or why it was refused."""
        if not has_staff_role(who.member, StaffAction.OPEN):
            return ActionRefused.NOT_ALLOWED
        if not valid_for(ReasonContext.OPEN, reason):
            return ActionRefused.REASON
        stores, now = self.context.stores, self.context.system.now()
        if by is LookUpBy.REFERENCE:
            rows = await stores.lists.by_reference(text)
            failed = len(await stores.sign_in_failures.by_reference(text, now))
        else:
            marks = self._marks(by, text)
            rows, failed = await stores.lists.by_fingerprints(marks, MOST) if marks else (), 0
        details = {"reason": reason, "by": by.value, "cases": str(len(rows)), "sign_ins": str(failed)}
        await stores.audit.write([AuditEvent("case_looked_up", now, f"staff:{who.member.id}", details=details)])
        if not rows and not failed:
            return ActionRefused.UNKNOWN
        references = " ".join(dict.fromkeys(row.reference for row in rows)) or normalize_user_code(text)
        kept = {"by": by.value, "reason": reason, "references": references}
        await stores.drafts.keep(StaffDraft(who.member.id, _PLACE, "found", kept, now + SHOWN_FOR))
        return None

    async def result(self, who: StaffPrincipal) -> LookUpResult | None:
        """What the last look-up of the member of staff found, as it stands now; None after a while."""
        stores, now = self.context.stores, self.context.system.now()
        kept = next(iter(await stores.drafts.of_case(who.member.id, _PLACE, now)), None)
        if kept is None:
            return None
        by, rows, failures = LookUpBy(kept.fields["by"]), list[CaseRow](), list[SignInFailure]()
        for reference in kept.fields["references"].split():
            rows += await stores.lists.by_reference(reference)
            if by is LookUpBy.REFERENCE:
                failures += await stores.sign_in_failures.by_reference(reference, now)
        shown = tuple(visible(row, who.member, now) for row in rows)
        return LookUpResult(by, kept.fields["reason"], tuple(failures), shown)

    async def look_ups(self, who: StaffPrincipal, before: int, *, idle: bool) -> Sequence[StaffAct] | ActionRefused:
        """For leads and auditors: a page of the look-ups of the last days, with `idle` those that no work followed."""
        if not who.member.may(StaffRole.LEAD, StaffRole.AUDITOR):
            return ActionRefused.NOT_ALLOWED
        since = self.context.system.now() - WATCHED
        return await self.context.stores.staff_audit.look_ups(since, before, PAGE, idle=idle)

    async def acts_of(
        self, who: StaffPrincipal, member: str, before: int, reason: str
    ) -> Sequence[StaffAct] | ActionRefused:
        """For auditors: a page of what a member of staff did. The reading is an audit row too."""
        if not who.member.may(StaffRole.AUDITOR):
            return ActionRefused.NOT_ALLOWED
        now = self.context.system.now()
        details = {"reason": reason, "member": member}
        read = AuditEvent("staff_read", now, f"staff:{who.member.id}", details=details)
        await self.context.stores.audit.write([read])
        return await self.context.stores.staff_audit.of_member(member, before, PAGE)

    def _marks(self, by: LookUpBy, text: str) -> tuple[str, ...]:
        """The keyed digests of an address, a telephone number or a document's number; none if it is not one."""
        rules, fingerprint = self.context.rules, self.context.fingerprint
        if by is LookUpBy.DOCUMENT:
            number = normalize_user_code(text)
            places = [
                f"{name}.{field}"
                for name, kind in rules.profiles.kinds.items()
                for field, of in kind.fields.items()
                if of.mark
            ]
            return tuple(fingerprint(f"{place}:{number}") for place in places) if number else ()
        way = ContactMethod.EMAIL if by is LookUpBy.EMAIL else ContactMethod.PHONE
        reach = contact(way, text, rules.region)
        return () if reach is None else tuple(map(fingerprint, fingerprint_texts(reach, rules.region)))

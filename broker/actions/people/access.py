"""Access review: who still needs their roles, when they signed in and used each role last, and who confirmed it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.console.ports import StaffAudit
from broker.actions.people.roles import Person, RoleChanges, RolesRefused, spoken
from broker.model.audit import AuditEvent
from broker.model.staff import StaffRole
from broker.model.staff_people import AccessReview, ChangeReason, LastUse, StaffChange

WATCHED: Final = 400 * 24 * 3600
"""How far back (seconds) the last use of a role is looked for."""

ROLE_OF: Mapping[str, StaffRole] = MappingProxyType(
    dict.fromkeys(
        (
            "case_claimed",
            "case_session_started",
            "case_words_exchanged",
            "case_evidence_recorded",
            "case_decided",
            "case_call_back_started",
        ),
        StaffRole.AGENT,
    )
    | dict.fromkeys(("case_review_claimed", "case_view_given", "case_reviewed"), StaffRole.REVIEWER)
    | dict.fromkeys(
        (
            "case_taken_back",
            "case_assigned",
            "case_held",
            "case_hold_ended",
            "case_hold_declined",
            "case_lead_answered",
            "case_acknowledged",
            "case_unfrozen",
            "case_revoked",
            "case_complaint_answered",
            "feedback_published",
            "feedback_deleted",
        ),
        StaffRole.LEAD,
    )
    | dict.fromkeys(("staff_read", "audit_export_asked", "audit_export_downloaded"), StaffRole.AUDITOR)
    | dict.fromkeys(
        (
            "staff_change_approved",
            "staff_roles_taken_away",
            "staff_sessions_ended",
        ),
        StaffRole.ADMIN,
    )
)
"""The role that an audited act needs, if only one role may do it."""


@dataclass(frozen=True, slots=True)
class AccessRow:
    """The access of one member of staff. `used` is the last use of each role, None if it was not used for long.

    `due` (seconds since 1970 UTC) is when the next review is due; 0 if there was none.
    """

    person: Person
    signed_in: float | None
    used: Mapping[StaffRole, float | None]
    review: AccessReview | None
    due: float

    def overdue(self, now: float) -> bool:
        """Whether the review is due."""
        return self.due <= now


@dataclass(frozen=True, slots=True)
class AccessReviews:
    """Reviews of access. `period` is how long (seconds) a review lasts."""

    roles: RoleChanges
    use: StaffAudit
    period: float

    async def rows(self, who: StaffPrincipal) -> tuple[AccessRow, ...] | RolesRefused:
        """For leads, auditors and admins: everyone who has a role, those whose review is due first."""
        if not who.member.may(StaffRole.LEAD, StaffRole.AUDITOR, StaffRole.ADMIN):
            return RolesRefused.NOT_ALLOWED
        used = await self.use.last_use(self.roles.system.now() - WATCHED)
        reviews = {one.member: one for one in await self.roles.people.store.reviews()}
        rows = [
            self._row(person, used.get(person.id, LastUse()), reviews.get(person.id))
            for person in self.roles.everybody().values()
            if person.roles
        ]
        return tuple(sorted(rows, key=lambda row: row.due))

    async def overdue(self) -> int:
        """How many reviews are due, by the members of staff as they are now."""
        await self.roles.people.refresh()
        reviews = {one.member: one for one in await self.roles.people.store.reviews()}
        now = self.roles.system.now()
        due = [self._due(person, reviews.get(person.id)) for person in self.roles.everybody().values() if person.roles]
        return sum(one <= now for one in due)

    async def missed(self) -> int:
        """How many reviews were missed: those that are due, once the installation is older than a review lasts."""
        began = await self.use.began()
        return 0 if began is None or self.roles.system.now() < began + self.period else await self.overdue()

    async def keep(self, who: StaffPrincipal, member: str, edition: str) -> Person | RolesRefused:
        """For leads and admins: confirms that a person still needs their roles. Never one's own."""
        person = self._reviewed(who, member, edition)
        if isinstance(person, Person):
            await self._record(who, person, kept=True)
        return person

    async def remove(self, who: StaffPrincipal, member: str, edition: str) -> StaffChange | RolesRefused:
        """For leads and admins: asks that every role of a person goes, which another admin approves."""
        person = self._reviewed(who, member, edition)
        if isinstance(person, RolesRefused):
            return person
        asked = await self.roles.ask(who, member, edition, frozenset(), ChangeReason.NOT_USED)
        if isinstance(asked, StaffChange):
            await self._record(who, person, kept=False)
        return asked

    def _reviewed(self, who: StaffPrincipal, member: str, edition: str) -> Person | RolesRefused:
        if not who.member.may(StaffRole.LEAD, StaffRole.ADMIN):
            return RolesRefused.NOT_ALLOWED
        person = self.roles.everybody().get(member)
        if person is None or not person.roles:
            return RolesRefused.UNKNOWN
        if person.id == who.member.id:
            return RolesRefused.OWN
        return person if edition == person.edition else RolesRefused.STALE

    async def _record(self, who: StaffPrincipal, person: Person, *, kept: bool) -> None:
        now = self.roles.system.now()
        details = {"member": person.id, "roles": spoken(person.roles), "kept": str(kept).lower()}
        event = AuditEvent("access_reviewed", now, f"staff:{who.member.id}", details=details)
        review = AccessReview(person.id, who.member.id, now, person.roles, kept)
        await self.roles.people.store.review(review, event)

    def _due(self, person: Person, review: AccessReview | None) -> float:
        """When the review of a person is due. One of fewer roles than they have now does not count."""
        counts = review is not None and review.kept and person.roles <= review.roles
        return review.at + self.period if review is not None and counts else 0.0

    def _row(self, person: Person, use: LastUse, review: AccessReview | None) -> AccessRow:
        used = {
            role: max((at for kind, at in use.acts.items() if ROLE_OF.get(kind) is role), default=None)
            for role in StaffRole
            if role in person.roles
        }
        return AccessRow(person, use.signed_in, used, review, self._due(person, review))

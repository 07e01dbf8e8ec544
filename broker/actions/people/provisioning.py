"""What the operator's directory does with members of staff (SCIM): it adds, changes, deactivates and deletes people at
once. Roles it only asks for: an admin approves them (`roles`). Who is deactivated loses roles and sessions at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from broker.actions.people.directory import StaffPeople
from broker.actions.people.roles import CHANGE_LIFE, spoken
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.staff import CAPACITY, UNSAID, StaffMember, StaffRole
from broker.model.staff_people import (
    DIRECTORY,
    ChangeReason,
    PeopleWrite,
    Roles,
    StaffChange,
    StaffEntry,
    StaffSource,
    SubjectAttribute,
    WriteOutcome,
)
from broker.normalize.dates import full_date
from broker.platform.system import System

LONGEST: Final = 256
"""Characters of an attribute at most."""


class ProvisioningRefused(StrEnum):
    """Why nothing was changed."""

    STALE = "stale"
    TAKEN = "taken"
    INVALID = "invalid"
    LAST_ADMIN = "last_admin"


Known = Mapping[str, frozenset[str]]
"""What the directory can name: the `skills` of the profile file, the `languages` of the pages, the `channels`."""


def _fits(said: StaffMember, known: Known) -> bool:
    """Whether all of it is known, with real dates of skills that are named, and a capacity in bounds."""
    return (
        all(set(getattr(said, name)) <= names for name, names in known.items())
        and set(said.training) <= set(said.skills)
        and all(full_date(until) == until for until in said.training.values())
        and CAPACITY.min <= said.capacity <= CAPACITY.max
    )


@dataclass(frozen=True, slots=True)
class DirectoryPerson:
    """What the directory says of a person."""

    user_name: str
    external_id: str = ""
    name: str = ""
    active: bool = True
    abilities: StaffMember = UNSAID


@dataclass(frozen=True, slots=True)
class DirectoryState:
    """The people of the directory by id, and what it asks for: the roles that wait for an admin, by id."""

    people: Mapping[str, StaffEntry]
    waiting: Mapping[str, StaffChange]

    def wanted(self, entry: StaffEntry) -> Roles:
        """The roles that the directory wants for a person: those that wait, else those in force."""
        change = self.waiting.get(entry.id)
        return entry.roles if change is None or change.asked_by != DIRECTORY else change.after


@dataclass(frozen=True, slots=True)
class Provisioning:
    """The operator's directory."""

    people: StaffPeople
    system: System
    subject: SubjectAttribute
    known: Known

    async def state(self) -> DirectoryState:
        """The people of the directory as they are now."""
        await self.people.refresh()
        entries = {key: one for key, one in self.people.entries.items() if one.source is StaffSource.SCIM}
        waiting = await self.people.store.changes(self.system.now())
        return DirectoryState(entries, {one.member: one for one in waiting if one.member in entries})

    async def create(self, said: DirectoryPerson) -> StaffEntry | ProvisioningRefused:
        """Adds a person, who has no role yet."""
        now = self.system.now()
        member = handles.new_handle(self.system, "scim", 12)
        entry = self._with(StaffEntry(member, StaffSource.SCIM, created=now), said, now)
        return await self._write(entry, "staff_provisioned", {})

    async def change(self, entry: StaffEntry, said: DirectoryPerson) -> StaffEntry | ProvisioningRefused:
        """Writes what the directory says of a person now. STALE if the entry was written since it was read.

        LAST_ADMIN if it would leave no admin.
        """
        after = self._with(entry, said, self.system.now())
        if after == replace(entry, changed=after.changed):
            return entry
        names = ("user_name", "external_id", "name", "active", "subject", "abilities")
        changed = [name for name in names if getattr(after, name) != getattr(entry, name)]
        left = entry.active and not after.active
        kind = "staff_deactivated" if left else "staff_updated"
        return await self._write(
            after, kind, {"changed": " ".join(changed)}, ends=left or after.subject != entry.subject
        )

    async def delete(self, entry: StaffEntry) -> ProvisioningRefused | None:
        """Deletes what is known of a person; the audit record keeps their id. LAST_ADMIN if it would leave no admin."""
        gone = StaffEntry(entry.id, entry.source, active=False, created=entry.created, version=entry.version)
        done = await self._write(replace(gone, changed=self.system.now()), "staff_removed", {}, ends=True)
        return done if isinstance(done, ProvisioningRefused) else None

    async def want(self, state: DirectoryState, entry: StaffEntry, roles: Roles) -> ProvisioningRefused | None:
        """Asks for the roles of a person in place of what the directory asked for before; an admin approves it.

        TAKEN while a change waits that a member of staff asked for. LAST_ADMIN if it would leave no admin.
        """
        if roles == state.wanted(entry):
            return None
        if StaffRole.ADMIN not in roles and self.people.only_admin(entry.id):
            return ProvisioningRefused.LAST_ADMIN
        earlier = state.waiting.get(entry.id)
        if earlier is not None and earlier.asked_by != DIRECTORY:
            return ProvisioningRefused.TAKEN
        now = self.system.now()
        change = StaffChange(
            handles.new_handle(self.system, "change"),
            entry.id,
            entry.roles,
            roles,
            ChangeReason.DIRECTORY,
            DIRECTORY,
            now,
            now + CHANGE_LIFE,
        )
        details = {"change": change.id, "member": entry.id, "before": spoken(entry.roles), "after": spoken(roles)}
        asked = AuditEvent("staff_change_asked", now, DIRECTORY, details={**details, "reason": change.reason.value})
        withdraws = "" if earlier is None else entry.id
        proposed = None if roles == entry.roles else change
        outcome = await self.people.store.write(PeopleWrite((asked,), now, proposed=proposed, withdraws=withdraws))
        return None if outcome is WriteOutcome.DONE else ProvisioningRefused.STALE

    def _with(self, entry: StaffEntry, said: DirectoryPerson, now: float) -> StaffEntry:
        """The entry with what the directory says. Without activity there are no roles: they need a new approval."""
        subject = said.external_id if self.subject is SubjectAttribute.EXTERNAL_ID else said.user_name
        return replace(
            entry,
            roles=entry.roles if said.active else frozenset(),
            active=said.active,
            subject=subject,
            user_name=said.user_name,
            external_id=said.external_id,
            name=said.name,
            abilities=said.abilities,
            changed=now,
        )

    async def _write(
        self, entry: StaffEntry, kind: str, details: Mapping[str, str], *, ends: bool = False
    ) -> StaffEntry | ProvisioningRefused:
        said = (entry.user_name, entry.external_id, entry.name)
        printable = all(len(text) <= LONGEST and text.isprintable() for text in said)
        if not printable or not _fits(entry.abilities, self.known):
            return ProvisioningRefused.INVALID
        if entry.subject and entry.subject in {one.subject for one in self.people.configured().values()}:
            return ProvisioningRefused.TAKEN
        admin = ends and StaffRole.ADMIN in self._roles(entry.id)
        if admin and not (entry.roles and entry.subject) and self.people.only_admin(entry.id):
            return ProvisioningRefused.LAST_ADMIN
        now = self.system.now()
        event = AuditEvent(kind, now, DIRECTORY, details={"member": entry.id, **details})
        member = entry.id if ends else ""
        mark = self.people.mark if admin else None
        write = PeopleWrite((event,), now, entry=entry, withdraws=member, ends_sessions=member, mark=mark)
        match await self.people.store.write(write):
            case WriteOutcome.DONE:
                return replace(entry, version=entry.version + 1)
            case WriteOutcome.STALE:
                return ProvisioningRefused.STALE
            case WriteOutcome.TAKEN:
                return ProvisioningRefused.TAKEN

    def _roles(self, member: str) -> Roles:
        """The roles with which a person may sign in now."""
        found = self.people.members.get(member)
        return frozenset() if found is None else found.roles

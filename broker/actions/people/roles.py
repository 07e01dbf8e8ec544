"""Changes of roles by two persons: one asks, another one approves; neither is the person whose roles they are.

Roles can be taken away at once by one admin, never given. A change that waits names the roles it was asked for: if
they changed meanwhile, it cannot be approved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.people.directory import StaffPeople
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.staff import StaffMember, StaffRole
from broker.model.staff_people import (
    DIRECTORY,
    ChangeReason,
    ChangeState,
    PeopleWrite,
    Roles,
    StaffChange,
    StaffEntry,
    StaffSource,
    WriteOutcome,
    present_roles,
)
from broker.platform.system import System

CHANGE_LIFE: Final = 14 * 24 * 3600
"""How long (seconds) a change waits for its second person."""

DECIDED_SHOWN: Final = 20
"""Decided changes that a page shows."""


class RolesRefused(StrEnum):
    """Why nothing was changed."""

    NOT_ALLOWED = "not_allowed"
    OWN = "own"
    SAME_PERSON = "same_person"
    UNKNOWN = "unknown"
    SAME_ROLES = "same_roles"
    REASON = "reason"
    WAITING = "waiting"
    STALE = "stale"
    NOT_FRESH = "not_fresh"
    LAST_ADMIN = "last_admin"


@dataclass(frozen=True, slots=True)
class Person:
    """One member of staff, also one who may not sign in. `file` are the roles in staff.toml, None if it has no such
    person; `overridden` says that approved roles are in force instead."""

    id: str
    name: str
    source: StaffSource
    roles: Roles
    file: Roles | None
    entry: StaffEntry | None
    member: StaffMember | None

    @property
    def edition(self) -> str:
        """The state that a form was made from: the version of the entry and the roles in force."""
        return edition_of(0 if self.entry is None else self.entry.version, self.roles)

    @property
    def overridden(self) -> bool:
        """Whether roles that two persons approved are in force in place of those of staff.toml."""
        return self.file is not None and self.file != self.roles


@dataclass(frozen=True, slots=True)
class PeopleView:
    """The members of staff, the changes that wait, and the last ones that were decided."""

    people: tuple[Person, ...]
    waiting: tuple[StaffChange, ...]
    decided: tuple[StaffChange, ...]


def edition_of(version: int, roles: Roles) -> str:
    """A text that differs if the entry or the roles differ."""
    return f"{version}-{'-'.join(sorted(roles))}"


@dataclass(frozen=True, slots=True)
class RoleChanges:
    """What admins do with the roles of members of staff, and what leads and auditors read of it."""

    people: StaffPeople
    system: System

    async def view(self, who: StaffPrincipal) -> PeopleView | RolesRefused:
        """For leads, auditors and admins."""
        if not who.member.may(StaffRole.LEAD, StaffRole.AUDITOR, StaffRole.ADMIN):
            return RolesRefused.NOT_ALLOWED
        store = self.people.store
        waiting = await store.changes(self.system.now())
        return PeopleView(tuple(self.everybody().values()), tuple(waiting), tuple(await store.decided(DECIDED_SHOWN)))

    def everybody(self) -> Mapping[str, Person]:
        """Every member of staff by id, by name: those of staff.toml, then those of the directory."""
        file, entries = self.people.configured(), self.people.entries
        found = [_person(one, entries.get(one.id)) for one in file.values()]
        found += [
            Person(entry.id, entry.name or entry.user_name, entry.source, present_roles(entry, None), None, entry, None)
            for entry in entries.values()
            if entry.id not in file and entry.source is StaffSource.SCIM
        ]
        return {one.id: one for one in sorted(found, key=lambda one: (one.name.casefold(), one.id))}

    async def ask(
        self, who: StaffPrincipal, member: str, edition: str, roles: Roles, reason: str
    ) -> StaffChange | RolesRefused:
        """For admins, and for leads who take roles away: asks for other roles of a member of staff."""
        person = self.everybody().get(member)
        refused = self._may_ask(who, person, roles)
        if refused is not None or person is None:
            return refused or RolesRefused.UNKNOWN
        if reason not in set(ChangeReason) - {ChangeReason.DIRECTORY}:
            return RolesRefused.REASON
        if edition != person.edition:
            return RolesRefused.STALE
        return await self.propose(person, roles, ChangeReason(reason), who.member.id)

    async def propose(
        self, person: Person, roles: Roles, reason: ChangeReason, asked_by: str
    ) -> StaffChange | RolesRefused:
        """Writes a change that waits. WAITING if the person has one already."""
        now = self.system.now()
        change = StaffChange(
            handles.new_handle(self.system, "change"),
            person.id,
            person.roles,
            roles,
            reason,
            asked_by,
            now,
            now + CHANGE_LIFE,
        )
        asked = self._event("staff_change_asked", asked_by, change)
        outcome = await self.people.store.write(PeopleWrite((asked,), now, proposed=change))
        return change if outcome is WriteOutcome.DONE else RolesRefused.WAITING

    async def decide(self, who: StaffPrincipal, change_id: str, *, approve: bool) -> StaffChange | RolesRefused:
        """For another admin: approves a change, which ends the sessions of the person, or refuses it.

        The one who asked can only take the change back, which is a refusal too.
        """
        now = self.system.now()
        change = next((one for one in await self.people.store.changes(now) if one.id == change_id), None)
        if change is None:
            return RolesRefused.UNKNOWN
        refused = self._may_decide(who, change, approve=approve)
        if refused is not None:
            return refused
        person = self.everybody().get(change.member)
        if approve and (person is None or person.roles != change.before or not self._still_entitled(change)):
            return RolesRefused.STALE
        if approve and self._leaves_no_admin(change.member, change.after):
            return RolesRefused.LAST_ADMIN
        state = ChangeState.APPROVED if approve else ChangeState.REFUSED
        decided = replace(change, state=state, decided_by=who.member.id, decided=now)
        event = self._event("staff_change_approved" if approve else "staff_change_refused", who.member.id, change)
        if not approve or person is None:
            outcome = await self.people.store.write(PeopleWrite((event,), now, decided=decided))
        else:
            entry = _entry(person, change.after, now)
            write = PeopleWrite(
                (event,),
                now,
                entry=entry,
                decided=decided,
                ends_sessions=person.id,
                mark=self._mark(person, change.after),
            )
            outcome = await self.people.store.write(write)
        await self.people.refresh()
        return decided if outcome is WriteOutcome.DONE else RolesRefused.STALE

    async def take_away(self, who: StaffPrincipal, member: str, edition: str) -> Person | RolesRefused:
        """For admins: takes every role of a member of staff away and ends their sessions, at once.

        Roles come back by two persons, or by a change of staff.toml.
        """
        if not who.member.may(StaffRole.ADMIN):
            return RolesRefused.NOT_ALLOWED
        person = self.everybody().get(member)
        if person is None:
            return RolesRefused.UNKNOWN
        if person.id == who.member.id:
            return RolesRefused.OWN
        if edition != person.edition:
            return RolesRefused.STALE
        if not person.roles:
            return RolesRefused.SAME_ROLES
        if self._leaves_no_admin(member, frozenset()):
            return RolesRefused.LAST_ADMIN
        now = self.system.now()
        details = {"member": person.id, "before": spoken(person.roles)}
        taken = AuditEvent("staff_roles_taken_away", now, f"staff:{who.member.id}", details=details)
        write = PeopleWrite(
            (taken,),
            now,
            entry=_entry(person, frozenset(), now),
            withdraws=person.id,
            ends_sessions=person.id,
            mark=self._mark(person, frozenset()),
        )
        outcome = await self.people.store.write(write)
        await self.people.refresh()
        return person if outcome is WriteOutcome.DONE else RolesRefused.STALE

    def _may_ask(self, who: StaffPrincipal, person: Person | None, roles: Roles) -> RolesRefused | None:
        lead = person is not None and roles < person.roles and who.member.may(StaffRole.LEAD)
        if not (lead or who.member.may(StaffRole.ADMIN)):
            return RolesRefused.NOT_ALLOWED
        if person is None:
            return RolesRefused.UNKNOWN
        if person.id == who.member.id:
            return RolesRefused.OWN
        if roles == person.roles:
            return RolesRefused.SAME_ROLES
        return RolesRefused.LAST_ADMIN if self._leaves_no_admin(person.id, roles) else None

    def _leaves_no_admin(self, member: str, roles: Roles) -> bool:
        """Whether there is no admin any more if a member of staff has these roles."""
        return StaffRole.ADMIN not in roles and self.people.only_admin(member)

    def _mark(self, person: Person, roles: Roles) -> tuple[int, int] | None:
        """What must be unchanged for a write that takes an admin away."""
        return self.people.mark if StaffRole.ADMIN in person.roles - roles else None

    def _may_decide(self, who: StaffPrincipal, change: StaffChange, *, approve: bool) -> RolesRefused | None:
        own = change.asked_by == who.member.id
        if not who.member.may(StaffRole.ADMIN) and (approve or not own):
            return RolesRefused.NOT_ALLOWED
        if change.member == who.member.id:
            return RolesRefused.OWN
        if approve and own:
            return RolesRefused.SAME_PERSON
        return RolesRefused.NOT_FRESH if approve and self.system.now() >= who.fresh_until else None

    def _still_entitled(self, change: StaffChange) -> bool:
        """Whether the one who asked could ask for it now."""
        if change.asked_by == DIRECTORY:
            return True
        asked_by = self.people.members.get(change.asked_by)
        lead = change.after < change.before
        return asked_by is not None and asked_by.may(StaffRole.ADMIN, *([StaffRole.LEAD] if lead else []))

    def _event(self, kind: str, actor: str, change: StaffChange) -> AuditEvent:
        details = {
            "change": change.id,
            "member": change.member,
            "before": spoken(change.before),
            "after": spoken(change.after),
            "reason": change.reason.value,
        }
        return AuditEvent(kind, self.system.now(), actor if actor == DIRECTORY else f"staff:{actor}", details=details)


def spoken(roles: Roles) -> str:
    """Roles as an audit row has them."""
    return " ".join(sorted(roles))


def _person(member: StaffMember, entry: StaffEntry | None) -> Person:
    roles = present_roles(entry, member)
    return Person(member.id, member.name, StaffSource.FILE, roles, member.roles, entry, member)


def _entry(person: Person, roles: Roles, now: float) -> StaffEntry:
    """The entry of a person with other roles, as it is written in place of the one that was read."""
    known = person.entry or StaffEntry(person.id, person.source, created=now)
    return replace(known, roles=roles, base=frozenset() if person.file is None else person.file, changed=now)


def change_of(changes: Sequence[StaffChange], member: str) -> StaffChange | None:
    """The change of a member of staff that waits."""
    return next((one for one in changes if one.member == member), None)

"""Members of staff beyond staff.toml: what the database holds of them, changes that wait, reviews of their access."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from broker.model.audit import AuditEvent
from broker.model.staff import UNSAID, StaffMember, StaffRole

Roles = frozenset[StaffRole]

DIRECTORY = "scim"
"""The actor of changes that the operator's directory sends."""


class SubjectAttribute(StrEnum):
    """Attributes of a user of SCIM that can hold the `sub` at the provider of staff."""

    EXTERNAL_ID = "external_id"
    USER_NAME = "user_name"


@dataclass(frozen=True, slots=True)
class ScimSettings:
    """SCIM 2.0 (RFC 7643, RFC 7644) for the operator's directory, at `/scim/v2` of the console's listener. It adds,
    changes and deactivates members of staff, and asks for their roles, which an admin approves. Needs the extra `scim`
    and staff.toml."""

    token_file: Path
    """The file with the bearer token that the directory sends."""
    subject: SubjectAttribute = SubjectAttribute.EXTERNAL_ID
    """The attribute of a user that is the `sub` at the provider of staff: `external_id` (`externalId`) or `user_name`
    (`userName`)."""


class StaffSource(StrEnum):
    """Where a member of staff is configured."""

    FILE = "file"
    SCIM = "scim"


@dataclass(frozen=True, slots=True)
class StaffEntry:
    """What the database holds of a member of staff; for one of staff.toml that is their roles alone.

    `roles` were approved by two persons, or are none. `base` are the roles that staff.toml gave when they were:
    if the file says something else later, the file decides. `abilities` is what the directory says of the person's
    skills, languages, channels and capacity, without id, subject, name and roles. `version` is 0 for an entry that was
    never written.
    """

    id: str
    source: StaffSource
    roles: Roles = frozenset()
    base: Roles = frozenset()
    active: bool = True
    subject: str = ""
    user_name: str = ""
    external_id: str = ""
    name: str = ""
    abilities: StaffMember = UNSAID
    created: float = 0.0
    changed: float = 0.0
    version: int = 0


class ChangeState(StrEnum):
    """States of a change of roles."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ChangeReason(StrEnum):
    """Reasons for a change of roles."""

    JOINED = "joined"
    OTHER_WORK = "other_work"
    LEFT = "left"
    NOT_USED = "not_used"
    INCIDENT = "incident"
    MISTAKE = "mistake"
    DIRECTORY = "directory"


@dataclass(frozen=True, slots=True)
class StaffChange:
    """A change of roles that one person asks for and another one approves or refuses until `expires`.

    `before` are the roles when it was asked for: if they differ meanwhile, it can no longer be approved. `asked_by` is
    the id of a member of staff, or DIRECTORY.
    """

    id: str
    member: str
    before: Roles
    after: Roles
    reason: ChangeReason
    asked_by: str
    asked: float
    expires: float
    state: ChangeState = ChangeState.OPEN
    decided_by: str = ""
    decided: float = 0.0


@dataclass(frozen=True, slots=True)
class PeopleWrite:
    """What is written in one transaction, with its audit rows; nothing is if a condition fails.

    `entry` is written if its version is still the stored one, and gets the next. `decided` closes an open change.
    `proposed` is inserted unless the member has an open one. `withdraws` and `ends_sessions` are ids of members of
    staff whose open change is withdrawn, and whose sessions end. With `mark` nothing is written if an entry was written
    since it was read, also by a write at the same moment: a write that takes an admin away has one, so that of two of
    them the second one sees the first.
    """

    events: tuple[AuditEvent, ...]
    now: float
    entry: StaffEntry | None = None
    decided: StaffChange | None = None
    proposed: StaffChange | None = None
    withdraws: str = ""
    ends_sessions: str = ""
    mark: tuple[int, int] | None = None


class WriteOutcome(StrEnum):
    """Outcomes of a write."""

    DONE = "done"
    STALE = "stale"
    """The entry, or the change, is no longer as it was read."""
    TAKEN = "taken"
    """Another entry has the user name or the subject, or the member has an open change."""


@dataclass(frozen=True, slots=True)
class LastUse:
    """When a member of staff signed in last, and did each kind of audited act last (seconds since 1970 UTC)."""

    signed_in: float | None = None
    acts: Mapping[str, float] = field(default_factory=dict)


def present_roles(entry: StaffEntry | None, member: StaffMember | None) -> Roles:
    """The roles in force of one person: `member` is that of staff.toml.

    What was said last counts: roles that two persons approved, unless staff.toml changed since.
    """
    if member is None:
        return entry.roles if entry is not None and entry.active else frozenset()
    return entry.roles if entry is not None and entry.base == member.roles else member.roles


def working_members(file: Mapping[str, StaffMember], entries: Iterable[StaffEntry]) -> Mapping[str, StaffMember]:
    """The members of staff who may sign in, by id: those of staff.toml and those of the directory, with a role.

    A person of staff.toml comes before one of the directory with the same id or the same `sub`.
    """
    found, subjects = dict(file), {one.subject for one in file.values()}
    for entry in entries:
        known = file.get(entry.id)
        roles = present_roles(entry, known)
        if known is not None:
            found[entry.id] = known if known.roles == roles else replace(known, roles=roles)
        elif entry.source is StaffSource.SCIM and entry.subject and entry.subject not in subjects:
            name = entry.name or entry.user_name
            found[entry.id] = replace(entry.abilities, id=entry.id, subject=entry.subject, name=name, roles=roles)
    return {member: one for member, one in found.items() if one.roles}


@dataclass(frozen=True, slots=True)
class AccessReview:
    """The last review of a member of staff's access: by whom, when, of which roles, and whether they were kept."""

    member: str
    by: str
    at: float
    roles: Roles
    kept: bool

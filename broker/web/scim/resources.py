"""Users and groups of SCIM as the broker serves them, made from the entries of members of staff.

Only attributes that the broker keeps are declared; what else a directory sends of a person is ignored and not stored.
"""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field
from scim2_models import (
    URN,
    AnyExtension,
    CaseExact,
    ComplexAttribute,
    Extension,
    GroupMember,
    Meta,
    Mutability,
    Required,
    Resource,
    Returned,
    Uniqueness,
)

from broker.actions.people.provisioning import DirectoryPerson, DirectoryState
from broker.assisted.case_records import Channel
from broker.model.staff import UNSAID, StaffMember, StaffRole
from broker.model.staff_people import Roles, StaffEntry


class RoleValue(ComplexAttribute):
    """A role that is in force, or that the directory asks for."""

    value: Annotated[str | None, Mutability.read_only, CaseExact.true] = None
    """The name of the role."""
    type: Annotated[str | None, Mutability.read_only, CaseExact.true] = None
    """`in_force`, `waiting` (an admin has not approved it yet) or `leaving` (nor that it goes)."""


class SkillValue(ComplexAttribute):
    """A skill that some checks need."""

    value: Annotated[str | None, Required.true, CaseExact.true] = Field(None, examples=["chip", "light"])
    """The skill, as the profile file names it."""
    until: Annotated[str | None, CaseExact.true] = Field(None, examples=["2030-01-31"])
    """The last day of its training, YYYY-MM-DD. After it the person does not have the skill; without, it has no end."""


class StaffExtension(Extension):
    """What a member of staff can do at the console beside their roles."""

    __schema__ = URN("urn:portico:scim:schemas:extension:staff:1.0:User")

    skills: list[SkillValue] | None = None
    """The skills, such as those for checks of a chip or under UV light."""
    languages: Annotated[list[str] | None, CaseExact.true] = Field(None, examples=["en", "cy", "ar"])
    """The languages of the person's cases. Without any: all."""
    channels: Annotated[list[str] | None, CaseExact.true] = Field(None, examples=list(Channel))
    """The ways in which the person meets citizens. Without any: all."""
    capacity: int | None = Field(None, examples=["1", "2"])
    """How many cases the person may hold at a time, 1 to 20. Without: 1."""
    in_training: bool | None = None
    """Whether the person is in training: another person looks at each of their decisions."""


class DirectoryUser(Resource[AnyExtension]):
    """A member of staff of the operator's directory."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    external_id: Annotated[str | None, Mutability.read_write, Returned.default, CaseExact.true] = None
    """The id of the person in the directory."""
    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    """The user name, unique without regard to case."""
    display_name: str | None = None
    """The name that colleagues see."""
    active: bool | None = None
    """Whether the person may sign in. Who may not has no roles and no sessions."""
    roles: Annotated[list[RoleValue] | None, Mutability.read_only] = None
    """The roles, in force and waiting. The directory asks for others through the members of groups."""


StaffUser = DirectoryUser[StaffExtension]
"""The user with its extension."""


class RoleGroup(Resource[Any]):
    """A role and the people of the directory who have it."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Mutability.read_only, Required.true] = None
    """The name of the role."""
    members: list[GroupMember] | None = None
    """The people in whom the role is in force. Who is added or removed here waits for an admin."""


def user_of(entry: StaffEntry, state: DirectoryState, base: str) -> DirectoryUser[StaffExtension]:
    """The user of a person of the directory."""
    wanted = state.wanted(entry)
    roles = [
        RoleValue(value=role, type=("in_force" if role in wanted else "leaving") if role in entry.roles else "waiting")
        for role in sorted(entry.roles | wanted)
    ]
    user = StaffUser(
        id=entry.id,
        external_id=entry.external_id or None,
        user_name=entry.user_name,
        display_name=entry.name or None,
        active=entry.active,
        roles=roles or None,
        meta=Meta(
            resource_type="User",
            created=_time(entry.created),
            last_modified=_time(entry.changed),
            location=f"{base}/Users/{entry.id}",
            version=f'W/"{entry.version}"',
        ),
    )
    if entry.abilities != UNSAID:
        user[StaffExtension] = _extension(entry.abilities)
    return user


def _extension(can: StaffMember) -> StaffExtension:
    return StaffExtension(
        skills=[SkillValue(value=skill, until=can.training.get(skill)) for skill in can.skills] or None,
        languages=list(can.languages) or None,
        channels=list(can.channels) or None,
        capacity=can.capacity,
        in_training=can.in_training,
    )


def said_of(user: Any) -> DirectoryPerson:
    """What a user that was sent says of a person. Who is not said to be inactive is active."""
    return DirectoryPerson(
        (user.user_name or "").strip(),
        user.external_id or "",
        user.display_name or "",
        active=user.active is not False,
        abilities=_abilities(user[StaffExtension]),
    )


def _abilities(sent: StaffExtension | None) -> StaffMember:
    """What the extension says; without it nothing is said, and a person has no skill. A value that is there already is
    added once (RFC 7644 3.5.2.1), and the end of a skill's training is the one that was said last."""
    if sent is None:
        return UNSAID
    ends = {one.value or "": one.until for one in sent.skills or ()}
    return replace(
        UNSAID,
        skills=tuple(ends),
        training={skill: until for skill, until in ends.items() if until is not None},
        languages=tuple(dict.fromkeys(sent.languages or ())),
        channels=tuple(dict.fromkeys(sent.channels or ())),
        capacity=1 if sent.capacity is None else sent.capacity,
        in_training=sent.in_training is True,
    )


def group_of(role: StaffRole, state: DirectoryState, base: str, *, wanted: bool = False) -> RoleGroup:
    """The group of a role: its members are those in whom it is in force, or those whom the directory wants in it."""

    def roles(entry: StaffEntry) -> Roles:
        return state.wanted(entry) if wanted else entry.roles

    holders = [entry for entry in state.people.values() if role in roles(entry)]
    mark = hashlib.sha256("\n".join(entry.id for entry in holders).encode()).hexdigest()[:16]
    members = [
        GroupMember.model_validate({"value": one.id, "$ref": f"{base}/Users/{one.id}", "type": "User"})
        for one in holders
    ]
    return RoleGroup(
        id=role.value,
        display_name=role.value,
        members=members or None,
        meta=Meta(resource_type="Group", location=f"{base}/Groups/{role.value}", version=f'W/"{mark}"'),
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)

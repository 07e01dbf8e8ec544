"""Members of support staff, their sessions, and a sign-in of theirs on its way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class StaffRole(StrEnum):
    """What a member of staff may do."""

    AGENT = "agent"
    REVIEWER = "reviewer"
    LEAD = "lead"
    AUDITOR = "auditor"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class StaffMember:
    """One member of staff, as the operator's file lists them.

    `id` is ours and stands in cases and audit rows; `subject` is the `sub` the staff provider gives. `skills` names
    skills that some checks ask for, `languages` and `channels` what the person can serve (empty: all).
    """

    id: str
    subject: str
    name: str
    roles: frozenset[StaffRole]
    in_training: bool = False
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()

    def may(self, *roles: StaffRole) -> bool:
        """Whether the person has one of these roles."""
        return not self.roles.isdisjoint(roles)


@dataclass(frozen=True, slots=True)
class StaffSession:
    """A staff session, known by the digest of its cookie. Times are seconds since 1970 UTC.

    `auth_time` is when the person last proved who they are at the staff provider; decisions need a recent one.
    """

    digest: str
    member: str
    subject: str
    acr: str
    amr: tuple[str, ...]
    auth_time: int
    created: float
    used: float
    expires: float


@dataclass(frozen=True, slots=True)
class StaffAttempt:
    """A staff sign-in on its way to the provider and back. `digest` names it, `note` is the provider's memory.

    `browser` is the digest of the cookie of the browser that left. `then` is the path to show afterwards; `member` is
    set when a signed-in person proves anew who they are, and then only that person is accepted.
    """

    digest: str
    browser: str
    expires: float
    then: str
    member: str | None = None
    note: Mapping[str, Any] = field(default_factory=dict)

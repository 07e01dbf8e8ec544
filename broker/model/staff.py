"""Support staff: members, their sessions, and sign-in attempts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class StaffRole(StrEnum):
    """Roles of staff."""

    AGENT = "agent"
    REVIEWER = "reviewer"
    LEAD = "lead"
    AUDITOR = "auditor"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Member of staff, from the operator's file.

    `id` is the broker's and appears in cases and audit rows; `subject` is the `sub` from the staff provider. `skills`
    are those that some checks require; `languages` and `channels` limit the cases of the person (empty: all).
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
    """Staff session, identified by the digest of its cookie. Times are seconds since 1970 UTC.

    `auth_time` is when the person last signed in at the staff provider; decisions require a recent one.
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
    """Sign-in attempt of staff at the staff provider. `digest` identifies it; `note` is opaque data of the provider
    adapter.

    `browser` is the digest of the cookie of the browser that started it. `then` is the path to open afterwards;
    `member` is set for the re-authentication of a signed-in person, and then only that person is accepted.
    """

    digest: str
    browser: str
    expires: float
    then: str
    member: str | None = None
    note: Mapping[str, Any] = field(default_factory=dict)

"""Support staff: members, their sessions, and sign-in attempts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

from broker.model.assurance import Level
from broker.model.json_types import JsonObject
from broker.platform.toml_loader import Range, Seconds


class StaffRole(StrEnum):
    """Roles of staff."""

    AGENT = "agent"
    REVIEWER = "reviewer"
    LEAD = "lead"
    AUDITOR = "auditor"
    ADMIN = "admin"


CAPACITY: Final = Range(1, 20)
"""How many cases a person may hold at a time."""


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Member of staff, from the operator's file.

    `id` is the broker's and appears in cases and audit rows; `subject` is the `sub` from the staff provider. `skills`
    are those that some checks require; `languages` and `channels` limit the cases of the person (empty: all).
    `capacity` is how many cases the person may hold at a time. `training` is the last day (YYYY-MM-DD) of a skill's
    training: after it the person does not have the skill.
    """

    id: str
    subject: str
    name: str
    roles: frozenset[StaffRole]
    in_training: bool = False
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    capacity: Annotated[int, CAPACITY] = 1
    training: Mapping[str, str] = field(default_factory=dict)

    def current(self, now: float) -> "StaffMember":
        """The person with the skills whose training has not ended (in UTC) at a time in seconds since 1970."""
        today = datetime.fromtimestamp(now, UTC).date().isoformat()
        valid = tuple(skill for skill in self.skills if self.training.get(skill, today) >= today)
        return self if valid == self.skills else replace(self, skills=valid)

    def may(self, *roles: StaffRole) -> bool:
        """Whether the person has one of these roles."""
        return not self.roles.isdisjoint(roles)


UNSAID: Final = StaffMember("", "", "", frozenset())
"""A person with nothing recorded: no skill, one case at a time, in any language and channel."""


@dataclass(frozen=True, slots=True)
class StaffSessionTimeouts:
    """Timeouts of staff sessions."""

    idle: Annotated[Seconds, Range(60, 3600)] = 15 * 60
    """Idle timeout: a session ends after this long without a request."""
    absolute: Annotated[Seconds, Range(600, 24 * 3600)] = 8 * 3600
    """Absolute timeout, counted from the sign-in."""
    decision_max_age: Annotated[Seconds, Range(60, 3600)] = 5 * 60
    """Step-up: a decision needs an authentication no older than this."""


@dataclass(frozen=True, slots=True)
class LoginPolicy:
    """What staff sign-ins must show, and how long sessions last: a part of staff.toml."""

    level: Level = Level.SUBSTANTIAL
    """Minimum level of assurance of a staff sign-in. The provider's `levels` map its `acr` values to levels."""
    amr: tuple[str, ...] = ()
    """Authentication methods that `amr` must all contain (RFC 8176), such as "hwk"."""
    sessions: StaffSessionTimeouts = StaffSessionTimeouts()
    access_review: Annotated[Seconds, Range(7 * 24 * 3600, 400 * 24 * 3600)] = 90 * 24 * 3600
    """Access review: how often a lead or an admin confirms in the console that a person still needs their roles."""


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
class StaffDraft:
    """What a member of staff typed into a form of a case that was refused, until it is saved or expires.

    `form` names the form within the case's pages, `fields` are its values by name.
    """

    member: str
    case: str
    form: str
    fields: Mapping[str, str]
    expires: float


@dataclass(frozen=True, slots=True)
class StaffPresence:
    """A signed-in member of staff: the number of their sessions, and when they used the console last."""

    member: str
    sessions: int
    used: float


@dataclass(frozen=True, slots=True)
class SavedViews:
    """Filters of lists that a member of staff saved: the address, with its query, by name."""

    addresses: Mapping[str, str] = field(default_factory=dict)


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
    note: JsonObject = field(default_factory=dict)

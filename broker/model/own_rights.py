"""Own rights of a service: what it may do at the broker in its own name, without a citizen (RFC 6749 4.4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final

from broker.platform.toml_fields import Key


@dataclass(frozen=True, slots=True)
class DeskLocation:
    """A counter of a partner desk."""

    id: str
    """Name of the counter in the calls of the desk: letters, digits, `.`, `_` and `-`."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Name for citizens, by language. Left out: citizens do not read of the counter."""
    address: str = ""
    """Where it is, in one line."""
    hours: Mapping[str, str] = field(default_factory=dict)
    """When it is open, in words, by language."""
    areas: tuple[str, ...] = ()
    """Towns, in any language, and first parts of postcodes near it, such as "Aberlan" and "AB1": a citizen who types
    one of them reads of this counter first."""


class OwnScope(StrEnum):
    """Scopes that a service requests for itself, with the grant `client_credentials`."""

    SSF_READ = "ssf.read"
    SSF_MANAGE = "ssf.manage"
    DESK = "desk"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRights:
    """What a service may do in its own name."""

    scopes: Annotated[tuple[OwnScope, ...], Key("own_scopes", after="cors_origins")] = ()
    """Scopes that the service may request for itself (grant type `client_credentials`, RFC 6749 4.4): `ssf.read` and
    `ssf.manage` to receive security events about its own citizens (OpenID Shared Signals Framework 1.0), `desk` to
    verify citizens at its counters (proofing agent API). Left out: none."""

    desk_locations: tuple[DeskLocation, ...] = ()
    """Counters of a partner desk. Each call of the desk names one of them. At least one with the scope `desk`."""
    desk_skills: tuple[str, ...] = ()
    """Skills that the agents of a partner desk have, as in staff.toml: some checks need one."""
    desk_events_uri: str | None = None
    """Where a partner desk receives signed events about the cases that it met: that a case was cancelled, that the
    citizen may come again, that it was closed. Left out: none."""

    @property
    def is_desk(self) -> bool:
        """Whether the service is a partner desk."""
        return OwnScope.DESK in self.scopes

    @property
    def location_ids(self) -> frozenset[str]:
        """The names of its counters in calls."""
        return frozenset(one.id for one in self.desk_locations)

    @property
    def receives_events(self) -> bool:
        """Whether the service may receive security events."""
        return OwnScope.SSF_READ in self.scopes or OwnScope.SSF_MANAGE in self.scopes


NO_RIGHTS: Final = OwnRights()

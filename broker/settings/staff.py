"""What staff.toml may say: who the support staff are, and how they sign in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from broker.model.assurance import Level
from broker.model.staff import StaffMember
from broker.platform.toml_loader import Range, Seconds
from broker.settings.providers import ProviderEntry


@dataclass(frozen=True, slots=True)
class StaffSessionSettings:
    """How long a member of staff stays signed in."""

    idle: Annotated[Seconds, Range(60, 3600)] = 15 * 60
    """A session ends when nothing was done in it for so long."""
    absolute: Annotated[Seconds, Range(600, 24 * 3600)] = 8 * 3600
    """It ends so long after the sign-in, whatever happens."""
    decision_max_age: Annotated[Seconds, Range(60, 3600)] = 5 * 60
    """A decision needs a sign-in no older than this."""


@dataclass(frozen=True, slots=True)
class StaffFile:
    """Support staff, as their file describes them: config/staff.toml."""

    provider: Mapping[str, Any]
    """The OpenID provider that staff sign in with: a table like a provider's file."""
    people: tuple[StaffMember, ...]
    """Everybody who may sign in to the console. Nobody else can, whatever the provider says."""
    level: Level = Level.SUBSTANTIAL
    """The lowest level a staff sign-in must reach. The provider's `levels` say which of its `acr` is worth what."""
    amr: tuple[str, ...] = ()
    """Ways to authenticate that must all be named in `amr` (RFC 8176), such as "hwk"."""
    sessions: StaffSessionSettings = StaffSessionSettings()


@dataclass(frozen=True, slots=True)
class StaffSettings:
    """Support staff: their provider, the people by id, and what their sign-in must show."""

    provider: ProviderEntry
    people: Mapping[str, StaffMember]
    level: Level
    amr: tuple[str, ...]
    sessions: StaffSessionSettings

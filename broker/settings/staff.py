"""Schema of staff.toml: the support staff and how they sign in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from broker.model.assurance import Level
from broker.model.staff import StaffMember
from broker.platform.toml_loader import Range, Seconds
from broker.settings.providers import ProviderEntry


@dataclass(frozen=True, slots=True)
class StaffSessionSettings:
    """Timeouts of staff sessions."""

    idle: Annotated[Seconds, Range(60, 3600)] = 15 * 60
    """Idle timeout: a session ends after this long without a request."""
    absolute: Annotated[Seconds, Range(600, 24 * 3600)] = 8 * 3600
    """Absolute timeout, counted from the sign-in."""
    decision_max_age: Annotated[Seconds, Range(60, 3600)] = 5 * 60
    """Step-up: a decision needs an authentication no older than this."""


@dataclass(frozen=True, slots=True)
class StaffFile:
    """Support staff: config/staff.toml."""

    provider: Mapping[str, Any]
    """The OpenID provider of staff: a table like a provider's file."""
    people: tuple[StaffMember, ...]
    """The people who may sign in to the console. Every other user of the provider is rejected."""
    level: Level = Level.SUBSTANTIAL
    """Minimum level of assurance of a staff sign-in. The provider's `levels` map its `acr` values to levels."""
    amr: tuple[str, ...] = ()
    """Authentication methods that `amr` must all contain (RFC 8176), such as "hwk"."""
    sessions: StaffSessionSettings = StaffSessionSettings()


@dataclass(frozen=True, slots=True)
class StaffSettings:
    """Support staff: their provider, the people by id, and the requirements of their sign-in."""

    provider: ProviderEntry
    people: Mapping[str, StaffMember]
    level: Level
    amr: tuple[str, ...]
    sessions: StaffSessionSettings

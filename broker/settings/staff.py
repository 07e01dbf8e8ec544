"""Schema of staff.toml: the support staff and how they sign in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from broker.model.json_types import JsonObject
from broker.model.staff import LoginPolicy, StaffMember
from broker.platform.toml_fields import Flattened
from broker.settings.providers import ProviderEntry


@dataclass(frozen=True, slots=True)
class StaffFile:
    """Support staff: config/staff.toml."""

    provider: JsonObject
    """The OpenID provider of staff: a table like a provider's file."""
    people: tuple[StaffMember, ...]
    """The people who may sign in to the console. Every other user of the provider is rejected."""
    policy: Annotated[LoginPolicy, Flattened()] = field(default_factory=LoginPolicy)


@dataclass(frozen=True, slots=True)
class StaffSettings:
    """Support staff: their provider, which needs the kinds of providers to be read, the people by id, and the
    requirements of their sign-in."""

    provider: ProviderEntry
    people: Mapping[str, StaffMember]
    policy: LoginPolicy

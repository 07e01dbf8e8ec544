"""Kill switches: what operators turned off. Every request reads the current state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class KillSwitchKind(StrEnum):
    """Kinds of objects that can be turned off."""

    PROVIDER = "provider"
    SERVICE = "service"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class KillSwitches:
    """Everything that is turned off at one version of the table: reasons by (kind, id)."""

    version: int
    off: Mapping[tuple[KillSwitchKind, str], str] = field(default_factory=dict)

    def is_off(self, kind: KillSwitchKind, target: str) -> bool:
        """Whether an operator turned this object off."""
        return (kind, target) in self.off

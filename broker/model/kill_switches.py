"""Switches: what operators turned off, read again on every path."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class KillSwitchKind(StrEnum):
    """What can be turned off."""

    PROVIDER = "provider"
    SERVICE = "service"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class KillSwitches:
    """Everything that is turned off at one version of the table: reasons by (kind, id)."""

    version: int
    off: Mapping[tuple[KillSwitchKind, str], str] = field(default_factory=dict)

    def is_off(self, kind: KillSwitchKind, id: str) -> bool:
        """Whether an operator turned this off."""
        return (kind, id) in self.off

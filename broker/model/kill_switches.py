"""Kill switches: what operators turned off or paused. Every request reads the current state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class KillSwitchKind(StrEnum):
    """Kinds of objects that can be turned off."""

    PROVIDER = "provider"
    SERVICE = "service"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class ProviderPause:
    """A pause of a provider by an operator. Times are seconds since 1970 UTC.

    `texts` say why, by language, and are for citizens; `until` is when the pause ends by itself, None if it does not.
    """

    texts: Mapping[str, str]
    until: float | None = None
    since: float | None = None

    def holds(self, now: float) -> bool:
        """Whether the pause has not ended."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class KillSwitches:
    """Everything that is turned off at one version of the table, reasons by (kind, id), and the pauses of providers by
    id."""

    version: int
    off: Mapping[tuple[KillSwitchKind, str], str] = field(default_factory=dict)
    pauses: Mapping[str, ProviderPause] = field(default_factory=dict)

    def is_off(self, kind: KillSwitchKind, target: str) -> bool:
        """Whether an operator turned this object off."""
        return (kind, target) in self.off

    def pause(self, provider: str, now: float) -> ProviderPause | None:
        """The pause of a provider now, or None."""
        pause = self.pauses.get(provider)
        return pause if pause is not None and pause.holds(now) else None

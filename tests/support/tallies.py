"""Counters of sign-in failures that a test reads."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Tallies:
    """Failed attempts, callbacks without a transaction and calls to the operator, in order."""

    failed: list[tuple[str, str, str, str]] = field(default_factory=list)
    strays: list[tuple[str, str]] = field(default_factory=list)
    called: list[tuple[str, str]] = field(default_factory=list)
    departures: list[str] = field(default_factory=list)
    lines: list[tuple[str, float]] = field(default_factory=list)

    def departed(self, provider: str) -> None:
        """Records a citizen sent to a provider."""
        self.departures.append(provider)

    def queued(self, provider: str, departs: float) -> None:
        """Records a citizen who got a place in line."""
        self.lines.append((provider, departs))

    def provider_failed(self, provider: str, reason: str, cause: str, fault: str) -> None:
        """Records a failed attempt."""
        self.failed.append((provider, reason, cause, fault))

    def stray_callback(self, provider: str, why: str) -> None:
        """Records a callback without a transaction."""
        self.strays.append((provider, why))

    def operator_called(self, failure: str, provider: str) -> None:
        """Records a failure that needs the operator."""
        self.called.append((failure, provider))

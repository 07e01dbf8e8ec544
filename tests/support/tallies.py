"""A place to count in that a test reads."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Tallies:
    """Failed attempts, stray callbacks and calls of an operator, in their order."""

    failed: list[tuple[str, str, str, str]] = field(default_factory=list)
    strays: list[tuple[str, str]] = field(default_factory=list)
    called: list[tuple[str, str]] = field(default_factory=list)

    def provider_failed(self, provider: str, reason: str, cause: str, fault: str) -> None:
        """Noted."""
        self.failed.append((provider, reason, cause, fault))

    def stray_callback(self, provider: str, why: str) -> None:
        """Noted."""
        self.strays.append((provider, why))

    def operator_called(self, failure: str, provider: str) -> None:
        """Noted."""
        self.called.append((failure, provider))

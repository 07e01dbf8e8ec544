"""Counters of sign-in failures that a test reads."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Tallies:
    """Failed attempts, callbacks without a transaction and calls to the operator, in order."""

    failed: list[tuple[str, str, str, str]] = field(default_factory=list)
    strays: list[tuple[str, str]] = field(default_factory=list)
    called: list[tuple[str, str]] = field(default_factory=list)

    def provider_failed(self, provider: str, reason: str, cause: str, fault: str) -> None:
        """Records a failed attempt."""
        self.failed.append((provider, reason, cause, fault))

    def stray_callback(self, provider: str, why: str) -> None:
        """Records a callback without a transaction."""
        self.strays.append((provider, why))

    def operator_called(self, failure: str, provider: str) -> None:
        """Records a failure that needs the operator."""
        self.called.append((failure, provider))

"""Port of a connector."""

from typing import Protocol

from broker.assisted.look_ups import ConnectorSettings
from broker.model.look_up import LookUpAnswer, LookUpFailed, LookUpQuestion


class Connector(Protocol):
    """A source that answers checks."""

    @property
    def settings(self) -> ConnectorSettings:
        """Which checks it answers, and what it gets."""
        ...

    async def look_up(self, question: LookUpQuestion) -> LookUpAnswer | LookUpFailed:
        """Asks the source once, and never raises for what the source does."""
        ...

"""What is written in the same transaction as a case."""

from dataclasses import dataclass

from broker.model.notification import Notification


@dataclass(frozen=True, slots=True)
class CaseWork:
    """What is written with a change of a case, or not at all: `notices` to the citizen."""

    notices: tuple[Notification, ...] = ()


NO_WORK = CaseWork()
"""Nothing is written besides the case and its audit rows."""

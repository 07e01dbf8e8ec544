"""Audit rows of members of staff, as leads and auditors read them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StaffAct:
    """One audit row of a member of staff. `id` orders the rows; `worked` says that work on the same case followed.

    For a look-up that opened no case, `worked` says that the member of staff did something in a case soon after.
    """

    id: int
    kind: str
    at: float
    actor: str
    case: str | None
    details: Mapping[str, str]
    worked: bool = False

    @property
    def member(self) -> str:
        """The id of the member of staff."""
        return self.actor.removeprefix("staff:")

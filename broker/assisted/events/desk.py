"""Events of a case that come from a partner desk. `by` is the agent of the desk who acts."""

from dataclasses import dataclass

from broker.assisted.case_records import DeskVisit, Verdict


@dataclass(frozen=True, slots=True)
class DeskAccepted:
    """A partner desk accepted the case: the citizen stands at its counter."""

    visit: DeskVisit

    @property
    def by(self) -> str:
        """Agent of the desk who accepted it."""
        return self.visit.by


@dataclass(frozen=True, slots=True)
class DeskFileReceived:
    """A partner desk sent a photograph of the document or of the citizen, the file with this id."""

    by: str
    file: str


@dataclass(frozen=True, slots=True)
class Recommended:
    """A partner desk recommends a decision, which a member of staff then takes. `alike` is that of `Decided`; with
    `final` the desk takes no further visit.
    """

    verdict: Verdict
    alike: int = 0
    final: bool = False

    @property
    def by(self) -> str:
        """Agent of the desk who recommends it."""
        return self.verdict.by


ByDesk = DeskAccepted | DeskFileReceived | Recommended

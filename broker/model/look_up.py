"""Look-ups in sources outside of the broker, such as a register of stolen documents: question, answer and failure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LookUpQuestion:
    """What is sent to a source: the reference of the case, the checks to answer, and the values that it may know."""

    reference: str
    checks: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class LookUpAnswer:
    """What a source answered: its reference, and for each check whether it is so; None if the source does not know."""

    reference: str
    answers: Mapping[str, bool | None]


@dataclass(frozen=True, slots=True)
class LookUpFailed:
    """The source did not answer, or not in the agreed form. `why` is for the log, without values."""

    why: str

"""Feedback of anybody about the broker: an answer to one question, what they wrote, and the answer of staff."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from broker.model.audit import AuditEvent

LONGEST: Final = 2_000
"""Characters of what is written, and of an answer."""

WAITS: Final = 180 * 86_400
"""Seconds after which what was not published is deleted."""

SHOWN_FOR: Final = 730 * 86_400
"""Seconds for which what was published is kept."""


class Rating(StrEnum):
    """The answer to "Did this website work for you?"."""

    GOOD = "good"
    MIXED = "mixed"
    POOR = "poor"


@dataclass(frozen=True, slots=True)
class FeedbackWords:
    """What was written, and the answer of staff in `answer_language` ("" before there is one)."""

    text: str
    answer: str = ""
    answer_language: str = ""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One piece of feedback. Times are seconds since 1970 UTC.

    `public` says that the writer agrees to its publication; `published` is when staff published it, None before. After
    `expires` it is deleted.
    """

    id: str
    at: float
    expires: float
    rating: Rating
    language: str
    public: bool
    words: FeedbackWords
    published: float | None = None


def feedback_event(feedback: Feedback) -> AuditEvent:
    """The audit row of feedback that arrives: what open data counts, and nothing that was written."""
    day = datetime.fromtimestamp(feedback.at, UTC).date().isoformat()
    details = {"rating": feedback.rating.value, "language": feedback.language, "started": day}
    return AuditEvent("feedback_given", feedback.at, "citizen", details=details)

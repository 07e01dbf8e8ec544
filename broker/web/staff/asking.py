"""Questions to the citizen of a case, as the console shows them: the same words that stand before the citizen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from broker.model.question import Question, QuestionState
from broker.web.citizens.tellings import marked
from broker.web.staff.showing import Teller

STATES: Mapping[QuestionState, str] = MappingProxyType(
    {
        QuestionState.CONFIRMED: marked("Confirmed. It is recorded as evidence, and counts for what it is worth."),
        QuestionState.DECLINED: marked("The citizen declined."),
        QuestionState.OTHER_PERSON: marked("Somebody else tried to confirm it."),
        QuestionState.WAITING: marked("Not answered in time."),
    }
)


@dataclass(frozen=True, slots=True)
class AskedShown:
    """One question. `code` is to be told to the citizen, "" once it is answered or over."""

    message: str
    state: str
    code: str
    until: str


def asked_shown(questions: Sequence[Question], tell: Teller) -> list[AskedShown]:
    """The questions of a case, the newest first."""
    return [_shown(one, tell) for one in reversed(questions)]


def _shown(question: Question, tell: Teller) -> AskedShown:
    waits = question.waits(tell.now)
    return AskedShown(
        message=question.message or "",
        state="" if waits else tell.words.text(STATES[question.state]),
        code=question.code if waits else "",
        until=tell.words.moment(question.expires, tell.now) if waits else "",
    )

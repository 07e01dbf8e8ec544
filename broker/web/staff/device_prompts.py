"""Questions to the citizen of a case as the console shows them: the text that the citizen sees too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from broker.model.backchannel_request import BackchannelRequest, BackchannelState
from broker.web.citizens.failure_texts import marked
from broker.web.staff.case_presenter import CasePresenter

STATES: Mapping[BackchannelState, str] = MappingProxyType(
    {
        BackchannelState.CONFIRMED: marked("Confirmed. It is recorded as evidence, and counts for what it is worth."),
        BackchannelState.DECLINED: marked("The citizen declined."),
        BackchannelState.OTHER_PERSON: marked("Somebody else tried to confirm it."),
        BackchannelState.WAITING: marked("Not answered in time."),
    }
)


@dataclass(frozen=True, slots=True)
class PromptStatus:
    """One question. `code` is read out to the citizen; "" after it is answered or expired."""

    message: str
    state: str
    code: str
    until: str


def prompt_status(questions: Sequence[BackchannelRequest], tell: CasePresenter) -> list[PromptStatus]:
    """The questions of a case, the newest first."""
    return [_shown(one, tell) for one in reversed(questions)]


def _shown(question: BackchannelRequest, tell: CasePresenter) -> PromptStatus:
    waits = question.is_pending(tell.now)
    return PromptStatus(
        message=question.message or "",
        state="" if waits else tell.language.text(STATES[question.state]),
        code=question.code if waits else "",
        until=tell.language.format_time(question.expires, tell.now) if waits else "",
    )

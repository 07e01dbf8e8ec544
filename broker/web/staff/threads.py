"""Questions of the holder of a case to the leads, and their answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from broker.assisted.case import Case
from broker.web.staff.case_presenter import CasePresenter
from broker.web.staff.request import StaffApp, StaffPage, staff, with_form
from broker.web.staff.responses import back_to_case


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """One question, and its answer if there is one."""

    asked: str
    by: str
    question: str
    answered: str
    answered_by: str
    answer: str


def thread_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/cases/{case}/ask-lead", staff(app, with_form(ask_lead)), methods=["POST"]),
        Route("/cases/{case}/answer-question", staff(app, with_form(answer)), methods=["POST"]),
    ]


def thread_rows(case: Case, req: StaffPage, tell: CasePresenter) -> list[ThreadRow]:
    """The questions to the leads by time."""

    def name(member: str | None) -> str:
        found = req.app.members.get(member or "")
        return (member or "") if found is None else found.name

    def when(moment: float | None) -> str:
        return "" if moment is None else tell.language.format_time(moment, tell.now)

    return [
        ThreadRow(when(one.at), name(one.by), one.question, when(one.answered), name(one.answered_by), one.answer)
        for one in case.threads
    ]


async def ask_lead(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Asks the leads a question."""
    done = await req.cases.ask_lead(req.principal, req.id, form.get("note", ""))
    return await back_to_case(req, done, form, confirmation="lead_asked")


async def answer(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Answers the question that waits."""
    done = await req.cases.answer(req.principal, req.id, form.get("note", ""))
    return await back_to_case(req, done, form, confirmation="answered")

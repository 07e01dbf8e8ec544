"""The page on which an agent reaches the citizen: how, the attempts so far, and what came of the next one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.contacting import log_attempt
from broker.actions.assisted.staff_results import CaseView, StaffAction
from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.contact_log import MISSED, OUTCOMES, ContactChannel, ContactOutcome
from broker.assisted.transitions import TransitionRefused
from broker.web.citizens.page_context import TypedValues
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.staff.case_presenter import CasePresenter
from broker.web.staff.drafts import draft, keep_or_discard
from broker.web.staff.evidence_pages import framed
from broker.web.staff.labels import CONTACT_CHANNELS, CONTACT_OUTCOMES, WHY
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff, with_form
from broker.web.staff.responses import back_to_case, case_presenter, leave_case, load_case_view

RESULTS: Final[Mapping[str, tuple[ContactChannel, ContactOutcome]]] = MappingProxyType(
    {f"{channel}.{outcome}": (channel, outcome) for channel, outcomes in OUTCOMES.items() for outcome in outcomes}
)
"""What an agent can record, by the value of its radio button."""

SHEETS = (
    PageTemplate(
        "contact",
        "staff/contact.html",
        {
            "why": WHY,
            "channels": {
                channel.value: (
                    CONTACT_CHANNELS[channel],
                    {f"{channel}.{one}": (CONTACT_OUTCOMES[one], one in MISSED) for one in outcomes},
                )
                for channel, outcomes in OUTCOMES.items()
            },
        },
    ),
)


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt to reach the citizen. `again` is when the agent wanted to try next, "" for not at all."""

    at: str
    who: str
    what: str
    again: str
    missed: bool


def contact_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/cases/{case}/contact", staff(app, show), methods=["GET"]),
        Route("/cases/{case}/contact", staff(app, with_form(record)), methods=["POST"]),
    ]


def attempt_rows(case: Case, req: StaffPage, tell: CasePresenter) -> list[AttemptRow]:
    """The attempts by time."""
    words, people = tell.language, req.app.members
    return [
        AttemptRow(
            words.format_time(one.at, tell.now),
            people[one.by].name if one.by in people else one.by,
            f"{words.text(CONTACT_CHANNELS[one.channel])}: {words.text(CONTACT_OUTCOMES[one.outcome])}",
            "" if one.again is None else words.format_time(one.again, tell.now),
            one.missed,
        )
        for one in case.contacts
    ]


async def show(req: StaffPage) -> Response:
    """The attempts so far, and the form of the next one with what follows if the citizen is missed."""
    found = await load_case_view(req)
    if isinstance(found, Response):
        return found
    if StaffAction.CONTACT not in found.actions:
        return redirect_to(req.base)
    return await _page(req, found, await draft(req, "contact"))


async def _page(req: StaffPage, found: CaseView, kept: Mapping[str, str] | None) -> Response:
    tell, policy, case = case_presenter(req), req.cases.context.rules.policy, found.case
    typed = kept or {}
    return req.visit.page(
        "contact",
        frame={**framed(found, tell), "restored": kept is not None},
        attempts=attempt_rows(case, req, tell),
        chosen=typed.get("result", ""),
        again=typed.get("again", ""),
        typed=TypedValues(typed),
        may_miss=case.state is CaseState.CLAIMED,
        last=case.missed + 1 >= policy.missed_contacts,
        closing=tell.language.duration(policy.closing),
    )


async def record(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Records an attempt. A missed one without a next attempt takes the case from the agent."""
    what, typed = RESULTS.get(form.get("result", "")), form.get("again", "")
    again = moment(typed, req.visit.language)
    if what is None or (typed and again is None):
        await keep_or_discard(req, TransitionRefused.NO_SUCH_TIME, form)
        return redirect_to(f"{req.base}/contact", problem="choice" if what is None else "next_time")
    done = await log_attempt(req.cases.context, req.principal, req.ref(form), what, again)
    if isinstance(done, CaseView) and done.case.state is CaseState.REQUESTED:
        return await leave_case(req, done, form, "missed")
    return await back_to_case(req, done, form, form=f"{req.base}/contact", confirmation="noted")


def moment(typed: str, words: Language) -> float | None:
    """A local date and time of a form (`datetime-local`) as seconds since 1970 UTC; None if it is not one."""
    try:
        return datetime.strptime(typed, "%Y-%m-%dT%H:%M").replace(tzinfo=words.zone).timestamp()
    except ValueError:
        return None

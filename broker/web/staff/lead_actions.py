"""The actions of a lead: hold a case, end the hold, decline, reassign, release a frozen identity, revoke."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.permissions import PERMISSIONS
from broker.actions.assisted.staff_results import ActionRefused, CaseView, EditRefused, StaffAction
from broker.actions.freezing.freeze import release, revoke
from broker.assisted.reasons import ReasonContext
from broker.web.citizens.failure_texts import marked
from broker.web.staff.labels import WHY
from broker.web.staff.request import FormHandler, StaffApp, StaffPage, redirect_to, staff, with_form
from broker.web.staff.responses import leave_case, ticked


@dataclass(frozen=True, slots=True)
class LeadAction:
    """One action that a lead may do now: its form on the page of the case.

    `stale` says that it needs a more recent sign-in: the page then offers that in place of the form.
    """

    verb: str
    title: str
    reasons: tuple[tuple[str, str], ...]
    multiple_reasons: bool
    stale: bool


_ACTS: Mapping[StaffAction, tuple[str, str, ReasonContext]] = {
    StaffAction.REASSIGN: ("take-back", marked("Take it from whoever holds it"), ReasonContext.TAKE_BACK),
    StaffAction.HOLD: ("hold", marked("Hold the case"), ReasonContext.HOLD),
    StaffAction.END_HOLD: ("end-hold", marked("Let the case go on"), ReasonContext.END_HOLD),
    StaffAction.NEW_TRIES: ("new-tries", marked("Let the citizen try again"), ReasonContext.END_HOLD),
    StaffAction.DECLINE_HELD: ("decline", marked("Decline the case"), ReasonContext.DECLINE),
    StaffAction.UNFREEZE: ("unfreeze", marked("Release the identity"), ReasonContext.UNFREEZE),
    StaffAction.REVOKE: ("revoke", marked("Take the identity back"), ReasonContext.REVOKE),
}


def lead_actions(found: CaseView, req: StaffPage) -> list[LeadAction]:
    """The actions of a lead on the case now."""
    words, stale = req.visit.language, req.app.system.now() >= req.principal.fresh_until
    return [
        LeadAction(
            verb,
            words.text(title),
            tuple((word, words.text(text)) for word, text in WHY[on].items()),
            multiple_reasons=deed is StaffAction.DECLINE_HELD,
            stale=stale and PERMISSIONS[deed].recent_sign_in,
        )
        for deed, (verb, title, on) in _ACTS.items()
        if deed in found.actions
    ]


def leading_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route(f"/cases/{{case}}/{verb}", staff(app, with_form(_doing(deed))), methods=["POST"])
        for deed, (verb, *_) in _ACTS.items()
    ]


def _doing(deed: StaffAction) -> FormHandler:
    async def answer(req: StaffPage, form: Mapping[str, str]) -> Response:
        done = await _do(deed, req, form)
        if done is ActionRefused.NOT_FRESH:
            return redirect_to(f"{req.base}/prove")
        return await leave_case(req, done, form, "settled")

    return answer


async def _do(deed: StaffAction, req: StaffPage, form: Mapping[str, str]) -> CaseView | EditRefused:
    cases, who, ref = req.cases, req.principal, req.ref(form)
    reason = form.get("reason", "")
    match deed:
        case StaffAction.REASSIGN:
            return await cases.reassign(who, ref, reason)
        case StaffAction.HOLD:
            return await cases.hold(who, ref, reason)
        case StaffAction.END_HOLD:
            return await cases.end_hold(who, ref, reason)
        case StaffAction.NEW_TRIES:
            return await cases.give_new_tries(who, ref, reason)
        case StaffAction.DECLINE_HELD:
            return await cases.decline_held(who, ref, ticked(form, "reason"), form.get("note", ""))
        case StaffAction.UNFREEZE:
            return await release(req.app.freezing, who, ref, reason)
        case StaffAction.REVOKE:
            return await revoke(req.app.freezing, who, ref, reason)
        case _:
            raise ValueError(f"{deed} is nothing that a lead does on a form of its own")

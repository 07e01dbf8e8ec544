"""What only a lead does with a case: hold it, let it go on, decline it, take it or an identity back."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.permissions import PERMISSIONS
from broker.actions.assisted.staff_results import ActionRefused, CaseView, EditRefused, StaffAction
from broker.assisted.reasons import Occasion
from broker.web.citizens.tellings import marked
from broker.web.staff.answering import gone, ticked
from broker.web.staff.labels import WHY
from broker.web.staff.visit import Door, Shift, Step, formed, onward, staff


@dataclass(frozen=True, slots=True)
class Act:
    """One action that a lead may do now: its form on the page of the case.

    `stale` says that it needs a more recent sign-in: the page then offers that in place of the form.
    """

    verb: str
    title: str
    reasons: tuple[tuple[str, str], ...]
    several: bool
    stale: bool


_ACTS: Mapping[StaffAction, tuple[str, str, Occasion]] = {
    StaffAction.REASSIGN: ("take-back", marked("Take it from whoever holds it"), Occasion.TAKE_BACK),
    StaffAction.HOLD: ("hold", marked("Hold the case"), Occasion.HOLD),
    StaffAction.END_HOLD: ("end-hold", marked("Let the case go on"), Occasion.END_HOLD),
    StaffAction.DECLINE_HELD: ("decline", marked("Decline the case"), Occasion.DECLINE),
    StaffAction.REVOKE: ("revoke", marked("Take the identity back"), Occasion.REVOKE),
}


def acts(found: CaseView, here: Shift) -> list[Act]:
    """The actions of a lead on the case now."""
    words, stale = here.visit.words, here.door.ambient.now() >= here.principal.fresh_until
    return [
        Act(
            verb,
            words.text(title),
            tuple((word, words.text(text)) for word, text in WHY[on].items()),
            several=deed is StaffAction.DECLINE_HELD,
            stale=stale and PERMISSIONS[deed].recent_sign_in,
        )
        for deed, (verb, title, on) in _ACTS.items()
        if deed in found.actions
    ]


def leading_routes(door: Door) -> list[Route]:
    """The routes of this file."""
    return [
        Route(f"/cases/{{case}}/{verb}", staff(door, formed(_doing(deed))), methods=["POST"])
        for deed, (verb, *_) in _ACTS.items()
    ]


def _doing(deed: StaffAction) -> Step:
    async def answer(here: Shift, form: Mapping[str, str]) -> Response:
        done = await _do(deed, here, form)
        if done is ActionRefused.NOT_FRESH:
            return onward(f"{here.base}/prove")
        return gone(here, done, "settled")

    return answer


async def _do(deed: StaffAction, here: Shift, form: Mapping[str, str]) -> CaseView | EditRefused:
    cases, who, ref = here.cases, here.principal, here.ref(form)
    reason = form.get("reason", "")
    match deed:
        case StaffAction.REASSIGN:
            return await cases.reassign(who, ref, reason)
        case StaffAction.HOLD:
            return await cases.hold(who, ref, reason)
        case StaffAction.END_HOLD:
            return await cases.end_hold(who, ref, reason)
        case StaffAction.DECLINE_HELD:
            return await cases.decline_held(who, ref, ticked(form, "reason"), form.get("note", ""))
        case StaffAction.REVOKE:
            return await cases.revoke(who, ref, reason)
        case _:
            raise ValueError(f"{deed} is nothing that a lead does on a form of its own")

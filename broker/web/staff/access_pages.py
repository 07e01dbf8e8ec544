"""Access review: every member of staff with roles, last sign-in and last use of each role, confirmed by a lead."""

from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.people.access import AccessRow
from broker.actions.people.roles import RolesRefused
from broker.model.staff import StaffRole
from broker.web.citizens.failure_texts import marked
from broker.web.shared.pages import PageTemplate
from broker.web.staff.people_pages import ROLES, member_of, person_path, refuse_roles
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff
from broker.web.staff.responses import outcome_page

SHEETS = (PageTemplate("access", "staff/access.html"),)


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """The access of one person in words. `act` is the path of the form, "" if the reader does not review them."""

    name: str
    path: str
    edition: str
    signed_in: str
    used: tuple[tuple[str, str], ...]
    reviewed: str
    due: str
    overdue: bool
    act: str


def access_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/access", staff(app, show_access), methods=["GET"]),
        Route("/access/{member}", staff(app, answer), methods=["POST"]),
    ]


async def show_access(req: StaffPage) -> Response:
    """The page."""
    rows = await req.app.access.rows(req.principal)
    if isinstance(rows, RolesRefused):
        return outcome_page(req, "not-yours")
    now, days = req.app.system.now(), int(req.app.access.period // 86400)
    return req.visit.page(
        "access",
        rows=[_row(one, req, now) for one in rows],
        overdue=sum(one.overdue(now) for one in rows),
        period=req.visit.language.ngettext("{n} day", "{n} days", days),
    )


def _row(one: AccessRow, req: StaffPage, now: float) -> ReviewRow:
    words, people = req.visit.language, req.app.roles.everybody()
    review = one.review
    by = "" if review is None else people[review.by].name if review.by in people else review.by
    mine = one.person.id == req.member.id or not req.member.may(StaffRole.LEAD, StaffRole.ADMIN)
    never = words.text(marked("never"))
    return ReviewRow(
        name=one.person.name,
        path=person_path(one.person.id),
        edition=one.person.edition,
        signed_in=never if one.signed_in is None else words.format_time(one.signed_in, now),
        used=tuple(
            (words.text(ROLES[role]), never if at is None else words.format_time(at, now))
            for role, at in one.used.items()
        ),
        reviewed="" if review is None else f"{words.format_time(review.at, now)}, {by}",
        due="" if not one.due else words.format_time(one.due, now),
        overdue=one.overdue(now),
        act="" if mine else f"/access/{person_path(one.person.id).removeprefix('/people/')}",
    )


async def answer(req: StaffPage) -> Response:
    """Confirms that a person keeps their roles, or asks that they go."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/access", problem="again")
    member, edition, access = member_of(req), form.get("edition", ""), req.app.access
    acts = {"keep": (access.keep, "access_kept"), "remove": (access.remove, "change_asked")}
    chosen = acts.get(form.get("do", ""))
    if chosen is None:
        return redirect_to("/access", problem="choice")
    act, told = chosen
    done = await act(req.principal, member, edition)
    return refuse_roles(req, done, "/access") if isinstance(done, RolesRefused) else redirect_to("/access", told=told)

"""Members of staff: roles, training and sessions; changes of roles that one person asks for and another approves."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.staff_results import ActionRefused
from broker.actions.people.roles import Person, RolesRefused, change_of
from broker.model.staff import StaffRole
from broker.model.staff_people import DIRECTORY, ChangeReason, ChangeState, Roles, StaffChange, StaffSource
from broker.web.citizens.failure_texts import marked
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.staff.login import sign_in_link
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff
from broker.web.staff.responses import outcome_page, ticked

ROLES: Final = {
    StaffRole.AGENT: marked("agent"),
    StaffRole.REVIEWER: marked("second person"),
    StaffRole.LEAD: marked("lead"),
    StaffRole.AUDITOR: marked("auditor"),
    StaffRole.ADMIN: marked("admin"),
}
_WHY: Final = {
    ChangeReason.JOINED: marked("Joined"),
    ChangeReason.OTHER_WORK: marked("Does other work now"),
    ChangeReason.LEFT: marked("Left"),
    ChangeReason.NOT_USED: marked("Does not use the role"),
    ChangeReason.INCIDENT: marked("After an incident"),
    ChangeReason.MISTAKE: marked("To put a mistake right"),
    ChangeReason.DIRECTORY: marked("The organisation’s directory asks for it"),
}
_STATES: Final = {
    ChangeState.OPEN: marked("Waits"),
    ChangeState.APPROVED: marked("Approved"),
    ChangeState.REFUSED: marked("Refused"),
    ChangeState.WITHDRAWN: marked("Lapsed"),
}

SHEETS = (PageTemplate("people", "staff/people.html"), PageTemplate("person-roles", "staff/person_roles.html"))


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A member of staff with roles, what they may do, and whether they are signed in. `path` is their own page."""

    id: str
    name: str
    path: str
    roles: str
    skills: str
    ended: str
    limits: str
    capacity: str
    used: str
    sessions: int
    waits: bool
    differs: bool


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change of roles in words. `act` is the path of its form, "" if the reader can do nothing with it."""

    name: str
    path: str
    before: str
    after: str
    why: str
    asked_by: str
    asked: str
    state: str
    decided_by: str
    act: str
    may_approve: bool


def people_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/people", staff(app, show_people), methods=["GET"]),
        Route("/people/end", staff(app, end_sessions), methods=["POST"]),
        Route("/people/{member}", staff(app, show_person), methods=["GET"]),
        Route("/people/{member}/roles", staff(app, ask), methods=["POST"]),
        Route("/people/{member}/take-away", staff(app, take_away), methods=["POST"]),
        Route("/role-changes/{change}", staff(app, decide), methods=["POST"]),
    ]


async def show_people(req: StaffPage) -> Response:
    """The members of staff, as configured and as signed in, and the changes that wait."""
    view = await req.app.roles.view(req.principal)
    present = await req.app.oversight.sessions(req.principal, req.app.login.policy.sessions.idle)
    if isinstance(view, RolesRefused) or isinstance(present, ActionRefused):
        return outcome_page(req, "not-yours")
    now, words = req.app.system.now(), req.visit.language
    rows = []
    for one in view.people:
        member, here = one.member, present.get(one.id)
        current = () if member is None else member.current(now).skills
        rows.append(
            PersonRow(
                id=one.id,
                name=one.name,
                path=person_path(one.id),
                roles=role_names(one.roles, words)
                + (f" ({words.text(marked('in training'))})" if member is not None and member.in_training else ""),
                skills=", ".join(current),
                ended="" if member is None else ", ".join(skill for skill in member.skills if skill not in current),
                limits="" if member is None else ", ".join((*member.languages, *member.channels)),
                capacity="1" if member is None else str(member.capacity),
                used="" if here is None else words.format_time(here.used, now),
                sessions=0 if here is None else here.sessions,
                waits=change_of(view.waiting, one.id) is not None,
                differs=one.overridden,
            )
        )
    return req.visit.page(
        "people",
        rows=rows,
        waiting=[_change(one, req) for one in view.waiting],
        decided=[_change(one, req) for one in view.decided],
        may_end=req.member.may(StaffRole.ADMIN),
        may_export=req.member.may(StaffRole.AUDITOR, StaffRole.ADMIN),
        sign_in_url=_sign_in_again(req, "/people"),
    )


async def show_person(req: StaffPage) -> Response:
    """The roles of one member of staff, with the form that asks for others."""
    view, found = await req.app.roles.view(req.principal), req.app.roles.everybody().get(member_of(req))
    if isinstance(view, RolesRefused):
        return outcome_page(req, "not-yours")
    if found is None:
        return redirect_to("/people")
    words, waits = req.visit.language, change_of(view.waiting, found.id)
    admin, own = req.member.may(StaffRole.ADMIN), found.id == req.member.id
    lead = req.member.may(StaffRole.LEAD) and bool(found.roles)
    offered = [role for role in ROLES if admin or role in found.roles]
    return req.visit.page(
        "person-roles",
        name=found.name,
        path=person_path(found.id),
        edition=found.edition,
        held=role_names(found.roles, words),
        source=_source(found, words),
        file="" if found.file is None else role_names(found.file, words),
        differs=found.overridden,
        waiting=() if waits is None else (_change(waits, req),),
        own=own,
        may_ask=(admin or lead) and not own and waits is None,
        may_take=admin and not own and bool(found.roles),
        roles=[(role.value, words.text(ROLES[role]), role in found.roles) for role in offered],
        whys=[(why.value, words.text(text)) for why, text in _WHY.items() if why is not ChangeReason.DIRECTORY],
        sign_in_url=_sign_in_again(req, person_path(found.id)),
    )


async def ask(req: StaffPage) -> Response:
    """Asks for other roles of a member of staff."""
    form = await req.visit.form()
    member = member_of(req)
    if form is None:
        return redirect_to(person_path(member), problem="again")
    wanted = {word for word in ticked(form, "role") if word in set(StaffRole)}
    roles = frozenset(map(StaffRole, wanted))
    done = await req.app.roles.ask(req.principal, member, form.get("edition", ""), roles, form.get("reason", ""))
    return _answer(req, done, member, "change_asked")


async def take_away(req: StaffPage) -> Response:
    """Takes every role of a member of staff away, at once."""
    form = await req.visit.form()
    member = member_of(req)
    if form is None:
        return redirect_to(person_path(member), problem="again")
    done = await req.app.roles.take_away(req.principal, member, form.get("edition", ""))
    return _answer(req, done, member, "roles_taken")


async def decide(req: StaffPage) -> Response:
    """Approves a change that another person asked for, or refuses it."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/people", problem="again")
    answer = form.get("do", "")
    if answer not in ("approve", "refuse"):
        return redirect_to("/people", problem="choice")
    change = str(req.visit.request.path_params["change"])
    done = await req.app.roles.decide(req.principal, change, approve=answer == "approve")
    if isinstance(done, RolesRefused):
        return refuse_roles(req, done, "/people")
    return redirect_to("/people", told=f"change_{done.state.value}")


async def end_sessions(req: StaffPage) -> Response:
    """Ends every session of a member of staff."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/people", problem="again")
    ended = await req.app.oversight.end_sessions(req.principal, form.get("member", ""))
    return outcome_page(req, "not-yours") if isinstance(ended, ActionRefused) else redirect_to("/people", told="ended")


def role_names(roles: Roles, words: Language) -> str:
    """Roles in words; "none" without any."""
    return ", ".join(words.text(text) for role, text in ROLES.items() if role in roles) or words.text("none")


def member_of(req: StaffPage) -> str:
    """The id of a member of staff in the path."""
    return str(req.visit.request.path_params["member"])


def person_path(member: str) -> str:
    """The path of the page of a member of staff."""
    return f"/people/{quote(member, safe='')}"


def _sign_in_again(req: StaffPage, back: str) -> str:
    """The link to a new sign-in, if the present one is too old to approve something; else ""."""
    stale = req.app.system.now() >= req.principal.fresh_until
    return sign_in_link(back) if stale and req.member.may(StaffRole.ADMIN) else ""


def _source(one: Person, words: Language) -> str:
    return "staff.toml" if one.source is StaffSource.FILE else words.text("the organisation’s directory")


def _change(change: StaffChange, req: StaffPage) -> ChangeRow:
    words, now = req.visit.language, req.app.system.now()
    people = req.app.roles.everybody()

    def named(member: str) -> str:
        return people[member].name if member in people else member

    own = change.asked_by == req.member.id
    admin = req.member.may(StaffRole.ADMIN) and change.member != req.member.id
    acts = change.state is ChangeState.OPEN and (own or admin)
    return ChangeRow(
        name=named(change.member),
        path=person_path(change.member),
        before=role_names(change.before, words),
        after=role_names(change.after, words),
        why=words.text(_WHY[change.reason]),
        asked_by=words.text("the organisation’s directory") if change.asked_by == DIRECTORY else named(change.asked_by),
        asked=words.format_time(change.asked, now),
        state=words.text(_STATES[change.state]),
        decided_by=named(change.decided_by),
        act=f"/role-changes/{change.id}" if acts else "",
        may_approve=admin and not own,
    )


def refuse_roles(req: StaffPage, why: RolesRefused, back: str) -> Response:
    """The response to a refusal: the page `back` with a message."""
    if why is RolesRefused.NOT_ALLOWED:
        return outcome_page(req, "not-yours")
    return redirect_to(back, problem="stale" if why is RolesRefused.UNKNOWN else why.value)


def _answer(req: StaffPage, done: object, member: str, told: str) -> Response:
    """Redirects to the page of a member of staff, or of all of them if there is none with this id."""
    if not isinstance(done, RolesRefused):
        return redirect_to(person_path(member), told=told)
    return refuse_roles(req, done, "/people" if done is RolesRefused.UNKNOWN else person_path(member))

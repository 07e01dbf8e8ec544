"""Appointments in the console: the list of a day at a place, who came and who did not, moving and cancelling."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.appointments import staff as desk
from broker.actions.appointments.booking import NoRoom
from broker.actions.assisted.staff_results import ActionRefused, CaseRef, CaseView, EditRefused, StaffAction
from broker.assisted.appointments import Bookable, local_day
from broker.web.citizens.help_form import NEEDS
from broker.web.citizens.page_context import readable
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.staff.labels import CHANNELS, STATES
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff
from broker.web.staff.responses import outcome_page

SHEETS = (
    PageTemplate("appointments", "staff/appointments.html"),
    PageTemplate("appointment-times", "staff/appointment_times.html"),
)


@dataclass(frozen=True, slots=True)
class PlaceLink:
    """A place whose days can be looked at."""

    name: str
    path: str
    shown: bool


@dataclass(frozen=True, slots=True)
class DayRow:
    """One appointment of a day. `may` are the actions that are offered."""

    path: str
    edition: int
    time: str
    room: int
    reference: str
    state: str
    language: str
    needs: str
    may: frozenset[StaffAction]


@dataclass(frozen=True, slots=True)
class TimeRow:
    """The free times of a day at a place."""

    place: str
    day: str
    times: tuple[tuple[str, str], ...]


def appointment_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/appointments", staff(app, show_day), methods=["GET"]),
        Route("/appointments/walk-in", staff(app, walk_in_by_reference), methods=["POST"]),
        Route("/appointments/find", staff(app, find), methods=["POST"]),
        Route("/appointments/{case}/no-show", staff(app, no_show), methods=["POST"]),
        Route("/appointments/{case}/cancel", staff(app, cancel), methods=["POST"]),
        Route("/appointments/{case}/walk-in", staff(app, walk_in), methods=["POST"]),
        Route("/appointments/{case}/take", staff(app, take), methods=["POST"]),
        Route("/appointments/{case}/times", staff(app, show_times), methods=["GET"]),
        Route("/appointments/{case}/move", staff(app, move), methods=["POST"]),
    ]


async def show_day(req: StaffPage) -> Response:
    """The appointments of a day at a place; of today at the first place if nothing is chosen."""
    if not desk.may_see(req.principal):
        return outcome_page(req, "not-yours")
    context, words = req.cases.context, req.visit.language
    places = desk.all_places(context)
    if not places:
        return req.visit.page("appointments", places=[], rows=[], day="", before="", after="", here="")
    place = next((one for one in places if one.id == req.visit.query.get("place")), places[0])
    day = _day(req.visit.query.get("day", "")) or desk.today(context, place)
    entries = await desk.day_list(context, req.principal, place, day)
    if isinstance(entries, ActionRefused):
        return outcome_page(req, "not-yours")
    return req.visit.page(
        "appointments",
        places=[PlaceLink(_name(one, words), _path(one.id, day), one is place) for one in places],
        rows=[_row(entry, words) for entry in entries],
        day=words.date(day),
        before=_path(place.id, day - timedelta(days=1)),
        after=_path(place.id, day + timedelta(days=1)),
        here=_path(place.id, day),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _path(place: str, day: date) -> str:
    return f"/appointments?{urlencode({'place': place, 'day': day.isoformat()})}"


def _name(place: Bookable, words: Language) -> str:
    if place.office is not None:
        return in_language(place.office.names, words.code)
    return words.text(CHANNELS[place.channel])


def _row(entry: desk.DayEntry, words: Language) -> DayRow:
    return DayRow(
        f"/appointments/{entry.case}",
        entry.edit_version,
        words.format_time(entry.booking.begins, entry.booking.begins),
        entry.booking.room + 1,
        readable(entry.reference),
        words.text(STATES[entry.state]),
        entry.language,
        ", ".join(words.text(NEEDS[need]) for need in entry.needs),
        entry.actions,
    )


# --- what is done ---


async def no_show(req: StaffPage) -> Response:
    """The citizen did not come."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/appointments", problem="again")
    return _back(req, form, await desk.no_show(req.cases.context, req.principal, req.ref(form)), "no_show")


async def cancel(req: StaffPage) -> Response:
    """Cancels the appointment."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/appointments", problem="again")
    return _back(req, form, await desk.cancel(req.cases.context, req.principal, req.ref(form)), "slot_cancelled")


async def walk_in(req: StaffPage) -> Response:
    """The citizen is there before the time."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/appointments", problem="again")
    return _back(req, form, await desk.walk_in(req.cases.context, req.principal, req.ref(form)), "in_line")


async def take(req: StaffPage) -> Response:
    """The agent takes the case of the citizen whose time has come."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/appointments", problem="again")
    done = await desk.take(req.cases.context, req.principal, req.ref(form))
    return redirect_to(req.base) if isinstance(done, CaseView) else _back(req, form, done, "")


async def walk_in_by_reference(req: StaffPage) -> Response:
    """The citizen came by without an appointment, and says their reference."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/appointments", problem="again")
    done = await desk.walk_in(req.cases.context, req.principal, form.get("reference", "")[:40])
    if done is ActionRefused.UNKNOWN:
        return redirect_to("/appointments", problem="reference")
    return _back(req, form, done, "in_line")


async def find(req: StaffPage) -> Response:
    """Leads to the free times for the case with a reference."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/appointments", problem="again")
    found = await desk.with_reference(req.cases.context, req.principal, form.get("reference", "")[:40])
    if isinstance(found, ActionRefused):
        return outcome_page(req, "not-yours") if found is ActionRefused.NOT_ALLOWED else _unknown()
    return redirect_to(f"/appointments/{found.id}/times", reference=found.reference)


def _unknown() -> Response:
    return redirect_to("/appointments", problem="reference")


async def show_times(req: StaffPage) -> Response:
    """The free times for a case, by place and day."""
    said = req.visit.query.get("reference", "")[:40]
    found = await desk.movable(req.cases.context, req.principal, CaseRef(req.id), said)
    if isinstance(found, ActionRefused):
        return outcome_page(req, "not-yours") if found is ActionRefused.NOT_ALLOWED else _unknown()
    words, now = req.visit.language, req.app.system.now()
    rows = []
    for place, slots in found.times:
        days: dict[date, list[tuple[str, str]]] = {}
        for slot in slots:
            time = words.format_time(slot.begins, slot.begins)
            days.setdefault(local_day(place, slot.begins), []).append((f"{place.id}:{int(slot.begins)}", time))
        rows += [TimeRow(_name(place, words), words.date(day), tuple(times)) for day, times in days.items()]
    made = found.appointment
    return req.visit.page(
        "appointment-times",
        path=f"/appointments/{found.ref.id}",
        edition=found.ref.edit_version,
        reference=readable(found.reference),
        said=found.reference,
        rows=rows,
        appointment="" if made is None else words.format_time(made.begins, now),
    )


async def move(req: StaffPage) -> Response:
    """Makes an appointment, or moves it."""
    form = await req.visit.form()
    times, said = f"/appointments/{req.id}/times", {}
    if form is None:
        return redirect_to(times, problem="again")
    if reference := form.get("reference", "")[:40]:
        said = {"reference": reference}
    place, _, begins = form.get("time", "").partition(":")
    if not (begins.isascii() and begins.isdigit() and len(begins) < 12):
        return redirect_to(times, problem="choice", **said)
    done = await desk.move(req.cases.context, req.principal, req.ref(form), (place, float(begins)), reference)
    if done is NoRoom.TAKEN:
        return redirect_to(times, problem="slot_taken", **said)
    return _back(req, form, done, "slot_made") if not isinstance(done, NoRoom) else redirect_to(times, **said)


def _back(req: StaffPage, form: Mapping[str, str], done: CaseView | EditRefused, told: str) -> Response:
    """Back to the day with a confirmation, or with why nothing was changed."""
    query = {name: form[name] for name in ("place", "day") if form.get(name)}
    if isinstance(done, CaseView):
        return redirect_to("/appointments", told=told, **query)
    if done is ActionRefused.NOT_ALLOWED:
        return outcome_page(req, "not-yours")
    return redirect_to("/appointments", problem="full" if done is ActionRefused.FULL else "not_now", **query)

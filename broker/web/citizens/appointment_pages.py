"""Appointments: the free times of an office or a channel by day, taking one, cancelling it, and its calendar file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.appointments import citizen as appointments
from broker.actions.appointments.booking import FreeTimes, NoRoom
from broker.actions.appointments.notices import place_name
from broker.actions.sign_in import dispatch
from broker.actions.views import CaseStatusView
from broker.assisted.appointments import Bookable, Slot, calendar_entry, local_day
from broker.assisted.case import Case
from broker.web.citizens.case_status_page import ALWAYS_DATED, place_text
from broker.web.citizens.help_form import CHANNELS
from broker.web.citizens.journey import page
from broker.web.citizens.request import CitizenApp, CitizenRequest, language_of, redirect_to
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.shared.responses import PageResponse

SHEETS = (PageTemplate("appointment", "citizens/appointment.html"),)

MOVES = frozenset({"scheduled", "slot_cancelled", "slot_moved", "slot_released", "no_show"})
"""Events after which a calendar must replace what it has."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place to choose, in words. `path` shows its free times."""

    name: str
    address: str
    chosen: bool
    path: str


@dataclass(frozen=True, slots=True)
class Day:
    """A day with free times. `path` shows them."""

    name: str
    free: str
    chosen: bool
    path: str


@dataclass(frozen=True, slots=True)
class Time:
    """A free time of the chosen day."""

    value: str
    text: str


def appointment_routes(app: CitizenApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/journey/{handle}/appointment", page(app, show_times), methods=["GET"]),
        Route("/journey/{handle}/appointment", page(app, take), methods=["POST"]),
        Route("/journey/{handle}/appointment/cancel", page(app, cancel), methods=["POST"]),
        Route("/journey/{handle}/appointment.ics", page(app, calendar), methods=["GET"]),
    ]


async def show_times(req: CitizenRequest) -> Response:
    """The free times: of the chosen place and day, else of the first ones that have any."""
    view, shared = await dispatch.current_view(req.app.context, req.app.cases, req.handle, req.browser)
    case = await appointments.own_case(req.app.cases, req.handle, req.browser)
    if not isinstance(view, CaseStatusView) or not isinstance(case, Case):
        return redirect_to(req.base)
    frame = req.frame(language_of(view))
    query, words = req.request.query_params, frame.language
    found = await appointments.offered(req.app.cases, case, "")
    if not found:
        return redirect_to(req.base, "not_now")
    chosen = next((one for one in found if one.place.id == query.get("place")), None) or next(
        (one for one in found if one.slots), found[0]
    )
    days = _days(chosen)
    day = query.get("day", "") if query.get("day") in days else next(iter(days), "")
    made = view.status.appointment
    variables = frame.template_variables(
        view.service,
        places=[_place(one.place, chosen.place, req.base, words) for one in found],
        place=chosen.place.id,
        place_name=_name(chosen.place, words),
        days=[
            Day(
                words.day(slots[0].begins),
                words.ngettext("{n} time is free", "{n} times are free", len(slots)),
                name == day,
                f"{req.base}/appointment?place={chosen.place.id}&day={name}",
            )
            for name, slots in days.items()
        ],
        times=[Time(str(int(slot.begins)), words.format_time(slot.begins, slot.begins)) for slot in days.get(day, ())],
        day=words.day(days[day][0].begins) if day else "",
        appointment=None if made is None else words.format_time(made.begins, ALWAYS_DATED),
        where="" if made is None else place_text(view.status, words),
    )
    return req.answer(PageResponse("appointment", variables, 422 if frame.problem == "time" else 200), frame, shared)


def _days(found: FreeTimes) -> Mapping[str, Sequence[Slot]]:
    days: dict[str, list[Slot]] = {}
    for slot in found.slots:
        days.setdefault(local_day(found.place, slot.begins).isoformat(), []).append(slot)
    return days


def _place(place: Bookable, chosen: Bookable, base: str, words: Language) -> Place:
    address = "" if place.office is None else place.office.address
    return Place(_name(place, words), address, place is chosen, f"{base}/appointment?place={place.id}")


def _name(place: Bookable, words: Language) -> str:
    if place.office is not None:
        return in_language(place.office.names, words.code)
    return words.text(CHANNELS[place.channel].name)


async def take(req: CitizenRequest) -> Response:
    """Takes a time, in place of the appointment before."""
    form = await req.form()
    path = f"{req.base}/appointment"
    if form is None:
        return redirect_to(path, "again")
    place, begins = form.get("place", ""), form.get("begins", "")
    if not (begins.isascii() and begins.isdigit() and len(begins) < 12):
        return redirect_to(path, "time")
    done = await appointments.take(req.app.cases, req.handle, req.browser, place, float(begins))
    if done is NoRoom.TAKEN:
        return redirect_to(path, "slot_taken")
    return redirect_to(req.base, "" if isinstance(done, Case) else "not_now")


async def cancel(req: CitizenRequest) -> Response:
    """Cancels the appointment."""
    if await req.form() is None:
        return redirect_to(f"{req.base}/appointment", "again")
    await appointments.cancel(req.app.cases, req.handle, req.browser)
    return redirect_to(req.base)


async def calendar(req: CitizenRequest) -> Response:
    """The appointment as a calendar file (RFC 5545)."""
    case = await appointments.own_case(req.app.cases, req.handle, req.browser)
    if not isinstance(case, Case) or case.appointment is None:
        return redirect_to(req.base)
    words = req.frame(case.language).language
    policy, site = req.app.cases.context.rules.policy, req.app.pages.site
    texts = (
        words.text("Appointment about your identity, reference {reference}", reference=case.reference),
        place_name(case.appointment, policy, words.code),
    )
    moves = sum(move.event in MOVES for move in case.history)
    uid = f"{case.reference}-{case.id[:8]}@{site.issuer.partition('://')[2]}"
    content = calendar_entry(case.appointment, uid, moves, texts, req.app.system.now())
    headers = {"content-disposition": 'attachment; filename="appointment.ics"', "cache-control": "no-store"}
    return Response(content, media_type="text/calendar", headers=headers)

"""Exports of the audit record: one auditor or admin asks with a reason, another releases, the first downloads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from broker.actions.people.exports import ExportRefused
from broker.model.audit_export import AuditExport, ExportReason, ExportState
from broker.web.citizens.failure_texts import marked
from broker.web.shared.pages import PageTemplate
from broker.web.staff.login import sign_in_link
from broker.web.staff.request import StaffApp, StaffPage, StaffRequest, public, redirect_to, staff
from broker.web.staff.responses import outcome_page

SHEETS = (PageTemplate("exports", "staff/exports.html"),)

_WHY: Final = {
    ExportReason.AUDIT: marked("An audit"),
    ExportReason.COMPLAINT: marked("A complaint"),
    ExportReason.INCIDENT: marked("After an incident"),
    ExportReason.COURT: marked("A court or an authority asks for it"),
}
_STATES: Final = {
    ExportState.OPEN: marked("Waits for a second person"),
    ExportState.RELEASED: marked("Released"),
    ExportState.REFUSED: marked("Refused"),
}
_PROBLEMS: Final[Mapping[ExportRefused, str]] = {
    ExportRefused.REASON: "reason",
    ExportRefused.DAYS: "days",
    ExportRefused.EMPTY: "no_rows",
    ExportRefused.TOO_MANY: "too_many_rows",
    ExportRefused.SAME_PERSON: "same_export",
    ExportRefused.NOT_FRESH: "not_fresh",
}


@dataclass(frozen=True, slots=True)
class ExportRow:
    """An export in words. `files` is the path of its files for the one who asked, `act` that of its form."""

    days: str
    why: str
    asked_by: str
    asked: str
    state: str
    decided_by: str
    rows: str
    sha256: str
    files: str
    act: str
    may_release: bool


def export_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/exports", staff(app, show_exports), methods=["GET"]),
        Route("/exports", staff(app, ask), methods=["POST"]),
        Route("/exports/{export}", staff(app, decide), methods=["POST"]),
        Route("/exports/{export}/audit.jsonl", staff(app, send_rows), methods=["GET"]),
        Route("/exports/{export}/audit.jws", staff(app, send_signature), methods=["GET"]),
        Route("/audit-keys.json", public(app, send_keys), methods=["GET"]),
    ]


async def show_exports(req: StaffPage) -> Response:
    """The exports, and the form that asks for one."""
    exports = await req.app.exports.recent(req.principal)
    if isinstance(exports, ExportRefused):
        return outcome_page(req, "not-yours")
    now, words = req.app.system.now(), req.visit.language
    today = datetime.fromtimestamp(now, UTC).date()
    waits = any(one.state is ExportState.OPEN and one.expires > now for one in exports)
    stale = now >= req.principal.fresh_until
    return req.visit.page(
        "exports",
        rows=[_row(one, req, now) for one in exports],
        whys=[(why.value, words.text(text)) for why, text in _WHY.items()],
        first=(today - timedelta(days=28)).isoformat(),
        last=today.isoformat(),
        sign_in_url=sign_in_link("/exports") if waits and stale else "",
    )


def _row(one: AuditExport, req: StaffPage, now: float) -> ExportRow:
    words, people = req.visit.language, req.app.roles.everybody()

    def named(member: str) -> str:
        return people[member].name if member in people else member

    own, lives = one.asked_by == req.member.id, one.expires > now
    begins, ends = (datetime.fromtimestamp(at, UTC).date() for at in (one.begins, one.ends - 1))
    lapsed = one.state is ExportState.OPEN and not lives
    return ExportRow(
        days=f"{begins.isoformat()} – {ends.isoformat()}",
        why=words.text(_WHY[one.reason]),
        asked_by=named(one.asked_by),
        asked=words.format_time(one.asked, now),
        state=words.text(marked("Lapsed") if lapsed else _STATES[one.state]),
        decided_by=named(one.decided_by),
        rows=str(one.rows) if one.rows else "",
        sha256=one.sha256,
        files=f"/exports/{one.id}" if own and lives and one.state is ExportState.RELEASED else "",
        act=f"/exports/{one.id}" if lives and one.state is ExportState.OPEN else "",
        may_release=not own,
    )


async def ask(req: StaffPage) -> Response:
    """Asks for an export of some days."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/exports", problem="again")
    begins, ends = _midnight(form.get("first", ""), 0), _midnight(form.get("last", ""), 1)
    if begins is None or ends is None:
        return _refuse(req, ExportRefused.DAYS)
    done = await req.app.exports.ask(req.principal, begins, ends, form.get("reason", ""))
    return _refuse(req, done) if isinstance(done, ExportRefused) else redirect_to("/exports", told="export_asked")


async def decide(req: StaffPage) -> Response:
    """Releases an export that another person asked for, or refuses it."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/exports", problem="again")
    answer = form.get("do", "")
    if answer not in ("release", "refuse"):
        return redirect_to("/exports", problem="choice")
    done = await req.app.exports.decide(req.principal, _export(req), release=answer == "release")
    if isinstance(done, ExportRefused):
        return _refuse(req, done)
    return redirect_to("/exports", told=f"export_{done.state.value}")


async def send_rows(req: StaffPage) -> Response:
    """The rows, as JSON lines."""
    found = await req.app.exports.download(req.principal, _export(req))
    if found is None:
        return outcome_page(req, "not-yours")
    export, content = found
    headers = {"content-disposition": f'attachment; filename="audit-{export.first}-{export.last}.jsonl"'}
    return StreamingResponse(content, media_type="application/jsonl", headers=headers)


async def send_signature(req: StaffPage) -> Response:
    """The detached signature of the rows."""
    export = await req.app.exports.released(req.principal, _export(req))
    if export is None:
        return outcome_page(req, "not-yours")
    headers = {"content-disposition": f'attachment; filename="audit-{export.first}-{export.last}.jws"'}
    return Response(f"{export.signature}\n", media_type="application/jose", headers=headers)


async def send_keys(req: StaffRequest) -> Response:
    """The keys that verify exports and checkpoints, as a JWK Set."""
    return Response(req.app.exports.keys(), media_type="application/jwk-set+json")


def _export(req: StaffPage) -> str:
    return str(req.visit.request.path_params["export"])


def _midnight(day: str, after: int) -> float | None:
    """The beginning (UTC) of a day, or of the day `after` days later; None if it is not a date."""
    try:
        return (datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=after)).timestamp()
    except (ValueError, OverflowError):
        return None


def _refuse(req: StaffPage, why: ExportRefused) -> Response:
    if why is ExportRefused.NOT_ALLOWED:
        return outcome_page(req, "not-yours")
    return redirect_to("/exports", problem=_PROBLEMS.get(why, "stale"))

"""Sources that a program asks when staff press for it: what they may be asked, and the press itself."""

from collections.abc import Mapping, Sequence

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.drafts import keep_draft
from broker.actions.assisted.staff_results import CaseView
from broker.web.staff.form_names import form_name, typed_fields
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff, with_form
from broker.web.staff.responses import refuse


def source_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [Route("/cases/{case}/sources/{source}", staff(app, with_form(ask)), methods=["POST"])]


def sources(req: StaffPage, piece: str) -> Mapping[str, Sequence[tuple[str, str]]]:
    """The sources that can be asked about a piece of evidence, or about the person if `piece` is "", by look-up.

    Each has its name as a part of the path, and its text.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for name, connector in req.cases.connectors.items():
        lookup = req.app.profiles.lookups.get(connector.settings.lookup)
        of_person = lookup is not None and not set(lookup.checks).isdisjoint(req.app.profiles.person)
        if lookup is not None and of_person is not bool(piece):
            found.setdefault(connector.settings.lookup, []).append((name, connector.settings.source))
    return found


async def ask(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Asks a source and leads back to the form, in which its answer is filled in. What was typed is kept."""
    piece = form.get("piece", "")
    here = f"{req.base}/evidence/{piece}" if piece.isalnum() else f"{req.base}/person"
    source = req.visit.request.path_params["source"]
    connector = req.cases.connectors.get(source)
    done = await req.cases.ask_source(req.principal, req.ref(form), source, piece if piece.isalnum() else "")
    lookup = None if connector is None else req.app.profiles.lookups.get(connector.settings.lookup)
    answered = {f"check.{check}" for check in (() if lookup is None else lookup.checks)}
    answered |= set() if connector is None else {f"{part}.{connector.settings.lookup}" for part in _PARTS}
    typed = typed_fields(form)
    kept = {name: value for name, value in typed.items() if not (isinstance(done, CaseView) and name in answered)}
    await keep_draft(req.cases.context, req.member.id, req.id, form_name(here, ""), kept)
    return redirect_to(here, told="asked_source") if isinstance(done, CaseView) else refuse(req, done, here)


_PARTS = ("source", "reference", "lookup")
"""Fields of a look-up in a form."""

"""Writing to the citizen: a template, its fields, and the message exactly as the citizen gets it, before it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.contacting import MessageDraft, addresses, compose, open_room, send_message
from broker.actions.assisted.staff_results import CaseView, EditRefused, InvalidInput, StaffAction
from broker.assisted.case import Case
from broker.assisted.case_records import Contact
from broker.assisted.messages import MessageField, message_templates
from broker.assisted.transitions import TransitionRefused
from broker.model.notification import Notification
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.staff.contact_pages import moment
from broker.web.staff.drafts import draft, drop, keep_or_discard
from broker.web.staff.evidence_pages import framed
from broker.web.staff.labels import WHY
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff, with_form
from broker.web.staff.responses import back_to_case, case_presenter, load_case_view, refuse
from broker.web.staff.sent_notices import WAYS

SHEETS = (
    PageTemplate("messages", "staff/messages.html", {"why": WHY}),
    PageTemplate("message", "staff/message.html", {"why": WHY}),
)


@dataclass(frozen=True, slots=True)
class Preview:
    """The message exactly as it is sent. A text message has no subject."""

    to: str
    subject: str
    text: str


def message_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/cases/{case}/message", staff(app, show), methods=["GET"]),
        Route("/cases/{case}/message", staff(app, with_form(send)), methods=["POST"]),
        Route("/cases/{case}/room", staff(app, with_form(open_video_room)), methods=["POST"]),
    ]


async def show(req: StaffPage) -> Response:
    """The list of templates; with one chosen its form, and the preview of what was typed before."""
    found = await load_case_view(req)
    if isinstance(found, Response):
        return found
    if StaffAction.CONTACT not in found.actions:
        return redirect_to(req.base)
    words, known, name = req.visit.language, message_templates().templates, req.visit.query.get("template", "")
    reach = addresses(req.cases.context, found.case)
    if name not in known:
        listed = [(f"{req.base}/message?template={one}", in_language(t.title, words.code)) for one, t in known.items()]
        return req.visit.page(
            "messages", frame=framed(found, case_presenter(req)), templates=listed, reaches=bool(reach)
        )
    kept = await draft(req, "message")
    typed = kept if kept is not None and kept.get("template") == name else {}
    preview = _preview(req, found.case, typed) if typed and req.visit.query.get("told") == "preview" else None
    return req.visit.page(
        "message",
        frame={**framed(found, case_presenter(req)), "restored": bool(typed) and preview is None},
        title=in_language(known[name].title, words.code),
        chosen=name,
        asks=[one.value for one in known[name].asks],
        typed={one.value: typed.get(one.value, "") for one in MessageField},
        second=typed.get("to", "") == "second",
        first=next((_reach(words, one) for one in reach if one == found.case.contact), ""),
        other=next((_reach(words, one) for one in reach if one == found.case.second_contact), ""),
        room=found.case.room,
        rooms=req.app.rooms is not None,
        preview=preview,
        language=words.locale.languages.get(found.case.language, found.case.language),
        written_in=found.case.language,
    )


def _reach(words: Language, one: Contact) -> str:
    return f"{one.address}, {words.text(WAYS[one.way.value])}"


def _draft(form: Mapping[str, str], words: Language) -> MessageDraft:
    """What was typed. A time is local; one that cannot be read is none."""
    at = moment(form.get("time", ""), words)
    values = {MessageField.TIME: "" if at is None else str(int(at)), MessageField.NOTE: form.get("note", "")}
    return MessageDraft(form.get("template", ""), values, form.get("to") == "second")


def _preview(req: StaffPage, case: Case, typed: Mapping[str, str]) -> Preview | None:
    made = compose(req.cases.context, case, _draft(typed, req.visit.language))
    if not isinstance(made, Notification):
        return None
    to = f"{made.address}, {req.visit.language.text(WAYS[made.way])}"
    return Preview(to, *req.cases.context.told.written(made))


async def send(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Shows the message first; sends it as it was shown if the agent says so."""
    page, wanted = f"{req.base}/message", _draft(form, req.visit.language)
    if form.get("do") == "send":
        done = await send_message(req.cases.context, req.principal, req.ref(form), wanted)
        if isinstance(done, CaseView):
            return await back_to_case(req, done, form, confirmation="message_sent")
        return await _refused(req, done, form)
    view = await req.cases.view_case(req.principal, req.id)
    if not isinstance(view, CaseView):
        return refuse(req, view, req.base)
    made = compose(req.cases.context, view.case, wanted)
    if not isinstance(made, Notification):
        return await _refused(req, made, form)
    await keep_or_discard(req, TransitionRefused.NOT_NOW, form)
    return redirect_to(page, template=wanted.template, told="preview")


async def _refused(req: StaffPage, why: EditRefused, form: Mapping[str, str]) -> Response:
    """Back to the form with what was typed, except a line that seems to hold a secret."""
    await keep_or_discard(req, why, form)
    page, template = f"{req.base}/message", form.get("template", "")
    if why is TransitionRefused.NOT_NOW:
        await drop(req, "message")
        return redirect_to(page, problem="no_message")
    if isinstance(why, InvalidInput):
        return redirect_to(page, template=template, problem=next(iter(why.errors.values())).value)
    return refuse(req, why, page, template=template)


async def open_video_room(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Opens a video room by the operator's tool."""
    if req.app.rooms is None:
        raise HTTPException(404)
    done = await open_room(req.cases.context, req.app.rooms, req.principal, req.ref(form))
    page = f"{req.base}/message"
    if isinstance(done, CaseView):
        return redirect_to(page, template="video_room", told="room")
    if isinstance(done, InvalidInput):
        return redirect_to(page, template="video_room", problem="no_room")
    return refuse(req, done, page)

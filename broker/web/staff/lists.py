"""The lists of cases: those of the member of staff, those that wait, and all open ones for a lead."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.staff_results import ActionRefused, CaseRef
from broker.actions.console.lists import FOR_ALL, WorkList, may_read
from broker.actions.console.rows import RowAction, RowOrder, RowsDone, act_on_rows, reasons_for
from broker.assisted.case_records import Channel
from broker.assisted.case_row import COUNTED, NO_FLAGS, CaseFilter, CaseFlag, CaseOrder, CaseRow
from broker.assisted.case_states import CaseState
from broker.model.assurance import Level
from broker.model.staff import StaffRole
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.page_context import readable
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.staff.labels import CHANNELS, LEVELS, STATES, WHY, history_line
from broker.web.staff.request import StaffApp, StaffHandler, StaffPage, edition, redirect_to, staff
from broker.web.staff.responses import outcome_page, ticked

HOUR: Final = 3600
TITLES: Final[Mapping[WorkList, str]] = MappingProxyType(
    {
        WorkList.MINE: marked("My cases"),
        WorkList.QUEUE: marked("Cases in line"),
        WorkList.CASES: marked("All open cases"),
    }
)
FLAGS: Final[Mapping[CaseFlag, tuple[str, str]]] = MappingProxyType(
    {
        CaseFlag.STOPPED: ("stopped", marked("Waits for a lead")),
        CaseFlag.LATE: ("late", marked("Late")),
        CaseFlag.RAISED: ("raised", marked("Flagged")),
        CaseFlag.FRAUD: ("fraud", marked("Signs of fraud")),
        CaseFlag.SAFEGUARDING: ("safeguarding", marked("Safeguarding")),
        CaseFlag.UNSEEN: ("unseen", marked("Flag not seen yet")),
        CaseFlag.QUESTION: ("question", marked("Question to a lead")),
        CaseFlag.INCIDENT: ("incident", marked("Held for an incident")),
        CaseFlag.SPENT: ("spent", marked("Tries used up")),
        CaseFlag.SKILL: ("skill", marked("Needs training")),
        CaseFlag.AGAIN: ("again", marked("Another meeting")),
        CaseFlag.CALL: ("call", marked("Waits for a call")),
        CaseFlag.REDRESS: ("redress", marked("New look")),
        CaseFlag.COMPLAINT: ("complaint", marked("Complaint")),
        CaseFlag.PROMISE: ("overdue", marked("Waits longer than promised")),
        CaseFlag.FROZEN: ("frozen", marked("Stopped by the citizen")),
    }
)
"""Marks with the word in an address and the text."""

_ORDERS: Final[Mapping[CaseOrder, str]] = {
    CaseOrder.DEADLINE: marked("Nearest deadline first"),
    CaseOrder.OLDEST: marked("Oldest first"),
    CaseOrder.NEWEST: marked("Newest first"),
}
_AGES: Final[Mapping[str, tuple[int, str]]] = {
    "4h": (4 * HOUR, marked("Over 4 hours")),
    "1d": (24 * HOUR, marked("Over a day")),
    "3d": (72 * HOUR, marked("Over 3 days")),
    "7d": (168 * HOUR, marked("Over a week")),
}
_WAITING: Final = (CaseState.QUEUED, CaseState.REVIEW)
_NOBODY: Final = "-"
"""The word of the filter of the holder for cases without one."""

SHEETS = (PageTemplate("list", "staff/list.html"),)


@dataclass(frozen=True, slots=True)
class ListRow:
    """One row as the page shows it. `path` is the page of the case, "" for a case that is not open to the reader."""

    id: str
    edition: int
    path: str
    reference: str
    state: str
    service: str
    level: str
    channel: str
    language: str
    age: str
    due: str
    late: bool
    holder: str
    marks: str
    why: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One filter: its name in the address, its label, and its options as word, text and whether it is chosen."""

    name: str
    label: str
    options: tuple[tuple[str, str, bool], ...]


def list_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        *(Route(f"/{what}", staff(app, _show(what)), methods=["GET"]) for what in WorkList),
        Route("/views", staff(app, keep_view), methods=["POST"]),
        Route("/cases/do", staff(app, act), methods=["POST"]),
    ]


def _show(what: WorkList) -> StaffHandler:
    async def answer(req: StaffPage) -> Response:
        return await show_list(req, what)

    return answer


async def show_list(req: StaffPage, what: WorkList) -> Response:
    """One page of a list, with its filters."""
    query, words, now = req.visit.query, req.visit.language, req.app.system.now()
    want, order = wanted(query, now)
    page = await req.app.lists.page(req.principal, what, want, order, query.get("after"))
    if isinstance(page, ActionRefused):
        return outcome_page(req, "not-yours")
    kept = filters(query)
    fit = await req.app.lists.fitting(req.principal, what, want)
    return req.visit.page(
        "list",
        title=words.text(TITLES[what]),
        path=f"/{what}",
        choices=tuple(filter_choices(req, what, kept)) if what is not WorkList.MINE else (),
        rows=[list_row(row, req, now) for row in page.rows],
        more="" if page.after is None else f"/{what}?{urlencode({**kept, 'after': page.after})}",
        fit=words.text("Cases that fit: {count}").format(count=counted(fit, COUNTED)),
        what=what.value,
        done=rows_told(query, words),
        acts=row_actions(words) if what is WorkList.CASES else (),
        colleagues=colleagues(req.app) if what is WorkList.CASES else (),
        kept=tuple(kept.items()),
        views=tuple((await req.app.lists.views(req.principal)).addresses.items()),
        first=f"/{what}?{urlencode(kept)}" if "after" in query else "",
    )


async def act(req: StaffPage) -> Response:
    """Does something with the ticked rows of a list, as a lead."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/cases", problem="again")
    kept, order = filters(form), row_order(form, req)
    refs = [CaseRef(one, edition(form[f"case.{one}"])) for one in ticked(form, "case")]
    if order is None or not refs:
        return redirect_to("/cases", **kept, problem="choice" if order is None else "rows")
    return done_with_rows("/cases", kept, req, await act_on_rows(req.cases.context, req.principal, order, refs))


def row_order(form: Mapping[str, str], req: StaffPage) -> RowOrder | None:
    """What a form asks to do with rows; None without an action, or without the colleague whom it needs."""
    action, to = form.get("do", ""), req.app.members.get(form.get("to", ""))
    if action not in set(RowAction) or (action == RowAction.ASSIGN and to is None):
        return None
    return RowOrder(RowAction(action), form.get("reason", ""), to)


def done_with_rows(at: str, kept: Mapping[str, str], req: StaffPage, done: RowsDone | ActionRefused) -> Response:
    """Redirects to a list, whose address says how many cases were changed."""
    match done:
        case RowsDone(count, left):
            return redirect_to(at, **kept, done=str(count), left=str(left))
        case ActionRefused.REASON:
            return redirect_to(at, **kept, problem="reason")
        case _:
            return outcome_page(req, "not-yours")


def rows_told(query: Mapping[str, str], words: Language) -> str:
    """How many cases a lead changed, as the address says; "" if it says nothing."""
    done, left = (query.get(name, "") for name in ("done", "left"))
    if not (done.isdecimal() and left.isdecimal() and len(done) < 6 and len(left) < 6):
        return ""
    told = words.ngettext("{n} case was changed.", "{n} cases were changed.", int(done))
    if not int(left):
        return told
    rest = words.ngettext(
        "{n} case was left as it is: it changed meanwhile, or the rules do not allow it.",
        "{n} cases were left as they are: they changed meanwhile, or the rules do not allow it.",
        int(left),
    )
    return f"{told} {rest}"


def colleagues(app: StaffApp) -> list[tuple[str, str]]:
    """The members of staff to whom a case can be given."""
    return [(one.id, one.name) for one in app.members.values() if one.may(StaffRole.AGENT, StaffRole.REVIEWER)]


ROW_ACTIONS: Final[Mapping[RowAction, str]] = MappingProxyType(
    {
        RowAction.REASSIGN: marked("Put back in line"),
        RowAction.ASSIGN: marked("Give to a colleague"),
        RowAction.HOLD: marked("Hold"),
        RowAction.END_HOLD: marked("Let go on"),
        RowAction.ACKNOWLEDGE: marked("Take note of the flags"),
    }
)


def row_actions(words: Language) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """What a lead can do with rows: the word, its text, and its reasons."""

    def whys(action: RowAction) -> list[tuple[str, str]]:
        occasion = reasons_for(action)
        return [] if occasion is None else [(word, words.text(why)) for word, why in WHY[occasion.value].items()]

    return [(action.value, words.text(text), whys(action)) for action, text in ROW_ACTIONS.items()]


async def keep_view(req: StaffPage) -> Response:
    """Saves the filters of the page under a name, or removes a saved view."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/", problem="again")
    at = next((f"/{what}" for what in WorkList if what == form.get("list")), "/")
    kept = filters(form)
    if "remove" in form:
        await req.app.lists.remove_view(req.principal, form["remove"])
        return redirect_to(at, **kept, told="removed")
    if not await req.app.lists.save_view(req.principal, form.get("name", ""), f"{at}?{urlencode(kept)}"):
        return redirect_to(at, **kept, problem="view")
    return redirect_to(at, **kept, told="view")


def wanted(query: Mapping[str, str], now: float) -> tuple[CaseFilter, CaseOrder]:
    """The filter and the order that an address names. An unknown word filters nothing."""
    flag = next((flag for flag, (word, _) in FLAGS.items() if word == query.get("mark")), NO_FLAGS)
    age = _AGES.get(query.get("age", ""))
    state, level, channel, holder = (query.get(name, "") for name in ("stands", "level", "channel", "holder"))
    found = CaseFilter(
        state=CaseState(state) if state in set(CaseState) else None,
        client_id=query.get("service") or None,
        level=next((one.value for one in Level if one.name.lower() == level), None),
        channel=channel if channel in set(Channel) else None,
        language=query.get("language") or None,
        holder="" if holder == _NOBODY else holder or None,
        flags=flag,
        before=None if age is None else now - age[0],
    )
    sort = query.get("sort", "")
    return found, CaseOrder(sort) if sort in set(CaseOrder) else CaseOrder.DEADLINE


def filters(query: Mapping[str, str]) -> dict[str, str]:
    """The filters and the order in an address, without the page."""
    names = ("stands", "service", "level", "channel", "language", "holder", "mark", "age", "sort")
    return {name: query[name] for name in names if query.get(name) and len(query[name]) <= 80}


def filter_choices(req: StaffPage, what: WorkList, kept: Mapping[str, str]) -> Iterator[Choice]:
    """The filters of a list. A list of what waits has no filter for the holder."""
    words, app = req.visit.language, req.app
    spoken = sorted({code for service in app.services.values() for code in service.presentation.names})
    states = _WAITING if what is WorkList.QUEUE else tuple(CaseState)
    marks = [pair for flag, pair in FLAGS.items() if what is WorkList.CASES or flag & FOR_ALL]
    offered: list[tuple[str, str, Sequence[tuple[str, str]]]] = [
        ("stands", marked("State"), [(state.value, words.text(STATES[state])) for state in states]),
        ("service", marked("Service"), [(one.client_id, one.name(words.code)) for one in app.services.values()]),
        ("level", marked("Level"), [(one.name.lower(), words.text(text)) for one, text in LEVELS.items()]),
        ("channel", marked("Way to meet"), [(one.value, words.text(text)) for one, text in CHANNELS.items()]),
        ("language", marked("Language"), [(code, code) for code in spoken]),
        ("mark", marked("Mark"), [(word, words.text(text)) for word, text in marks]),
        ("age", marked("Age"), [(word, words.text(text)) for word, (_, text) in _AGES.items()]),
    ]
    if what is WorkList.CASES:
        people = [(_NOBODY, words.text("Nobody")), *((one.id, one.name) for one in app.members.values())]
        offered.append(("holder", marked("With"), people))
    offered.append(("sort", marked("Order"), [(order.value, words.text(text)) for order, text in _ORDERS.items()]))
    for name, label, options in offered:
        any_of = [] if name == "sort" or (name == "stands" and what is WorkList.QUEUE) else [("", words.text("All"))]
        chosen = kept.get(name, "")
        yield Choice(name, words.text(label), tuple((word, text, word == chosen) for word, text in (*any_of, *options)))


def list_row(row: CaseRow, req: StaffPage, now: float) -> ListRow:
    """A row with its texts and times."""
    words, app = req.visit.language, req.app
    service = app.services.get(row.client_id)
    holder = app.members.get(row.holder or "")
    event, _, why = row.why.partition(" ")
    return ListRow(
        id=row.id,
        edition=row.edit_version,
        path=f"/cases/{row.id}" if row.holder == req.member.id else "",
        reference=readable(row.reference),
        state=words.text(STATES[row.state]),
        service=row.client_id if service is None else service.name(words.code),
        level=words.text(LEVELS[Level(row.level)]) if row.level in set(Level) else "",
        channel=words.text(CHANNELS[Channel(row.channel)]) if row.channel in set(Channel) else "",
        language=row.language,
        age=age(now - row.created, words),
        due=words.format_time(row.ends, now),
        late=row.ends <= now,
        holder=(row.holder or "") if holder is None else holder.name,
        marks=", ".join(words.text(text) for flag, (_, text) in FLAGS.items() if flag in row.flags),
        why=history_line(event, why, words) if event and CaseFlag.STOPPED in row.flags else "",
    )


def counted(count: int, most: int) -> str:
    """A number of cases that were counted up to `most`."""
    return f"{count}+" if count >= most else str(count)


def age(seconds: float, words: Language) -> str:
    """How long ago a case was opened, in its largest unit."""
    minutes = max(int(seconds // 60), 0)
    if minutes < 60:
        return words.ngettext("{n} minute", "{n} minutes", minutes)
    if minutes < 48 * 60:
        return words.ngettext("{n} hour", "{n} hours", minutes // 60)
    return words.ngettext("{n} day", "{n} days", minutes // (24 * 60))


def lists_of(req: StaffPage) -> list[tuple[str, str]]:
    """Address and title of the lists that the member of staff may read."""
    return [
        (f"/{what}", req.visit.language.text(title)) for what, title in TITLES.items() if may_read(req.member, what)
    ]

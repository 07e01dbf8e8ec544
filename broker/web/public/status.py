"""Public status: how each way and the broker are now and were in the last 90 days, as a page and an Atom feed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from babel.numbers import format_percent
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.open_data.series import moment
from broker.actions.open_data.status import Status, read_status
from broker.actions.sign_in.context import ConfiguredProvider
from broker.model.disruption import BROKER, SPAN, Disruption, DisruptionKind, StatusRecord, availability
from broker.model.status_note import StatusNote
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import base_context
from broker.web.citizens.request import CitizenApp, CitizenRequest
from broker.web.public.providers_page import is_listed
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.shared.responses import PageResponse

SHEET = PageTemplate("status", "public/status.html")

PATH: Final = "/status"
CACHED: Final = 15
"""Seconds for which the record is read once."""
_LISTED: Final = 50
"""Disruptions on the page and in the feed."""

_NOW: Final[Mapping[DisruptionKind, str]] = {
    DisruptionKind.OUTAGE: marked("Does not work since {time}"),
    DisruptionKind.PAUSED: marked("Paused since {time}"),
    DisruptionKind.OFF: marked("Turned off since {time}"),
}
_WHAT: Final[Mapping[DisruptionKind, str]] = {
    DisruptionKind.OUTAGE: marked("Did not work"),
    DisruptionKind.PAUSED: marked("Was paused"),
    DisruptionKind.OFF: marked("Was turned off"),
}
_FEED: Final[Mapping[DisruptionKind, str]] = {
    DisruptionKind.OUTAGE: "does not work",
    DisruptionKind.PAUSED: "is paused",
    DisruptionKind.OFF: "is turned off",
}


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One way, or the broker: how it is now, and its share of the recorded time."""

    name: str
    state: str
    share: str
    works: bool


@dataclass(frozen=True, slots=True)
class NoteRow:
    """A note of the operator. `lang` is the language of its text if the page has another one, else ""."""

    name: str
    when: str
    text: str
    lang: str


def status_routes(app: CitizenApp, status: Status, providers: Mapping[str, ConfiguredProvider]) -> list[Route]:
    """The routes of this file."""
    record = _CachedStatus(status)

    async def show(req: CitizenRequest) -> Response:
        frame = req.frame()
        now, words = frame.now, frame.language
        names = {BROKER: in_language(app.pages.site.name, words.code), **_names(providers, words.code, now)}
        variables = status_variables(await record.read(), names, words, now)
        return req.answer(PageResponse(SHEET.name, {**base_context(frame), **variables}), frame)

    async def send(_req: CitizenRequest) -> Response:
        names = {BROKER: in_language(app.pages.site.name, "en"), **_names(providers, "en", status.system.now())}
        content = status_feed(await record.read(), names, app.pages.site.issuer)
        headers = {"cache-control": f"public, max-age={CACHED}", "access-control-allow-origin": "*"}
        return Response(content.encode(), media_type="application/atom+xml", headers=headers)

    return [
        Route(PATH, page(app, show), methods=["GET"]),
        Route(f"{PATH}/feed.atom", page(app, send), methods=["GET"]),
    ]


class _CachedStatus:
    """The record, read at most once in CACHED seconds."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._until = -1.0
        self._record = StatusRecord()

    async def read(self) -> StatusRecord:
        """What was recorded."""
        now = self._status.system.now()
        if now >= self._until:
            self._record, self._until = await read_status(self._status), now + CACHED
        return self._record


def _names(providers: Mapping[str, ConfiguredProvider], code: str, now: float) -> Mapping[str, str]:
    """The names of the providers that the public may see."""
    found = {name: one.provider.card.name(code) for name, one in providers.items() if is_listed(one, now)}
    return dict(sorted(found.items(), key=lambda one: one[1].casefold()))


def status_variables(record: StatusRecord, names: Mapping[str, str], words: Language, now: float) -> dict[str, object]:
    """The variables of the page. `names` are those of the subjects to show, in order."""
    first = now if record.first is None else record.first
    rows = [_row(record, subject, name, words, first, now) for subject, name in names.items()]
    shown = [one for one in record.disruptions if one.subject in names][:_LISTED]
    return {
        "rows": rows,
        "notes": [_note(one, names[one.subject], words, now) for one in record.notes if one.subject in names],
        "all_work": all(row.works for row in rows),
        "since": words.day(max(first, now - SPAN)),
        "disruptions": [
            (
                names[one.subject],
                words.text(_WHAT[one.kind]),
                _span(one, words, now),
            )
            for one in shown
        ],
    }


def _row(record: StatusRecord, subject: str, name: str, words: Language, first: float, now: float) -> StatusRow:
    lasting = record.lasting(subject)
    share = availability(record.disruptions, subject, first, now)
    # never 100 % if there was an disruption
    percent = format_percent(int(share * 10_000) / 10_000, format="#,##0.0#%", locale=words.locale)
    if lasting is None:
        return StatusRow(name, words.text("Works"), percent, works=True)
    state = words.text(_NOW[lasting.kind], time=words.format_time(lasting.began, now))
    return StatusRow(name, state, percent, works=False)


def _note(one: StatusNote, name: str, words: Language, now: float) -> NoteRow:
    text, spoken = one.spoken(words.code)
    return NoteRow(name, _span(one, words, now), text, "" if spoken == words.code else spoken)


def _span(one: Disruption | StatusNote, words: Language, now: float) -> str:
    """From when to when, in words."""
    began = words.format_time(one.began, now)
    if one.ended is None:
        return words.text("Since {time}", time=began)
    return words.text("{start} until {end}", start=began, end=words.format_time(one.ended, now))


def status_feed(record: StatusRecord, names: Mapping[str, str], issuer: str) -> str:
    """The latest notes and disruptions (RFC 4287); an entry is updated when a note changes or a disruption ends."""
    shown = [one for one in record.disruptions if one.subject in names][:_LISTED]
    notes = [one for one in record.notes if one.subject in names][:_LISTED]
    updated = max((*(_changed(one) for one in shown), *(note.changed for note in notes)), default=0.0)
    own = quoteattr(f"{issuer}{PATH}/feed.atom")
    entries = "".join(_note_entry(one, names[one.subject], issuer) for one in notes)
    entries += "".join(_entry(one, names[one.subject], issuer) for one in shown)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        f"<id>{escape(issuer + PATH)}</id><title>Status</title><updated>{moment(updated)}</updated>"
        f'<author><name>{escape(issuer)}</name></author><link rel="self" href={own}/>{entries}</feed>\n'
    )


def _note_entry(one: StatusNote, name: str, issuer: str) -> str:
    text, spoken = one.spoken("en")
    until = "" if one.ended is None else f" until {moment(one.ended)}"
    title = f"{name}: note since {moment(one.began)}{until}"
    return (
        f"<entry><id>{escape(f'{issuer}{PATH}#note-{one.id}')}</id><title>{escape(title)}</title>"
        f"<updated>{moment(one.changed)}</updated><content xml:lang={quoteattr(spoken)}>{escape(text)}</content>"
        f"<link href={quoteattr(issuer + PATH)}/></entry>"
    )


def _changed(disruption: Disruption) -> float:
    return disruption.began if disruption.ended is None else disruption.ended


def _entry(one: Disruption, name: str, issuer: str) -> str:
    until = "" if one.ended is None else f" until {moment(one.ended)}"
    title = f"{name} {_FEED[one.kind]} since {moment(one.began)}{until}"
    identifier = f"{issuer}{PATH}#{one.subject or 'broker'}-{int(one.began)}"
    return (
        f"<entry><id>{escape(identifier)}</id><title>{escape(title)}</title><updated>{moment(_changed(one))}</updated>"
        f"<link href={quoteattr(issuer + PATH)}/></entry>"
    )

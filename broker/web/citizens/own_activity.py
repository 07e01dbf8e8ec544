"""Page of what happened in a citizen's account, and the same as files: CSV (RFC 4180) and JSON."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.account.activity import ActivityGroup
from broker.actions.account import activity
from broker.actions.account.activity import PATH, SeenActivity
from broker.actions.account.own import OwnContext
from broker.web.citizens.claim_labels import label
from broker.web.citizens.failure_texts import FAILURE_TEXTS
from broker.web.citizens.journey import page
from broker.web.citizens.link_page import way_name
from broker.web.citizens.own_pages import PLACE, freshness, service_name, to_sign_in
from broker.web.citizens.page_context import PageContext, level_text
from broker.web.citizens.request import CitizenApp, CitizenRequest, redirect_to
from broker.web.shared.i18n import Language, marked
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

SHEETS = (PageTemplate("account/activity", "citizens/activity.html"),)

PAGE: Final = 25
"""Entries on one page."""

GROUPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "": marked("Everything"),
        ActivityGroup.SIGN_INS: marked("Sign-ins"),
        ActivityGroup.FAILED: marked("What did not work"),
        ActivityGroup.SERVICES: marked("What services did by themselves"),
        ActivityGroup.PEOPLE: marked("Help by a person"),
        ActivityGroup.CHANGES: marked("Changes"),
    }
)

TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "service_answered": marked("You signed in to {service}"),
        "identity_kept": marked("You proved who you are for {service}, which was not waiting any more"),
        "account_opened": marked("You signed in to your account here"),
        "question_confirmed": marked("You confirmed a question of {service}"),
        "attempt_failed": marked("A try to sign in for {service} did not work"),
        "sharing_declined": marked("You did not share your details with {service}"),
        "sharing_narrowed": marked("You share less with {service} than before"),
        "question_declined": marked("You declined a question of {service}"),
        "question_other_person": marked("Another person answered a question of {service} for you, and was refused"),
        "grant_refreshed": marked("{service} went on reading your details by itself"),
        "token_revoked": marked("{service} gave up reading your details"),
        "code_replayed": marked("A code of {service} was used twice, and what came of it ended"),
        "refresh_token_replayed": marked("An old key of {service} was used again, and what came of it ended"),
        "person_looked": marked("A person looked at your request for help"),
        "person_worked": marked("A person worked on your request for help"),
        "identity_linked": marked("A way to sign in was added"),
        "identity_moved": marked("You moved to another way to sign in"),
        "identity_unlinked": marked("A way to sign in was removed"),
        "passkey_added": marked("A passkey was added"),
        "passkey_removed": marked("A passkey was removed"),
        "passkey_identity_kept": marked("We began to keep your details for passkeys"),
        "kept_identity_changed": marked("You changed how long we keep your details"),
        "agreement_withdrawn": marked("You took back what you agreed to for {service}"),
        "service_blocked": marked("You blocked {service}"),
        "service_unblocked": marked("You lifted the block of {service}"),
        "account_disowned": marked("You said that it was not you, and everything ended"),
        "account_erased": marked("You deleted your account here"),
        "way_turned_off": marked("You turned off a way to sign in"),
        "way_resumed": marked("You turned a stopped way to sign in on again"),
        "session_ended": marked("A sign-in in a browser ended"),
        "client_registered": marked("You registered the service {service} to try it out"),
        "client_ended": marked("You ended the registration of the service {service}"),
        "provider_event": marked("{provider} reported a change of your account there"),
    }
)
"""What happened, by kind (`account.activity.KINDS`)."""

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "agent": marked("Role: agent"),
        "reviewer": marked("Role: reviewer"),
        "lead": marked("Role: lead"),
        "auditor": marked("Role: auditor"),
        "admin": marked("Role: administrator"),
        "staff": marked("Role: member of staff"),
        "desk": marked("Role: agent at the counter of a partner"),
    }
)

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

FIELDS: Final = (
    "time",
    "what",
    "kind",
    "service",
    "service_name",
    "way",
    "level",
    "details",
    "failure",
    "role",
    "office",
)
"""Columns of the file, and members of an entry in JSON."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of the filter."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class ActivityLine:
    """One entry in words."""

    time: str
    text: str
    lines: tuple[str, ...]


def own_activity_routes(app: CitizenApp, context: OwnContext) -> list[Route]:
    """The routes of the page and of the files."""

    async def show(req: CitizenRequest) -> Response:
        view = await activity.view_activity(context, req.browser)
        if view is None:
            return to_sign_in(PATH)
        frame, query = req.frame(place=PLACE), req.request.query_params
        what = query.get("what", "") if query.get("what", "") in GROUPS else ""
        found = [one for one in view.listed if what in ("", one.activity.group)]
        number = min(_number(query.get("page", "")), max(0, (len(found) - 1) // PAGE))
        variables = frame.template_variables(
            None,
            listed=[_line(one, frame) for one in found[number * PAGE : (number + 1) * PAGE]],
            choices=[Choice(value, frame.language.text(text), value == what) for value, text in GROUPS.items()],
            newer=f"{PATH}?what={what}&page={number - 1}" if number else "",
            older=f"{PATH}?what={what}&page={number + 1}" if (number + 1) * PAGE < len(found) else "",
            **freshness(frame, view.own),
        )
        return req.answer(PageResponse("account/activity", variables), frame)

    async def file(req: CitizenRequest) -> Response:
        view = await activity.view_activity(context, req.browser)
        if view is None:
            return to_sign_in(PATH)
        if not view.own.fresh:
            return redirect_to(PATH)
        entries, words = [entry(one, req.language()) for one in view.listed], req.request.url.path
        as_json = words.endswith(".json")
        content = json.dumps({"activity": entries}, ensure_ascii=False) if as_json else _csv(entries)
        name, kind = ("activity.json", "application/json") if as_json else ("activity.csv", "text/csv; charset=utf-8")
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
        return Response(content, headers=headers, media_type=kind)

    return [
        Route(PATH, page(app, show), methods=["GET"]),
        *(Route(f"{PATH}.{kind}", page(app, file), methods=["GET"]) for kind in ("csv", "json")),
    ]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _text(one: SeenActivity, words: Language) -> str:
    seen = one.activity
    named = words.text("your account here") if seen.client_id in (None, "account") else None
    service = named or service_name(seen.client_id or "", one.service, words)
    return words.text(TEXTS[seen.kind], service=service, provider=way_name(one.card, words, seen.provider))


def _line(one: SeenActivity, frame: PageContext) -> ActivityLine:
    words, seen = frame.language, one.activity
    lines = [
        words.text("With {name}", name=way_name(one.card, words, seen.provider)) if seen.provider else "",
        "" if seen.level is None else level_text(words, seen.level),
        ", ".join(label(claim, words) for claim in seen.claims),
        _failure(seen.failure, words),
        words.text(ROLES[seen.role]) if seen.role in ROLES else "",
        words.text("Office: {office}", office=seen.office) if seen.office else "",
    ]
    return ActivityLine(words.format_time(seen.at, frame.now), _text(one, words), tuple(line for line in lines if line))


def _failure(failure: str, words: Language) -> str:
    known = next((FAILURE_TEXTS[one] for one in FAILURE_TEXTS if one == failure), None)
    return "" if known is None else words.text(known.heading)


def entry(one: SeenActivity, words: Language) -> Mapping[str, str]:
    """One entry of the files: the time in UTC (RFC 3339), words in the language of the page, and ids."""
    seen = one.activity
    return {
        "time": datetime.fromtimestamp(seen.at, UTC).isoformat(timespec="seconds"),
        "what": _text(one, words),
        "kind": seen.kind,
        "service": seen.client_id or "",
        "service_name": "" if one.service is None else one.service.name(words.code),
        "way": seen.provider or "",
        "level": "" if seen.level is None else seen.level.name.lower(),
        "details": " ".join(seen.claims),
        "failure": seen.failure,
        "role": seen.role,
        "office": seen.office,
    }


def _csv(entries: Sequence[Mapping[str, str]]) -> str:
    """The entries as a table. A cell that a spreadsheet would read as a formula begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS)
    writer.writeheader()
    for entry in entries:
        writer.writerow({name: f"'{value}" if value.startswith(_FORMULA) else value for name, value in entry.items()})
    return out.getvalue()

"""Pages of a citizen's data: what is held, as a page to print and a file, and the deletion of the account."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.account import data
from broker.actions.account.data import PATH, DataView, HeldData
from broker.actions.account.own import HOME, OwnAccount, OwnContext, OwnRefusal
from broker.actions.account.services import OwnService
from broker.actions.logout import SignedOut
from broker.model.account import HeldRelease
from broker.model.assurance import Level
from broker.model.json_types import JsonObject
from broker.model.passkey import KeptWithPasskeys
from broker.web.citizens.claim_labels import label, lines
from broker.web.citizens.journey import page
from broker.web.citizens.link_page import way_name
from broker.web.citizens.own_activity import entry
from broker.web.citizens.own_pages import PLACE, freshness, refused, service_name, to_sign_in
from broker.web.citizens.provider_logout_page import set_signed_out_cookies
from broker.web.citizens.request import CitizenApp, CitizenRequest, redirect_to
from broker.web.shared.i18n import Language, marked
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

SHEETS = (
    PageTemplate("account/data", "citizens/data.html"),
    PageTemplate("account/delete", "citizens/delete_account.html"),
)
DELETE: Final = f"{PATH}/delete"

DICTIONARY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "account": marked("Your account here: since when, and your ways to sign in with their level"),
        "signed_in": marked("Your details as your present sign-in says them"),
        "services": marked("What each service received, first and last, at which level, and its name for you"),
        "readable": marked("Details that a service can still read by itself, and until when"),
        "sessions": marked("Browsers in which you are signed in"),
        "kept": marked("What we keep for your passkeys, until when, and the passkeys"),
        "activity": marked("What happened in your account in the last twelve months"),
    }
)
"""Members of the file and what they mean. All times are in UTC (RFC 3339)."""


@dataclass(frozen=True, slots=True)
class Detail:
    """A detail of the citizen in words."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Source:
    """Details that are held from one source: `until` is empty for those of the present sign-in."""

    name: str
    until: str
    details: tuple[Detail, ...]


def own_data_routes(app: CitizenApp, context: OwnContext) -> list[Route]:
    """The routes of these pages."""

    async def show(req: CitizenRequest) -> Response:
        view = await data.view_data(context, req.browser)
        if view is None:
            return to_sign_in(PATH)
        frame = req.frame(place=PLACE)
        variables = frame.template_variables(None, **_words(view, frame.language), **freshness(frame, view.own))
        return req.answer(PageResponse("account/data", variables), frame)

    async def file(req: CitizenRequest) -> Response:
        view = await data.view_data(context, req.browser)
        if view is None:
            return to_sign_in(PATH)
        if view.held is None:
            return redirect_to(PATH)
        content = json.dumps(_file(view.own, view.held, req.language()), ensure_ascii=False, indent=1)
        headers = {"content-disposition": 'attachment; filename="my-data.json"', "cache-control": "no-store"}
        return Response(content, headers=headers, media_type="application/json")

    async def ask(req: CitizenRequest) -> Response:
        view = await data.view_data(context, req.browser)
        if view is None:
            return to_sign_in(PATH)
        if view.held is None:
            return redirect_to(PATH)
        frame = req.frame(place=PLACE)
        return req.answer(PageResponse("account/delete", frame.template_variables(None)), frame)

    async def delete(req: CitizenRequest) -> Response:
        form = await req.form(PLACE)
        if form is None:
            return redirect_to(DELETE, "again")
        if form.get("last") != "yes":
            return redirect_to(DELETE, "last")
        result = await data.leave(context, req.browser)
        if isinstance(result, OwnRefusal):
            return refused(result, PATH)
        response = redirect_to(f"{HOME}?done=deleted")
        set_signed_out_cookies(response, req, SignedOut(None, None, departed=result))
        return response

    return [
        Route(PATH, page(app, show), methods=["GET"]),
        Route(f"{PATH}.json", page(app, file), methods=["GET"]),
        Route(DELETE, page(app, ask), methods=["GET"]),
        Route(DELETE, page(app, delete), methods=["POST"]),
    ]


def _words(view: DataView, words: Language) -> dict[str, object]:
    """The variables of the page: counts of what other pages show, and the details themselves."""
    held = view.held
    if held is None:
        return {"since": "", "ways": 0, "services": 0, "sessions": 0, "happened": 0, "passkeys": 0, "sources": ()}
    return {
        "since": words.day(held.record.created),
        "ways": len(view.own.ways),
        "services": len(held.services),
        "sessions": len(held.sessions),
        "happened": len(held.activity),
        "passkeys": sum(len(one.passkeys) for one in held.kept),
        "sources": _sources(view.own, held, words),
    }


def _sources(own: OwnAccount, held: HeldData, words: Language) -> tuple[Source, ...]:
    present = own.session.identity
    services = {one.agreement.client_id: one for one in held.services}
    return tuple(
        one
        for one in (
            Source(_way(present.provider, present.issuer, held, words), "", _details(present.claims, words)),
            *(_kept_source(one, held, words) for one in held.kept),
            *(_readable(one, services.get(one.client_id), words) for one in held.record.releases),
        )
        if one.details
    )


def _kept_source(one: KeptWithPasskeys, held: HeldData, words: Language) -> Source:
    identity, until = one.kept.identity, words.day(one.kept.expires)
    name = words.text("For your passkeys, from {name}", name=_way(identity.provider, identity.issuer, held, words))
    return Source(name, until, _details(identity.claims, words))


def _readable(one: HeldRelease, service: OwnService | None, words: Language) -> Source:
    named = service_name(one.client_id, None if service is None else service.service, words)
    name = words.text("For {service}, which can still read it", service=named)
    return Source(name, words.day(one.until), _details(one.claims, words))


def _details(claims: JsonObject, words: Language) -> tuple[Detail, ...]:
    return tuple(Detail(label(claim, words), ", ".join(lines(claim, value, words))) for claim, value in claims.items())


def _way(provider: str | None, issuer: str, held: HeldData, words: Language) -> str:
    return way_name(held.cards.get(provider or ""), words, provider, issuer)


def _file(own: OwnAccount, held: HeldData, words: Language) -> JsonObject:
    """Everything, as a JSON object. `dictionary` says what each member means, in the language of the page."""
    return {
        "dictionary": {name: words.text(text) for name, text in DICTIONARY.items()},
        "account": {
            "since": _time(held.record.created),
            "ways": [
                {
                    "name": _way(one.provider, one.issuer, held, words),
                    "issuer": one.issuer,
                    "level": _level(one.level),
                    "since": _time(one.linked),
                    "stopped": _time(one.stopped),
                }
                for one in own.ways
            ],
        },
        "signed_in": dict(own.session.identity.claims),
        "services": [_service(one, held, words) for one in held.services],
        "readable": [
            {
                "service": one.client_id,
                "since": _time(one.since),
                "until": _time(one.until),
                "details": dict(one.claims),
            }
            for one in held.record.releases
        ],
        "sessions": [
            {
                "browser": one.session.browser,
                "way": one.session.provider or "",
                "level": _level(one.session.level),
                "since": _time(one.session.created),
                "used": _time(one.session.used),
                "until": _time(one.session.expires),
                "services": [client for client, _ in one.services],
            }
            for one in held.sessions
        ],
        "kept": [_kept(one, held, words) for one in held.kept],
        "activity": [dict(entry(one, words)) for one in held.activity],
    }


def _service(one: OwnService, held: HeldData, words: Language) -> JsonObject:
    agreement, sector = one.agreement, "" if one.service is None else one.service.sector
    return {
        "service": agreement.client_id,
        "name": service_name(agreement.client_id, one.service, words),
        "level": _level(agreement.level),
        "knows_you_as": held.record.subjects.get(sector, ""),
        "details": [
            {
                "detail": claim.claim,
                "first": _time(claim.first),
                "last": _time(claim.last),
                "taken_back": _time(claim.withdrawn),
            }
            for claim in agreement.claims
        ],
        "blocked": _time(agreement.blocked),
    }


def _kept(one: KeptWithPasskeys, held: HeldData, words: Language) -> JsonObject:
    kept, identity = one.kept, one.kept.identity
    passkeys: Sequence[JsonObject] = [
        {"name": key.name, "since": _time(key.created), "used": _time(key.used)} for key in one.passkeys
    ]
    return {
        "source": _way(identity.provider, identity.issuer, held, words),
        "level": _level(identity.level),
        "details": dict(identity.claims),
        "since": _time(kept.since),
        "until": _time(kept.expires),
        "stopped": _time(kept.frozen),
        "passkeys": list(passkeys),
    }


def _time(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _level(level: Level | None) -> str | None:
    return None if level is None else level.name.lower()

"""Pages of the citizen's account: the ways that lead to it, linking a second one, moving, unlinking."""

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.account.links import LinkRefusal, may_stop
from broker.actions.account import errand, ways
from broker.actions.account.ways import PATH, AccountView, EndedWay, OwnWay
from broker.actions.browser import BrowserUpdates
from broker.model.account import ErrandKind, UnlinkResult
from broker.web.citizens.journey import page
from broker.web.citizens.link_page import way_name
from broker.web.citizens.own_pages import PLACE, begin_errand, service_name
from broker.web.citizens.page_context import PageContext, level_text
from broker.web.citizens.request import CitizenApp, CitizenRequest, redirect_to, set_cookies
from broker.web.citizens.session_watch import watch_path
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

UNLINK = f"{PATH}/unlink"
UNLINKED = "unlinked"
_DONE: Final = (errand.LINKED, errand.MOVED, UNLINKED, "off")

SHEETS = (
    PageTemplate("account/ways", "citizens/ways.html"),
    PageTemplate("account/signed-out", "citizens/ways_signed_out.html"),
    PageTemplate("account/unlink", "citizens/unlink.html"),
)


def account_routes(app: CitizenApp) -> list[Route]:
    """The routes of the account's pages, and of the form that links two identities in a transaction."""
    return [
        Route(PATH, page(app, show_ways), methods=["GET"]),
        Route(f"{PATH}/link", page(app, begin_link), methods=["POST"]),
        Route(UNLINK, page(app, confirm_unlink), methods=["GET"]),
        Route(UNLINK, page(app, unlink), methods=["POST"]),
        Route("/journey/{handle}/link", page(app, link), methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class WayContext:
    """One way in words. `notes` are its present restrictions; `watch` is the path of the page that asks its
    provider whether the session there changed, if there is one. `stoppable`: it can be turned off."""

    key: str
    name: str
    linked: str
    strength: str
    notes: tuple[str, ...]
    current: bool
    watch: str
    stoppable: bool


@dataclass(frozen=True, slots=True)
class EndedContext:
    """A provider that left, in words; `moving` is empty if citizens can move no more."""

    name: str
    since: str
    moving: str


async def show_ways(req: CitizenRequest) -> Response:
    """The page of the ways; without a session it offers to sign in."""
    frame = req.frame(place=PLACE)
    view = await ways.view_account(req.app.context, req.browser)
    done = req.request.query_params.get("done", "")
    done = done if done in _DONE else ""
    if view is None:
        ended = [_ended(one, frame.language) for one in ways.ended_ways(req.app.context)]
        return req.answer(
            PageResponse("account/signed-out", frame.template_variables(None, done=done, ended=ended)), frame
        )
    variables = frame.template_variables(
        None,
        done=done,
        listed=[_way(own, view, frame) for own in view.ways],
        again=view.refusal is not None,
        weak=view.refusal is LinkRefusal.TOO_WEAK,
        duration=frame.language.duration(view.fresh_for),
        passkeys=view.passkeys,
    )
    return req.answer(PageResponse("account/ways", variables), frame)


async def begin_link(req: CitizenRequest) -> Response:
    """Starts the proof of a second way. With `instead` it takes the place of that way of the account."""
    form = await req.form(PLACE)
    if form is None:
        return redirect_to(PATH, "again")
    return await begin_errand(req, ErrandKind.LINK, form.get("instead") or None, page="/ways")


async def confirm_unlink(req: CitizenRequest) -> Response:
    """The page that asks before a way is unlinked, with a warning before the last one."""
    view = await ways.view_account(req.app.context, req.browser)
    own = None if view is None else view.way(req.request.query_params.get("way", ""))
    if view is None or own is None or view.refusal is not None:
        return redirect_to(PATH)
    frame = req.frame(place=PLACE)
    variables = frame.template_variables(
        None,
        key=own.way.key,
        provider=way_name(own.card, frame.language, own.way.provider, own.way.issuer),
        last=own.last,
        current=own.current,
        services=[service_name(one.client_id, one.service, frame.language) for one in view.disclosures]
        if own.last
        else [],
    )
    return req.answer(PageResponse("account/unlink", variables), frame)


async def unlink(req: CitizenRequest) -> Response:
    """Unlinks a way."""
    form = await req.form(PLACE)
    if form is None:
        return redirect_to(PATH, "again")
    key = form.get("way", "")
    result = await ways.unlink(req.app.context, req.browser, key, last=form.get("last") == "yes")
    match result:
        case UnlinkResult.UNLINKED:
            return redirect_to(f"{PATH}?done={UNLINKED}")
        case UnlinkResult.LAST:
            return redirect_to(f"{UNLINK}?way={key}&problem=last")
        case _:
            return redirect_to(PATH, "not_now")


async def link(req: CitizenRequest) -> Response:
    """Links the two identities that the page of the transaction shows, or leaves them as they are."""
    answered = (await req.form() or {}).get("agree", "")
    if answered not in ("yes", "no"):
        return redirect_to(req.base, "again")
    outcome = await errand.submit_link(req.app.context, req.handle, req.browser, agree=answered == "yes")
    response = redirect_to(req.base)
    if isinstance(outcome, BrowserUpdates):
        set_cookies(response, req.browser, outcome)
    return response


def _way(own: OwnWay, view: AccountView, frame: PageContext) -> WayContext:
    words, way, notes = frame.language, own.way, []
    if own.policy is not None and own.policy.permits_moving(frame.now):
        date = words.day(own.policy.accept_moving_until or 0.0)
        notes.append(
            words.text("Services do not take it any more. You can move to another way until {date}.", date=date)
        )
    elif own.policy is None or not own.policy.enabled or own.policy.has_left(frame.now):
        notes.append(words.text("It is not offered here any more. You can remove it."))
    elif own.policy.accept_sign_in_until is not None:
        date = words.day(own.policy.accept_sign_in_until)
        notes.append(words.text("It can be used until {date}. Move to another way before.", date=date))
    if way.stopped is not None:
        notes.append(words.text("You stopped it. Turn it on again where something is wrong."))
    name = way_name(own.card, words, way.provider, way.issuer)
    strength = "" if way.level is None else level_text(words, way.level)
    watch = watch_path(own.card.id) if own.watched and own.card is not None else ""
    stoppable = may_stop([one.way for one in view.ways], way.key)
    return WayContext(way.key, name, words.day(way.linked), strength, tuple(notes), own.current, watch, stoppable)


def _ended(one: EndedWay, words: Language) -> EndedContext:
    moving = "" if one.moving is None else words.day(one.moving)
    return EndedContext(one.card.name(words.code), words.day(one.since), moving)

"""Page of the browsers in which a citizen is signed in: end one, or all."""

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.account import sessions
from broker.actions.account.own import HOME, OwnContext, OwnRefusal
from broker.actions.account.sessions import PATH, SeenSession
from broker.actions.logout import SignedOut
from broker.web.citizens.journey import page
from broker.web.citizens.link_page import way_name
from broker.web.citizens.own_pages import PLACE, freshness, refused, service_name, to_sign_in
from broker.web.citizens.page_context import PageContext, level_text
from broker.web.citizens.provider_logout_page import set_signed_out_cookies
from broker.web.citizens.request import CitizenApp, CitizenRequest, redirect_to
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

SHEETS = (PageTemplate("account/sessions", "citizens/sessions.html"),)

FAMILIES: Final = {
    "edge": "Microsoft Edge",
    "opera": "Opera",
    "samsung": "Samsung Internet",
    "firefox": "Firefox",
    "chrome": "Chrome",
    "safari": "Safari",
}
SYSTEMS: Final = {
    "android": "Android",
    "ios": "iOS",
    "chromeos": "ChromeOS",
    "windows": "Windows",
    "macos": "macOS",
    "linux": "Linux",
}
"""Names of browsers and systems (`account.browsers`), which are the same in every language."""


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One session in words."""

    key: str
    browser: str
    way: str
    strength: str
    since: str
    used: str
    services: str
    current: bool


def own_session_routes(app: CitizenApp, context: OwnContext) -> list[Route]:
    """The routes of this page."""

    async def show(req: CitizenRequest) -> Response:
        view = await sessions.view_sessions(context, req.browser)
        if view is None:
            return to_sign_in(PATH)
        frame, here = req.frame(place=PLACE), view.own.session.digest
        listed = [_line(one, frame, current=one.session.digest == here) for one in view.sessions]
        variables = frame.template_variables(
            None,
            done="ended" if req.request.query_params.get("done") == "ended" else "",
            listed=listed,
            others=any(not one.current for one in listed),
            **freshness(frame, view.own),
        )
        return req.answer(PageResponse("account/sessions", variables), frame)

    async def end(req: CitizenRequest) -> Response:
        form = await req.form(PLACE)
        if form is None:
            return redirect_to(PATH, "again")
        every = form.get("all", "")
        digest = None if every in ("others", "here") else form.get("session", "")
        result = await sessions.end_sessions(context, req.browser, digest, here=every == "here")
        if isinstance(result, OwnRefusal):
            return refused(result, PATH)
        if result is None:
            return redirect_to(f"{PATH}?done=ended")
        response = redirect_to(HOME)
        set_signed_out_cookies(response, req, SignedOut(None, None, departed=result))
        return response

    return [Route(PATH, page(app, show), methods=["GET"]), Route(f"{PATH}/end", page(app, end), methods=["POST"])]


def browser_name(kind: str, words: Language) -> str:
    """A kind of browser in words."""
    family, _, system = kind.partition("/")
    name, on = FAMILIES.get(family), SYSTEMS.get(system)
    if name is None:
        return words.text("A browser") if on is None else words.text("A browser on {system}", system=on)
    return name if on is None else words.text("{browser} on {system}", browser=name, system=on)


def _line(seen: SeenSession, frame: PageContext, *, current: bool) -> SessionLine:
    one, words = seen.session, frame.language
    return SessionLine(
        key=one.digest,
        browser=browser_name(one.browser, words),
        way=way_name(seen.card, words, one.provider),
        strength="" if one.level is None else level_text(words, one.level),
        since=words.format_time(one.created, frame.now),
        used=words.format_time(one.used, frame.now),
        services=", ".join(service_name(client, service, words) for client, service in seen.services),
        current=current,
    )

"""First page of the citizen's account, the sign-in to all its pages, and what these pages have in common."""

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.account.links import LinkRefusal
from broker.actions.account import own, ways
from broker.actions.account.own import HOME, HomeView, OwnAccount, OwnRefusal
from broker.actions.browser import BrowserUpdates
from broker.actions.results import RateLimited
from broker.model.account import ErrandKind
from broker.model.service import Service
from broker.web.citizens.journey import page
from broker.web.citizens.link_page import way_name
from broker.web.citizens.page_context import PageContext
from broker.web.citizens.rate_limit_page import rate_limited_page
from broker.web.citizens.request import CitizenApp, CitizenRequest, redirect_to, set_cookies
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

PLACE: Final = "account"
"""CSRF token place of the account's pages."""

SHEETS = (PageTemplate("account", "citizens/account.html"),)


def own_routes(app: CitizenApp) -> list[Route]:
    """The routes of the first page and of the sign-in."""
    return [
        Route(HOME, page(app, show_home), methods=["GET"]),
        Route(f"{HOME}/sign-in", page(app, sign_in), methods=["POST"]),
    ]


async def show_home(req: CitizenRequest) -> Response:
    """Links to every page of the account; without a session the sign-in."""
    frame = req.frame(place=PLACE)
    found = await own.view_home(req.app.context, req.browser)
    wanted, done = (req.request.query_params.get(name, "") for name in ("next", "done"))
    variables = frame.template_variables(
        None,
        opened=found is not None,
        way="" if found is None else _way(found, frame.language),
        passkeys=found is not None and found.passkeys,
        page=wanted if wanted in ways.PAGES else "",
        done=done if done in ("stopped", "deleted") else "",
    )
    return req.answer(PageResponse("account", variables), frame)


async def sign_in(req: CitizenRequest) -> Response:
    """Starts the sign-in to the account, which leads to the page that asked for it."""
    form = await req.form(PLACE)
    if form is None:
        return redirect_to(HOME, "again")
    return await begin_errand(req, ErrandKind.ACCOUNT, page=form.get("next", ""))


async def begin_errand(
    req: CitizenRequest, kind: ErrandKind, key: str | None = None, *, page: str = "", then: str = ""
) -> Response:
    """Starts a sign-in for the account's pages, and leads to its page, or to the one beside it that `then` names.

    `page` is that of the account to which a sign-in leads that is needed first.
    """
    begun = await ways.begin(req.app.context, req.browser, req.language().code, kind, key, page)
    if isinstance(begun, RateLimited):
        frame = req.frame(*begun.locales, place=PLACE)
        return req.answer(rate_limited_page(begun, frame), frame)
    response = redirect_to(f"/journey/{begun.handle}{then}")
    set_cookies(response, req.browser, BrowserUpdates(secret=begun.secret))
    return response


def to_sign_in(path: str) -> Response:
    """Leads to the sign-in, which leads back to a page of the account."""
    return redirect_to(f"{HOME}?next={path.removeprefix(HOME)}")


def refused(refusal: OwnRefusal, path: str) -> Response:
    """Where a citizen goes on whose change was refused: to sign in, or to the page, which says how things stand."""
    return to_sign_in(path) if refusal is OwnRefusal.SIGNED_OUT else redirect_to(path, "not_now")


def freshness(frame: PageContext, found: OwnAccount) -> dict[str, object]:
    """The template variables of pages on which something can be changed."""
    return {
        "again": not found.fresh,
        "weak": found.refusal is LinkRefusal.TOO_WEAK,
        "duration": frame.language.duration(found.fresh_for),
    }


def _way(found: HomeView, words: Language) -> str:
    """The name of the way that proved the session."""
    identity = found.own.session.identity
    return way_name(found.card, words, identity.provider, identity.issuer)


def service_name(client_id: str, service: Service | None, words: Language) -> str:
    """The name of a service; its client id if it is not registered any more."""
    return client_id if service is None else service.name(words.code)

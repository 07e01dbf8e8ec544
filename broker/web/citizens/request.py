"""A citizen's request: cookies, language, CSRF-checked form, and the response with its cookies."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from broker.actions.assisted.citizen import CitizenCases
from broker.actions.browser import Browser, BrowserUpdates
from broker.actions.files.sending import CitizenFiles
from broker.actions.sign_in.context import SignInContext
from broker.actions.views import View
from broker.model.backchannel_request import BackchannelRequestRef
from broker.model.languages import lookup
from broker.model.own_rights import DeskLocation
from broker.platform.system import System
from broker.web.citizens.page_context import PageContext
from broker.web.shared import cookies, csrf, request_parsing
from broker.web.shared.i18n import Language, preferred
from broker.web.shared.pages import PageRenderer
from broker.web.shared.request_parsing import own_form
from broker.web.shared.responses import PageResponse, see_other, set_cookie

PROBLEMS: Final = frozenset(
    {
        "choice",
        "again",
        "proof",
        "code",
        "gone",
        "not_now",
        "just_sent",
        "run_out",
        "spent",
        "last",
        "below_need",
        "call_over",
        "bound_elsewhere",
        "time",
        "slot_taken",
    }
)
"""Errors of a form, as the `problem` parameter of the redirect. Pages have a text for each."""

LONGEST: Final = 2000
"""Largest length of a path and query to return to, in characters."""

_AGENT: Final = 400
"""Characters of a User-Agent that are read."""

_HANDLE: Final = re.compile(r"[A-Za-z0-9_-]{16,128}")


@dataclass(frozen=True, slots=True)
class CitizenApp:
    """Dependencies of the citizens' handlers, built once.

    `region` is the country in which a telephone number without a country code is read. `files` is None if nothing can
    be sent. `counters` are those of partner desks that citizens may come to.
    """

    context: SignInContext
    cases: CitizenCases
    pages: PageRenderer
    macs: csrf.MacSigner
    system: System
    region: str = "GB"
    files: CitizenFiles | None = None
    counters: Callable[[], Sequence[DeskLocation]] = tuple


@dataclass(frozen=True, slots=True)
class CitizenRequest:
    """One parsed request."""

    app: CitizenApp
    request: Request
    cookies: Mapping[str, str]
    browser: Browser
    handle: str
    typed: Mapping[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """The path of the transaction's page."""
        return f"/journey/{self.handle}"

    def language(self, *known: str | None) -> Language:
        """The language of the cookie, else the first offered one of `known`, else of Accept-Language."""
        offered = self.app.pages.languages
        for tag in (self.browser.language, *known):
            if tag is not None and (code := lookup(tag, offered)) is not None:
                return offered[code]
        liked = preferred(request_parsing.joined_header(self.request, b"accept-language"), tuple(offered))
        return self.app.pages.language(liked)

    def frame(
        self, *known: str | None, place: str | None = None, question: BackchannelRequestRef | None = None
    ) -> PageContext:
        """The context of the page that answers this request. `place` is its CSRF token place, by default the handle."""
        scope = self.request.scope
        problem = self.request.query_params.get("problem", "") if scope["query_string"] else ""
        return PageContext(
            page_path=_address(scope),
            handle=self.handle if place is None else place,
            browser=self.browser,
            language=self.language(*known),
            now=self.app.system.now(),
            macs=self.app.macs,
            issuer=self.app.pages.site.issuer,
            problem=problem if problem in PROBLEMS else "",
            question=question,
            typed=self.typed,
        )

    def switched(self, form: Mapping[str, str] | None) -> "CitizenRequest | None":
        """The request in the language that the form switches to, with its typed values; None without a switch."""
        chosen = lookup((form or {}).get("language", ""), self.app.pages.languages)
        if form is None or chosen is None:
            return None
        return replace(self, browser=replace(self.browser, language=chosen), typed=form)

    def answer(self, page: PageResponse, frame: PageContext, shared: BrowserUpdates | None = None) -> Response:
        """Renders the page and sets the cookies of `shared`."""
        response = page.response(self.app.pages, frame.language.code)
        if self.typed:
            set_cookie(response, cookies.language(frame.language.code))
        set_cookies(response, self.browser, shared)
        return response

    async def form(self, place: str | None = None) -> Mapping[str, str] | None:
        """The posted form; None if it cannot be parsed or fails the CSRF check."""
        where = self.handle if place is None else place
        origin = self.app.pages.site.issuer
        return await own_form(self.request, self.app.macs, self.browser.secrets, where, origin)


def _address(scope: Scope) -> str | None:
    """The path and query to return to; None for a page that only a POST reaches."""
    path: str = scope["path"]
    if scope["method"] == "POST":
        journey = path.split("/")
        if len(journey) > 4 and journey[1] == "journey" and journey[3] == "send":
            return "/".join(journey[:4])
        if len(journey) > 3 and journey[1] == "journey" and journey[3] not in ("help", "have", "later"):
            return "/".join(journey[:3])
        return None if path == "/authorize" else path
    text = scope["query_string"].decode("latin-1")
    return f"{path}?{text}" if text and len(text) < LONGEST else path


def citizen_request(app: CitizenApp, request: Request) -> CitizenRequest | None:
    """Parses a request. None if the handle in the path is malformed."""
    parameters = request.scope["path_params"]
    handle = parameters.get("handle", "")
    if "handle" in parameters and not _HANDLE.fullmatch(handle):
        return None
    received = cookies.read(request_parsing.joined_header(request, b"cookie", "; "))
    browser = Browser(
        secrets=cookies.secrets(received.get(cookies.BROWSER)),
        session=received.get(cookies.SESSION) or None,
        address=request_parsing.client_ip(request),
        language=received.get(cookies.LANGUAGE) or None,
        request_id=request_parsing.request_id(request),
        departed=cookies.departed(received.get(cookies.DEPARTED)),
        asked=cookies.secrets(received.get(cookies.ASKED)),
        agent=(request_parsing.header(request, b"user-agent") or "")[:_AGENT],
    )
    return CitizenRequest(app, request, received, browser, handle)


def redirect_to(path: str, problem: str = "") -> Response:
    """303 to a page of the broker (RFC 9110 15.4.4), which shows the error text of `problem`, if any."""
    return see_other(f"{path}?problem={problem}" if problem else path)


def set_cookies(response: Response, browser: Browser, shared: BrowserUpdates | None) -> None:
    """Sets the cookies of `shared`."""
    if shared is None:
        return
    if shared.secret is not None:
        set_cookie(response, cookies.browser(browser.secrets, shared.secret))
    if shared.session is not None:
        set_cookie(response, cookies.session(shared.session))
    if shared.state is not None:
        set_cookie(response, cookies.state(shared.state))
    if shared.provider is not None and browser.departed is not None:
        set_cookie(response, cookies.set_signed_out(browser.departed.signed_in(shared.provider)))


def language_of(view: View) -> str | None:
    """The language of a view's transaction, None if unknown."""
    transaction = getattr(view, "transaction", None)
    return transaction.language if transaction is not None else getattr(view, "language", None)


def question_of(view: View) -> BackchannelRequestRef | None:
    """The backchannel request of a view's transaction, if any."""
    transaction = getattr(view, "transaction", None)
    return None if transaction is None else transaction.request.question

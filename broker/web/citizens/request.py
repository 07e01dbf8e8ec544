"""One request of a citizen: which browser, which language, which form, and how it is answered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from broker.actions.assisted.citizen import CitizenCases
from broker.actions.browser import Browser, BrowserUpdates
from broker.actions.sign_in.context import SignInContext
from broker.actions.views import View
from broker.model.backchannel_request import BackchannelRequestRef
from broker.model.languages import lookup
from broker.platform.system import System
from broker.web.citizens.page_context import PageContext
from broker.web.shared import cookies, csrf, request_parsing
from broker.web.shared.i18n import Language, preferred
from broker.web.shared.pages import PageRenderer
from broker.web.shared.request_parsing import own_form
from broker.web.shared.responses import PageResponse, see_other, set_cookie

PROBLEMS: Final = frozenset({"choice", "again", "proof", "code", "gone", "not_now", "just_sent", "run_out", "spent"})
"""What can have been wrong with a form. The page it leads back to has a text for each."""

LONGEST: Final = 2000
"""Characters of an address to come back to, at most."""

_HANDLE: Final = re.compile(r"[A-Za-z0-9_-]{16,128}")


@dataclass(frozen=True, slots=True)
class CitizenApp:
    """What every handler of the citizens' side works with, built once.

    `region` is the country in which a telephone number without a country code is read.
    """

    context: SignInContext
    cases: CitizenCases
    pages: PageRenderer
    marks: csrf.MacSigner
    system: System
    region: str = "GB"


@dataclass(frozen=True, slots=True)
class CitizenRequest:
    """One request, read."""

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
        """The citizen's choice, or else the transaction's language, or else what the browser likes best."""
        offered = self.app.pages.languages
        for tag in (self.browser.language, *known):
            if tag is not None and (code := lookup(tag, offered)) is not None:
                return offered[code]
        liked = preferred(request_parsing.joined_header(self.request, b"accept-language"), tuple(offered))
        return self.app.pages.language(liked)

    def frame(
        self, *known: str | None, place: str | None = None, question: BackchannelRequestRef | None = None
    ) -> PageContext:
        """The frame of a page that answers this request. `place` is what its forms' tokens are for: the handle."""
        scope = self.request.scope
        problem = self.request.query_params.get("problem", "") if scope["query_string"] else ""
        return PageContext(
            here=_address(scope),
            handle=self.handle if place is None else place,
            browser=self.browser,
            language=self.language(*known),
            now=self.app.system.now(),
            marks=self.app.marks,
            issuer=self.app.pages.site.issuer,
            problem=problem if problem in PROBLEMS else "",
            question=question,
            typed=self.typed,
        )

    def switched(self, form: Mapping[str, str] | None) -> "CitizenRequest | None":
        """This visit in the language that the form switches to, with what was typed; None if it switches to none."""
        chosen = lookup((form or {}).get("language", ""), self.app.pages.languages)
        if form is None or chosen is None:
            return None
        return replace(self, browser=replace(self.browser, language=chosen), typed=form)

    def answer(self, shown: PageResponse, frame: PageContext, shared: BrowserUpdates | None = None) -> Response:
        """The page, and what the browser is to remember."""
        response = shown.response(self.app.pages, frame.language.code)
        if self.typed:
            set_cookie(response, cookies.language(frame.language.code))
        set_cookies(response, self.browser, shared)
        return response

    async def form(self, place: str | None = None) -> Mapping[str, str] | None:
        """The form that was sent, or None if it cannot be shown to be the citizen's own doing."""
        where = self.handle if place is None else place
        origin = self.app.pages.site.issuer
        return await own_form(self.request, self.app.marks, self.browser.secrets, where, origin)


def _address(scope: Scope) -> str | None:
    """The path and query to come back to; None for a page that only a POST leads to."""
    path: str = scope["path"]
    if scope["method"] == "POST":
        journey = path.split("/")
        if len(journey) > 3 and journey[1] == "journey" and journey[3] not in ("help", "have", "later"):
            return "/".join(journey[:3])
        return None if path == "/authorize" else path
    text = scope["query_string"].decode("latin-1")
    return f"{path}?{text}" if text and len(text) < LONGEST else path


def citizen_request(door: CitizenApp, request: Request) -> CitizenRequest | None:
    """Reads a request. None where the path names no handle that could ever have been given out."""
    parameters = request.scope["path_params"]
    handle = parameters.get("handle", "")
    if "handle" in parameters and not _HANDLE.fullmatch(handle):
        return None
    held = cookies.read(request_parsing.joined_header(request, b"cookie", "; "))
    browser = Browser(
        secrets=cookies.secrets(held.get(cookies.BROWSER)),
        session=held.get(cookies.SESSION) or None,
        address=request_parsing.client_ip(request),
        language=held.get(cookies.LANGUAGE) or None,
        request_id=request_parsing.request_id(request),
        departed=cookies.departed(held.get(cookies.DEPARTED)),
    )
    return CitizenRequest(door, request, held, browser, handle)


def redirect_to(path: str, problem: str = "") -> Response:
    """303 to a page of ours (RFC 9110 15.4.4); the page tells of the problem, if there is one."""
    return see_other(f"{path}?problem={problem}" if problem else path)


def set_cookies(response: Response, browser: Browser, shared: BrowserUpdates | None) -> None:
    """Sets what the browser is to remember."""
    if shared is None:
        return
    if shared.secret is not None:
        set_cookie(response, cookies.browser(browser.secrets, shared.secret))
    if shared.session is not None:
        set_cookie(response, cookies.session(shared.session))
    if shared.state is not None:
        set_cookie(response, cookies.state(shared.state))
    if shared.provider is not None and browser.departed is not None:
        set_cookie(response, cookies.set_departed(browser.departed.signed_in(shared.provider)))


def language_of(view: View) -> str | None:
    """The language of the transaction that a view shows, where it is known."""
    transaction = getattr(view, "transaction", None)
    return transaction.language if transaction is not None else getattr(view, "language", None)


def question_of(view: View) -> BackchannelRequestRef | None:
    """What is asked in the transaction that a view shows."""
    transaction = getattr(view, "transaction", None)
    return None if transaction is None else transaction.request.question

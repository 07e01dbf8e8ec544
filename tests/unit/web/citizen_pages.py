"""Test application of the citizens' pages over replaced actions, without stores and providers."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from broker.account.links import LinkRefusal
from broker.actions.account import errand, ways
from broker.actions.account.own import OwnContext, OwnRefusal
from broker.actions.account.ways import AccountView, EndedWay
from broker.actions.assisted import binding
from broker.actions.assisted.citizen import CitizenCases
from broker.actions.browser import Browser, BrowserUpdates
from broker.actions.freezing.links import FreezeLinks
from broker.actions.ports import StoreUnavailable
from broker.actions.results import (
    AskingMark,
    ContinuationIssued,
    HelpOffered,
    HelpRefused,
    HelpRequest,
    IncompleteProof,
    ProofResult,
    RateLimited,
    ResumedTransaction,
    ResumeRefused,
    StartedTransaction,
    TypedProof,
)
from broker.actions.sign_in import backchannel_confirmation, consent, dispatch, provider_login, resume
from broker.actions.sign_in.context import SignInContext
from broker.actions.views import DeadEnd, View
from broker.assisted.former import CasePurpose
from broker.assisted.transitions import TransitionRefused
from broker.crypto.seal import Sealer, sealer
from broker.journey.transaction import Transaction
from broker.model.account import ErrandKind, UnlinkResult
from broker.model.failures import FailureClass
from broker.model.freeze_link import LinkState
from broker.model.service import Service
from broker.model.support import SupportSettings
from broker.platform.system import System
from broker.web import citizens, public
from broker.web.citizens.developer_pages import developer_routes
from broker.web.middleware import guarded
from broker.web.shared.fast_router import fast_router
from broker.web.shared.i18n import languages
from broker.web.shared.not_found import NotFoundHandler, typeable_paths
from broker.web.shared.pages import PageRenderer, page_renderer
from broker.web.shared.site_info import SiteInfo
from broker.web.shared.static_files import Statics, static_routes, statics
from tests.unit.web.example_views import VIEWS
from tests.unit.web.examples import HANDLE, HELP_ON_OFFER, NOW, PROVIDERS, SERVICE
from tests.unit.web.given_account import replace_account_actions
from tests.unit.web.given_developer import GIVEN_DEVELOPER, replace_developer_actions
from tests.unit.web.published import GivenEntries, GivenReleases

ISSUER = "https://id.test"
CODE = "K7WM-2QXD-4FHJ-9TBV"
SITE = SiteInfo(
    ISSUER,
    support=SupportSettings(
        {"en": "Monday to Friday, 8am to 6pm", "cy": "Dydd Llun i ddydd Gwener, 8am i 6pm"},
        phone="0300 123 4567",
        email="help@id.test",
        url="https://id.test/more",
    ),
    zone="Europe/London",
    languages=("en", "cy", "ar"),
)


@dataclass
class GivenCitizen:
    """Returns the view named by the handle, or `view`; records calls, and returns `then` after the first."""

    view: View | None = None
    shared: BrowserUpdates = field(default_factory=BrowserUpdates)
    done: list[tuple[Any, ...]] = field(default_factory=list)
    browsers: list[Browser] = field(default_factory=list)
    proof: ProofResult | IncompleteProof = ProofResult.DONE
    meeting: AskingMark | TransitionRefused = field(default_factory=lambda: AskingMark("a-mark", 600))
    help: HelpOffered | View = HELP_ON_OFFER
    asked: ContinuationIssued | HelpRefused | RateLimited | DeadEnd = field(
        default_factory=lambda: ContinuationIssued(CODE)
    )
    later: ContinuationIssued | None = field(default_factory=lambda: ContinuationIssued(CODE))
    resumed: ResumedTransaction | ResumeRefused | None = None
    begun: StartedTransaction | RateLimited | None = None
    refusal: HelpRefused | None = None
    then: View | None = None
    account: AccountView | None = None
    ended: Sequence[EndedWay] = ()
    own_refusal: OwnRefusal | None = None
    unlinked: UnlinkResult | LinkRefusal = UnlinkResult.UNLINKED
    enabled: bool = True

    async def state_of_link(self, link: str, _address: str) -> LinkState | RateLimited:
        """The state that the link is named after."""
        return self.begun if isinstance(self.begun, RateLimited) else LinkState(link)

    async def stop_identity(self, link: str, _address: str) -> RateLimited | None:
        """Stops the identity of a link."""
        self.done.append(("freeze", link))
        return self.begun if isinstance(self.begun, RateLimited) else None

    def replace_actions(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replaces the actions on a transaction by this citizen's methods for one test.

        The methods take an action's arguments without its contexts.
        """

        def with_context(method: Callable[..., Any]) -> Callable[..., Any]:
            return lambda _context, *arguments, **answered: method(*arguments, **answered)

        def with_contexts(method: Callable[..., Any]) -> Callable[..., Any]:
            return lambda _context, _cases, *arguments, **answered: method(*arguments, **answered)

        replace_account_actions(monkeypatch, self._did, lambda: self.own_refusal)
        replace_developer_actions(monkeypatch, self._did, lambda: self.own_refusal)
        for module, action, replacement in (
            (dispatch, "current_view", with_contexts(self.look)),
            (dispatch, "check_page", with_context(self.check_page)),
            (dispatch, "help_on_offer", with_contexts(self.help_on_offer)),
            (provider_login, "start_login", with_context(self.choose)),
            (provider_login, "leave_queue", with_context(self.leave_queue)),
            (provider_login, "handle_callback", with_context(self.complete)),
            (consent, "submit_consent", with_contexts(self.share)),
            (resume, "return_to_client", with_context(self.give_up)),
            (resume, "finish_later", with_contexts(self.finish_later)),
            (resume, "resume", with_contexts(self.resume)),
            (binding, "send_code", with_context(self.send_code)),
            (binding, "bind", with_context(self.bind)),
            (binding, "meet_again", with_context(self.meet_again)),
            (backchannel_confirmation, "claim_request", with_context(self.take_question)),
            (backchannel_confirmation, "approve_here", with_contexts(self.answer_here)),
            (backchannel_confirmation, "submit_confirmation", with_contexts(self.confirm)),
            (ways, "view_account", with_context(self.view_account)),
            (ways, "ended_ways", lambda _context: self.ended),
            (ways, "begin", with_context(self.begin_errand)),
            (ways, "unlink", with_context(self.unlink)),
            (errand, "submit_link", with_context(self.link)),
        ):
            monkeypatch.setattr(module, action, replacement)

    def _did(self, browser: Browser, *what: Any) -> None:
        self.view = self.then or self.view
        self.browsers.append(browser)
        self.done.append(what)

    async def look(self, handle: str, browser: Browser) -> tuple[View, BrowserUpdates]:
        """The view that the test gave."""
        self.browsers.append(browser)
        return self.view or VIEWS.get(handle.removeprefix(f"{HANDLE}-"), DeadEnd(FailureClass.LOST_PLACE)), self.shared

    async def check_page(self, handle: str, _browser: Browser) -> DeadEnd | None:
        """Whether there is a view."""
        view = self.view or VIEWS.get(handle.removeprefix(f"{HANDLE}-"), DeadEnd(FailureClass.LOST_PLACE))
        return view if isinstance(view, DeadEnd) else None

    async def choose(self, handle: str, browser: Browser, provider: str) -> HelpRefused | DeadEnd | None:
        """Records the call."""
        self._did(browser, "choose", handle, provider)
        return self.refusal

    async def leave_queue(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Records the call."""
        self._did(browser, "leave_queue", handle)
        return None

    async def complete(
        self, provider: str, parameters: Mapping[str, str] | None, browser: Browser, _state: str = ""
    ) -> str | DeadEnd:
        """Leads to the transaction named in `state`."""
        self._did(browser, "complete", provider, None if parameters is None else dict(parameters))
        return (parameters or {}).get("state") or DeadEnd(FailureClass.LOST_PLACE)

    async def share(
        self, handle: str, browser: Browser, *, agree: bool, chosen: Collection[str]
    ) -> BrowserUpdates | DeadEnd:
        """Records the call."""
        self._did(browser, "share", handle, agree, *sorted(chosen))
        return BrowserUpdates(secret="new-secret", session="new-session") if agree else BrowserUpdates()

    async def give_up(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Records the call."""
        self._did(browser, "give_up", handle)
        return None

    async def take_question(
        self, code: str, browser: Browser, language: str
    ) -> StartedTransaction | RateLimited | None:
        """Records the call."""
        self._did(browser, "take_question", code, language)
        return self.begun

    async def answer_here(self, handle: str, browser: Browser) -> StartedTransaction | RateLimited | DeadEnd | None:
        """Records the call."""
        self._did(browser, "answer_here", handle)
        return self.begun

    async def confirm(self, handle: str, browser: Browser, *, agree: bool) -> DeadEnd | None:
        """Records the call."""
        self._did(browser, "confirm", handle, agree)
        return None

    async def help_on_offer(self, _handle: str, _browser: Browser, _asked: CasePurpose) -> HelpOffered | View:
        """What the test gave."""
        return self.help

    def may_replace(self, _transaction: Transaction, _service: Service | None) -> bool:
        """A lost passkey can be replaced."""
        return self.enabled

    async def request_help(
        self, handle: str, browser: Browser, wanted: HelpRequest
    ) -> ContinuationIssued | HelpRefused | RateLimited | DeadEnd:
        """Records the call."""
        self._did(browser, "ask_help", handle, wanted)
        return self.asked

    async def resume_case(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Records the call."""
        self._did(browser, "resume_help", handle)
        return None

    async def ready(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Records the call."""
        self._did(browser, "ready", handle)
        return None

    async def send_code(self, handle: str, browser: Browser) -> HelpRefused | DeadEnd | None:
        """Records the call."""
        self._did(browser, "send_code", handle)
        return self.refusal

    async def bind(self, handle: str, browser: Browser, typed: TypedProof) -> ProofResult | IncompleteProof:
        """Records the call."""
        self._did(browser, "bind", handle, typed.code, typed.words)
        return self.proof

    async def meet_again(self, handle: str, browser: Browser) -> AskingMark | TransitionRefused:
        """Records the call."""
        self._did(browser, "meet_again", handle)
        return self.meeting

    async def withdraw(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Records the call."""
        self._did(browser, "withdraw", handle)
        return None

    async def view_account(self, browser: Browser) -> AccountView | None:
        """The account that the test gave."""
        self.browsers.append(browser)
        return self.account

    async def begin_errand(
        self, browser: Browser, language: str, kind: ErrandKind, replaced: str | None = None, page: str = ""
    ) -> StartedTransaction | RateLimited:
        """Records the call."""
        self._did(browser, "begin_errand", language, kind, replaced, page)
        return self.begun or StartedTransaction(HANDLE, None)

    async def unlink(self, browser: Browser, key: str, *, last: bool) -> UnlinkResult | LinkRefusal:
        """Records the call."""
        self._did(browser, "unlink", key, last)
        return self.unlinked

    async def link(self, handle: str, browser: Browser, *, agree: bool) -> BrowserUpdates | DeadEnd:
        """Records the call."""
        self._did(browser, "link", handle, agree)
        return BrowserUpdates(session="new-session") if agree else BrowserUpdates()

    async def finish_later(self, handle: str, browser: Browser) -> ContinuationIssued | DeadEnd | None:
        """Records the call."""
        self._did(browser, "finish_later", handle)
        return self.later

    async def resume(self, code: str, _browser: Browser) -> ResumedTransaction | ResumeRefused | None:
        """Records the call."""
        self.done.append(("resume", code))
        return self.resumed


def marks() -> Sealer:
    """A MAC signer for CSRF tokens."""
    return sealer(b"k" * 32, [], lambda n: b"c" * n)


def all_pages(files: Statics, site: SiteInfo = SITE) -> PageRenderer:
    """Every page of citizens, of engineers and public, in every language."""
    sheets = (*citizens.SHEETS, *public.SHEETS, *citizens.DEVELOPER_SHEETS)
    return page_renderer(languages(site.languages, site.zone), site, sheets, files)


def system() -> System:
    """A system whose clock is fixed at the time of the examples."""
    return System(now=lambda: NOW, random_bytes=lambda n: b"r" * n)


@dataclass
class CurrentCitizen:
    """Passes the calls of an application that many tests share to the citizen of the running test."""

    citizen: GivenCitizen = field(default_factory=GivenCitizen)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.citizen, name)


def citizen_app(citizen: GivenCitizen | CurrentCitizen, written: PageRenderer) -> citizens.CitizenApp:
    """The dependencies of the pages. No action reads the sign-in context: `GivenCitizen.replace_actions`."""
    return citizens.CitizenApp(cast(SignInContext, None), cast(CitizenCases, citizen), written, marks(), system())


def application(
    citizen: GivenCitizen | CurrentCitizen,
    written: PageRenderer,
    files: Statics,
    door: citizens.CitizenApp | None = None,
    more: Sequence[Route] = (),
) -> ASGIApp:
    """The citizens' application with `more` routes, and with two paths that raise exceptions."""

    async def broken(_request: Request) -> Response:
        raise ValueError("a secret that must not be told")

    async def unreachable(_request: Request) -> Response:
        raise StoreUnavailable("the store is gone")

    shown = [*shown_routes(door or citizen_app(citizen, written), citizen), *more]
    routes = [
        *shown,
        *static_routes(files),
        Route("/broken", broken),
        Route("/unreachable", unreachable),
    ]
    inner = fast_router(routes, public.handlers(written), NotFoundHandler(ISSUER, typeable_paths(shown)))
    return guarded(inner, system(), refuse=public.header_error_handler(written))


def shown_routes(door: citizens.CitizenApp, citizen: GivenCitizen | CurrentCitizen) -> list[Route]:
    """The routes of a transaction, of the account, of the link that stops an identity, and of public pages."""
    return [
        *citizens.citizen_routes(door),
        *citizens.own_account_routes(door, cast(OwnContext, None)),
        *developer_routes(door, GIVEN_DEVELOPER),
        *citizens.freeze_routes(door, cast(FreezeLinks, citizen)),
        *public.public_routes(
            door, {SERVICE.client_id: SERVICE}, PROVIDERS, releases=GivenReleases(), entries=GivenEntries()
        ),
    ]


def client(app: ASGIApp) -> httpx.AsyncClient:
    """An HTTP client with cookies for the issuer."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER)


def path(view: str) -> str:
    """The path of the transaction that shows a view."""
    return f"/journey/{HANDLE}-{view}"


__all__ = [
    "CODE",
    "HANDLE",
    "ISSUER",
    "SITE",
    "CurrentCitizen",
    "GivenCitizen",
    "all_pages",
    "application",
    "client",
    "path",
    "shown_routes",
    "statics",
]

"""Catalogue of the citizens' pages: requests and refused forms that together show every page in every state.

Pages are rendered without a browser, over replaced actions, in each language. `test_catalogue` compares them with the
routes and templates of the application, and `test_accessibility` looks at them in Chromium.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import quote

import httpx
import pytest
from starlette.routing import Route

from broker.account.links import LinkRefusal
from broker.actions.account import ways
from broker.actions.account.ways import AccountView, EndedWay
from broker.actions.assisted.citizen import CitizenCases
from broker.actions.assisted.reports import Reports
from broker.actions.browser import Browser
from broker.actions.open_data.publishing import OpenData
from broker.actions.open_data.status import Status
from broker.actions.results import (
    HelpOffered,
    HelpRefused,
    HelpRequest,
    IncompleteProof,
    LimitKind,
    ProofField,
    RateLimited,
    TypedProof,
)
from broker.actions.sign_in.context import SignInContext
from broker.assisted.case_records import ContactMethod
from broker.assisted.former import CasePurpose
from broker.model.evidence_file import UploadFault
from broker.model.failures import FailureClass
from broker.model.freeze_link import LinkState
from broker.model.own_rights import DeskLocation
from broker.model.service import Service
from broker.provider import ProviderInfo
from broker.web import citizens
from broker.web.citizens import upload_pages
from broker.web.citizens.logout_pages import confirm_logout, services_out
from broker.web.citizens.page_context import PageContext
from broker.web.citizens.rate_limit_page import rate_limited_page
from broker.web.citizens.request import PROBLEMS
from broker.web.public import feedback_routes, open_data_routes, performance_routes, statement_routes, status_routes
from broker.web.shared import csrf
from broker.web.shared.pages import PageRenderer
from broker.web.shared.responses import PageResponse
from broker.web.shared.static_files import Statics
from tests.unit.web.citizen_pages import CODE, ISSUER, GivenCitizen, application, marks, path, shown_routes, system
from tests.unit.web.example_views import ASKED_FOR, VIEWS
from tests.unit.web.examples import ACCOUNT, BANK, CITY, HANDLE, HELP_ON_OFFER, NOW, POST, PROVIDERS, SERVICE
from tests.unit.web.given_account import STATES
from tests.unit.web.given_pages import (
    DECLINED_VIEWS,
    GIVEN_FILES,
    KEPT_VIEWS,
    LOGOUTS,
    SENT_FILES,
    WATCHES,
    GivenProfiles,
    further_routes,
    replace_page_actions,
)
from tests.unit.web.published import (
    STATEMENTS,
    GivenDisruptions,
    GivenFeedback,
    GivenFigures,
    feedback_box,
    published_feedback,
)
from tests.unit.web.shown_pages import LONG, Recording, Shown, route_of

SECRET = "a-secret"
COUNTERS: Sequence[DeskLocation] = tuple(
    DeskLocation(name, {"en": f"Post Office, {name}"}, f"1 {name}, Aberlan", {"en": "Every day"}, areas=("Aberlan",))
    for name in ("Market Street", "Station")
)
HELP_STATES: Mapping[str, HelpOffered] = {
    "help": HELP_ON_OFFER,
    "help_email_only": replace(
        HELP_ON_OFFER, below=(), waits={}, documents={}, contact_methods=frozenset({ContactMethod.EMAIL})
    ),
    "change": replace(HELP_ON_OFFER, asked=ASKED_FOR),
}
LIMITED = RateLimited(LimitKind.HELP, NOW + 300, SERVICE, HELP_ON_OFFER.transaction)


class GivenStates(GivenCitizen):
    """A citizen whose actions return what the handle, the session or the form of a request is named after."""

    async def help_on_offer(self, handle: str, _browser: Browser, _asked: CasePurpose = CasePurpose.NEW) -> HelpOffered:
        """The help of a state."""
        return HELP_STATES.get(handle.removeprefix(f"{HANDLE}-"), HELP_ON_OFFER)

    async def offer_change(self, handle: str, browser: Browser) -> HelpOffered:
        """The help of a state."""
        return await self.help_on_offer(handle, browser)

    async def request_help(self, _handle: str, _browser: Browser, wanted: HelpRequest) -> HelpRefused | RateLimited:
        """Refused: by the limit, or because of the address."""
        return LIMITED if wanted.unsafe else HelpRefused.UNREACHABLE

    async def bind(self, _handle: str, _browser: Browser, _typed: TypedProof) -> IncompleteProof:
        """Nothing is complete."""
        return IncompleteProof(ProofField.MALFORMED, ProofField.MISSING, ProofField.MISSING)

    async def view_account(self, browser: Browser) -> AccountView | None:
        """An account with several ways, or with one that is not fresh."""
        one = replace(ACCOUNT, ways=(replace(ACCOUNT.ways[0], last=True),))
        stale = replace(ACCOUNT, refusal=LinkRefusal.NOT_FRESH)
        return {"account": ACCOUNT, "one": one, "stale": stale}.get(browser.session or "")


@dataclass(frozen=True, slots=True)
class GivenContext:
    """The context of a sign-in, of which pages read the names of services and providers."""

    @property
    def registry(self) -> Any:
        """The registry: itself."""
        return self

    @property
    def providers(self) -> Mapping[str, object]:
        """The configured providers."""
        return PROVIDERS

    def card(self, provider: str) -> ProviderInfo | None:
        """The card of a provider."""
        return {one.id: one for one in (BANK, POST, CITY)}.get(provider)

    def service(self, _transaction: object) -> Service:
        """The service."""
        return SERVICE


@dataclass(frozen=True, slots=True)
class Asked:
    """One entry: a request for a page, or the form that shows it. `place` is where the form's CSRF token is valid.

    `file` is what a form of a file sends.
    """

    address: str
    form: Mapping[str, str] | None = None
    place: str = ""
    cookies: Mapping[str, str] = field(default_factory=dict)
    file: bytes | None = None

    def __str__(self) -> str:
        """The address, and what tells it from others."""
        more = [f"{name}={value}" for name, value in {**(self.form or {}), **self.cookies}.items()]
        return " ".join((self.address, *more, *(() if self.file is None else (self.file.decode(),))))


def _journey(state: str, page: str = "") -> str:
    return f"{path(state)}{page}"


def _form(state: str, page: str, **fields: str) -> Asked:
    return Asked(_journey(state, page), fields, f"{HANDLE}-{state}")


def _with(session: str) -> Mapping[str, str]:
    return {"__Host-portico-session": session}


OF_OTHERS = {"choice", "last", "time", "slot_taken", "code"}
"""Errors of forms that the page of an approved case does not have."""

JOURNEY = (
    *(Asked(path(view)) for view in VIEWS),
    *(Asked(f"{path('choose')}?problem={problem}") for problem in ("choice", "gone")),
    Asked(f"{path('failed_not_verified')}?problem=choice"),
    Asked(path("choose"), cookies={"__Host-portico-used": "alder"}),
    *(Asked(f"{path('waiting_to_take_up')}?problem={problem}") for problem in sorted(PROBLEMS - OF_OTHERS)),
    *(Asked(_journey("choose", page)) for page in ("/have", "/have?bank_account=1", "/about/alder", "/data", "/later")),
    Asked(path("choose"), cookies={"__Host-portico-asked": "a-mark"}),
)
"""The transaction's own page in every state, and its asides. The last one finds an open case."""

CASE = (
    *(Asked(_journey(state, "/change" if state == "change" else "/help")) for state in HELP_STATES),
    _form("help", "/help", way="email", email="ada", channel="", second="nonsense"),
    _form("help", "/help", way="phone", phone="12", channel="video"),
    _form("help", "/help", do="near", near="Aberlan"),
    _form("help", "/help", do="near", near="Atlantis"),
    _form("help", "/help", way="", channel="video"),
    _form("help", "/help", way="email", email="ada@example.org", channel="video"),
    _form("help", "/help", way="email", email="ada@example.org", channel="video", unsafe="1"),
    _form("change", "/change", way="phone", phone="12", channel="video"),
    *(Asked(_journey(f"waiting_{stage}", "/withdraw")) for stage in ("in_line", "scheduled", "asked")),
    *(Asked(_journey("waiting_in_line", f"/appointment{query}")) for query in ("", "?place=north", "?problem=time")),
    *(Asked(_journey("waiting_scheduled", f"/appointment{query}")) for query in ("", "?problem=slot_taken")),
    _form("waiting_call_made", "/bind"),
    Asked(_journey("waiting_in_line", "/passkey")),
    *(Asked(_journey(state, "/redress")) for state in DECLINED_VIEWS),
    *(Asked(_journey("declined", f"/redress?problem={problem}")) for problem in ("again", "not_now")),
    _form("declined", "/complaint", complaint=""),
    Asked("/case"),
    *(Asked(f"/case{query}", cookies={"__Host-portico-asked": "a"}) for query in ("", "?problem=not_now")),
    *(Asked(_journey(state, "/send")) for state in SENT_FILES),
    Asked(_journey("send", "/send?problem=again")),
    _form("send", "/send/done"),
    *(replace(_form("send", "/send/photo", purpose="front"), file=fault.encode()) for fault in UploadFault),
    *(replace(_form("send_prompted", "/send/video"), file=fault.encode()) for fault in UploadFault),
)
"""Help from a person: asking, changing, appointments, sending, proving, a declined case."""

REGISTRATION = {"name": "Rides & <b>", "addresses": "http://localhost:9/callback", "profile": "yes", "refresh": "yes"}
"""What an engineer types to register a service."""

_CHANGES = ("withdrawn", "blocked", "unblocked")

REST = (
    Asked("/passkey?state=s"),
    *(Asked(f"/account{page}", cookies=_with(session)) for page in ("", *ways.PAGES) for session in STATES),
    *(Asked(f"/account{query}") for query in ("", "?next=/services", "?problem=again")),
    *(
        Asked(f"/account/services?done={done}", cookies=_with("account"))
        for done in ("withdrawn", "blocked", "unblocked")
    ),
    *(Asked(f"/account/activity?what={what}", cookies=_with("account")) for what in ("people", "failed", "nothing")),
    *(Asked(f"/account/developers/service?client={one}", cookies=_with("account")) for one in ("fishing", "self-busy")),
    *(Asked(f"/account/developers{query}", cookies=_with("account")) for query in ("?done=ended", "?problem=not_now")),
    *(
        Asked("/account/developers", REGISTRATION | typed, "account", _with("account"))
        for typed in (
            {},
            {"addresses": ""},
            {"method": "private_key_jwt", "keys": '{"keys": []}'},
            {"method": "private_key_jwt"},
        )
    ),
    *(Asked(f"/account?done={done}") for done in ("stopped", "deleted")),
    *(Asked(f"/account/data/delete{query}", cookies=_with("account")) for query in ("", "?problem=last")),
    Asked("/account/wrong?done=resumed", cookies=_with("account")),
    Asked("/account/activity?page=1", cookies=_with("account")),
    Asked("/account/services?problem=not_now", cookies=_with("account")),
    Asked("/account/services/end?service=fishing", cookies=_with("account")),
    Asked(f"/account/services/end?service={quote(LONG)}", cookies=_with("account")),
    Asked("/account/sessions?done=ended", cookies=_with("account")),
    *(Asked("/account/ways", cookies=_with(session)) for session in ("",)),
    *(Asked(f"/account/ways?done={done}", cookies=_with("account")) for done in ("moved", "linked", "unlinked", "off")),
    *(Asked(f"/account/ways/unlink?way=key-of-{way}", cookies=_with("account")) for way in ("birch", "alder")),
    *(Asked(f"/account/ways/unlink?way=key-of-alder{more}", cookies=_with("one")) for more in ("", "&problem=last")),
    *(Asked("/account/kept", cookies=_with(session)) for session in KEPT_VIEWS),
    *(
        Asked(f"/account/kept?done={done}", cookies=_with("kept"))
        for done in ("added", "named", "removed", "changed", "refused")
    ),
    Asked("/account/kept/add", cookies=_with("kept")),
    *(Asked(f"/freeze/{state}") for state in LinkState),
    Asked("/continue"),
    Asked("/continue?problem=code&code=ABCD-EFGH"),
    *(Asked(f"/confirm{query}") for query in ("", "?code=BCDF-GHJK", "?problem=code")),
    *(Asked(f"/signed-out/signed-out-as-{steps}") for steps in LOGOUTS),
    Asked("/signed-out/signed-out-as-frames/frames"),
    *(Asked(f"/providers/{provider}/session-watch") for provider in WATCHES),
    *(Asked(f"/providers/alder/initiate-login{query}") for query in ("?iss=i", "")),
    *(Asked(f"/{page}") for page in ("", "providers", "services", "help", "accessibility", "privacy", "cookies")),
    Asked("/decisions"),
    *(Asked(f"/feedback{query}") for query in ("", "?done=sent")),
    Asked("/feedback", {"rating": "", "text": "Something", "public": "yes"}, "feedback"),
    Asked("/feedback", {"rating": "poor", "text": "x" * 2_001}, "feedback"),
    Asked("/feedback", {"rating": "poor", "text": "Not sent twice"}, "elsewhere"),
    *(Asked(f"/{page}") for page in ("errors", "open-data", "performance", "status", "no-such-page")),
    *(Asked(f"/errors/{failure}") for failure in FailureClass),
)
"""The account, signing out, codes, and public pages."""

FAILING = (Asked("/broken"), Asked("/unreachable"))
"""Pages of failures of the broker itself."""

ENTRIES = (*JOURNEY, *CASE, *REST, *FAILING)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The pages of every entry in every language, with the application's dependencies and routes."""

    door: citizens.CitizenApp
    routes: Sequence[Route]
    recording: Recording
    shown: Sequence[Shown]


async def catalogue_of(written: PageRenderer, files: Statics) -> Catalogue:
    """Renders everything."""
    citizen, recording = GivenStates(), Recording(written)
    with pytest.MonkeyPatch.context() as patched:
        _replace_actions(citizen, patched)
        cases, context = cast(CitizenCases, GivenProfiles(citizen)), cast(SignInContext, GivenContext())
        pages = recording.renderer
        door = citizens.CitizenApp(
            context, cases, pages, marks(), system(), files=GIVEN_FILES, counters=lambda: COUNTERS
        )
        more = (
            *further_routes(door),
            *open_data_routes(door, cast(Reports, None)),
            *statement_routes(door, STATEMENTS),
            *feedback_routes(door, feedback_box(GivenFeedback(published_feedback()))),
            *status_routes(door, Status(GivenDisruptions(), system()), PROVIDERS),
            *performance_routes(door, OpenData(GivenFigures(), system()), None, PROVIDERS),
        )
        routes = (*shown_routes(door, citizen), *more)
        app = application(citizen, pages, files, door, more)
        shown = [*_without_address(pages)]
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER) as client:
            for language in pages.languages:
                for entry in ENTRIES:
                    answer = await _ask(client, entry, language)
                    kind = answer.headers.get("content-type", "")
                    assert kind.startswith("text/html"), f"{entry}: {answer.status_code} {answer.headers}"
                    assert answer.status_code < 500 or entry in FAILING, f"{entry}: {answer.status_code}"
                    shown.append(Shown(str(entry), route_of(routes, entry.address), language, answer.text))
    return Catalogue(door, routes, recording, shown)


def _replace_actions(citizen: GivenStates, patched: pytest.MonkeyPatch) -> None:
    async def received(_context: object, _case: object, *rest: Any) -> UploadFault:
        return UploadFault(b"".join([piece async for piece in rest[-1]]).decode() or "empty")

    citizen.ended = (EndedWay(BANK, NOW - 9e6, NOW + 9e6), EndedWay(POST, NOW - 9e6, None))
    citizen.replace_actions(patched)
    replace_page_actions(patched)
    for action in ("receive_photo", "receive_video"):
        patched.setattr(upload_pages, action, received)


async def _ask(client: httpx.AsyncClient, entry: Asked, language: str) -> httpx.Response:
    cookies = {"__Host-portico-browser": SECRET, "__Host-portico-language": language, "portico-code": CODE}
    headers = {"cookie": "; ".join(f"{name}={value}" for name, value in {**cookies, **entry.cookies}.items())}
    if entry.form is None:
        return await client.get(entry.address, headers=headers)
    form = {"token": csrf.token(marks(), (SECRET,), entry.place), **entry.form}
    sent = None if entry.file is None else {"file": ("file", b"" if entry.file == b"empty" else entry.file)}
    return await client.post(entry.address, data=form, files=sent, headers=headers)


def _without_address(written: PageRenderer) -> Iterator[Shown]:
    """Pages with which routes of services answer, and the server: limits, signing out, headers that are too large."""
    browser = Browser((SECRET,))
    for code, language in written.languages.items():
        frame = PageContext("/logout", "logout", browser, language, NOW, marks(), ISSUER)
        pages: dict[str, PageResponse] = {
            f"limit {kind}": rate_limited_page(RateLimited(kind, NOW + 300, SERVICE), frame, "slow_down")
            for kind in LimitKind
        }
        pages["limit without service"] = rate_limited_page(RateLimited(LimitKind.CODES, NOW + 300), frame)
        pages["confirm logout"] = confirm_logout(frame, SERVICE, {"state": "s"})
        pages["services out"] = services_out(frame, ("https://tax.example/bye",))
        pages["too-large"] = PageResponse("too-large", {"reference": "a-request", "near": None})
        for name, page in pages.items():
            yield Shown(name, "", code, written.page(page.template, code, page.variables))

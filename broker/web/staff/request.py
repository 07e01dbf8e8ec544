"""A request to the console: the signed-in member of staff, the form with its CSRF check, the page or redirect."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from broker.actions.assisted.contacting import VideoRooms
from broker.actions.assisted.drafts import keep_draft
from broker.actions.assisted.letters import Letters
from broker.actions.assisted.reports import Reports
from broker.actions.assisted.staff import StaffCases
from broker.actions.assisted.staff_login import StaffLogin, StaffPrincipal
from broker.actions.assisted.staff_results import CaseRef
from broker.actions.console.board import Oversight
from broker.actions.console.find import Finder
from broker.actions.console.lists import WorkLists
from broker.actions.files.context import FileContext
from broker.actions.freezing.freeze import FreezeContext
from broker.actions.open_data.feedback import FeedbackDesk
from broker.actions.outbox.ports import Notices
from broker.actions.people.access import AccessReviews
from broker.actions.people.exports import AuditExports
from broker.actions.people.roles import RoleChanges
from broker.assisted.profiles import Profiles
from broker.model.languages import lookup
from broker.model.service import Service
from broker.model.staff import StaffMember
from broker.platform.system import System
from broker.web.shared import csrf, request_parsing
from broker.web.shared.cookies import read
from broker.web.shared.i18n import SOURCE, Language
from broker.web.shared.pages import PageRenderer
from broker.web.shared.request_parsing import answer_parameters, own_form, request_id
from broker.web.shared.responses import PageResponse
from broker.web.staff import cookies
from broker.web.staff.form_messages import confirmation, problem
from broker.web.staff.form_names import form_name, typed_fields

PLACE: Final = "console"
"""The purpose of the forms' CSRF tokens, which are bound to the session."""

KEEP: Final = "keep"
"""Value of the button `do` that keeps what was typed into a form and the case, in place of sending the form."""

NO_FRAME: Final[Mapping[str, object]] = MappingProxyType({})

_OWN_PATH: Final = re.compile(r"/(?:[A-Za-z0-9_-]+/?)*")
"""A local path: no host, no query, no second slash at the start."""


@dataclass(frozen=True, slots=True)
class StaffApp:
    """What the handlers of the console work with, built once. `services` are those that cases come from.

    `files` is None if citizens can send none, `letters` if staff post none, `rooms`
    without a tool for meetings by video.
    """

    login: StaffLogin
    cases: StaffCases
    services: Mapping[str, Service]
    pages: PageRenderer
    macs: csrf.MacSigner
    reports: Reports
    freezing: FreezeContext
    notices: Notices
    exports: AuditExports
    feedback: FeedbackDesk
    files: FileContext | None = None
    letters: Letters | None = None
    rooms: VideoRooms | None = None

    @property
    def lists(self) -> WorkLists:
        """The lists of cases."""
        return WorkLists(self.cases.context)

    @property
    def oversight(self) -> Oversight:
        """The lead's board, and the sessions of staff."""
        return Oversight(self.cases.context)

    @property
    def finder(self) -> Finder:
        """Look-ups."""
        return Finder(self.cases.context)

    @property
    def roles(self) -> RoleChanges:
        """The members of staff and the changes of their roles."""
        return RoleChanges(self.login.people, self.system)

    @property
    def access(self) -> AccessReviews:
        """Reviews of the access of members of staff."""
        return AccessReviews(self.roles, self.cases.context.stores.staff_audit, self.login.policy.access_review)

    @property
    def profiles(self) -> Profiles:
        """What evidence is worth."""
        return self.cases.context.rules.profiles

    @property
    def members(self) -> Mapping[str, StaffMember]:
        """The members of staff by their id."""
        return self.login.members

    @property
    def system(self) -> System:
        """The clock."""
        return self.cases.context.system

    @property
    def confirm_url(self) -> str:
        """The URL of the page on which citizens enter the code of a question."""
        return self.cases.context.prompts.confirm


@dataclass(frozen=True, slots=True)
class StaffRequest:
    """A parsed request. `principal` is None if no member of staff is signed in."""

    app: StaffApp
    request: Request
    cookies: Mapping[str, str]
    principal: StaffPrincipal | None

    @property
    def session(self) -> str | None:
        """The session's cookie."""
        return self.cookies.get(cookies.SESSION) or None

    @property
    def request_id(self) -> str:
        """The id of the request, for the log."""
        return request_id(self.request)

    @property
    def path(self) -> str:
        """The path of the request."""
        return request_parsing.path(self.request)

    @property
    def language(self) -> Language:
        """The language of the console's texts: the one that was chosen in this browser, else English."""
        return _language(self.app.pages, self.cookies)

    @property
    def query(self) -> Mapping[str, str]:
        """The query's parameters; none if one of those that decide a response is malformed."""
        return answer_parameters(self.request) or {}

    async def form(self) -> Mapping[str, str] | None:
        """The form that was sent; None if the CSRF checks reject it."""
        origin = self.app.pages.site.issuer
        return await own_form(self.request, self.app.macs, (self.session or "",), PLACE, origin)

    def page(
        self, template: str, status: int = 200, frame: Mapping[str, object] = NO_FRAME, **variables: object
    ) -> Response:
        """A page of the console. `frame` is filled in beside the placeholders."""
        now = self.app.system.now()
        outer = {
            csrf.FIELD: csrf.token(self.app.macs, (self.session or "",), PLACE),
            "page_path": self.path,
            "restored": False,
            "member": None if self.principal is None else self.principal.member.name,
            "idle": ""
            if self.principal is None
            else self.language.format_time(now + self.app.login.policy.sessions.idle, now),
            "script": (),
            "switches": not form_name(self.path),
            "problem": problem(self.query, self.language),
            "confirmation": confirmation(self.query, self.language),
        }
        return PageResponse(template, {**outer, **frame, **variables}, status).response(
            self.app.pages, self.language.code
        )


@dataclass(frozen=True, slots=True)
class StaffPage:
    """A request of a signed-in member of staff."""

    visit: StaffRequest
    principal: StaffPrincipal

    @property
    def app(self) -> StaffApp:
        """What the handlers of the console work with."""
        return self.visit.app

    @property
    def cases(self) -> StaffCases:
        """The actions of staff on cases."""
        return self.app.cases

    @property
    def member(self) -> StaffMember:
        """The signed-in member of staff."""
        return self.principal.member

    @property
    def id(self) -> str:
        """The id of the case in the path."""
        return str(self.visit.request.path_params["case"])

    def ref(self, form: Mapping[str, str]) -> CaseRef:
        """The case in the path and the edit version of the form; -1, which no case has, if that is not a number."""
        return CaseRef(self.id, edition(form.get("edition", "")))

    @property
    def base(self) -> str:
        """The path of the case's page."""
        return f"/cases/{self.id}"


def console_language(pages: PageRenderer, request: Request) -> Language:
    """The language of the console's error pages: that of its other pages."""
    return _language(pages, read(request_parsing.joined_header(request, b"cookie", "; ")))


def _language(pages: PageRenderer, held: Mapping[str, str]) -> Language:
    return pages.language(lookup(held.get(cookies.LANGUAGE, ""), pages.languages) or SOURCE)


PublicHandler = Callable[[StaffRequest], Awaitable[Response]]
StaffHandler = Callable[[StaffPage], Awaitable[Response]]
FormHandler = Callable[[StaffPage, Mapping[str, str]], Awaitable[Response]]


def public(app: StaffApp, answer: PublicHandler) -> Callable[[Request], Awaitable[Response]]:
    """A Starlette handler of a page without sign-in."""

    async def handler(request: Request) -> Response:
        return await answer(await _parse(app, request))

    return handler


def staff(app: StaffApp, answer: StaffHandler) -> Callable[[Request], Awaitable[Response]]:
    """A Starlette handler of a page for staff. Without a session it redirects to the sign-in, which leads back."""

    async def handler(request: Request) -> Response:
        req = await _parse(app, request)
        if req.principal is None:
            then = req.path if request.method in ("GET", "HEAD") else await _after_session(req)
            return redirect_to("/sign-in", then=then)
        return await answer(StaffPage(req, req.principal))

    return handler


async def _after_session(req: StaffRequest) -> str:
    """Keeps what was typed into a form of a case after the session had expired. Returns where to go on: the case.

    A session that was ended, by a sign-out or by a sign-in, keeps nothing: the form may be another person's.
    """
    case, form = req.request.path_params.get("case"), await req.form()
    member = await req.app.login.expired_member(req.session)
    if case is None or form is None or member is None:
        return "/"
    name = form_name(req.path, form.get("kind", ""))
    if name:
        await keep_draft(req.app.cases.context, member, case, name, typed_fields(form))
    return f"/cases/{case}" if name else "/"


def with_form(step: FormHandler) -> StaffHandler:
    """A handler of a case's form, called after the CSRF checks."""

    async def answer(req: StaffPage) -> Response:
        form = await req.visit.form()
        if form is None:
            return redirect_to(req.base, problem="again")
        return await _keep(req, form) if form.get("do") == KEEP else await step(req, form)

    return answer


async def _keep(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Keeps what was typed as a draft, extends the lease, and leads back to the form."""
    kind, context = form.get("kind", ""), req.cases.context
    name = form_name(req.visit.path, kind)
    await keep_draft(context, req.member.id, req.id, name, typed_fields(form))
    await req.cases.renew(req.principal, req.id)
    back = {"kind": kind} if name.startswith("evidence/") else {}
    return redirect_to(req.visit.path if name else req.base, **back, told="kept")


async def _parse(app: StaffApp, request: Request) -> StaffRequest:
    held = read(request_parsing.joined_header(request, b"cookie", "; "))
    session = held.get(cookies.SESSION) or None
    return StaffRequest(app, request, held, None if session is None else await app.login.principal(session))


def redirect_to(path: str, **query: str) -> Response:
    """303 to a local path (RFC 9110 15.4.4)."""
    return RedirectResponse(f"{path}?{urlencode(query)}" if query else path, 303)


def edition(text: str) -> int:
    """The edit version in a form; -1, which no case has, if it is not a number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def local_path(text: str) -> str:
    """A local path from a form or a query; the home page for anything else."""
    return text if len(text) < 256 and _OWN_PATH.fullmatch(text) else "/"

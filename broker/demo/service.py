"""Sample relying service, written with Authlib as an engineer of a service would write it.

It uses only the broker's discovery document, its own client id and its secret.
"""

import json
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from broker.demo.backchannel_logout import InvalidLogoutToken, ended_session
from broker.demo.cases import CaseSystem, send_case
from broker.demo.ciba_client import CibaClient, DemoBackchannelRequest
from broker.demo.event_receiver import EventReceiver, RefusedEvent
from broker.demo.inbox import messages
from broker.demo.land_register import LandRegister
from broker.demo.multi_tab_oauth import MultiTabOAuth
from broker.demo.sample_desk import DeskClient, SampleDesk
from broker.demo.support_tools import tool_routes
from broker.demo.world import ABERLAN, Permit, World

TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
TEXTS: Mapping[str, Mapping[str, str]] = tomllib.loads((Path(__file__).parent / "texts.toml").read_text("utf-8"))
"""Texts in other languages than English, by the English text."""

SCOPE = "openid profile email"


@dataclass(frozen=True, slots=True)
class Sample:
    """Settings of the sample service. `outbox` is the folder to which the broker writes notifications, `desk` a partner
    desk whose counter has a page here, `register` another service with its page."""

    base: str
    issuer: str
    console: str
    client_id: str
    client_secret: str
    session_secret: str
    outbox: Path
    world: World = ABERLAN
    desk: DeskClient | None = None
    register: LandRegister | None = None


def create(sample: Sample) -> Starlette:
    """Creates the application of the service."""
    oauth = MultiTabOAuth()
    oauth.register(
        "portico",
        client_id=sample.client_id,
        client_secret=sample.client_secret,
        server_metadata_url=f"{sample.issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": SCOPE, "code_challenge_method": "S256"},
    )
    pages = _Pages(sample, oauth)
    service = Starlette(
        routes=[
            Route("/", pages.home),
            Route("/sign-in", pages.sign_in),
            Route("/callback", pages.callback),
            Route("/signed-in", pages.signed_in),
            Route("/sign-out", pages.sign_out),
            Route("/backchannel-logout", pages.backchannel_logout, methods=["POST"]),
            Route("/events", pages.events, methods=["GET", "POST"]),
            Route("/security-events", pages.security_event, methods=["POST"]),
            Route("/ask", pages.ask, methods=["POST"]),
            Route("/asked", pages.asked),
            Route("/inbox", pages.inbox),
            Route("/service.css", pages.style),
            Route("/try", pages.what_to_try),
            *pages.case_routes(),
            *pages.neighbour_routes(),
            *tool_routes(sample.base, sample.outbox, pages.page),
        ],
        middleware=[
            Middleware(SessionMiddleware, secret_key=sample.session_secret, session_cookie="sample-service"),
        ],
    )
    service.router.redirect_slashes = False  # by default Starlette redirects to the host in the request
    return service


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """A signed-in citizen: the ID token as received, its claims, and the userinfo response."""

    id_token: str
    claims: Mapping[str, Any]
    userinfo: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name in one claim or in two, as far as the provider told it."""
        parts = (self.userinfo.get("given_name"), self.userinfo.get("family_name"))
        return str(self.userinfo.get("name") or " ".join(str(part) for part in parts if part))


class _Pages:
    def __init__(self, sample: Sample, oauth: OAuth) -> None:
        self._sample = sample
        self._portico = oauth.portico
        self._people: dict[str, SignedInUser] = {}
        self._seen: set[str] = set()
        self._told: list[str] = []
        self._asker = CibaClient(sample.issuer, sample.client_id, sample.client_secret)
        self._events = EventReceiver(
            sample.issuer, sample.client_id, sample.client_secret, f"{sample.base}/security-events"
        )
        self._questions: dict[str, DemoBackchannelRequest] = {}
        self._cases = CaseSystem() if sample.world.cases else None

    def case_routes(self) -> list[Route]:
        """The routes of the case system, and of the form that sends a request to it, if the world has one."""
        if self._cases is None:
            return []
        return [*self._cases.routes(self.page), Route("/send", self.send, methods=["POST"])]

    def neighbour_routes(self) -> list[Route]:
        """The routes of the partner desk and of the other service, if the world has them."""
        desk, register = self._sample.desk, self._sample.register
        return [
            *([] if desk is None else SampleDesk(desk).routes(self.page)),
            *([] if register is None else register.routes(self.page)),
        ]

    def _person(self, request: Request) -> SignedInUser | None:
        return self._people.get(request.session.get("visit", ""))

    def page(self, request: Request, name: str, status: int = 200, **values: Any) -> Response:
        """Renders a page in the language of the citizen."""
        code = self._language(request)
        others = [other for other in ("en", *self._sample.world.translations) if other != code]
        page = TEMPLATES.get_template(name).render(
            sample=self._sample,
            world=self._sample.world.in_language(code),
            language=code,
            others=others,
            _=lambda text: TEXTS.get(code, {}).get(text, text),
            **values,
        )
        return HTMLResponse(page, status_code=status, headers={"Cache-Control": "no-store", "Content-Language": code})

    def _language(self, request: Request) -> str:
        """The language that the citizen chose here, English otherwise. `?language=` chooses one that the world has."""
        chosen = request.query_params.get("language", "")
        if chosen == "en" or chosen in self._sample.world.translations:
            request.session["language"] = chosen
        return str(request.session.get("language", "en"))

    async def home(self, request: Request) -> Response:
        return self.page(request, "home.html", person=self._person(request), told=self._told[-5:])

    async def what_to_try(self, request: Request) -> Response:
        return self.page(request, "try.html")

    async def sign_in(self, request: Request) -> Response:
        """Starts a sign-in. Also the login initiation endpoint for citizens who start at the broker: `iss`
        identifies it (OpenID Connect Core 4)."""
        if request.query_params.get("iss", self._sample.issuer) != self._sample.issuer:
            return self.page(request, "home.html", 400, person=self._person(request), told=())
        permit = self._permit(request.query_params.get("for"))
        request.session["permit"] = permit.id
        extra: dict[str, str] = {"acr_values": permit.level}
        if permit.claims:
            extra["claims"] = json.dumps({"userinfo": dict.fromkeys(permit.claims)})
        if (language := self._language(request)) != "en":
            extra["ui_locales"] = language
        for name in ("prompt", "login_hint", "ui_locales", "max_age"):
            if name in request.query_params:
                extra[name] = request.query_params[name]
        response: Response = await self._portico.authorize_redirect(request, f"{self._sample.base}/callback", **extra)
        return response

    async def callback(self, request: Request) -> Response:
        if request.method == "HEAD":  # Authlib would read the response from a form, and redeem the code
            response = Response(media_type="text/html")
            del response.headers["Content-Length"]  # GET has a page there (RFC 9110 8.6)
            return response
        try:
            token = await self._portico.authorize_access_token(request)
        except OAuthError as error:
            asked = request.query_params
            return self.page(
                request,
                "not_signed_in.html",
                error=error.error,
                description=error.description or asked.get("error_description", ""),
                explained=asked.get("error_uri"),
            )
        visit = secrets.token_urlsafe(16)
        userinfo = await self._portico.userinfo(token=token)
        self._people[visit] = SignedInUser(token["id_token"], dict(token["userinfo"]), dict(userinfo))
        request.session["visit"] = visit
        return RedirectResponse("/signed-in", status_code=303)

    async def signed_in(self, request: Request) -> Response:
        person = self._person(request)
        if person is None:
            return RedirectResponse("/", status_code=303)
        asked = self._permit(request.session.get("permit")).id
        world, sent = self._sample.world.in_language(self._language(request)), request.session.pop("sent", None)
        permit = next(one for one in world.permits if one.id == asked)
        return self.page(request, "signed_in.html", person=person, permit=permit, sent=sent, json=_pretty)

    def _permit(self, permit_id: str | None) -> Permit:
        permits = self._sample.world.permits
        return next((permit for permit in permits if permit.id == permit_id), permits[0])

    async def send(self, request: Request) -> Response:
        """Sends the citizen's request to the case system, with the proof that it rests on."""
        person = self._person(request)
        if person is None or self._cases is None:
            return RedirectResponse("/", status_code=303)
        case = {
            "what": self._permit(request.session.get("permit")).name,
            "subject": str(person.claims["sub"]),
            "name": person.name,
            "acr": str(person.claims.get("acr", "")),
        }
        request.session["sent"] = await send_case(self._sample.base, self._cases.secret, case)
        return RedirectResponse("/signed-in", status_code=303)

    async def sign_out(self, request: Request) -> Response:
        person = self._people.pop(request.session.pop("visit", ""), None)
        if person is None:
            return RedirectResponse("/", status_code=303)
        response: Response = await self._portico.logout_redirect(
            request, post_logout_redirect_uri=f"{self._sample.base}/", id_token_hint=person.id_token
        )
        return response

    async def backchannel_logout(self, request: Request) -> Response:
        """Back-channel logout: ends every local session of the broker's session."""
        form = parse_qs((await request.body()).decode("ascii", "replace"))
        keys, ours = await self._portico.fetch_jwk_set(), self._sample
        try:
            sid = ended_session(form.get("logout_token", [""])[0], keys, ours.issuer, ours.client_id, self._seen)
        except (InvalidLogoutToken, KeyError, TypeError, ValueError) as problem:
            refused = {"error": "invalid_request", "error_description": str(problem)}
            return JSONResponse(refused, 400, {"Cache-Control": "no-store"})
        gone = [visit for visit, person in self._people.items() if person.claims.get("sid") == sid]
        for visit in gone:
            del self._people[visit]
        self._told.append(f"{len(gone)} signed out here, because the session at the broker has ended")
        return Response(status_code=200, headers={"Cache-Control": "no-store"})

    async def events(self, request: Request) -> Response:
        """The security events that arrived. A POST creates a new stream."""
        problem = await self._events.connect() if request.method == "POST" else ""
        return self.page(request, "events.html", events=self._events.events[-20:], problem=problem)

    async def security_event(self, request: Request) -> Response:
        """Push endpoint of the stream (RFC 8935)."""
        try:
            token = (await request.body()).decode("ascii", "replace")
            await self._events.receive(request.headers.get("authorization", ""), token)
        except RefusedEvent as refused:
            return JSONResponse({"err": str(refused)}, 400, {"Cache-Control": "no-store"})
        return Response(status_code=202, headers={"Cache-Control": "no-store"})

    async def ask(self, request: Request) -> Response:
        person = self._person(request)
        if person is None:
            return RedirectResponse("/", status_code=303)
        message = f"Parking permit {secrets.randbelow(900) + 100}: renew it for a year"
        self._questions[request.session["visit"]] = await self._asker.ask(person.claims["sub"], message)
        return RedirectResponse("/asked", status_code=303)

    async def asked(self, request: Request) -> Response:
        question = self._questions.get(request.session.get("visit", ""))
        if question is None:
            return RedirectResponse("/", status_code=303)
        await self._asker.look(question)
        return self.page(request, "asked.html", question=question)

    async def style(self, _request: Request) -> Response:
        return FileResponse(Path(__file__).parent / "service.css", media_type="text/css")

    async def inbox(self, request: Request) -> Response:
        return self.page(request, "inbox.html", messages=messages(self._sample.outbox))


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)

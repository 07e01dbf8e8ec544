"""Pages for engineers of services: register one, see how it does, and take its file to the operator. In development."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.account import developer
from broker.actions.account.developer import PATH, DeveloperContext, DeveloperView, RegisteredClient
from broker.actions.account.own import OwnRefusal
from broker.crypto.jose import strict_json
from broker.model.json_types import JsonObject
from broker.model.service import Service
from broker.web.citizens.journey import page
from broker.web.citizens.own_pages import PLACE, refused, to_sign_in
from broker.web.citizens.request import CitizenApp, CitizenRequest, redirect_to
from broker.web.shared.i18n import Language, marked
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

SHEETS = (
    PageTemplate("developers", "citizens/developers.html"),
    PageTemplate("developers/registered", "citizens/developer_registered.html"),
    PageTemplate("developers/service", "citizens/developer_service.html"),
)

SCOPES: Final = ("profile", "email", "phone", "address")
REFRESH: Final = "refresh"
_BOXES: Final = (*SCOPES, REFRESH)
KEY, SECRET = "private_key_jwt", "client_secret_basic"

CHECKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "https": marked("Every redirect address begins with https"),
        "keys": marked("It signs with a key of its own, and no secret is shared"),
        "contact": marked("It names a contact for people who cannot use it"),
        "notice": marked("It links its privacy notice"),
        "reasons": marked("It says in words why it needs each detail"),
    }
)
"""What a service needs before it goes live, by name (`developer.ready_for_production`)."""


@dataclass(frozen=True, slots=True)
class ListedService:
    """One service in the list, and what its address is made of."""

    name: str
    client_id: str
    query: str


@dataclass(frozen=True, slots=True)
class TypedRegistration:
    """What was typed into the form, and shown again if something is wrong with it."""

    name: str = ""
    home: str = ""
    addresses: str = ""
    keys: str = ""
    method: str = SECRET
    chosen: Mapping[str, bool] = field(default_factory=lambda: dict.fromkeys(_BOXES, False))

    @property
    def scope(self) -> str:
        """The scopes to be requested."""
        return " ".join(["openid", *(scope for scope in SCOPES if self.chosen[scope])])


@dataclass(frozen=True, slots=True)
class Check:
    """One item of the list for going live."""

    text: str
    done: bool


def developer_routes(app: CitizenApp, context: DeveloperContext) -> list[Route]:
    """The routes of these pages, and the short address that leads to them."""

    def route(path: str, answer: Callable[[CitizenRequest, DeveloperContext], Awaitable[Response]], way: str) -> Route:
        async def answered(req: CitizenRequest) -> Response:
            return await answer(req, context)

        return Route(path, page(app, answered), methods=[way])

    return [
        route("/developers", short, "GET"),
        route(PATH, show_services, "GET"),
        route(PATH, register, "POST"),
        route(f"{PATH}/service", show_service, "GET"),
        route(f"{PATH}/end", end, "POST"),
    ]


async def short(_req: CitizenRequest, _context: DeveloperContext) -> Response:
    """The short address."""
    return redirect_to(PATH)


async def show_services(req: CitizenRequest, context: DeveloperContext) -> Response:
    """The own services, and the form for another one."""
    view = await developer.view_services(context, req.browser)
    return to_sign_in(PATH) if view is None else _listed(req, view, TypedRegistration(), "")


async def register(req: CitizenRequest, context: DeveloperContext) -> Response:
    """Registers a service, and shows its secret this once; or the form again with what was typed."""
    form = await req.form(PLACE)
    view = await developer.view_services(context, req.browser)
    if form is None or view is None:
        return redirect_to(PATH, "again") if form is None else to_sign_in(PATH)
    if (other := req.switched(form)) is not None:
        return _listed(other, view, _typed(form), "")
    typed, frame = _typed(form), req.frame(place=PLACE)
    metadata = _metadata(typed)
    if metadata is None:
        return _listed(req, view, typed, frame.language.text("The keys are no JWK Set: paste the JSON object."))
    made = await developer.register_service(context, req.browser, metadata)
    if isinstance(made, OwnRefusal):
        return refused(made, PATH)
    if isinstance(made, str):
        return _listed(req, view, typed, made)
    variables = frame.template_variables(None, **_settings(made, typed, frame.issuer))
    return req.answer(PageResponse("developers/registered", {**variables, "service": typed.name}), frame)


async def show_service(req: CitizenRequest, context: DeveloperContext) -> Response:
    """One own service: what it sent lately, what is missing before it goes live, and its file."""
    view = await developer.view_services(context, req.browser)
    service = None if view is None else view.service(req.request.query_params.get("client", ""))
    if view is None or service is None:
        return to_sign_in(PATH) if view is None else redirect_to(PATH, "not_now")
    frame = req.frame(place=PLACE)
    variables = frame.template_variables(
        None,
        client_id=service.client_id,
        query=quote(service.client_id, safe=""),
        discovery=_discovery(frame.issuer),
        checks=_checks(service, frame.language),
        recent=None if context.recent is None else context.recent(service.client_id),
        file=await developer.settings_file(context, view, service.client_id),
    )
    named = {"service": service.name(frame.language.code)}
    return req.answer(PageResponse("developers/service", {**variables, **named}), frame)


async def end(req: CitizenRequest, context: DeveloperContext) -> Response:
    """Ends a registration."""
    form = await req.form(PLACE)
    if form is None:
        return redirect_to(PATH, "again")
    refusal = await developer.end_service(context, req.browser, form.get("client", ""))
    return redirect_to(f"{PATH}?done=ended") if refusal is None else refused(refusal, PATH)


def _listed(req: CitizenRequest, view: DeveloperView, typed: TypedRegistration, wrong: str) -> Response:
    frame = req.frame(place=PLACE)
    found = [
        ListedService(one.name(frame.language.code), one.client_id, quote(one.client_id, safe=""))
        for one in view.services
    ]
    done = "ended" if req.request.query_params.get("done") == "ended" else ""
    variables = frame.template_variables(None, listed=found, form=typed, wrong=wrong, done=done, keeps=True)
    return req.answer(PageResponse("developers", variables, 422 if wrong else 200), frame)


def _typed(form: Mapping[str, str]) -> TypedRegistration:
    return TypedRegistration(
        name=form.get("name", "").strip(),
        home=form.get("home", "").strip(),
        addresses=form.get("addresses", "").strip(),
        keys=form.get("keys", "").strip(),
        method=KEY if form.get("method") == KEY else SECRET,
        chosen={box: bool(form.get(box)) for box in _BOXES},
    )


def _metadata(typed: TypedRegistration) -> JsonObject | None:
    """The client metadata (RFC 7591 2); None if the keys are no JSON object."""
    metadata: dict[str, object] = {
        "client_name": typed.name,
        "redirect_uris": typed.addresses.split(),
        "token_endpoint_auth_method": typed.method,
        "scope": typed.scope,
        "grant_types": ["authorization_code", *(["refresh_token"] if typed.chosen[REFRESH] else [])],
        **({"client_uri": typed.home} if typed.home else {}),
    }
    if typed.method == KEY:
        try:
            keys = strict_json(typed.keys.encode())
        except ValueError:
            return None
        if not isinstance(keys, dict):
            return None
        metadata["jwks"] = keys
    return metadata


def _settings(made: RegisteredClient, typed: TypedRegistration, issuer: str) -> dict[str, object]:
    """What an engineer copies: the values, and a call of Authlib with them."""
    secret = "" if made.secret is None else f"    client_secret={json.dumps(made.secret)},\n"
    call = (
        "oauth.register(\n"
        '    "portico",\n'
        f"    client_id={json.dumps(made.client_id)},\n"
        f"{secret}"
        f"    server_metadata_url={json.dumps(_discovery(issuer))},\n"
        f'    client_kwargs={{"scope": {json.dumps(typed.scope)}, "code_challenge_method": "S256"}},\n'
        ")"
    )
    return {
        "client_id": made.client_id,
        "query": quote(made.client_id, safe=""),
        "secret": made.secret or "",
        "discovery": _discovery(issuer),
        "call": call,
    }


def _discovery(issuer: str) -> str:
    return f"{issuer}/.well-known/openid-configuration"


def _checks(service: Service, words: Language) -> list[Check]:
    return [Check(words.text(CHECKS[name]), done) for name, done in developer.ready_for_production(service)]

"""Pages of what is kept for a citizen's account with its passkeys: the list, and the page that makes a passkey."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.account.ways import PATH as WAYS
from broker.actions.passkeys import kept
from broker.actions.passkeys.kept import PATH, KeptContext, KeptRefusal, MadePasskey, NewRegistration
from broker.model.account import ErrandKind
from broker.model.identity import HELP, Identity
from broker.model.passkey import KeptWithPasskeys, Passkey
from broker.web.citizens.claim_labels import label
from broker.web.citizens.journey import page
from broker.web.citizens.link_page import way_name
from broker.web.citizens.own_pages import PLACE, begin_errand, to_sign_in
from broker.web.citizens.passkey_pages import attribute, chosen_days, day_choices
from broker.web.citizens.request import CitizenApp, CitizenRequest, redirect_to
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

ADD: Final = f"{PATH}/add"
REFUSED: Final = "refused"
_DONE: Final = ("added", "named", "removed", "changed", REFUSED)

SHEETS = (
    PageTemplate("account/kept", "citizens/kept.html"),
    PageTemplate("account/passkey", "citizens/add_passkey.html"),
)


@dataclass(frozen=True, slots=True)
class PasskeyLine:
    """One passkey in words."""

    key: str
    name: str
    made: str
    used: str
    device_bound: bool


@dataclass(frozen=True, slots=True)
class KeptLine:
    """What is kept of one source, in words. `days` is for how many days, counted from when the source said it."""

    key: str
    source: str
    claims: str
    until: str
    days: int
    frozen: bool
    by_person: bool
    passkeys: tuple[PasskeyLine, ...]


def kept_routes(app: CitizenApp, context: KeptContext) -> list[Route]:
    """The routes of these pages."""

    def route(path: str, answer: Callable[[CitizenRequest, KeptContext], Awaitable[Response]], method: str) -> Route:
        async def answered(req: CitizenRequest) -> Response:
            return await answer(req, context)

        handler: Callable[[Request], Awaitable[Response]] = page(app, answered)
        return Route(path, handler, methods=[method])

    return [
        route(PATH, show_kept, "GET"),
        route(ADD, show_registration, "GET"),
        route(ADD, register, "POST"),
        route(f"{PATH}/passkey", change_passkey, "POST"),
        route(f"{PATH}/days", keep_for, "POST"),
        route(f"{PATH}/renew", renew, "POST"),
        route(f"{PATH}/replace", replace_passkeys, "POST"),
    ]


async def show_kept(req: CitizenRequest, context: KeptContext) -> Response:
    """What is kept; without a session it leads to the sign-in."""
    found = await kept.view(context, req.browser)
    if found is None:
        return to_sign_in(PATH)
    frame = req.frame(place=PLACE)
    done = req.request.query_params.get("done", "")
    variables = frame.template_variables(
        None,
        done=done if done in _DONE else "",
        listed=[_line(one, req, frame.language) for one in found.kept],
        again=not found.fresh,
        weak=False,
        persons=req.app.cases.enabled,
        choices=day_choices(found.days, frame.language),
        default=found.default,
    )
    return req.answer(PageResponse("account/kept", variables), frame)


async def show_registration(req: CitizenRequest, context: KeptContext) -> Response:
    """The page that asks the browser to make a passkey."""
    frame = req.frame(place=PLACE)
    begun = await kept.begin_registration(context, req.browser, frame.language.text("Your account"))
    if not isinstance(begun, NewRegistration):
        return _refused(begun)
    variables = frame.template_variables(
        None,
        kind="create",
        options=attribute(begun.options),
        ceremony=begun.ceremony,
        first=not begun.kept,
        choices=day_choices(begun.view.days, frame.language),
        default=begun.view.default,
    )
    return req.answer(PageResponse("account/passkey", variables), frame)


async def register(req: CitizenRequest, context: KeptContext) -> Response:
    """Adds the passkey that the browser made."""
    form = await req.form(PLACE)
    if form is None:
        return redirect_to(PATH, "again")
    made = MadePasskey(*(form.get(field, "") for field in ("ceremony", "code", "name")))
    language = req.language().code
    refused = await kept.register(context, req.browser, made, days=chosen_days(form), language=language)
    return _refused(refused) if refused is not None else redirect_to(f"{PATH}?done=added")


async def change_passkey(req: CitizenRequest, context: KeptContext) -> Response:
    """Names or removes a passkey."""
    form = await req.form(PLACE)
    if form is None:
        return redirect_to(PATH, "again")
    key = form.get("passkey", "")
    if form.get("do") == "remove":
        refused, done = await kept.remove(context, req.browser, key), "removed"
    else:
        refused, done = await kept.rename(context, req.browser, key, form.get("name", "")), "named"
    return _refused(refused) if refused is not None else redirect_to(f"{PATH}?done={done}")


async def keep_for(req: CitizenRequest, context: KeptContext) -> Response:
    """Changes for how long an identity is kept."""
    form = await req.form(PLACE)
    if form is None:
        return redirect_to(PATH, "again")
    refused = await kept.keep_for(context, req.browser, form.get("key", ""), chosen_days(form))
    return _refused(refused) if refused is not None else redirect_to(f"{PATH}?done=changed")


async def renew(req: CitizenRequest, _context: KeptContext) -> Response:
    """Begins the renewal of an identity by a person."""
    form = await req.form(PLACE)
    if form is None:
        return redirect_to(PATH, "again")
    return await _for_person(req, ErrandKind.RENEW, form.get("key", ""))


async def replace_passkeys(req: CitizenRequest, _context: KeptContext) -> Response:
    """Begins the case of a citizen who has no passkey any more."""
    return redirect_to(PATH, "again") if await req.form(PLACE) is None else await _for_person(req, ErrandKind.REBIND)


async def _for_person(req: CitizenRequest, kind: ErrandKind, key: str | None = None) -> Response:
    """Leads to the form for a person, or to a fresh sign-in if one is needed first."""
    return await begin_errand(req, kind, key, page="/kept", then="/help")


def _refused(refusal: KeptRefusal) -> Response:
    """Where the citizen goes on: to sign in, or to the list with the reason."""
    if refusal in (KeptRefusal.SIGNED_OUT, KeptRefusal.NOT_OFFERED):
        return redirect_to(WAYS)
    return redirect_to(f"{PATH}?done={REFUSED}") if refusal is KeptRefusal.REFUSED else redirect_to(PATH, "not_now")


def _line(one: KeptWithPasskeys, req: CitizenRequest, words: Language) -> KeptLine:
    held, identity = one.kept, one.kept.identity
    card = req.app.context.card(identity.provider)
    return KeptLine(
        key=held.key,
        source=way_name(card, words, identity.provider, identity.issuer),
        claims=_claims(identity, words),
        until=words.day(held.expires),
        days=round((held.expires - held.since) / kept.DAY),
        frozen=held.frozen is not None,
        by_person=identity.provider == HELP,
        passkeys=tuple(_passkey(passkey, words) for passkey in one.passkeys),
    )


def _claims(identity: Identity, words: Language) -> str:
    return ", ".join(label(claim, words) for claim in identity.claims)


def _passkey(passkey: Passkey, words: Language) -> PasskeyLine:
    return PasskeyLine(
        passkey.digest,
        passkey.name or words.text("Passkey"),
        words.day(passkey.created),
        "" if passkey.used is None else words.day(passkey.used),
        passkey.device_bound,
    )

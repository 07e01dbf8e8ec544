"""Page of the services of a citizen's account: what each has, take it back, block it, let it in again."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.account import services
from broker.actions.account.own import OwnContext
from broker.actions.account.services import PATH, OwnService
from broker.web.citizens.claim_labels import label
from broker.web.citizens.journey import page
from broker.web.citizens.own_pages import PLACE, freshness, refused, service_name, to_sign_in
from broker.web.citizens.page_context import level_text
from broker.web.citizens.request import CitizenApp, CitizenRequest, redirect_to
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

END: Final = f"{PATH}/end"
_DONE: Final = ("withdrawn", "blocked", "unblocked")

SHEETS = (
    PageTemplate("account/services", "citizens/services.html"),
    PageTemplate("account/end-agreement", "citizens/end_agreement.html"),
)


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """One service in words; `key` is its client id, `query` the same as part of a query. Empty texts say nothing."""

    key: str
    query: str
    name: str
    claims: str
    strength: str
    first: str
    last: str
    until: str
    blocked: str
    withdrawn: str


def own_service_routes(app: CitizenApp, context: OwnContext) -> list[Route]:
    """The routes of these pages."""

    async def show(req: CitizenRequest) -> Response:
        view = await services.view_services(context, req.browser)
        if view is None:
            return to_sign_in(PATH)
        frame, done = req.frame(place=PLACE), req.request.query_params.get("done", "")
        variables = frame.template_variables(
            None,
            done=done if done in _DONE else "",
            listed=[_line(one, frame.language) for one in view.services],
            **freshness(frame, view.own),
        )
        return req.answer(PageResponse("account/services", variables), frame)

    async def ask(req: CitizenRequest) -> Response:
        view = await services.view_services(context, req.browser)
        one = None if view is None else view.service(req.request.query_params.get("service", ""))
        if view is None:
            return to_sign_in(PATH)
        if one is None or one.agreement.blocked is not None or not view.own.fresh:
            return redirect_to(PATH)
        frame = req.frame(place=PLACE)
        contact = None if one.service is None else one.service.presentation.contact
        variables = frame.template_variables(None, key=one.agreement.client_id, stands=one.agreement.stands)
        named = {"service": service_name(one.agreement.client_id, one.service, frame.language), "contact": contact}
        return req.answer(PageResponse("account/end-agreement", {**variables, **named}), frame)

    async def change(req: CitizenRequest) -> Response:
        form = await req.form(PLACE)
        if form is None:
            return redirect_to(PATH, "again")
        client_id, deed = form.get("service", ""), req.request.url.path.removeprefix(f"{PATH}/")
        if deed == "unblock":
            refusal = await services.unblock(context, req.browser, client_id)
        else:
            refusal = await services.end_agreement(context, req.browser, client_id, block=deed == "block")
        done = {"unblock": "unblocked", "block": "blocked"}.get(deed, "withdrawn")
        return redirect_to(f"{PATH}?done={done}") if refusal is None else refused(refusal, PATH)

    return [
        Route(PATH, page(app, show), methods=["GET"]),
        Route(END, page(app, ask), methods=["GET"]),
        *(Route(f"{PATH}/{deed}", page(app, change), methods=["POST"]) for deed in ("withdraw", "block", "unblock")),
    ]


def _line(one: OwnService, words: Language) -> ServiceLine:
    """A service in words. Its pairwise subject is in words on the page, so that its claim is left out."""
    agreement = one.agreement
    withdrawn = [claim.withdrawn for claim in agreement.claims if claim.withdrawn is not None]
    return ServiceLine(
        key=agreement.client_id,
        query=quote(agreement.client_id, safe=""),
        name=service_name(agreement.client_id, one.service, words),
        claims=", ".join(label(claim.claim, words) for claim in agreement.claims if claim.claim != "sub"),
        strength="" if agreement.level is None else level_text(words, agreement.level),
        first=words.day(agreement.first),
        last=words.day(agreement.last),
        until="" if agreement.until is None else words.day(agreement.until),
        blocked="" if agreement.blocked is None else words.day(agreement.blocked),
        withdrawn="" if agreement.stands or not withdrawn else words.day(max(withdrawn)),
    )

"""Page of what is wrong in a citizen's account: "this was not me", and ways that were stopped."""

from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.account import wrong
from broker.actions.account.own import HOME, OwnContext, OwnRefusal
from broker.actions.account.ways import PATH as WAYS
from broker.actions.account.wrong import PATH, SeenWay
from broker.actions.logout import SignedOut
from broker.web.citizens.journey import page
from broker.web.citizens.link_page import way_name
from broker.web.citizens.own_pages import PLACE, freshness, refused, to_sign_in
from broker.web.citizens.provider_logout_page import set_signed_out_cookies
from broker.web.citizens.request import CitizenApp, CitizenRequest, redirect_to
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

SHEETS = (PageTemplate("account/wrong", "citizens/wrong.html"),)


@dataclass(frozen=True, slots=True)
class WrongWay:
    """One way in words; `since` is empty unless it was stopped."""

    key: str
    name: str
    since: str
    stoppable: bool


def own_wrong_routes(app: CitizenApp, context: OwnContext) -> list[Route]:
    """The routes of this page."""

    async def show(req: CitizenRequest) -> Response:
        view = await wrong.view_wrong(context, req.browser)
        if view is None:
            return to_sign_in(PATH)
        frame = req.frame(place=PLACE)
        found = [_way(one, frame.language) for one in view.ways]
        variables = frame.template_variables(
            None,
            done="resumed" if req.request.query_params.get("done") == "resumed" else "",
            listed=[one for one in found if not one.since],
            stopped=[one for one in found if one.since],
            **freshness(frame, view.own),
        )
        return req.answer(PageResponse("account/wrong", variables), frame)

    async def disown(req: CitizenRequest) -> Response:
        form = await req.form(PLACE)
        if form is None:
            return redirect_to(PATH, "again")
        result = await wrong.disown(context, req.browser, form.get("way", ""))
        if isinstance(result, OwnRefusal):
            return refused(result, PATH)
        response = redirect_to(f"{HOME}?done=stopped")
        set_signed_out_cookies(response, req, SignedOut(None, None, departed=result))
        return response

    async def stop(req: CitizenRequest) -> Response:
        form = await req.form(PLACE)
        if form is None:
            return redirect_to(WAYS, "again")
        refusal = await wrong.stop_way(context, req.browser, form.get("way", ""))
        return redirect_to(f"{WAYS}?done=off") if refusal is None else refused(refusal, WAYS)

    async def resume(req: CitizenRequest) -> Response:
        form = await req.form(PLACE)
        if form is None:
            return redirect_to(PATH, "again")
        refusal = await wrong.resume_way(context, req.browser, form.get("way", ""))
        return redirect_to(f"{PATH}?done=resumed") if refusal is None else refused(refusal, PATH)

    return [
        Route(PATH, page(app, show), methods=["GET"]),
        Route(PATH, page(app, disown), methods=["POST"]),
        Route(f"{PATH}/stop", page(app, stop), methods=["POST"]),
        Route(f"{PATH}/resume", page(app, resume), methods=["POST"]),
    ]


def _way(one: SeenWay, words: Language) -> WrongWay:
    name = way_name(one.card, words, one.way.provider, one.way.issuer)
    since = "" if one.way.stopped is None else words.day(one.way.stopped)
    return WrongWay(one.way.key, name, since, one.stoppable)

"""View pages: turns the view that an action returned into a page and its variables. Pure functions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from broker.account.release import ConsentItem
from broker.actions.views import (
    CaseStatusView,
    CheckingView,
    ConfirmationView,
    ConsentView,
    DeadEnd,
    EndingView,
    FailureView,
    LinkView,
    PickerView,
    QueueView,
    RedirectAway,
    View,
)
from broker.journey.departures import position
from broker.journey.next_steps import beside_providers, given_up, next_steps
from broker.journey.transaction import FailedAttempt
from broker.model.account import ErrandKind
from broker.model.failures import FailureClass, NextStep
from broker.model.identity import HELP
from broker.model.request import ClientRedirect
from broker.model.service import Service
from broker.provider import ProviderInfo
from broker.web.citizens.case_status_page import waiting
from broker.web.citizens.claim_labels import label, lines
from broker.web.citizens.continuation_code import code_variables
from broker.web.citizens.ending_texts import ENDING_TEXTS
from broker.web.citizens.failure_text import NO_SERVICE, NOTHING_SHARED
from broker.web.citizens.failure_texts import FAILURE_TEXTS
from broker.web.citizens.link_page import link_check
from broker.web.citizens.next_steps import StepContext, StepControl, dead_end_steps, steps
from broker.web.citizens.page_context import PageContext, readable
from broker.web.citizens.provider_choices import asked_again, cards, choices, not_working, order_rule, used_first
from broker.web.middleware.security_headers import FORM_ELSEWHERE
from broker.web.shared import cookies
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.shared.responses import PageResponse, header_safe_url

_FAILURE_CONTEXT: Final = {"failure_texts": FAILURE_TEXTS, "not_shared": NOTHING_SHARED, "no_service": NO_SERVICE}

SHEETS = (
    PageTemplate("choose", "citizens/choose.html"),
    PageTemplate("queue", "citizens/queue.html"),
    PageTemplate("leave", "citizens/leave.html"),
    PageTemplate("checking", "citizens/checking.html"),
    PageTemplate("share", "citizens/share.html"),
    PageTemplate("confirm", "citizens/confirm.html"),
    PageTemplate("failed", "citizens/failed.html", _FAILURE_CONTEXT),
    *(
        PageTemplate(f"ended/{ending}", "citizens/ended.html", {"texts": texts})
        for ending, texts in ENDING_TEXTS.items()
    ),
)
"""The pages of a transaction's own address, without those of a case in assisted verification."""

_KEEPING: Final = frozenset(
    {NextStep.RETRY, NextStep.RESUME, NextStep.STEP_UP, NextStep.ANOTHER, NextStep.WHAT_YOU_HAVE}
    | {NextStep.HELP, NextStep.STATUS, NextStep.CHANGE_HELP, NextStep.LATER}
)
"""The steps that continue the transaction: only a page with one of them says that the place is kept."""

FORM_LEAVES: Final = (("Content-Security-Policy", FORM_ELSEWHERE),)
"""The policy header of a page whose form posts to a relying service."""


def render_view(view: View, frame: PageContext, browser_cookies: Mapping[str, str]) -> PageResponse:
    """The page of a view. `browser_cookies` are the request's cookies by name."""
    match view:
        case PickerView():
            return _choose(view, frame, cookies.last_used(browser_cookies.get(cookies.USED)))
        case QueueView():
            return _queue(view, frame)
        case RedirectAway():
            return _leave(view, frame, browser_cookies.get(cookies.LEFT))
        case CheckingView():
            variables = frame.template_variables(view.service, provider=_provider_name(view.card, frame.language))
            return PageResponse("checking", variables, headers=(("Refresh", "3"),))
        case FailureView():
            return _failed(view, frame)
        case ConsentView():
            return _share(view, frame)
        case ConfirmationView():
            return _confirm(view, frame)
        case LinkView():
            return link_check(view, frame)
        case CaseStatusView():
            return waiting(view, frame, code_variables(browser_cookies.get(cookies.CODE), frame))
        case EndingView():
            return _ended(view, frame)
        case DeadEnd():
            return _dead_end(view, frame)


def _ended(view: EndingView, frame: PageContext) -> PageResponse:
    back = view.back
    fields = list(back.fields.items()) if back and back.fields else None
    variables = frame.template_variables(view.service, back=back.url if back else None, fields=fields)
    return PageResponse(f"ended/{view.ending}", variables, headers=FORM_LEAVES if fields else ())


def _choose(view: PickerView, frame: PageContext, used: str | None) -> PageResponse:
    words, offer = frame.language, view.offer
    barred = offer.blocked_by or (FailureClass.NO_ROUTE if offer.no_route else None)
    if barred is not None:
        failed = FailedAttempt(barred, frame.now)
        able = next_steps(view.transaction, offer, failed)
        return _failed(FailureView(view.transaction, view.service, failed, None, offer, able), frame)
    service, errand = view.service.name(words.code), view.transaction.request.errand
    known = cards(offer)
    variables = frame.template_variables(
        view.service,
        ways=used_first(choices(offer, words, service, frame.now, person=True), offer, used, words),
        remember=used is not None,
        again=asked_again(view.transaction.again, words, service),
        only=None if offer.only is None or errand is not None else offer.only.name(words.code),
        rescue=_rescue(view, frame) if offer.only is not None or not offer.options else [],
        person=offer.help,
        no_person=offer.help_below,
        troubles=not_working(offer, words, frame.now),
        gone=errand is None and any(one.left is not None for one in offer.not_working),
        cards=[(card.id, card.name(words.code)) for card in known.values()],
        sortable=any(card.prerequisites for card in known.values()),
        order=order_rule(offer.order, words, fallback=offer.fallback),
        newcomer="create" in view.transaction.request.prompt,
        linking=errand is not None and errand.kind is ErrandKind.LINK,
    )
    variables["keeps"] = bool(variables["ways"])
    return PageResponse("choose", variables)


def _rescue(view: PickerView, frame: PageContext) -> list[StepContext]:
    """What a citizen can do who can use none of the providers, beside help from a person."""
    nothing = FailedAttempt(FailureClass.NO_ROUTE, frame.now)
    able = beside_providers(view.transaction, view.offer)
    failed = FailureView(view.transaction, view.service, nothing, None, view.offer, able)
    return steps(failed, f"/journey/{frame.handle}", frame.language, frame.now)


def _queue(view: QueueView, frame: PageContext) -> PageResponse:
    """The waiting room: the place in line and the time, and other ways. It reloads itself."""
    words, place, now = frame.language, view.place, frame.now
    number = words.text("Your place in line: {number}.", number=str(position(place, now)))
    if place.departs - now <= 60:
        turn = words.text("It is your turn in less than a minute.")
    else:
        duration = words.about_minutes(math.ceil((place.departs - now) / 60))
        turn = words.text("It is your turn in {duration}.", duration=duration)
    others = choices(view.offer, words, view.service.name(words.code), now, view.card.id, person=True)
    variables = frame.template_variables(
        view.service, provider=view.card.name(words.code), place=f"{number} {turn}", ways=others, keeps=True
    )
    return PageResponse("queue", variables, headers=(("Refresh", str(view.reload)),))


def _leave(view: RedirectAway, frame: PageContext, left: str | None) -> PageResponse:
    """Redirects at once the first time; after a reload or the back button it waits for the citizen.

    A link that works once is replaced by a form that begins another attempt at the same provider.
    """
    words = frame.language
    again = left == view.redirect_id
    renew = view.expires is not None and view.card is not None and (again or frame.now >= view.expires)
    service = view.service.name(words.code)
    others = (
        choices(view.offer, words, service, frame.now, view.card.id, person=False)
        if view.offer and view.card and again
        else []
    )
    variables = frame.template_variables(
        view.service,
        name=service if view.card is None else view.card.name(words.code),
        provider=view.card is not None,
        again=again,
        url=view.url,
        fields=None if view.fields is None else list(view.fields.items()),
        renew=view.card.id if renew and view.card is not None else None,
        ways=others,
        keeps=bool(others),
    )
    if view.fields is not None:
        return PageResponse(
            "leave", variables, headers=FORM_LEAVES, cookies=(cookies.redirect_cookie(frame.handle, view.redirect_id),)
        )
    if again or renew:
        return PageResponse("leave", variables)
    refresh = (("Refresh", f"0;url={header_safe_url(view.url)}"),)
    return PageResponse(
        "leave", variables, headers=refresh, cookies=(cookies.redirect_cookie(frame.handle, view.redirect_id),)
    )


def posted_back(frame: PageContext, service: Service | None, way: ClientRedirect) -> PageResponse:
    """The page that posts an authorization response if there is no transaction (`form_post`)."""
    name = service.name(frame.language.code) if service else frame.language.text("the service")
    fields = list((way.fields or {}).items())
    variables = frame.template_variables(
        service, name=name, provider=False, again=False, url=way.url, fields=fields, renew=None, ways=[]
    )
    return PageResponse("leave", variables, headers=FORM_LEAVES)


def _failed(view: FailureView, frame: PageContext) -> PageResponse:
    words, transaction = frame.language, view.transaction
    made = steps(view, f"/journey/{frame.handle}", words, frame.now)
    variables = frame.template_variables(
        view.service,
        failure=view.failed.failure.value,
        provider=_provider_name(view.card, words, view.failed.provider),
        kept_until=words.format_time(transaction.expires, frame.now) if transaction.open else None,
        goes_on=not _KEEPING.isdisjoint(view.steps),
        spent=given_up(transaction, view.failed),
        steps=made,
        reference=readable(transaction.reference),
        may_stop=transaction.open,
        detail=None,
    )
    variables["keeps"] = any(step.control is StepControl.PICK for step in made)
    return PageResponse("failed", variables)


def _dead_end(view: DeadEnd, frame: PageContext) -> PageResponse:
    status = 503 if view.failure is FailureClass.OVERLOADED else 404 if view.failure is FailureClass.LOST_PLACE else 400
    return dead_end(view, frame, status)


def dead_end(view: DeadEnd, frame: PageContext, status: int) -> PageResponse:
    """The failure page without a transaction."""
    variables = frame.template_variables(
        view.service,
        failure=view.failure.value,
        provider=_provider_name(None, frame.language),
        kept_until=None,
        goes_on=False,
        spent=False,
        steps=dead_end_steps(view, frame.language),
        reference=None,
        may_stop=False,
        detail=view.detail,
    )
    return PageResponse("failed", variables, status)


@dataclass(frozen=True, slots=True)
class ConsentItemContext:
    """One claim to be shared, in words. `claim` is its name."""

    claim: str
    label: str
    lines: list[str]
    reason: str
    before: bool


def _share(view: ConsentView, frame: PageContext) -> PageResponse:
    words = frame.language
    variables = frame.template_variables(
        view.service,
        provider=None if view.card is None else view.card.name(words.code),
        items=[_item(item, words) for item in view.items if not item.use.optional],
        choices=[_item(item, words) for item in view.items if item.use.optional],
        missing=", ".join(label(claim, words) for claim in view.missing),
        privacy=view.service.presentation.privacy_notice,
        readable=words.duration(view.readable),
        offline=view.offline,
    )
    variables["keeps"] = bool(variables["choices"])
    return PageResponse("share", variables)


def _confirm(view: ConfirmationView, frame: PageContext) -> PageResponse:
    words = frame.language
    variables = frame.template_variables(
        view.service,
        provider=_provider_name(view.card, words),
        items=[_item(item, words) for item in view.items],
    )
    return PageResponse("confirm", variables)


def _item(item: ConsentItem, words: Language) -> ConsentItemContext:
    return ConsentItemContext(
        item.claim,
        label(item.claim, words),
        lines(item.claim, item.value, words),
        in_language(item.use.reason, words.code),
        item.shared_before,
    )


def _provider_name(card: ProviderInfo | None, words: Language, provider: str | None = None) -> str:
    if provider == HELP:
        return words.text("the check by a person")
    return words.text("the organisation you chose") if card is None else card.name(words.code)

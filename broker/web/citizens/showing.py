"""From what an action found to what a page is filled with. Pure: the same in gives the same page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from broker.actions.views import (
    CheckAndShare,
    Checking,
    Choose,
    Confirm,
    Ended,
    Leave,
    Lost,
    SharedItem,
    View,
    Waiting,
    WentWrong,
)
from broker.journey.offer import given_up, next_steps
from broker.journey.transaction import Failed
from broker.model.failures import FailureClass, NextStep
from broker.model.identity import HELP
from broker.model.request import WayBack
from broker.model.service import Service
from broker.provider import Card
from broker.web import cookies
from broker.web.citizens.claims import label, lines
from broker.web.citizens.endings import ENDINGS
from broker.web.citizens.frame import Frame, readable
from broker.web.citizens.slip import slip
from broker.web.citizens.standing import waiting
from broker.web.citizens.steps import Control, lost_steps, steps
from broker.web.citizens.tellings import NO_SERVICE, NOTHING_SHARED, TELLINGS
from broker.web.citizens.ways import cards, not_working, order_rule, ways
from broker.web.language import Language
from broker.web.middleware.headers import FORM_ELSEWHERE
from broker.web.pages import Sheet, in_language
from broker.web.shown import Shown, in_header

_TOLD: Final = {"tellings": TELLINGS, "not_shared": NOTHING_SHARED, "no_service": NO_SERVICE}

SHEETS = (
    Sheet("choose", "citizens/choose.html"),
    Sheet("leave", "citizens/leave.html"),
    Sheet("checking", "citizens/checking.html"),
    Sheet("share", "citizens/share.html"),
    Sheet("confirm", "citizens/confirm.html"),
    Sheet("failed", "citizens/failed.html", _TOLD),
    *(Sheet(f"ended/{ending}", "citizens/ended.html", {"telling": told}) for ending, told in ENDINGS.items()),
)
"""The pages that a transaction's own address shows, but for those of a waiting case."""

_KEEPING: Final = frozenset(
    {NextStep.RETRY, NextStep.RESUME, NextStep.STEP_UP, NextStep.ANOTHER, NextStep.WHAT_YOU_HAVE}
    | {NextStep.HELP, NextStep.STATUS, NextStep.CHANGE_HELP, NextStep.LATER}
)
"""The steps that go on from here: a page that offers none of them does not say that the place is kept."""

FORM_LEAVES: Final = (("Content-Security-Policy", FORM_ELSEWHERE),)
"""The header of a page whose form goes to a relying service."""


def show(view: View, frame: Frame, held: Mapping[str, str]) -> Shown:
    """The page for a view. `held` are the browser's cookies by name."""
    match view:
        case Choose():
            return _choose(view, frame)
        case Leave():
            return _leave(view, frame, held.get(cookies.LEFT))
        case Checking():
            holes = frame.holes(view.service, provider=_named(view.card, frame.language))
            return Shown("checking", holes, headers=(("Refresh", "3"),))
        case WentWrong():
            return _went_wrong(view, frame)
        case CheckAndShare():
            return _share(view, frame)
        case Confirm():
            return _confirm(view, frame)
        case Waiting():
            return waiting(view, frame, slip(held.get(cookies.CODE), frame))
        case Ended():
            return _ended(view, frame)
        case Lost():
            return _lost(view, frame)


def _ended(view: Ended, frame: Frame) -> Shown:
    back = view.back
    fields = list(back.fields.items()) if back and back.fields else None
    holes = frame.holes(view.service, back=back.url if back else None, fields=fields)
    return Shown(f"ended/{view.ending}", holes, headers=FORM_LEAVES if fields else ())


def _choose(view: Choose, frame: Frame) -> Shown:
    words, offer = frame.language, view.offer
    barred = offer.barred or (FailureClass.NO_ROUTE if offer.no_route else None)
    if barred is not None:
        failed = Failed(barred, frame.now)
        able = next_steps(view.transaction, offer, failed)
        return _went_wrong(WentWrong(view.transaction, view.service, failed, None, offer, able), frame)
    service = view.service.name(words.code)
    known = cards(offer)
    holes = frame.holes(
        view.service,
        ways=ways(offer, words, service, frame.now, person=True),
        troubles=not_working(offer, words, frame.now),
        cards=[(card.id, card.name(words.code)) for card in known.values()],
        sortable=any(card.prerequisites for card in known.values()),
        order=order_rule(offer, words),
        newcomer="create" in view.transaction.request.prompt,
    )
    holes["keeps"] = bool(holes["ways"])
    return Shown("choose", holes)


def _leave(view: Leave, frame: Frame, left: str | None) -> Shown:
    """Goes by itself the first time; seen again, with the back button or a reload, it waits to be told."""
    words = frame.language
    again = left == view.mark
    service = view.service.name(words.code)
    others = (
        ways(view.offer, words, service, frame.now, False, view.card.id) if view.offer and view.card and again else []
    )
    holes = frame.holes(
        view.service,
        name=service if view.card is None else view.card.name(words.code),
        provider=view.card is not None,
        again=again,
        url=view.url,
        fields=None if view.fields is None else list(view.fields.items()),
        ways=others,
        keeps=bool(others),
    )
    if view.fields is not None:
        return Shown("leave", holes, headers=FORM_LEAVES, cookies=(cookies.left(frame.handle, view.mark),))
    if again:
        return Shown("leave", holes)
    refresh = (("Refresh", f"0;url={in_header(view.url)}"),)
    return Shown("leave", holes, headers=refresh, cookies=(cookies.left(frame.handle, view.mark),))


def posted_back(frame: Frame, service: Service | None, way: WayBack) -> Shown:
    """The page that brings an answer back by POST where no transaction has a page of its own (`form_post`)."""
    name = service.name(frame.language.code) if service else frame.language.text("the service")
    fields = list((way.fields or {}).items())
    holes = frame.holes(service, name=name, provider=False, again=False, url=way.url, fields=fields, ways=[])
    return Shown("leave", holes, headers=FORM_LEAVES)


def _went_wrong(view: WentWrong, frame: Frame) -> Shown:
    words, transaction = frame.language, view.transaction
    made = steps(view, f"/journey/{frame.handle}", words, frame.now)
    holes = frame.holes(
        view.service,
        failure=view.failed.failure.value,
        provider=_named(view.card, words, view.failed.provider),
        kept_until=words.moment(transaction.expires, frame.now) if transaction.open else None,
        goes_on=not _KEEPING.isdisjoint(view.steps),
        spent=given_up(transaction, view.failed),
        steps=made,
        reference=readable(transaction.reference),
        may_stop=transaction.open,
        told=None,
    )
    holes["keeps"] = any(step.control is Control.PICK for step in made)
    return Shown("failed", holes)


def _lost(view: Lost, frame: Frame) -> Shown:
    status = 503 if view.failure is FailureClass.OVERLOADED else 404 if view.failure is FailureClass.LOST_PLACE else 400
    return dead_end(view, frame, status)


def dead_end(view: Lost, frame: Frame, status: int) -> Shown:
    """The failure page if no transaction can be shown."""
    holes = frame.holes(
        view.service,
        failure=view.failure.value,
        provider=_named(None, frame.language),
        kept_until=None,
        goes_on=False,
        spent=False,
        steps=lost_steps(view, frame.language),
        reference=None,
        may_stop=False,
        told=view.told,
    )
    return Shown("failed", holes, status)


@dataclass(frozen=True, slots=True)
class ItemShown:
    """One detail about to be shared, in words."""

    label: str
    lines: list[str]
    reason: str
    before: bool


def _share(view: CheckAndShare, frame: Frame) -> Shown:
    words = frame.language
    holes = frame.holes(
        view.service,
        provider=None if view.card is None else view.card.name(words.code),
        items=[_item(item, words) for item in view.items],
    )
    return Shown("share", holes)


def _confirm(view: Confirm, frame: Frame) -> Shown:
    words = frame.language
    holes = frame.holes(
        view.service,
        provider=_named(view.card, words),
        items=[_item(item, words) for item in view.items],
    )
    return Shown("confirm", holes)


def _item(item: SharedItem, words: Language) -> ItemShown:
    return ItemShown(
        label(item.claim, words),
        lines(item.claim, item.value, words),
        in_language(item.reason, words.code),
        item.shared_before,
    )


def _named(card: Card | None, words: Language, provider: str | None = None) -> str:
    if provider == HELP:
        return words.text("the check by a person")
    return words.text("the organisation you chose") if card is None else card.name(words.code)

"""Views as the actions give them: one of every kind, and a failure page for every class."""

from collections.abc import Mapping
from dataclasses import replace

from broker.actions.outcomes import HelpOffered
from broker.actions.views import (
    CheckAndShare,
    Checking,
    Choose,
    Confirm,
    Ended,
    Ending,
    Leave,
    Lost,
    SharedItem,
    View,
    Waiting,
    WentWrong,
)
from broker.assisted.case import Channel, Confirmation, Contact, Way, Words
from broker.assisted.standing import Stage, Standing
from broker.journey.offer import NotWorking, Offer, Option, OrderRule, next_steps
from broker.journey.transaction import Failed, State, Transaction
from broker.model.assurance import Level
from broker.model.failures import FailureClass, NextStep
from broker.model.question import Put, Question
from broker.model.request import AuthorizationRequest, WayBack
from broker.model.service import DataUse, OtherWay, Service
from broker.provider import Card, Thing

NOW = 1_800_000_000.0
HOUR = 3600.0
HANDLE = "a-handle-for-tests-only"


def card(id: str, name: str, needs: str, minutes: int, level: Level, *wants: Thing) -> Card:
    """A provider with texts in English and Welsh; Arabic readers see the first language."""
    return Card(id, {"en": name, "cy": name}, {"en": needs, "cy": f"{needs} (cy)"}, minutes, level, wants)


BANK = card("alder", "Alder Bank", "You need your card and the bank’s app.", 5, Level.SUBSTANTIAL, Thing.BANK_ACCOUNT)
POST = card("birch", "Birch & Post <i>", "You need a passport.", 12, Level.HIGH, Thing.PASSPORT, Thing.SMARTPHONE)
CITY = card("cedar", "مدينة الأرز", "You need your city account.", 1, Level.SUBSTANTIAL)

SERVICE = Service(
    "fishing",
    {"en": "Apply for a fishing licence", "cy": "Gwneud cais am drwydded bysgota"},
    ("https://fishing.example/return",),
    "fishing.example",
    "https://fishing.example/",
    claim_purposes=(
        DataUse("name", {"en": "It stands on your licence.", "cy": "Mae ar eich trwydded."}),
        DataUse("birthdate", {"en": "The price depends on your age."}),
        DataUse("address", {"en": "We send the licence there."}),
    ),
    contact="help@fishing.example",
    other_ways=(OtherWay({"en": "Apply by post"}, "https://fishing.example/post"), OtherWay({"en": "Come to us"})),
)

REQUEST = AuthorizationRequest(
    "fishing",
    "https://fishing.example/return",
    ("openid", "profile"),
    Level.SUBSTANTIAL,
    asked=("name", "birthdate", "https://claims.example/boat_name"),
)

OFFER = Offer(
    OrderRule.SHUFFLED,
    options=(
        Option(BANK, seconds=400.0),
        Option(CITY, failed=Failed(FailureClass.CANCELLED, NOW - 300, "cedar"), languages=("ar", "fr")),
    ),
    not_working=(
        NotWorking(POST, NOW - 2 * HOUR, NOW - 60),
        NotWorking(replace(POST, id="paused"), why={"en": "They are moving house."}, until=NOW + 50 * HOUR),
    ),
    reachable=True,
    help=True,
    later=True,
    other_ways=True,
    contact=True,
    contacts={"alder": "https://alder.example/help"},
)

RICH_OFFER = replace(
    OFFER,
    hinted=OFFER.options[0],
    options=(
        OFFER.options[0],
        Option(POST, leaves=NOW + 700 * HOUR),
        Option(CITY, closes=NOW + 100 * HOUR),
        Option(replace(CITY, id="old"), closed=True),
    ),
    order=OrderRule.CONFIGURED,
)


def transaction(state: State, *failures: Failed, language: str = "en") -> Transaction:
    """A transaction with nothing special about it."""
    return Transaction(
        id="t1",
        version=3,
        state=state,
        browser="digest",
        request=REQUEST,
        language=language,
        created=NOW - 60,
        changed=NOW - 30,
        expires=NOW + 20 * HOUR,
        reference="K7WM-2QXD",
        seed=7,
        failures=failures,
        case="c1" if state is State.WAITING else None,
    )


def went_wrong(failure: FailureClass, offer: Offer = OFFER) -> WentWrong:
    """The failure page of a class, with the steps that are real for this offer."""
    failed = Failed(failure, NOW - 30, "alder")
    stands = transaction(State.FAILED, failed)
    return WentWrong(stands, SERVICE, failed, BANK, offer, next_steps(stands, offer, failed))


def waiting(stage: Stage) -> Waiting:
    """A case at a stage, as its citizen sees it."""
    take_up = stage is Stage.TO_TAKE_UP
    stands = Standing(
        stage,
        "P4TRXX92",
        words=None if take_up else Words("harbour", "lantern"),
        channel=Channel.VIDEO,
        appointment=NOW + 30 * HOUR if stage is Stage.BOOKED else None,
        until=NOW + 48 * HOUR if take_up or stage is Stage.ASKED else None,
        ends=NOW + 300 * HOUR,
        contact=Contact(Way.EMAIL, "a…@example.org"),
        code=Confirmation("digest", Way.EMAIL, NOW, NOW + HOUR) if take_up else None,
        may_send=take_up,
        tries=2 if take_up else 0,
    )
    return Waiting(transaction(State.WAITING), SERVICE, stands, OFFER)


def _take_up(**differently: object) -> Waiting:
    view = waiting(Stage.TO_TAKE_UP)
    return replace(view, standing=replace(view.standing, **differently))


ITEMS = (
    SharedItem("name", "Ada <b>Marchetti</b>", SERVICE.claim_purposes[0].reason, False),
    SharedItem("birthdate", "1958-04-02", SERVICE.claim_purposes[1].reason, True),
    SharedItem("address", {"formatted": "12 High Street\nLlandudno"}, SERVICE.claim_purposes[2].reason, False),
    SharedItem("email_verified", True, {}, False),
)

EVERY_STEP = replace(went_wrong(FailureClass.NOT_VERIFIED, RICH_OFFER), steps=tuple(NextStep))

QUESTION = Put("q1", "Order <17>: two books")
PLAIN = Put("q2")
STAFF = Put("q3", "Your call with us on Tuesday", "c1")
ASKED = Question("q3", "fishing", NOW - 60, NOW + 540, "BCDF-GHJK", Level.LOW, message=STAFF.message, case="c1")


def asked(question: Put, state: State = State.IDENTIFIED) -> Transaction:
    """A transaction that answers a question."""
    request = replace(REQUEST, redirect_uri="", question=question)
    return replace(transaction(state), request=request)


VIEWS: Mapping[str, View] = {
    "choose": Choose(transaction(State.CHOOSING), SERVICE, OFFER),
    "choose_rich": Choose(transaction(State.CHOOSING), SERVICE, RICH_OFFER),
    "choose_nothing_works": Choose(
        transaction(State.CHOOSING), SERVICE, replace(OFFER, options=(), help=False, order=OrderRule.ALPHABETICAL)
    ),
    "choose_no_route": Choose(transaction(State.CHOOSING), SERVICE, replace(OFFER, options=(), reachable=False)),
    "leave": Leave(SERVICE, "https://alder.example/authorize?a=1&b=2", "mark-1", BANK, offer=OFFER),
    "leave_for_service": Leave(SERVICE, "https://fishing.example/return?code=x&state=y", "mark-2", None),
    "leave_by_post": Leave(SERVICE, "https://fishing.example/return", "mark-3", None, {"code": "x", "state": '"<'}),
    "checking": Checking(SERVICE, BANK),
    "share": CheckAndShare(transaction(State.IDENTIFIED), SERVICE, BANK, ITEMS),
    "confirm": Confirm(asked(QUESTION), SERVICE, BANK, ITEMS, QUESTION),
    "confirm_nothing_shared": Confirm(asked(PLAIN), SERVICE, BANK, (), PLAIN),
    "confirm_for_staff": Confirm(asked(STAFF), SERVICE, BANK, (), STAFF),
    "choose_asked": Choose(asked(QUESTION, State.CHOOSING), SERVICE, OFFER),
    "choose_asked_by_staff": Choose(asked(STAFF, State.CHOOSING), SERVICE, OFFER),
    "share_nothing": CheckAndShare(transaction(State.IDENTIFIED), SERVICE, None, ()),
    "every_step": EVERY_STEP,
    "lost": Lost(FailureClass.LOST_PLACE),
    "lost_with_service": Lost(FailureClass.LOST_PLACE, SERVICE, SERVICE.home),
    "lost_service_off": Lost(FailureClass.SERVICE_OFF, SERVICE, SERVICE.home),
    "lost_bad_link": Lost(FailureClass.BAD_LINK),
    **{f"ended_{ending}": Ended(SERVICE, ending, WayBack(SERVICE.home)) for ending in Ending},
    **{f"ended_here_{ending}": Ended(SERVICE, ending, None) for ending in Ending},
    "ended_and_posted": Ended(SERVICE, Ending.EXPIRED, WayBack("https://fishing.example/return", {"error": '"<'})),
    **{f"waiting_{stage}": waiting(stage) for stage in Stage},
    "waiting_asked": replace(waiting(Stage.TALKING), asked=ASKED),
    "waiting_code_to_send": _take_up(code=None),
    "waiting_code_to_send_by_phone": _take_up(code=None, contact=Contact(Way.PHONE, "…982")),
    "waiting_code_to_post": _take_up(code=None, channel=Channel.PHONE_AND_POST),
    "waiting_code_posted": _take_up(code=Confirmation("digest", Way.POST, NOW, NOW + HOUR)),
    "waiting_no_more_codes": _take_up(code=None, may_send=False),
    **{f"failed_{failure}": went_wrong(failure) for failure in FailureClass},
}

HELP_ON_OFFER = HelpOffered(transaction(State.FAILED), SERVICE, (Channel.IN_PERSON, Channel.VIDEO))

"""Example views: one of every kind, and a failure view for every class."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from broker.account.links import LinkRefusal
from broker.actions.views import (
    CaseStatusView,
    CheckingView,
    ConfirmationView,
    ConsentView,
    DeadEnd,
    Ending,
    EndingView,
    FailureView,
    PickerView,
    QueueView,
    RedirectAway,
    View,
)
from broker.assisted.case_records import (
    Appointment,
    CallBack,
    CasePasskey,
    Channel,
    Confirmation,
    Contact,
    ContactMethod,
    Phrase,
    Safety,
)
from broker.assisted.case_status import Asked, CaseStage, CaseStatus
from broker.assisted.intake import Intake, Need, Times
from broker.assisted.proofs import Needs
from broker.journey.transaction import AskedAgain, FailedAttempt, QueuePlace, TransactionState
from broker.model.failures import FailureClass, NextStep
from broker.model.provider_policy import DisplayOrder
from broker.model.request import ClientRedirect
from tests.unit.web.examples import (
    ASKED,
    BANK,
    EVERY_STEP,
    HOUR,
    ITEMS,
    NOW,
    OFFER,
    OFFICE,
    OWN,
    PLAIN,
    POST,
    QUESTION,
    RICH_OFFER,
    SERVICE,
    STAFF,
    asked,
    by_choice,
    linking,
    transaction,
    went_wrong,
)

ASKED_FOR = Asked(
    Channel.VIDEO,
    Contact(ContactMethod.EMAIL, "a…@example.org"),
    Contact(ContactMethod.PHONE, "…982"),
    Safety(),
    Intake((Times.MORNING,), "cy", (Need.HEARING, Need.SIGN_LANGUAGE), ("passport",), "My <sister>", "Ada"),
)
PASSKEY = CasePasskey("digest", NOW, "asker", 90 * 24 * HOUR, "ann")
MEETINGS: Mapping[CaseStage, Mapping[str, Any]] = {
    CaseStage.ASKED: {"asked": ASKED_FOR, "may_book": True, "comes": True, "missed": 1},
    CaseStage.MORE_NEEDED: {"asked": ASKED_FOR, "wanted": ({"en": "Passport", "cy": "Pasbort"},)},
    CaseStage.SCHEDULED: {
        "asked": ASKED_FOR,
        "may_book": True,
        "appointment": Appointment("b", "central", 0, NOW + 50 * HOUR, NOW + 50.5 * HOUR),
        "office": OFFICE,
    },
    CaseStage.REPLACING: {"starts": NOW + 24 * HOUR, "passkey": PASSKEY, "may_remove_passkey": True},
    CaseStage.IN_LINE: {
        "asked": ASKED_FOR,
        "may_book": True,
        "open_hours": (NOW - HOUR, NOW + 8 * HOUR),
        "ahead": 3,
        "wait": 1500,
    },
}
"""What the page of a case also shows while the citizen waits for a meeting."""


def waiting(stage: CaseStage) -> CaseStatusView:
    """The case status view of a stage."""
    take_up = stage is CaseStage.TO_TAKE_UP
    demo_applications = CaseStatus(
        stage,
        "P4TRXX92",
        words=None if take_up else Phrase("harbour", "lantern"),
        channel=Channel.VIDEO,
        until=NOW + 48 * HOUR if take_up or stage is CaseStage.ASKED else None,
        ends=NOW + 300 * HOUR,
        looked_at=NOW + 8 * HOUR if stage is CaseStage.STOPPED else None,
        contact=Contact(ContactMethod.EMAIL, "a…@example.org"),
        code=Confirmation("digest", ContactMethod.EMAIL, NOW, NOW + HOUR) if take_up else None,
        may_send=take_up,
        tries=2 if take_up else 0,
        may_finish=take_up,
        may_meet=take_up,
        **MEETINGS.get(stage, {}),
    )
    return CaseStatusView(transaction(TransactionState.WAITING), SERVICE, demo_applications, OFFER)


BY_PHONE = Contact(ContactMethod.PHONE, "…982")
CALL = CallBack(NOW, NOW + HOUR, "agent-1", "nonce", NOW + 600)
CALL_AND_WORDS = Needs(code=False, words=False, call=False, call_and_words=True)


def _take_up(**differently: object) -> CaseStatusView:
    view = waiting(CaseStage.TO_TAKE_UP)
    return replace(view, status=replace(view.status, **differently))


def _other_meeting() -> CaseStatusView:
    view = waiting(CaseStage.IN_LINE)
    return replace(view, status=replace(view.status, other_meeting=True))


def _closing() -> CaseStatusView:
    view = waiting(CaseStage.ASKED)
    return replace(view, status=replace(view.status, closing=NOW + 48 * HOUR))


def _next_in_line() -> CaseStatusView:
    view = waiting(CaseStage.IN_LINE)
    return replace(view, status=replace(view.status, ahead=0, wait=None, open_hours=(NOW + HOUR, NOW + 9 * HOUR)))


VIEWS: Mapping[str, View] = {
    "choose": PickerView(transaction(TransactionState.CHOOSING), SERVICE, OFFER),
    "choose_rich": PickerView(transaction(TransactionState.CHOOSING), SERVICE, RICH_OFFER),
    "choose_without_a_person": PickerView(
        transaction(TransactionState.CHOOSING), SERVICE, replace(OFFER, help=False, help_below=True)
    ),
    "choose_nothing_works": PickerView(
        transaction(TransactionState.CHOOSING),
        SERVICE,
        replace(OFFER, options=(), help=False, order=DisplayOrder.ALPHABETICAL),
    ),
    "choose_no_route": PickerView(
        transaction(TransactionState.CHOOSING), SERVICE, replace(OFFER, options=(), reachable=False)
    ),
    "leave": RedirectAway(SERVICE, "https://alder.example/authorize?a=1&b=2", "mark-1", BANK, offer=OFFER),
    "leave_once": RedirectAway(
        SERVICE, "https://alder.example/authorize?request_uri=urn:a", "mark-4", BANK, offer=OFFER, expires=NOW - 1
    ),
    "leave_for_service": RedirectAway(SERVICE, "https://fishing.example/return?code=x&state=y", "mark-2", None),
    "leave_by_post": RedirectAway(
        SERVICE, "https://fishing.example/return", "mark-3", None, {"code": "x", "state": '"<'}
    ),
    "checking": CheckingView(SERVICE, BANK),
    "queued": QueueView(
        transaction(TransactionState.QUEUED),
        SERVICE,
        POST,
        QueuePlace("birch", NOW - 60, NOW + 400, 2.0),
        RICH_OFFER,
        30,
    ),
    "share": ConsentView(transaction(TransactionState.IDENTIFIED), SERVICE, BANK, ITEMS, 30 * 86_400, offline=True),
    "link": linking(),
    "link_and_move": linking(replaced="alder"),
    **{f"link_{refusal}": linking(refusal, known_twice=(SERVICE,)) for refusal in LinkRefusal},
    "choose_only": PickerView(
        transaction(TransactionState.CHOOSING), SERVICE, replace(OFFER, options=OFFER.options[:1], only=BANK)
    ),
    "choose_again": PickerView(
        replace(transaction(TransactionState.CHOOSING), again=AskedAgain.LEVEL), SERVICE, RICH_OFFER
    ),
    "choose_nothing": PickerView(
        transaction(TransactionState.CHOOSING), SERVICE, replace(OFFER, options=(), help=False, later=False)
    ),
    "choose_for_account": PickerView(
        replace(linking().transaction, state=TransactionState.CHOOSING), OWN, replace(OFFER, help=False)
    ),
    "failed_for_account": FailureView(
        replace(linking().transaction, state=TransactionState.FAILED),
        OWN,
        FailedAttempt(FailureClass.CANCELLED, NOW - 30, "alder"),
        BANK,
        OFFER,
        (NextStep.RETRY, NextStep.ANOTHER),
    ),
    "ended_for_account": EndingView(OWN, Ending.EXPIRED, ClientRedirect(OWN.presentation.home)),
    "confirm": ConfirmationView(asked(QUESTION), SERVICE, BANK, ITEMS, QUESTION),
    "confirm_nothing_shared": ConfirmationView(asked(PLAIN), SERVICE, BANK, (), PLAIN),
    "confirm_for_staff": ConfirmationView(asked(STAFF), SERVICE, BANK, (), STAFF),
    "choose_asked": PickerView(asked(QUESTION, TransactionState.CHOOSING), SERVICE, OFFER),
    "choose_asked_by_staff": PickerView(asked(STAFF, TransactionState.CHOOSING), SERVICE, OFFER),
    "share_some": ConsentView(
        transaction(TransactionState.IDENTIFIED),
        replace(
            SERVICE, presentation=replace(SERVICE.presentation, privacy_notice="https://fishing.example/p?a=1&b=2")
        ),
        BANK,
        (*ITEMS[:1], *by_choice(ITEMS[1:3])),
        600,
        missing=("email", "phone_number"),
    ),
    "share_by_choice": ConsentView(
        transaction(TransactionState.IDENTIFIED),
        SERVICE,
        None,
        by_choice(ITEMS[:1]),
        600,
        missing=("email",),
    ),
    "share_nothing": ConsentView(transaction(TransactionState.IDENTIFIED), SERVICE, None, (), 600),
    "every_step": EVERY_STEP,
    "lost": DeadEnd(FailureClass.LOST_PLACE),
    "lost_with_service": DeadEnd(FailureClass.LOST_PLACE, SERVICE, SERVICE.presentation.home),
    "lost_service_off": DeadEnd(FailureClass.SERVICE_OFF, SERVICE, SERVICE.presentation.home),
    "lost_bad_link": DeadEnd(FailureClass.BAD_LINK),
    **{f"ended_{ending}": EndingView(SERVICE, ending, ClientRedirect(SERVICE.presentation.home)) for ending in Ending},
    **{f"ended_here_{ending}": EndingView(SERVICE, ending, None) for ending in Ending},
    "ended_and_posted": EndingView(
        SERVICE, Ending.EXPIRED, ClientRedirect("https://fishing.example/return", {"error": '"<'})
    ),
    **{f"waiting_{stage}": waiting(stage) for stage in CaseStage},
    "waiting_asked": replace(waiting(CaseStage.TALKING), question=ASKED),
    "waiting_code_to_send": _take_up(code=None),
    "waiting_code_to_send_by_phone": _take_up(code=None, contact=Contact(ContactMethod.PHONE, "…982")),
    "waiting_code_to_post": _take_up(code=None, channel=Channel.PHONE_AND_POST),
    "waiting_code_posted": _take_up(code=Confirmation("digest", ContactMethod.POST, NOW, NOW + HOUR)),
    "waiting_call_offered": _take_up(may_call=True, contact=BY_PHONE),
    "waiting_call_wanted": _take_up(call=CallBack(NOW, NOW + HOUR), contact=BY_PHONE),
    "waiting_call_made": _take_up(call=CALL, contact=BY_PHONE),
    "waiting_call_missed": _take_up(missed_call=True, may_call=True, contact=BY_PHONE),
    "waiting_call_made_in_another_browser": _take_up(call=CALL, contact=BY_PHONE, needs=CALL_AND_WORDS),
    "waiting_call_in_another_browser": _take_up(
        code=None, may_send=False, may_finish=False, may_call=True, contact=BY_PHONE, needs=CALL_AND_WORDS
    ),
    "waiting_no_more_codes": _take_up(code=None, may_send=False),
    "waiting_in_another_browser": _take_up(code=None, may_send=False, may_finish=False),
    "waiting_in_another_browser_for_good": _take_up(code=None, may_send=False, may_finish=False, may_meet=False),
    "waiting_for_another_meeting": _other_meeting(),
    "waiting_next_in_line": _next_in_line(),
    "waiting_closing": _closing(),
    **{f"failed_{failure}": went_wrong(failure) for failure in FailureClass},
}

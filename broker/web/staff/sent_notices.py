"""What became of the messages to citizens: those of a case on its page, and those that did not arrive for a lead."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.sent import withdraw_notice
from broker.assisted.case_records import ContactMethod
from broker.model.notification import NoticeRecord, NoticeStatus, NotificationKind
from broker.model.staff import StaffRole
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.page_context import readable
from broker.web.shared.i18n import Language
from broker.web.staff.request import StaffApp, StaffPage, staff, with_form
from broker.web.staff.responses import back_to_case

KINDS: Final[Mapping[NotificationKind, str]] = MappingProxyType(
    {
        NotificationKind.CODE: marked("The code"),
        NotificationKind.ASKED: marked("That the request arrived"),
        NotificationKind.SCHEDULED: marked("The appointment"),
        NotificationKind.REMINDER: marked("A reminder of the appointment"),
        NotificationKind.MISSED: marked("That we missed each other"),
        NotificationKind.CLOSING: marked("That the request will end"),
        NotificationKind.CLOSED: marked("That the request has ended"),
        NotificationKind.ADDRESS_REMOVED: marked("That an address was removed"),
        NotificationKind.RESULT: marked("That there is news"),
        NotificationKind.MORE_NEEDED: marked("That more is needed"),
        NotificationKind.NEW_LOOK: marked("That somebody else looks at it"),
        NotificationKind.CHECKED: marked("Was this you?"),
        NotificationKind.FROZEN: marked("That the identity was stopped"),
        NotificationKind.REBIND: marked("That a new passkey will count: was this you?"),
        NotificationKind.REBIND_STOPPED: marked("That the new passkey was stopped"),
        NotificationKind.KEPT_ENDING: marked("That the kept identity will end"),
        NotificationKind.MESSAGE: marked("A message of an agent"),
        NotificationKind.QUESTION: marked("A question to confirm"),
    }
)
WAYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        ContactMethod.EMAIL.value: marked("by e-mail"),
        ContactMethod.PHONE.value: marked("by text message"),
        ContactMethod.POST.value: marked("by letter"),
    }
)
STATUSES: Final[Mapping[NoticeStatus, str]] = MappingProxyType(
    {
        NoticeStatus.WAITING: marked("waits to be sent"),
        NoticeStatus.SENT: marked("sent"),
        NoticeStatus.DELIVERED: marked("arrived"),
        NoticeStatus.UNDELIVERED: marked("did not arrive"),
        NoticeStatus.WITHDRAWN: marked("withdrawn"),
    }
)
SHOWN: Final = 20
"""Messages that did not arrive that the desk of a lead shows."""


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """One message: when, what and how, what became of it. `lost` if it did not arrive. `withdraw` is
    its id if it can be withdrawn, "" if not."""

    reference: str
    at: str
    what: str
    status: str
    lost: bool
    withdraw: str


async def notices_of_case(req: StaffPage) -> list[NoticeLine]:
    """The messages of the case of the page. They name no address."""
    now = req.app.system.now()
    return [_line("", one, req.visit.language, now) for one in await req.app.notices.of_case(req.id, now)]


async def lost_notices(req: StaffPage) -> list[NoticeLine]:
    """For a lead: messages that did not arrive, the newest first."""
    if not req.member.may(StaffRole.LEAD):
        return []
    now = req.app.system.now()
    return [
        _line(readable(reference), one, req.visit.language, now)
        for reference, one in await req.app.notices.undelivered(now, SHOWN)
    ]


def notice_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [Route("/cases/{case}/withdraw-notice", staff(app, with_form(withdraw)), methods=["POST"])]


async def withdraw(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Withdraws a message that was not sent yet."""
    done = await withdraw_notice(req.cases.context, req.app.notices, req.principal, req.id, form.get("notice", ""))
    return await back_to_case(req, done, form, confirmation="withdrawn")


def _line(reference: str, one: NoticeRecord, words: Language, now: float) -> NoticeLine:
    what = marked("A message") if one.kind is None else KINDS[one.kind]
    return NoticeLine(
        reference,
        words.format_time(one.created, now),
        f"{words.text(what)}, {words.text(WAYS[one.way])}",
        words.text(STATUSES[one.status]),
        one.status is NoticeStatus.UNDELIVERED,
        one.id if one.withdrawable else "",
    )

"""Reaching the citizen: attempts and what came of them, messages from templates, and the video room."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from broker.actions.assisted.context import NOTICE_LIFE, CaseChange, CaseContext
from broker.actions.assisted.editing import always, edit_case, load_permitted
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import (
    CaseRef,
    CaseView,
    EditRefused,
    InputError,
    InvalidInput,
    StaffAction,
)
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Contact, ContactMethod
from broker.assisted.case_work import CaseWork
from broker.assisted.contact_log import ContactAttempt, ContactChannel, ContactOutcome
from broker.assisted.messages import MessageField, fit_line, message_templates
from broker.assisted.transitions import TransitionRefused
from broker.model.notification import NoticeTimes, Notification, NotificationKind, Recipient, new_notification

LOG: Final = logging.getLogger("portico.notices")


class VideoRooms(Protocol):
    """The operator's own tool for meetings by video."""

    async def open(self, request_id: str) -> str | None:
        """Opens a room. Returns its link, which the citizen gets too; None if the tool does not answer."""
        ...


@dataclass(frozen=True, slots=True)
class MessageDraft:
    """A message as the agent filled it in. `values` are the fields; a time is seconds since 1970 UTC. `second`: it goes
    to the second address."""

    template: str
    values: Mapping[MessageField, str] = field(default_factory=dict)
    second: bool = False


async def log_attempt(
    context: CaseContext,
    who: StaffPrincipal,
    ref: CaseRef,
    what: tuple[ContactChannel, ContactOutcome],
    again: float | None,
) -> CaseView | EditRefused:
    """Records an attempt: how and what came of it, and when the agent tries again (seconds since 1970 UTC)."""
    attempt = ContactAttempt(who.member.id, context.system.now(), *what, again)
    return await edit_case(context, who, StaffAction.CONTACT, ref, always(ev.ContactTried(attempt)))


def addresses(context: CaseContext, case: Case) -> tuple[Contact, ...]:
    """The addresses to which a message can be sent, the first one first; none for a citizen whose contact is unsafe."""
    if case.safety.unsafe:
        return ()
    known = (case.contact, case.second_contact)
    return tuple(one for one in known if one is not None and one.way in context.prompts.contact_methods)


def compose(context: CaseContext, case: Case, draft: MessageDraft) -> Notification | InvalidInput | TransitionRefused:
    """The message exactly as the citizen gets it; the errors by field, or NOT_NOW if it cannot be sent at all."""
    template, reach = message_templates().templates.get(draft.template), addresses(context, case)
    to = case.second_contact if draft.second else case.contact
    if template is None or to is None or to not in reach:
        return TransitionRefused.NOT_NOW
    words = {"reference": case.reference, "contact": context.told.contact}
    errors: dict[str, InputError] = {}
    for name in template.asks:
        found = _field(context, case, name, draft.values.get(name, ""))
        if isinstance(found, InputError):
            errors[name.value] = found
        else:
            words[name.value] = found
    if errors:
        return InvalidInput(errors)
    recipient = Recipient(to.way, to.address, case.language)
    times = NoticeTimes(min(context.system.now() + NOTICE_LIFE, case.expires))
    text = template.written(case.language, words, short=to.way is ContactMethod.PHONE)
    return new_notification(context.system, NotificationKind.MESSAGE, recipient, times, {"text": text}, case.id)


def _field(context: CaseContext, case: Case, name: MessageField, typed: str) -> str | InputError:
    match name:
        case MessageField.TIME:
            at = float(typed) if typed.isascii() and typed.isdigit() else 0.0
            ahead = context.system.now() < at < case.expires
            return context.told.moment(at, case.language) if ahead else InputError.NOT_AHEAD
        case MessageField.NOTE:
            return typed.strip() if fit_line(typed) else InputError.LINE
        case MessageField.ROOM:
            return case.room or InputError.NO_ROOM


async def send_message(
    context: CaseContext, who: StaffPrincipal, ref: CaseRef, draft: MessageDraft
) -> CaseView | EditRefused:
    """Sends a message through the outbox, and records it among the attempts, in one transaction."""

    async def make(case: Case) -> CaseChange | EditRefused:
        made = compose(context, case, draft)
        if not isinstance(made, Notification):
            return made
        channel = ContactChannel.LETTER if made.way == ContactMethod.POST else ContactChannel.MESSAGE
        now = context.system.now()
        attempt = ContactAttempt(who.member.id, now, channel, ContactOutcome.SENT, template=draft.template)
        return CaseChange((ev.ContactTried(attempt),), CaseWork(notices=(made,)))

    return await edit_case(context, who, StaffAction.CONTACT, ref, make)


async def open_room(
    context: CaseContext, rooms: VideoRooms, who: StaffPrincipal, ref: CaseRef
) -> CaseView | EditRefused:
    """Opens a video room for the case, in place of the one before. InvalidInput if the tool does not answer."""
    case = await load_permitted(context, who, StaffAction.CONTACT, ref)
    if not isinstance(case, Case):
        return case
    link = await rooms.open(context.system.random_bytes(16).hex())
    if link is None:
        LOG.warning("room_failed", extra={"case": case.id})
        return InvalidInput({"room": InputError.NO_ROOM})
    return await edit_case(context, who, StaffAction.CONTACT, ref, always(ev.RoomOpened(who.member.id, link)))

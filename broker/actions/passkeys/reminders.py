"""Reminders before a kept identity ends: a periodic task writes each into the outbox once."""

from dataclasses import dataclass

from broker.actions.passkeys.ports import KeptReminders
from broker.model.audit import AuditEvent
from broker.model.notification import NoticeTimes, NotificationKind, new_notification
from broker.model.passkey import DueReminder, next_reminder
from broker.platform.system import System

BATCH = 50
"""Kept identities of one run."""


@dataclass(frozen=True, slots=True)
class ReminderContext:
    """What reminding works with. `before` are the spans (seconds) before the end at which citizens are reminded, `page`
    is the URL on which they can renew, `ways` are how notices can be sent."""

    reminders: KeptReminders
    before: tuple[int, ...]
    page: str
    ways: frozenset[str]
    system: System


async def remind(context: ReminderContext) -> int:
    """Reminds the citizens whose time has come. Returns how many kept identities were due.

    The notices are written together with the moment of the next reminder: a process that dies in between has written
    both or nothing. Of several moments that passed while no process ran, one reminder is sent.
    """
    due = await context.reminders.due(context.system.now(), BATCH)
    for one in due:
        await _remind(context, one)
    return len(due)


async def _remind(context: ReminderContext, due: DueReminder) -> None:
    now = context.system.now()
    useful = now < due.expires and not due.frozen
    notices = tuple(
        new_notification(
            context.system,
            NotificationKind.KEPT_ENDING,
            recipient,
            NoticeTimes(due.expires),
            {"ends": due.expires, "address": context.page},
            due.reach.case,
        )
        for recipient in due.reach.recipients
        if useful and recipient.way in context.ways
    )
    details = {"notices": str(len(notices))}
    event = AuditEvent("kept_ending_reminded", now, "broker", case=due.reach.case, details=details)
    events = (event,) if notices else ()
    await context.reminders.reminded(due, next_reminder(due.expires, now, context.before), notices, events)

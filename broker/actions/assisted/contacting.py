"""Attempts of the agent to reach the citizen before a session."""

from broker.actions.assisted.context import CaseContext
from broker.actions.assisted.editing import always, edit_case
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import CaseRef, CaseView, EditRefused, StaffAction
from broker.assisted import events as ev
from broker.assisted.contact_log import ContactAttempt, ContactChannel, ContactOutcome


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

"""edit_case: the one way in which staff change a case. It reads the case once, judges that reading and saves it."""

from collections.abc import Awaitable, Callable

from broker.actions.assisted.case_view import case_view
from broker.actions.assisted.context import (
    TRIES,
    CaseChange,
    CaseContext,
    apply_events,
    load_by_reference,
    load_case,
    overtaken,
    save,
)
from broker.actions.assisted.permissions import PERMISSIONS, check_access, check_permission, has_staff_role
from broker.actions.assisted.staff_login import StaffActor
from broker.actions.assisted.staff_results import (
    ActionRefused,
    CaseRef,
    CaseView,
    EditRefused,
    RefusalReason,
    StaffAction,
)
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.transitions import TransitionRefused

MakeEvent = Callable[[Case], Awaitable[ev.ByStaff | CaseChange | EditRefused]]
"""Makes the event of an action from the case as it was read, or the change with what is written beside it, or says what
is wrong with the input."""


def always(event: ev.ByStaff | EditRefused) -> MakeEvent:
    """Makes an event that does not depend on the case, or refuses the input."""

    async def make(_case: Case) -> ev.ByStaff | EditRefused:
        return event

    return make


async def edit_case(
    context: CaseContext, staff: StaffActor, action: StaffAction, ref: CaseRef | str, make_event: MakeEvent
) -> CaseView | EditRefused:
    """Changes a case by one action of a member of staff. `ref` is a case, or a reference as text.

    Reads the case once, asks PERMISSIONS about that reading, applies the event by the rules, and saves on top of the
    version that was read, with the audit row in the same transaction. If another process saved the case in between, it
    reads and judges again. Returns the case as the member of staff may see it afterwards, or why nothing was changed.
    """
    for _ in range(TRIES):
        case = await load_permitted(context, staff, action, ref)
        if not isinstance(case, Case):
            return case
        event = await make_event(case)
        if not isinstance(event, ev.ByStaff | CaseChange):
            return event
        change = CaseChange((event,)) if isinstance(event, ev.ByStaff) else event
        after = apply_events(context, case, *change.events)
        if isinstance(after, TransitionRefused):
            return after
        saved = await save(context, case, after, change.work)
        if saved is not None:
            return case_view(context, saved, staff.member)
    return ActionRefused.CONFLICT


async def load_permitted(
    context: CaseContext, staff: StaffActor, action: StaffAction, ref: CaseRef | str
) -> Case | RefusalReason:
    """Reads a case for an action; the case, or why this member of staff may not do the action with it now."""
    if not has_staff_role(staff.member, action):
        return ActionRefused.NOT_ALLOWED
    case = await (load_by_reference(context, ref) if isinstance(ref, str) else load_case(context, ref.id))
    if case is None:
        return ActionRefused.UNKNOWN
    now = context.system.now()
    why = check_access(case, staff.member, action, now)
    if why is None and PERMISSIONS[action].recent_sign_in and now >= staff.fresh_until:
        why = ActionRefused.NOT_FRESH
    if why is None and isinstance(ref, CaseRef) and ref.edit_version not in (None, case.edit_version):
        why = overtaken(case)
    return why or check_permission(context.rules, case, staff.member, action, now) or case

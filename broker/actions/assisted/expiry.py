"""Expired deadlines of cases, applied by a periodic task."""

from broker.actions.assisted.context import CaseContext, load_case


async def expire_due_cases(context: CaseContext, limit: int = 50) -> int:
    """Applies the expired deadlines of cases without waiting for a request, so that citizens get notices in time.

    Returns how many cases were due. Correctness does not depend on it: each load applies expired deadlines first.
    """
    due = await context.stores.cases.due(context.system.now(), limit)
    for case in due:
        await load_case(context, case.id)
    return len(due)

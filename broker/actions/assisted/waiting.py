"""What a citizen who waits can know: their place in line, the expected time, opening hours, their appointment."""

from dataclasses import replace

from broker.actions.appointments.booking import office_of, places
from broker.actions.assisted.asking import comes_by_appointment
from broker.actions.assisted.context import CaseContext
from broker.actions.assisted.reports import Reports, waits
from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.case_status import CaseStatus
from broker.assisted.measures import expected_wait
from broker.assisted.opening import ChannelSettings

TO_WAIT = (CaseState.REQUESTED, CaseState.SCHEDULED, CaseState.QUEUED)


async def with_waiting(context: CaseContext, case: Case, status: CaseStatus) -> CaseStatus:
    """The status with what depends on other cases and on the settings, while the citizen waits for a meeting."""
    if case.state not in TO_WAIT or case.channel is None:
        return status
    policy, now = context.rules.policy, context.system.now()
    hours = policy.channels.get(case.channel, ChannelSettings()).hours or policy.hours
    status = replace(
        status,
        office=None if case.appointment is None else office_of(context, case.appointment),
        may_book=bool(places(context, case)),
        comes=comes_by_appointment(context, case.channel),
        open_hours=hours.next_span(now),
        wanted=tuple(
            context.rules.profiles.kinds[name].text for name in case.wanted if name in context.rules.profiles.kinds
        ),
    )
    if case.state is not CaseState.QUEUED:
        return status
    since = case.changed if case.queued is None else case.queued
    measured = await waits(Reports(context.stores.measures, context.system))
    return replace(
        status,
        ahead=await context.stores.cases.count_before(case),
        wait=expected_wait(measured.get(case.channel.value, {}), max(0.0, now - since)),
    )

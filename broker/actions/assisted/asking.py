"""Asking for a person: which ways there are, what the citizen said, and changing it while no agent holds the case."""

from collections.abc import Mapping, Set
from dataclasses import replace

from broker.actions.assisted.contact import cannot_be_reached, contact, fingerprint_text
from broker.actions.assisted.context import CaseChange, CaseContext, audit_rows, change_case, notice
from broker.actions.assisted.reports import Reports, promises_kept, waits
from broker.actions.results import HelpOffered, HelpRefused, HelpRequest
from broker.assisted import events as ev
from broker.assisted.appointments import bookable
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Contact, ContactMethod, Safety
from broker.assisted.case_states import CaseState
from broker.assisted.case_status import asked_before
from broker.assisted.case_work import NO_WORK, CaseWork
from broker.assisted.help_ways import ways_below, ways_for
from broker.assisted.measures import expected_wait
from broker.journey.figures import request_details
from broker.journey.transaction import Transaction
from broker.model.audit import AuditEvent
from broker.model.notification import NotificationKind
from broker.model.service import Service


async def help_offered(
    context: CaseContext, transaction: Transaction, service: Service, methods: frozenset[ContactMethod]
) -> HelpOffered | None:
    """The ways that can reach the level of the transaction's service; None if there are none."""
    rules, level = context.rules, transaction.request.min_level
    ways = ways_for(rules.profiles, rules.policy, level)
    if not ways:
        return None
    return HelpOffered(
        transaction,
        service,
        ways,
        ways_below(rules.profiles, rules.policy, level),
        await measured_waits(context),
        methods,
        {name: kind.text for name, kind in rules.profiles.kinds.items() if kind.by_staff},
        promises=await kept_promises(context),
    )


async def measured_waits(context: CaseContext) -> Mapping[Channel, int]:
    """How long (seconds) half of the citizens of the last weeks waited at most, by channel, if enough did."""
    found = await waits(Reports(context.stores.measures, context.system))
    told = {channel: expected_wait(found.get(channel.value, {})) for channel in Channel}
    return {channel: wait for channel, wait in told.items() if wait is not None}


async def kept_promises(context: CaseContext) -> Mapping[Channel, int]:
    """Within how many seconds of opening hours staff talk to citizens, by channel, if it is promised and was kept."""
    policy = context.rules.policy
    made = {channel: within for channel in Channel if (within := policy.promise(channel)) is not None}
    kept = await promises_kept(Reports(context.stores.measures, context.system), made) if made else ()
    return {channel: within for channel, within in made.items() if channel in kept}


def comes_by_appointment(context: CaseContext, channel: Channel) -> bool:
    """Whether citizens of a channel come to an office by appointment, so that they do not wait in line before."""
    policy = context.rules.policy
    return channel is Channel.IN_PERSON and bool(bookable(channel, policy.channels, policy.offices, policy.hours))


def read_request(context: CaseContext, methods: Set[ContactMethod], request: HelpRequest) -> ev.Submitted | HelpRefused:
    """What a citizen asked for, with the addresses in normal form; or which part of it is wrong."""
    if request.way not in methods:
        return HelpRefused.WAY
    reach = contact(request.way, request.address, context.rules.region)
    if reach is None:
        return HelpRefused.UNREACHABLE if cannot_be_reached(request.way, request.address) else HelpRefused.ADDRESS
    second = None if request.second is None else contact(*request.second, context.rules.region)
    if request.second is not None and (second is None or second == reach or second.way not in methods):
        return HelpRefused.SECOND
    known = context.rules.profiles.kinds
    intake = replace(request.intake, documents=tuple(one for one in request.intake.documents if one in known))
    return ev.Submitted(
        reach,
        Channel(request.channel),
        Safety(request.someone_with_me, request.unsafe),
        _marks(context, reach, second),
        second,
        intake,
    )


def _marks(context: CaseContext, *addresses: Contact | None) -> tuple[str, ...]:
    return tuple(context.fingerprint(fingerprint_text(one)) for one in addresses if one is not None)


def acknowledgement(context: CaseContext, case: Case) -> CaseWork:
    """The notice that the request has arrived, unless the citizen said that it is not safe to write to them."""
    if case.safety.unsafe:
        return NO_WORK
    return CaseWork(notices=(notice(context, case, NotificationKind.ASKED),))


def opening_rows(case: Case, transaction: Transaction) -> tuple[AuditEvent, ...]:
    """The audit rows of a new case; the request has the details that open data is counted from."""
    counted = request_details(transaction)
    return tuple(
        replace(row, details={**row.details, **counted}) if row.kind == "case_submitted" else row
        for row in audit_rows(case)
    )


async def change_request(
    context: CaseContext, methods: Set[ContactMethod], case: Case, request: HelpRequest
) -> HelpRefused | None:
    """Changes what was asked for. An address that is left empty stays. NOT_NOW once a member of staff has the case.

    Another channel cancels the appointment that there may be.
    """
    if case.contact is None:
        return HelpRefused.NOT_NOW
    kept = request if request.address else replace(request, way=case.contact.way, address=case.contact.address)
    if kept.second is None and case.second_contact is not None:
        kept = replace(kept, second=(case.second_contact.way, case.second_contact.address))
    if kept.second == (kept.way, kept.address):
        kept = replace(kept, second=None)
    read = read_request(context, methods, kept)
    if isinstance(read, HelpRefused):
        return read
    changed = ev.Changed(read.contact, read.channel, read.safety, read.marks, read.second, read.intake)

    def change(case: Case) -> CaseChange | HelpRefused:
        if asked_before(case) is None:
            return HelpRefused.NOT_NOW
        elsewhere = case.state is CaseState.SCHEDULED and case.channel is not changed.channel
        return CaseChange((ev.SlotCancelled(), changed) if elsewhere else (changed,))

    done = await change_case(context, case, change)
    return None if isinstance(done, Case) else HelpRefused.NOT_NOW

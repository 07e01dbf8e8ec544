"""Notices of a change of a case: which kinds, and to which addresses. No notice says how a case was decided.

A citizen whose contact is unsafe gets only the code that they ask for.
"""

from broker.assisted.case import Case
from broker.assisted.case_records import Contact, ContactMethod
from broker.assisted.case_states import CaseState
from broker.model.notification import WARNINGS, NotificationKind


def notices_of(before: Case, after: Case) -> tuple[NotificationKind, ...]:
    """The kinds of notice that a change of state brings about, to the contact address."""
    if after.contact is None or after.safety.unsafe or after.state is before.state:
        return ()
    match after.state:
        case CaseState.QUEUED if before.state is CaseState.DECLINED:
            return (NotificationKind.NEW_LOOK,)
        case CaseState.APPROVED | CaseState.DECLINED:
            return (NotificationKind.RESULT,)
        case CaseState.REQUESTED if before.state is CaseState.DECISION:
            return (NotificationKind.MORE_NEEDED,)
        case _:
            return ()


def outdated_notices(before: Case, after: Case) -> frozenset[NotificationKind]:
    """The kinds of notice whose reason ended with a change: all but warnings if the case came to nothing, those about
    an appointment that is no more, a code that another one replaced."""
    if after.state in (CaseState.WITHDRAWN, CaseState.EXPIRED) and before.open:
        return frozenset(NotificationKind) - WARNINGS
    kinds: set[NotificationKind] = set()
    had, made = before.appointment, after.appointment
    if had is not None and (made is None or made.id != had.id):
        kinds |= {NotificationKind.SCHEDULED, NotificationKind.REMINDER}
    if before.confirmation is not None and after.confirmation != before.confirmation:
        kinds.add(NotificationKind.CODE)
    return frozenset(kinds)


def known_addresses(case: Case, methods: frozenset[str]) -> tuple[Contact, ...]:
    """Every address of the citizen by which a notice can be sent: where a code went, the second one that they gave, and
    the postal address that staff confirmed from evidence, unless the citizen said that post is unsafe."""
    home = case.details.claims.get("address", "")
    careful = case.safety.someone_with_me or case.safety.unsafe
    post = (Contact(ContactMethod.POST, home),) if home and not careful else ()
    reach = tuple(one for one in (case.contact, case.second_contact) if one is not None)
    return tuple(one for one in (*reach, *post) if one.way in methods)


def warned_addresses(case: Case, methods: frozenset[str]) -> tuple[Contact, ...]:
    """Where a bound identity is reported: every known address but the one that was just used to prove it; that one
    only if there is no other (NIST SP 800-63A, notice of proofing)."""
    if case.safety.unsafe:
        return ()
    known = known_addresses(case, methods)
    used = None if case.binding is None or not case.binding.code else case.binding.way
    others = tuple(one for one in known if one == case.second_contact or one.way is not used)
    return others or known

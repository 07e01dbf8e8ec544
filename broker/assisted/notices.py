"""Notices of a change of a case: which kinds, and to which addresses. No notice says how a case was decided.

A citizen whose contact is unsafe gets only the code that they ask for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.assisted.case import Case
from broker.assisted.case_records import Contact, ContactMethod
from broker.assisted.case_states import CaseState
from broker.assisted.case_status import mask_contact
from broker.assisted.former import CasePurpose
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


@dataclass(frozen=True, slots=True)
class AddressNotice:
    """A notice to one address of the citizen, with its fields besides the reference. It is of use until `expires`."""

    kind: NotificationKind
    to: Contact
    fields: Mapping[str, str | float] = field(default_factory=dict)
    expires: float | None = None


def address_notices(before: Case, after: Case, methods: frozenset[str]) -> tuple[AddressNotice, ...]:
    """The notices to every address that the citizen gave: that the request will close since they were not reached, that
    it has closed, and that an address was removed, which the removed one gets too.
    """
    contact, second = before.contact, before.second_contact
    if contact is None or before.safety.unsafe:
        return ()
    both = tuple(one for one in (contact, second) if one is not None and (one == contact or one.way in methods))
    if after.closing is not None and before.closing is None:
        fields = {"ends": after.closing}
        return tuple(AddressNotice(NotificationKind.CLOSING, one, fields, after.closing) for one in both)
    if before.closing is not None and before.open and after.state is CaseState.EXPIRED:
        return tuple(AddressNotice(NotificationKind.CLOSED, one) for one in both)
    if second is None or after.second_contact == second or after.erased:
        return ()
    gone = {"address": mask_contact(second).address}
    return tuple(AddressNotice(NotificationKind.ADDRESS_REMOVED, one, gone) for one in both)


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
    if before.closing is not None and after.closing is None:
        kinds |= {NotificationKind.CLOSING, NotificationKind.MISSED}
    return frozenset(kinds)


def asks_to_replace(before: Case, after: Case) -> bool:
    """Whether a change approves that the passkeys of a kept identity are replaced, which its person must learn of."""
    approved = after.state is CaseState.APPROVED is not before.state
    return approved and after.purpose is CasePurpose.REBIND


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

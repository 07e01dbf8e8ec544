"""What a citizen may see of their own case: how far it is, what is asked of them, and until when.

Nothing of what staff think shows: a case that is held looks like one that is being decided.
"""

from dataclasses import dataclass
from enum import StrEnum

from broker.assisted.case import Case, Channel, Confirmation, Contact, State, Way, Words
from broker.assisted.clocks import Terms
from broker.normalize.email import unicode_address


class Stage(StrEnum):
    """How far a case is, from the citizen's chair."""

    ASKED = "asked"
    """It is the citizen's turn to say when they are ready."""
    MORE_NEEDED = "more_needed"
    """The same once more: something else is needed."""
    BOOKED = "booked"
    IN_LINE = "in_line"
    TALKING = "talking"
    BEING_DECIDED = "being_decided"
    TO_TAKE_UP = "to_take_up"
    """Approved: the citizen has to show that they are who asked."""
    DONE = "done"
    OVER = "over"


_STAGES = {
    State.DRAFT: Stage.ASKED,
    State.REQUESTED: Stage.ASKED,
    State.SCHEDULED: Stage.BOOKED,
    State.QUEUED: Stage.IN_LINE,
    State.CLAIMED: Stage.TALKING,
    State.IN_SESSION: Stage.TALKING,
    State.DECISION: Stage.BEING_DECIDED,
    State.REVIEW: Stage.BEING_DECIDED,
    State.HELD: Stage.BEING_DECIDED,
    State.APPROVED: Stage.TO_TAKE_UP,
    State.BOUND: Stage.DONE,
    State.RELEASED: Stage.DONE,
    State.DECLINED: Stage.OVER,
    State.WITHDRAWN: Stage.OVER,
    State.EXPIRED: Stage.OVER,
    State.REVOKED: Stage.OVER,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A case as its citizen may see it. Times are seconds since 1970 UTC.

    `words` are shown in the browser that asked, until the case is approved: from then on they have to be typed in.
    `until` is when the citizen
    must have acted, None while it is not their turn. `contact` hides most of the address. `code` says that a
    confirmation code is on its way, `may_send` that another may be sent, `tries` how often code and words may still be
    typed in.
    """

    stage: Stage
    reference: str
    words: Words | None = None
    channel: Channel | None = None
    appointment: float | None = None
    until: float | None = None
    ends: float | None = None
    contact: Contact | None = None
    code: Confirmation | None = None
    may_send: bool = False
    tries: int = 0


def standing(case: Case, terms: Terms, now: float, *, asking: bool, attempts: int = 0) -> Standing:
    """How a case stands now, in the browser that asked or in another; `attempts` were made with codes and words."""
    stage = _STAGES[case.state]
    if stage is Stage.ASKED and case.more_asked:
        stage = Stage.MORE_NEEDED
    to_take_up = stage is Stage.TO_TAKE_UP
    code = case.confirmation if to_take_up and case.confirmation and now < case.confirmation.expires else None
    return Standing(
        stage,
        case.reference,
        words=case.words if asking and case.open and not to_take_up else None,
        channel=case.channel,
        appointment=case.appointment if stage is Stage.BOOKED else None,
        until=case.deadline if stage in (Stage.ASKED, Stage.MORE_NEEDED, Stage.TO_TAKE_UP) else None,
        ends=case.ends,
        contact=None if case.contact is None else hidden(case.contact),
        code=code,
        may_send=to_take_up and case.codes_sent < terms.max_codes,
        tries=max(0, terms.max_code_attempts - attempts) if to_take_up else 0,
    )


def hidden(contact: Contact) -> Contact:
    """A contact that only its owner recognises: the first letter and the site, or the last three digits."""
    if contact.way is Way.EMAIL:
        name, _, site = unicode_address(contact.address).partition("@")
        return Contact(contact.way, f"{name[:1]}…@{site}")
    return Contact(contact.way, f"…{contact.address[-3:]}")

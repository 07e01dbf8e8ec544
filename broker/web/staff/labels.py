"""The labels of states, channels, levels, decisions, checks and reasons. Catalogues translate the English texts."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from broker.assisted.case_records import Channel, CheckOutcome, Decision
from broker.assisted.case_states import CaseState
from broker.assisted.contact_log import ContactChannel, ContactOutcome
from broker.assisted.reasons import REASONS, Reason
from broker.assisted.separation_of_duties import SecondReviewReason
from broker.model.assurance import Level
from broker.web.citizens.failure_texts import marked
from broker.web.shared.i18n import Language

STATES: Mapping[CaseState, str] = MappingProxyType(
    {
        CaseState.DRAFT: marked("Not sent yet"),
        CaseState.REQUESTED: marked("Waits for the citizen"),
        CaseState.SCHEDULED: marked("Has an appointment"),
        CaseState.QUEUED: marked("In line"),
        CaseState.CLAIMED: marked("Taken"),
        CaseState.IN_SESSION: marked("In session"),
        CaseState.DECISION: marked("To be decided"),
        CaseState.REVIEW: marked("In review"),
        CaseState.HELD: marked("Held"),
        CaseState.APPROVED: marked("Approved"),
        CaseState.BOUND: marked("Taken up"),
        CaseState.RELEASED: marked("Used"),
        CaseState.DECLINED: marked("Declined"),
        CaseState.WITHDRAWN: marked("Withdrawn"),
        CaseState.EXPIRED: marked("Expired"),
        CaseState.REVOKED: marked("Revoked"),
    }
)
CHANNELS: Mapping[Channel, str] = MappingProxyType(
    {
        Channel.PHONE: marked("By phone"),
        Channel.PHONE_AND_POST: marked("By phone, with a code by post"),
        Channel.VIDEO: marked("By video"),
        Channel.SENT: marked("By what the citizen sent"),
        Channel.IN_PERSON: marked("In person"),
    }
)
CONTACT_CHANNELS: Mapping[ContactChannel, str] = MappingProxyType(
    {
        ContactChannel.CALL: marked("Call"),
        ContactChannel.VIDEO: marked("Video"),
        ContactChannel.LETTER: marked("Letter"),
        ContactChannel.VISIT: marked("Visit"),
        ContactChannel.MESSAGE: marked("Message"),
    }
)
CONTACT_OUTCOMES: Mapping[ContactOutcome, str] = MappingProxyType(
    {
        ContactOutcome.SPOKE: marked("Spoke with the citizen"),
        ContactOutcome.MADE: marked("Made, left word"),
        ContactOutcome.NO_ANSWER: marked("Nobody answered"),
        ContactOutcome.WRONG_NUMBER: marked("Wrong number or address"),
        ContactOutcome.SENT: marked("Sent"),
    }
)
OUTCOMES: Mapping[CheckOutcome, str] = MappingProxyType(
    {CheckOutcome.YES: marked("Yes"), CheckOutcome.NO: marked("No"), CheckOutcome.COULD_NOT: marked("Could not")}
)
LEVELS: Mapping[Level, str] = MappingProxyType(
    {Level.LOW: marked("low"), Level.SUBSTANTIAL: marked("substantial"), Level.HIGH: marked("high")}
)
DECISIONS: Mapping[Decision, tuple[str, str]] = MappingProxyType(
    {
        Decision.APPROVE: (
            marked("Approve"),
            marked("The evidence shows who the person is. They still have to take the identity up themselves."),
        ),
        Decision.MORE_EVIDENCE: (
            marked("Ask for more evidence"),
            marked("The citizen is asked to come again with something else."),
        ),
        Decision.DECLINE: (marked("Decline"), marked("It is not this person, or it cannot be shown.")),
        Decision.REFER: (
            marked("Refer to a lead"),
            marked("Something is not as it should be, and somebody else must look."),
        ),
    }
)
TWO_PEOPLE: Mapping[SecondReviewReason, str] = MappingProxyType(
    {
        SecondReviewReason.DESK: marked("a partner’s counter met the citizen"),
        SecondReviewReason.HIGH_LEVEL: marked("the level is high"),
        SecondReviewReason.VOUCH: marked("somebody vouched"),
        SecondReviewReason.CHECK_NOT_DONE: marked("a check was not done, or was answered anew"),
        SecondReviewReason.CORRECTED: marked("a name or a date of birth was corrected"),
        SecondReviewReason.FLAGGED: marked("the case needs a second look"),
        SecondReviewReason.IN_TRAINING: marked("the agent is in training"),
        SecondReviewReason.SEEN_BEFORE: marked("the same document or number was used before"),
        SecondReviewReason.DRAWN: marked("it was drawn by chance"),
        SecondReviewReason.REBOUND: marked("the passkeys of a kept identity are replaced"),
    }
)
_REASONS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.CITIZEN_CALLED: marked("The citizen got in touch"),
        Reason.FOLLOW_UP: marked("To follow something up"),
        Reason.COMPLAINT: marked("A complaint"),
        Reason.AUDIT: marked("An audit"),
        Reason.END_OF_SHIFT: marked("My shift ends"),
        Reason.OTHER_LANGUAGE: marked("It needs another language"),
        Reason.OTHER_CHANNEL: marked("It needs another way to meet"),
        Reason.OTHER_SKILL: marked("It needs somebody trained for it"),
        Reason.NOT_REACHED: marked("The citizen could not be reached"),
        Reason.LINE_LOST: marked("The connection was lost"),
        Reason.CITIZEN_LEFT: marked("The citizen left"),
        Reason.WRONG_WORDS: marked("The words did not match"),
        Reason.ABSENT_COLLEAGUE: marked("The colleague is not there"),
        Reason.SHARED_OUT: marked("To share the work out"),
        Reason.SAFEGUARDING: marked("Somebody may be in danger"),
        Reason.DOUBT: marked("There is a doubt"),
        Reason.FRAUD_SIGNALS: marked("There are signs of fraud"),
        Reason.CLEARED: marked("It was cleared up"),
        Reason.NEW_EVIDENCE: marked("There is new evidence"),
        Reason.EVIDENCE_MISSING: marked("Evidence is missing"),
        Reason.EVIDENCE_EXPIRED: marked("Evidence is out of date"),
        Reason.EVIDENCE_UNREADABLE: marked("Evidence cannot be read"),
        Reason.EVIDENCE_DOUBTFUL: marked("Evidence is doubtful"),
        Reason.DETAILS_DIFFER: marked("Details differ"),
        Reason.FACE_DIFFERS: marked("The face is another one"),
        Reason.COACHED: marked("Somebody tells the person what to say"),
        Reason.UNDER_PRESSURE: marked("Somebody is under pressure"),
        Reason.UNUSUAL_CASE: marked("The case is unusual"),
        Reason.CONVINCED: marked("The agent’s reasons convince me"),
        Reason.NOT_CONVINCED: marked("The agent’s reasons do not convince me"),
        Reason.NOT_ME: marked("The citizen says: this was not me"),
        Reason.MISTAKE: marked("It was a mistake"),
        Reason.SEEN_BEFORE: marked("I have seen this document or person before"),
        Reason.NO_EQUIPMENT: marked("No equipment for it"),
        Reason.NOT_SHOWN: marked("It was not shown"),
        Reason.DAMAGED: marked("It is damaged"),
        Reason.SOURCE_DOWN: marked("The source did not answer"),
        Reason.NOT_POSSIBLE_FOR_CITIZEN: marked("The citizen cannot do it"),
        Reason.INCIDENT: marked("Something is wrong on our side"),
        Reason.NO_ANSWER: marked("Nobody answered"),
        Reason.OTHER_PERSON: marked("Somebody else answered"),
    }
)
WHY: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        occasion.value: MappingProxyType({reason.value: _REASONS[reason] for reason in reasons})
        for occasion, reasons in REASONS.items()
    }
)
"""The reasons that can be given, with their texts, by occasion."""


_AGREEMENT: Mapping[str, str] = MappingProxyType(
    {"agrees": marked("A second person agreed"), "disagrees": marked("A second person disagreed")}
)
EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "submitted": marked("Request sent"),
        "readied": marked("Ready to talk"),
        "prompts_followed": marked("The steps in the video were right"),
        "changed": marked("Request changed"),
        "scheduled": marked("Appointment taken"),
        "slot_cancelled": marked("Appointment cancelled by the citizen"),
        "slot_moved": marked("Appointment made by staff"),
        "slot_released": marked("Appointment cancelled by staff"),
        "slot_reached": marked("Time of the appointment"),
        "promise_missed": marked("Waits longer than promised"),
        "reminder_due": marked("Reminded of the appointment"),
        "no_show": marked("Did not come"),
        "walked_in": marked("Came by"),
        "resumed": marked("Came back with a code"),
        "rejoined": marked("Went on in a new request"),
        "continuation_drawn": marked("Asked for a new code to continue"),
        "code_sent": marked("Confirmation code sent"),
        "meeting_requested": marked("Another meeting asked for"),
        "attempts_spent": marked("Too many wrong tries"),
        "call_back_requested": marked("Call asked for"),
        "call_back_started": marked("Called"),
        "call_back_missed": marked("Not reached by the call"),
        "call_back_lapsed": marked("Time of the call ran out"),
        "device_confirmed": marked("Confirmed on the citizen’s own device"),
        "bound": marked("Identity taken up"),
        "released": marked("Identity used"),
        "withdrawn": marked("Request taken back"),
        "disowned": marked("Said: this was not me"),
        "room_opened": marked("Video room opened"),
        "contact_tried": marked("Tried to reach the citizen"),
        "kept_open": marked("Kept open by the citizen"),
        "second_removed": marked("Second address removed by the citizen"),
        "claimed": marked("Case taken"),
        "put_back": marked("Put back in line"),
        "session_started": marked("Session started"),
        "words_exchanged": marked("Words exchanged"),
        "passkey_registered": marked("Passkey made by the citizen"),
        "passkey_confirmed": marked("Passkey confirmed"),
        "passkey_removed": marked("Passkey removed by the citizen"),
        "former_confirmed": marked("What is kept agrees"),
        "evidence_recorded": marked("Evidence recorded"),
        "evidence_removed": marked("Evidence removed"),
        "checks_recorded": marked("Person checked"),
        "details_recorded": marked("Details recorded"),
        "session_dropped": marked("Session broke off"),
        "session_ended": marked("Session ended"),
        "decided": marked("Decided"),
        "desk_accepted": marked("Came to the counter of a partner"),
        "desk_file_received": marked("Photographed at the counter of a partner"),
        "recommended": marked("A partner’s counter recommends"),
        "review_claimed": marked("Review taken"),
        "view_given": marked("Own view given"),
        "reviewed": marked("Reviewed"),
        "taken_back": marked("Taken back by a lead"),
        "assigned": marked("Given to a colleague by a lead"),
        "held": marked("Held"),
        "settled": marked("The decision took effect"),
        "corrected": marked("Decision taken back by its agent"),
        "redress_asked": marked("New look asked for"),
        "complained": marked("Complained"),
        "complaint_answered": marked("Complaint answered"),
        "hold_late": marked("Held for too long"),
        "hold_ended": marked("Let go on"),
        "hold_declined": marked("Declined by a lead"),
        "opened": marked("Opened by its reference"),
        "flagged": marked("Flagged"),
        "interest_declared": marked("Said to know the citizen"),
        "noted": marked("Note kept"),
        "frozen": marked("Stopped: the person says it was not them"),
        "unfrozen": marked("Released by a lead"),
        "acknowledged": marked("Flags seen by a lead"),
        "lead_asked": marked("Lead asked"),
        "lead_answered": marked("Lead answered"),
        "revoked": marked("Identity taken back"),
        "lease_lapsed": marked("Lease ran out"),
        "review_late": marked("Review is late"),
        "time_ran_out": marked("Time ran out"),
        "redress_ended": marked("Time to complain ended"),
    }
)
"""The labels of the events of a case's history."""


def event(name: str, words: Language) -> str:
    """A line of a history."""
    return words.text(EVENTS[name]) if name in EVENTS else name


def history_line(name: str, given: str, words: Language) -> str:
    """An event with its reasons."""
    why = reasons(given.split(), words)
    return f"{event(name, words)}: {why}" if why else event(name, words)


def reasons(given: Iterable[str], words: Language) -> str:
    """The labels of reasons, and of what else a history line holds: a decision, a channel, a kind of evidence."""
    known = {reason.value: text for reason, text in _REASONS.items()}
    known |= {decision.value: texts[0] for decision, texts in DECISIONS.items()}
    known |= {channel.value: text for channel, text in (*CONTACT_CHANNELS.items(), *CHANNELS.items())}
    known |= {outcome.value: text for outcome, text in CONTACT_OUTCOMES.items()}
    known |= {why.value: text for why, text in TWO_PEOPLE.items()}
    known |= _AGREEMENT
    return "; ".join(words.text(known[one]) if one in known else one for one in given)


def two_people(given: Iterable[str], words: Language) -> str:
    """Why a second person is needed."""
    known = {why.value: text for why, text in TWO_PEOPLE.items()}
    return "; ".join(words.text(known[one]) if one in known else one for one in given)


def level(level: Level | None, words: Language) -> str:
    """A level's name, "" for none."""
    return "" if level is None else words.text(LEVELS[level])

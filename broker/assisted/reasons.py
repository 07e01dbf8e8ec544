"""Reasons that staff give for actions: a closed set, for history, audit and metrics. Free text goes into a note."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from broker.assisted.case_records import Decision


class ReasonContext(StrEnum):
    """Actions for which a reason is required."""

    OPEN = "open"
    PUT_BACK = "put_back"
    DROP = "drop"
    TAKE_BACK = "take_back"
    HOLD = "hold"
    END_HOLD = "end_hold"
    UNFREEZE = "unfreeze"
    MORE_EVIDENCE = "more_evidence"
    DECLINE = "decline"
    REFER = "refer"
    AGREE = "agree"
    DISAGREE = "disagree"
    REVOKE = "revoke"
    FLAG = "flag"
    COULD_NOT = "could_not"
    CALL_MISSED = "call_missed"


class Reason(StrEnum):
    """All reasons."""

    CITIZEN_CALLED = "citizen_called"
    FOLLOW_UP = "follow_up"
    COMPLAINT = "complaint"
    AUDIT = "audit"
    END_OF_SHIFT = "end_of_shift"
    OTHER_LANGUAGE = "other_language"
    OTHER_CHANNEL = "other_channel"
    OTHER_SKILL = "other_skill"
    NOT_REACHED = "not_reached"
    LINE_LOST = "line_lost"
    CITIZEN_LEFT = "citizen_left"
    WRONG_WORDS = "wrong_words"
    ABSENT_COLLEAGUE = "absent_colleague"
    SHARED_OUT = "shared_out"
    SAFEGUARDING = "safeguarding"
    DOUBT = "doubt"
    FRAUD_SIGNALS = "fraud_signals"
    CLEARED = "cleared"
    NEW_EVIDENCE = "new_evidence"
    EVIDENCE_MISSING = "evidence_missing"
    EVIDENCE_EXPIRED = "evidence_expired"
    EVIDENCE_UNREADABLE = "evidence_unreadable"
    EVIDENCE_DOUBTFUL = "evidence_doubtful"
    DETAILS_DIFFER = "details_differ"
    FACE_DIFFERS = "face_differs"
    COACHED = "coached"
    UNDER_PRESSURE = "under_pressure"
    UNUSUAL_CASE = "unusual_case"
    CONVINCED = "convinced"
    NOT_CONVINCED = "not_convinced"
    NOT_ME = "not_me"
    MISTAKE = "mistake"
    SEEN_BEFORE = "seen_before"
    NO_EQUIPMENT = "no_equipment"
    NOT_SHOWN = "not_shown"
    DAMAGED = "damaged"
    SOURCE_DOWN = "source_down"
    NOT_POSSIBLE_FOR_CITIZEN = "not_possible_for_citizen"
    INCIDENT = "incident"
    NO_ANSWER = "no_answer"
    OTHER_PERSON = "other_person"


R, On = Reason, ReasonContext

_SHAKY = (R.EVIDENCE_DOUBTFUL, R.DETAILS_DIFFER, R.FACE_DIFFERS, R.FRAUD_SIGNALS, R.COACHED, R.UNDER_PRESSURE)
_MISSING = (R.EVIDENCE_MISSING, R.EVIDENCE_EXPIRED, R.EVIDENCE_UNREADABLE)

REASONS: Mapping[ReasonContext, tuple[Reason, ...]] = MappingProxyType(
    {
        On.OPEN: (R.CITIZEN_CALLED, R.FOLLOW_UP, R.COMPLAINT, R.SAFEGUARDING, R.AUDIT),
        On.PUT_BACK: (R.OTHER_LANGUAGE, R.OTHER_CHANNEL, R.OTHER_SKILL, R.NOT_REACHED, R.END_OF_SHIFT),
        On.DROP: (R.LINE_LOST, R.CITIZEN_LEFT, R.WRONG_WORDS, R.NOT_REACHED),
        On.TAKE_BACK: (R.ABSENT_COLLEAGUE, R.SHARED_OUT, R.OTHER_SKILL, R.SAFEGUARDING),
        On.HOLD: (R.SAFEGUARDING, R.DOUBT, R.FRAUD_SIGNALS, R.COMPLAINT, R.INCIDENT),
        On.END_HOLD: (R.CLEARED, R.NEW_EVIDENCE, R.MISTAKE),
        On.UNFREEZE: (R.CITIZEN_CALLED, R.CLEARED, R.MISTAKE),
        On.MORE_EVIDENCE: (*_MISSING, R.EVIDENCE_DOUBTFUL),
        On.DECLINE: (*_SHAKY, *_MISSING, R.WRONG_WORDS),
        On.REFER: (R.SAFEGUARDING, R.UNUSUAL_CASE, R.DOUBT, *_SHAKY),
        On.AGREE: (R.CONVINCED,),
        On.DISAGREE: (R.NOT_CONVINCED, *_SHAKY, *_MISSING),
        On.REVOKE: (R.NOT_ME, R.FRAUD_SIGNALS, R.MISTAKE),
        On.FLAG: (R.COACHED, R.UNDER_PRESSURE, R.FRAUD_SIGNALS, R.SEEN_BEFORE, R.SAFEGUARDING),
        On.CALL_MISSED: (R.NO_ANSWER, R.OTHER_PERSON, R.LINE_LOST),
        On.COULD_NOT: (R.NO_EQUIPMENT, R.NOT_SHOWN, R.DAMAGED, R.SOURCE_DOWN, R.NOT_POSSIBLE_FOR_CITIZEN),
    }
)
"""Valid reasons by action. An approval needs none."""


DECISION_REASONS: Mapping[Decision, ReasonContext] = MappingProxyType(
    {
        Decision.MORE_EVIDENCE: On.MORE_EVIDENCE,
        Decision.DECLINE: On.DECLINE,
        Decision.REFER: On.REFER,
    }
)
"""The list of reasons of each decision that needs one. An approval has none."""


def valid_for(occasion: ReasonContext, *given: str) -> bool:
    """Whether at least one reason is given and all of them are valid for the action."""
    return bool(given) and set(given) <= set(REASONS[occasion])

"""Results of staff actions: a case as a member of staff may see it, and why something was not done."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from broker.assisted.case import Case
from broker.assisted.case_records import CheckOutcome, Decision
from broker.assisted.levels import Assessment
from broker.assisted.transitions import TransitionRefused


class ActionRefused(StrEnum):
    """Why an action changed nothing, beside the refusals of the rules (`assisted.table`).

    UNKNOWN: no such case, or not open to this member of staff. NOT_ALLOWED: the staff role or the role in the case
    does not allow it. CONFLICT: the case was changed since the page was made. LAPSED: the lease expired meanwhile.
    NOT_FRESH: the sign-in is too old for a decision. NOTE: the note looks like a code, a password or a card number.
    REASON: the reason is not listed for this action. NOTHING: no case is waiting, or the note is empty. MESSAGE: the
    message cannot be shown to the citizen. ASKED: an earlier question to the citizen is still waiting. FULL: the member
    of staff holds as many cases as they may. SENT: the message is being sent, or was. NO_MATCH: nothing that is kept
    agrees with the evidence and the details. STOPPED: what is kept was stopped, and a lead has not released it.
    """

    UNKNOWN = "unknown"
    NOT_ALLOWED = "not_allowed"
    CONFLICT = "conflict"
    LAPSED = "lapsed"
    NOT_FRESH = "not_fresh"
    NOTE = "note"
    REASON = "reason"
    NOTHING = "nothing"
    MESSAGE = "message"
    ASKED = "asked"
    FULL = "full"
    SENT = "sent"
    NO_MATCH = "no_match"
    STOPPED = "stopped"


RefusalReason = ActionRefused | TransitionRefused


class StaffAction(StrEnum):
    """What staff can do with a case. `permissions.PERMISSIONS` says who may, and when."""

    OPEN = "open"
    CLAIM = "claim"
    RENEW = "renew"
    RETURN_TO_QUEUE = "return_to_queue"
    CONTACT = "contact"
    START_SESSION = "start_session"
    VERIFY_PHRASE = "verify_phrase"
    CONFIRM_PROMPTS = "confirm_prompts"
    CONFIRM_PASSKEY = "confirm_passkey"
    COMPARE = "compare"
    RECORD = "record"
    ASK_CITIZEN = "ask_citizen"
    END_SESSION = "end_session"
    DROP_SESSION = "drop_session"
    DECIDE = "decide"
    CORRECT = "correct"
    INDEPENDENT_REVIEW = "independent_review"
    REVIEW = "review"
    REASSIGN = "reassign"
    ASSIGN = "assign"
    REASSIGN_IN_LIST = "reassign_in_list"
    HOLD_IN_LIST = "hold_in_list"
    END_HOLD_IN_LIST = "end_hold_in_list"
    HOLD = "hold"
    END_HOLD = "end_hold"
    NEW_TRIES = "new_tries"
    ANSWER_COMPLAINT = "answer_complaint"
    CALL_BACK = "call_back"
    CALL_MISSED = "call_missed"
    DECLINE_HELD = "decline_held"
    FLAG = "flag"
    DECLARE_INTEREST = "declare_interest"
    NOTE = "note"
    UNFREEZE = "unfreeze"
    ACKNOWLEDGE = "acknowledge"
    ASK_LEAD = "ask_lead"
    ANSWER = "answer"
    REVOKE = "revoke"
    BOOK = "book"
    CANCEL_BOOKING = "cancel_booking"
    NO_SHOW = "no_show"
    WALK_IN = "walk_in"
    WITHDRAW_NOTICE = "withdraw_notice"


class CaseRole(StrEnum):
    """The role in which a member of staff sees a case.

    AGENT and REVIEWER hold the lease. OVERSEER (a lead or an auditor) and VISITOR looked the case up by its reference;
    a visitor sees no personal data. NONE: the case is not open to them.
    """

    AGENT = "agent"
    REVIEWER = "reviewer"
    OVERSEER = "overseer"
    VISITOR = "visitor"
    NONE = "none"


class CaseWarning(StrEnum):
    """What to think about before working on a case."""

    SAME_NAME = "same_name"
    SAME_FAMILY_NAME = "same_family_name"
    UNSAFE_TO_CALL = "unsafe_to_call"
    SOMEONE_WITH_CITIZEN = "someone_with_citizen"


@dataclass(frozen=True, slots=True)
class CaseRef:
    """The case that a form changes. `edit_version` is the one that the form was made from; None: any version."""

    id: str
    edit_version: int | None = None


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as one member of staff may see it.

    `case` leaves out what this member of staff must not see, so it is for showing only. `assessment` is what the
    evidence supports now, `actions` what they may do now. `refused_decisions` are the decisions that would be refused
    now and why; it is filled while an agent records or decides.
    """

    case: Case
    role: CaseRole
    assessment: Assessment
    actions: frozenset[StaffAction]
    warnings: tuple[CaseWarning, ...]
    refused_decisions: Mapping[Decision, TransitionRefused]

    @property
    def ref(self) -> CaseRef:
        """The case in the edit version that is shown."""
        return CaseRef(self.case.id, self.case.edit_version)


@dataclass(frozen=True, slots=True)
class LookUpEntry:
    """A look-up as it was typed: its name in the profile file, the source, and the reference of the answer there."""

    kind: str
    source: str
    reference: str


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """One answer on a checklist. `reason` is a word of `assisted.reasons` for COULD_NOT; `lookup` answered it."""

    check: str
    outcome: CheckOutcome
    reason: str | None = None
    lookup: LookUpEntry | None = None


@dataclass(frozen=True, slots=True)
class EvidenceEntry:
    """A piece of evidence as it was typed. `id` names the recorded piece that it replaces; None: a new piece."""

    kind: str
    fields: Mapping[str, str]
    answers: tuple[CheckAnswer, ...]
    id: str | None = None


class InputError(StrEnum):
    """What is wrong with a field or a check of a form.

    IN_FUTURE, BEFORE_ISSUE and BEFORE_BIRTH are impossible dates (`assisted.documents`); MRZ_ is about a machine
    readable zone (`assisted.mrz`), VOUCH_ about a person who vouches (`assisted.voucher`). SOURCE: a check that was
    looked up lacks the source or its reference. SOURCE_DOWN: a source that a program asked did not answer.
    NOTHING_TO_ASK: nothing of what that source gets is recorded yet. NOT_AHEAD, LINE and NO_ROOM are about a message: a
    time that does not lie ahead, a line that cannot be sent, and a case without a video room.
    """

    MISSING = "missing"
    UNKNOWN = "unknown"
    NOT_IN_THIS_CHANNEL = "not_in_this_channel"
    NOT_TRAINED = "not_trained"
    REASON = "reason"
    TOO_LONG = "too_long"
    NOT_A_DATE = "not_a_date"
    NOT_A_NAME = "not_a_name"
    NOT_A_CHOICE = "not_a_choice"
    IN_FUTURE = "in_future"
    BEFORE_ISSUE = "before_issue"
    BEFORE_BIRTH = "before_birth"
    MRZ_FORM = "mrz_form"
    MRZ_NUMBER = "mrz_number"
    MRZ_BIRTH = "mrz_birth"
    MRZ_EXPIRY = "mrz_expiry"
    MRZ_OPTIONAL = "mrz_optional"
    MRZ_WHOLE = "mrz_whole"
    MRZ_DIFFERS = "mrz_differs"
    VOUCH_RELATION = "vouch_relation"
    VOUCH_TOO_SHORT = "vouch_too_short"
    VOUCH_THEMSELVES = "vouch_themselves"
    VOUCH_TOO_OFTEN = "vouch_too_often"
    SOURCE = "source"
    SOURCE_DOWN = "source_down"
    NOTHING_TO_ASK = "nothing_to_ask"
    NOT_AHEAD = "not_ahead"
    LINE = "line"
    NO_ROOM = "no_room"


@dataclass(frozen=True, slots=True)
class InvalidInput:
    """A form that cannot be recorded: every error, by field or check. Nothing was changed."""

    errors: Mapping[str, InputError]


EditRefused = RefusalReason | InvalidInput
"""Why an edit changed nothing."""

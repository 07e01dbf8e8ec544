"""Messages of the proofing agent API: the tables that check what desks send, and from which OpenAPI is made.

Unknown members are rejected. The texts are the descriptions in the API's document.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from broker.assisted.case_records import CheckOutcome
from broker.assisted.reasons import REASONS, ReasonContext

NAME: Final = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

Agent: TypeAlias = Annotated[
    str, Meta(pattern=NAME, description="The agent of the desk who acts; it stands in the audit record.")
]
Location: TypeAlias = Annotated[
    str, Meta(pattern=NAME, description="The counter, one of the `desk_locations` of the service's file.")
]
Short: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
Value: TypeAlias = Annotated[str, Meta(max_length=300)]
Reasons: TypeAlias = Annotated[tuple[Short, ...], Meta(max_length=8)]

DECLINE: Final = tuple(reason.value for reason in REASONS[ReasonContext.DECLINE])
INCOMPLETE: Final = tuple(reason.value for reason in REASONS[ReasonContext.DROP])


class Message(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message of a desk: the agent and the location of every call."""

    agent_id: Agent
    location_id: Location


class FindCase(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The reference that the citizen reads from their page. A case is never found by a name."""

    reference: Annotated[str, Meta(min_length=4, max_length=40)]


class AcceptCase(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The citizen is at the counter."""


class LookUp(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A look-up that answered a check: its kind, the source, and the reference of the answer there."""

    kind: Short
    source: Value
    reference: Value


class Check(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The answer of one check. `could_not` needs a reason, a check by look-up its source."""

    check: Short
    outcome: CheckOutcome
    reason: Short | None = None
    lookup: LookUp | None = None


Checks: TypeAlias = Annotated[tuple[Check, ...], Meta(max_length=40)]


class Document(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="piece", tag="document"):
    """A piece of evidence with its checks. `fields` are those of its kind; a machine readable zone fills what it holds.
    `id` names a recorded piece that this one replaces.
    """

    kind: Short
    fields: Annotated[dict[Short, Value], Meta(max_length=20)]
    checks: Checks
    id: Short | None = None


class Person(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="piece", tag="person"):
    """The checks of the person."""

    checks: Checks


class PersonDetails(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="piece", tag="details"):
    """The person's details as the evidence shows them. `birthdate` is YYYY-MM-DD, or YYYY-MM or YYYY if the evidence
    shows no more.
    """

    given_name: Value = ""
    family_name: Value = ""
    birthdate: Value
    address: Value = ""


class Words(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="piece", tag="words"):
    """The word that the citizen reads aloud from their page. The answer has the word that the agent says in turn."""

    first: Annotated[str, Meta(min_length=1, max_length=40)]


class RecordEvidence(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One piece of what the desk saw."""

    piece: Document | Person | PersonDetails | Words


class SendFile(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fields of the form before its `file`: what the photograph shows, and the SHA-256 of the file in hexadecimal
    digits. A file with another digest is refused. A `video` shows the `person`, and is taken if the operator's profiles
    ask for it.
    """

    purpose: Literal["front", "back", "other", "person"]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    kind: Literal["photo", "video"] = "photo"


class Recommendation(StrEnum):
    """What a desk recommends. INCOMPLETE: the visit broke off, and the citizen waits again."""

    APPROVE = "approve"
    DECLINE = "decline"
    INCOMPLETE = "incomplete"


class GiveResult(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The end of the visit. A member of staff decides; `reasons` are needed unless it is `approve`.

    `suspected_fraud` shows in no answer. With `final_attempt` desks take no further visit of the case.
    """

    recommendation: Recommendation
    reasons: Reasons = ()
    suspected_fraud: bool = False
    final_attempt: bool = False


class CaseProgress(StrEnum):
    """A case as a desk knows it, without its outcome.

    OPEN: the citizen may come. AT_DESK: accepted. WITH_STAFF: staff have it. CANCELLED: the citizen took it back, or
    its time ran out. CLOSED: staff decided.
    """

    OPEN = "open"
    AT_DESK = "at_desk"
    WITH_STAFF = "with_staff"
    CANCELLED = "cancelled"
    CLOSED = "closed"


class Recorded(Struct, frozen=True, kw_only=True):
    """A piece of evidence that was recorded."""

    id: str
    kind: str


class Visit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a desk that accepted a case needs. `enough` says that what is recorded supports the level; `answer_word` is
    what the agent says once the citizen's word was right. `files` are the ids of the photographs.
    """

    until: Annotated[str, Meta(description="When the desk loses the case unless it goes on (RFC 3339).")]
    location_id: str
    evidence: tuple[Recorded, ...]
    person_checked: bool
    details_recorded: bool
    enough: bool
    answer_word: str | None = None
    files: tuple[str, ...] = ()


class DeskCase(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A case as a desk may see it."""

    id: str
    state: CaseProgress
    level: Literal["low", "substantial", "high"]
    language: str
    remaining_attempts: Annotated[int, Meta(ge=0)]
    visit: Visit | None = None


class FieldError(Struct, frozen=True, kw_only=True):
    """One error in a message: where, as a JSON pointer, and its code."""

    pointer: str
    code: str


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Problem details (RFC 9457). `code` is for programs."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()

"""The case presenter: a CaseView as the texts and times that the templates of the console show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from broker.actions.assisted.staff_results import CaseRole, CaseView, CaseWarning, StaffAction
from broker.assisted.case import Case
from broker.assisted.case_records import (
    CasePasskey,
    Contact,
    ContactMethod,
    IndependentReview,
    Phrase,
    Verdict,
)
from broker.assisted.case_states import CaseState
from broker.assisted.former import CasePurpose
from broker.assisted.levels import Assessment
from broker.assisted.profiles import Profiles
from broker.assisted.renewing import matched
from broker.assisted.separation_of_duties import is_desk
from broker.model.account import ACCOUNT_SERVICE
from broker.model.service import Service
from broker.model.staff import StaffMember
from broker.normalize.email import unicode_address
from broker.web.citizens.claim_labels import label, lines
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.page_context import readable
from broker.web.shared.i18n import Language
from broker.web.shared.pages import in_language
from broker.web.staff.labels import CHANNELS, DECISIONS, LEVELS, STATES, event, reasons
from broker.web.staff.level_panel import LevelPanel, level_shown, out_of_reach

_STEPS: Mapping[CaseState, str] = {
    CaseState.CLAIMED: "claimed",
    CaseState.IN_SESSION: "session",
    CaseState.DECISION: "decision",
}
_WARNINGS: Mapping[CaseWarning, str] = {
    CaseWarning.UNSAFE_TO_CALL: marked("The citizen said: it is not safe to call or to post."),
    CaseWarning.SOMEONE_WITH_CITIZEN: marked("The citizen said: somebody is with me."),
    CaseWarning.SAME_NAME: marked("The name is like yours. If you are related or know each other, say so below."),
    CaseWarning.SAME_FAMILY_NAME: marked(
        "The last name is like yours. If you are related or know each other, say so below."
    ),
}
_REACH: Mapping[ContactMethod, str] = {
    ContactMethod.EMAIL: marked("Write only to {address}"),
    ContactMethod.PHONE: marked("Call only {address}"),
    ContactMethod.POST: marked("Post only to {address}"),
}
_AT_DESK: str = marked("The citizen is at the counter of a partner.")
_STORIES: Mapping[CaseState, str] = {
    CaseState.DRAFT: marked("The citizen has not sent the request yet."),
    CaseState.REQUESTED: marked("It is the citizen’s turn: they say when they are ready."),
    CaseState.SCHEDULED: marked("The citizen has an appointment."),
    CaseState.QUEUED: marked("The citizen waits. The case goes to whoever takes the next one and can serve it."),
    CaseState.CLAIMED: marked("A colleague works on it."),
    CaseState.IN_SESSION: marked("A colleague is in session with the citizen."),
    CaseState.DECISION: marked("A colleague is about to decide."),
    CaseState.REVIEW: marked("A second person reviews the decision."),
    CaseState.HELD: marked("The case is held until a lead has looked at it."),
    CaseState.APPROVED: marked("It is decided. The citizen has to come back now."),
    CaseState.BOUND: marked("The citizen has taken the identity up."),
    CaseState.RELEASED: marked("The identity was used."),
    CaseState.DECLINED: marked("It is decided. The citizen reads the result on their own page."),
    CaseState.WITHDRAWN: marked("The citizen took the request back."),
    CaseState.EXPIRED: marked("Its time ran out."),
    CaseState.REVOKED: marked("The identity was taken back."),
}


@dataclass(frozen=True, slots=True)
class CaseContextRow:
    """The strip, the panels and the heading of a case's pages.

    `step` says which parts the case's own page has, `may` which actions the pages offer. `seconds` are left until the
    lease or the sign-in runs out if nothing is done.
    """

    path: str
    edition: int
    reference: str
    state: str
    warm: bool
    service: str
    due: str
    lease: str
    seconds: int
    heading: str
    step: str
    channel: str
    phrase: Phrase | None
    exchanged: bool
    passkey: CasePasskey | None
    purpose: str
    compared: bool
    recommended: bool
    warnings: tuple[str, ...]
    about: tuple[str, ...]
    may: frozenset[StaffAction]


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """One confirmed detail."""

    label: str
    lines: list[str]
    corrected: bool


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A decision, or an independent review. `by_desk` says that it is the recommendation of a partner desk."""

    decision: str
    reasons: str
    note: str
    by_desk: bool


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One line of the history."""

    at: str
    event: str
    who: str
    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class NoteRow:
    """One note or flag."""

    at: str
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class CasePresenter:
    """Presents cases to one member of staff at one moment."""

    language: Language
    profiles: Profiles
    services: Mapping[str, Service]
    reader: StaffMember
    now: float
    idle: float
    """How long (seconds) a session lasts without a request."""

    def service(self, case: Case) -> str:
        """The name of the service that asked for the identity."""
        service = self.services.get(case.client_id)
        if case.client_id == ACCOUNT_SERVICE:
            return self.language.text("The pages of their account")
        return case.client_id if service is None else service.name(self.language.code)

    def step(self, view: CaseView) -> str:
        """Which parts the page of the case has: a word the template knows."""
        match view.role:
            case CaseRole.AGENT if view.case.unsettled is None:
                return _STEPS.get(view.case.state, "other")
            case CaseRole.REVIEWER if view.case.state is CaseState.REVIEW:
                return "review"
            case _:
                return "other"

    def story(self, view: CaseView) -> str:
        """The state of a case that the reader does not hold, or on which they decided a moment ago."""
        if view.role is CaseRole.AGENT and view.case.unsettled is not None:
            moment = self.language.format_time(view.case.unsettled.until, self.now)
            text = self.language.text("You decided. It takes effect at {time}; until then you can take it back.")
            return text.format(time=moment)
        return self.language.text(_AT_DESK if view.case.at_desk else _STORIES[view.case.state])

    def case(self, view: CaseView, heading: str) -> CaseContextRow:
        """The strip and the panels."""
        words, case = self.language, view.case
        holds = StaffAction.RENEW in view.actions and case.lease is not None
        return CaseContextRow(
            path=f"/cases/{case.id}",
            edition=case.edit_version,
            reference=readable(case.reference),
            state=words.text(STATES[case.state]),
            warm=case.state is CaseState.HELD,
            service=self.service(case),
            due=words.format_time(self.due(case), self.now) if case.open else "",
            lease=words.format_time(case.lease, self.now) if holds and case.lease is not None else "",
            seconds=0 if case.lease is None else max(0, int(min(case.lease - self.now, self.idle))),
            heading=heading,
            step=self.step(view),
            channel="" if case.channel is None else case.channel.value,
            phrase=case.phrase if view.role is CaseRole.AGENT and case.phrase.first else None,
            exchanged=case.phrase_verified,
            passkey=case.passkey if view.role is CaseRole.AGENT else None,
            purpose=case.purpose.value,
            compared=matched(case),
            recommended=_recommended(case),
            warnings=tuple(words.text(_WARNINGS[one]) for one in view.warnings),
            about=tuple(self._about(case)),
            may=view.actions,
        )

    def due(self, case: Case) -> float:
        """The deadline of the case (seconds since 1970 UTC)."""
        return case.expires if case.deadline is None else min(case.deadline, case.expires)

    def _about(self, case: Case) -> Iterator[str]:
        words = self.language
        if case.channel is not None:
            yield words.text(CHANNELS[case.channel])
        if case.contact is not None:
            yield self._contact(case.contact)
        if case.second_contact is not None:
            yield words.text("Also: {address}").format(address=_address(case.second_contact))
        language = words.locale.languages.get(case.language, case.language)
        yield words.text("Language: {language}").format(language=language)
        yield words.text("Level asked: {level}").format(level=words.text(LEVELS[case.level]))
        if closed := out_of_reach(case, self.profiles, words):
            yield closed
        if case.purpose is CasePurpose.RENEWAL:
            yield words.text("A renewal of what we keep")
        if case.purpose is CasePurpose.REBIND:
            yield words.text("A new passkey for what we keep")
        if case.meetings:
            yield words.text("Another meeting: what was recorded is kept. Check the face and the contact again.")
        if case.queue_round > 1:
            yield words.text("Round {number}").format(number=case.queue_round)

    def _contact(self, contact: Contact) -> str:
        """How the citizen is reached."""
        return self.language.text(_REACH[contact.way]).format(address=_address(contact))

    def level(self, case: Case, assessment: Assessment) -> LevelPanel:
        """What the evidence supports."""
        return level_shown(case, assessment, self.profiles, self.language, self.reader)

    def question(self, check: str) -> str:
        """The question of a check."""
        known = self.profiles.checks.get(check)
        return check if known is None else in_language(known.text, self.language.code)

    def claims(self, case: Case) -> list[ClaimRow]:
        """The confirmed details."""
        corrected = frozenset(case.details.corrected)
        return [
            ClaimRow(label(claim, self.language), lines(claim, value, self.language), claim in corrected)
            for claim, value in case.details.claims.items()
            if value
        ]

    def verdict(self, given: Verdict | IndependentReview) -> VerdictRow:
        """A decision with its reasons and note."""
        return VerdictRow(
            self.language.text(DECISIONS[given.decision][0]),
            reasons(given.reasons, self.language),
            given.note,
            is_desk(given.by),
        )

    def notes(self, case: Case, people: Mapping[str, StaffMember]) -> list[NoteRow]:
        """Notes and silent flags by time."""
        said = [(note.at, note.by, note.text) for note in case.notes]
        said += [(flag.at, flag.by, reasons((flag.reason,), self.language)) for flag in case.flags]
        return [
            NoteRow(self.language.format_time(at, self.now), _name(by, people), text) for at, by, text in sorted(said)
        ]

    def history(self, case: Case, people: Mapping[str, StaffMember]) -> list[HistoryRow]:
        """The case from its beginning."""
        return [
            HistoryRow(
                at=self.language.format_time(move.at, self.now),
                event=event(move.event, self.language),
                who=_name(move.who, people),
                target=self.language.text(STATES[move.target]),
                reason=reasons(move.reason.split(), self.language),
            )
            for move in case.history
        ]


def _recommended(case: Case) -> bool:
    """Whether a partner desk recommends what a second person looks at, and no agent decided it."""
    last = next((move.event for move in reversed(case.history) if move.event in ("decided", "recommended")), "")
    return last == "recommended"


def _name(who: str, people: Mapping[str, StaffMember]) -> str:
    return people[who].name if who in people else who


def _address(contact: Contact) -> str:
    """The address as people read it, with both forms of an international domain: letters of scripts look alike."""
    read = unicode_address(contact.address)
    return read if read == contact.address else f"{read} ({contact.address})"

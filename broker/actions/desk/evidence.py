"""Evidence of a partner desk, one piece for each call, by the rules of the console."""

from typing import Final

from broker.actions.assisted import evidence_input
from broker.actions.assisted.staff_results import CheckAnswer, EvidenceEntry, InvalidInput, LookUpEntry
from broker.actions.desk.messages import Check, Document, Person, PersonDetails, RecordEvidence, Words
from broker.actions.desk.once import DeskCall
from broker.actions.desk.problems import DeskProblem, invalid, invalid_piece
from broker.actions.desk.visits import DeskContext, Step, actor, change, check_holder, check_visit
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.codes import same_words
from broker.model.desk import DeskAnswer, Use
from broker.model.staff import StaffMember

MOST_WORDS: Final = 3
"""How often desks may try the citizen's word while a case is in one round of the queue."""


async def record_evidence(context: DeskContext, call: DeskCall, case_id: str, body: RecordEvidence) -> DeskAnswer:
    """Records one piece at the desk that accepted the case. Raises DeskProblem."""
    by = actor(call.service, body)
    agent = StaffMember(by, "", "", frozenset(), skills=call.service.own.desk_skills)

    async def make(case: Case) -> Step:
        check_visit(case, call.service, body)
        check_holder(context, case, by)
        match body.piece:
            case Document():
                return await _document(context, call.name, case, agent, body.piece)
            case Person(checks=checks):
                profiles, now = context.cases.rules.profiles, context.cases.system.now()
                made = evidence_input.person_checks(case, profiles, agent, now, _answers(checks))
                if isinstance(made, InvalidInput):
                    raise invalid_piece(made)
                return Step((ev.ChecksRecorded(by, made),))
            case PersonDetails():
                return Step((ev.DetailsRecorded(by, _details(context, body.piece)),))
            case Words(first=first):
                await _check_word(context, call.name, case, first)
                return Step((ev.WordsExchanged(by),))

    return await change(context, call, case_id, 200, make)


async def _document(context: DeskContext, call: str, case: Case, agent: StaffMember, piece: Document) -> Step:
    cases = context.cases
    entry = EvidenceEntry(piece.kind, piece.fields, _answers(piece.checks), piece.id)
    made = evidence_input.evidence(case, cases.rules.profiles, agent, cases.system.now(), entry)
    if isinstance(made, InvalidInput):
        raise invalid_piece(made)
    kind = cases.rules.profiles.kinds[piece.kind]
    marks = evidence_input.fingerprints(kind, made, cases.fingerprint)
    vouched = 0 if kind.vouch is None else await cases.stores.cases.count_similar(marks, case.id)
    if (often := evidence_input.vouched_too_often(kind, vouched)) is not None:
        raise invalid_piece(often)
    fresh = (mark for mark in marks if mark not in case.fingerprints)
    uses = tuple(Use(f"document:{mark}", call, context.settings.per_document) for mark in fresh)
    return Step((ev.EvidenceRecorded(agent.id, made, marks),), uses, "document_limit")


def _answers(checks: tuple[Check, ...]) -> tuple[CheckAnswer, ...]:
    return tuple(
        CheckAnswer(
            one.check,
            one.outcome,
            one.reason,
            None if one.lookup is None else LookUpEntry(one.lookup.kind, one.lookup.source, one.lookup.reference),
        )
        for one in checks
    )


def _details(context: DeskContext, piece: PersonDetails) -> dict[str, str]:
    given = {name: getattr(piece, name) for name in evidence_input.DETAILS}
    made = evidence_input.details(given, context.cases.system.now())
    if isinstance(made, InvalidInput):
        raise invalid_piece(made)
    return dict(made)


async def _check_word(context: DeskContext, call: str, case: Case, first: str) -> None:
    """Compares the citizen's word. Each try is counted before it is compared."""
    use, now = Use(f"words:{case.id}:{case.queue_round}", call, MOST_WORDS), context.cases.system.now()
    if await context.desks.count(use, now, case.expires) is None:
        raise DeskProblem(409, "no_tries_left", "the citizen's word was tried as often as it may")
    if not same_words(case.phrase.first, first):
        raise invalid("/piece/first", "wrong_word", "this is not the word on the citizen's page")

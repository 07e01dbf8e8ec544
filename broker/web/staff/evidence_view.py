"""Evidence as agent, reviewer and lead read it: every value, what its dates say, each check, and its sources."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from broker.assisted.calibration import MadeUpEvidence
from broker.assisted.case import Case
from broker.assisted.case_records import CheckRecord, EvidenceRecord
from broker.assisted.documents import Validity, day, term
from broker.assisted.levels import Assessment, Scored
from broker.assisted.profiles import EvidenceKind
from broker.model.assurance import EvidenceType
from broker.normalize.dates import full_date
from broker.web.citizens.failure_texts import marked
from broker.web.shared.pages import in_language
from broker.web.staff.case_presenter import CasePresenter
from broker.web.staff.labels import OUTCOMES, reasons

_TERMS: Final = {
    Validity.IN_DATE: marked("In date until {date}."),
    Validity.EXPIRED: marked("It expired on {date}, which this kind of evidence allows for a while."),
    Validity.OUT_OF_DATE: marked("Its date of expiry has passed ({date}), so it counts for nothing."),
}


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answered check. `source` is the source that was looked in, its reference and the time, "" for none."""

    question: str
    outcome: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """One piece of evidence. `path` is the page that changes it, "" if it cannot be changed. `term` says until when it
    is valid; `expired` that it is not any more. `at` is when it was recorded, "" for made-up evidence.
    """

    name: str
    score: str
    fields: tuple[tuple[str, str], ...]
    term: str
    expired: bool
    answers: tuple[AnswerRow, ...]
    at: str
    path: str


def evidence_rows(tell: CasePresenter, case: Case, assessment: Assessment, base: str = "") -> list[EvidenceRow]:
    """The recorded evidence. `base` is the path under which each piece can be changed, "" for none."""
    scores = {scored.id: scored for scored in assessment.scores.evidence}
    return [_piece(tell, one, scores.get(one.id), f"{base}/{one.id}" if base else "") for one in case.evidence]


def made_up_row(tell: CasePresenter, one: MadeUpEvidence) -> EvidenceRow:
    """A piece of made-up evidence, as one that was recorded now, without answers."""
    record = EvidenceRecord("", one.kind, EvidenceType.DOCUMENT, "", tell.now, one.fields)
    return replace(_piece(tell, record, None, ""), at="")


def answer_rows(tell: CasePresenter, checks: Sequence[CheckRecord]) -> tuple[AnswerRow, ...]:
    """The answered checks."""
    return tuple(
        AnswerRow(
            tell.question(one.check),
            tell.language.text(OUTCOMES[one.outcome]),
            reasons(filter(None, (one.reason,)), tell.language),
            _source(tell, one),
        )
        for one in checks
    )


def _piece(tell: CasePresenter, one: EvidenceRecord, scored: Scored | None, path: str) -> EvidenceRow:
    kind, words = tell.profiles.kinds.get(one.kind), tell.language
    score = words.text("strength {strength}, validity {validity}")
    changeable = kind is None or kind.by_staff
    return EvidenceRow(
        name=one.kind if kind is None else in_language(kind.text, words.code),
        score="" if scored is None else score.format(strength=scored.strength, validity=scored.validity),
        fields=tuple(shown_field(tell, kind, name, value) for name, value in one.details.items()),
        term="" if kind is None else _term(tell, kind, one),
        expired=scored is not None and scored.expired,
        answers=answer_rows(tell, one.checks),
        at=words.format_time(one.at, tell.now),
        path=path if changeable else "",
    )


def shown_field(tell: CasePresenter, kind: EvidenceKind | None, name: str, value: str) -> tuple[str, str]:
    """Label and value of a field: a date in words, a choice by its text, of a machine readable zone what was found."""
    field, words = None if kind is None else kind.fields.get(name), tell.language
    if field is None:
        return name, value
    label = in_language(field.text, words.code)
    if field.is_zone:
        return label, words.text("{form}, its check digits are right").format(form=value)
    if field.choices:
        return label, in_language(field.choices[value], words.code) if value in field.choices else value
    return label, _date(tell, value) if field.dated else value


def _term(tell: CasePresenter, kind: EvidenceKind, one: EvidenceRecord) -> str:
    found = term(kind, one.details, day(one.at))
    return "" if found is None else tell.language.text(_TERMS[found.validity]).format(date=_date(tell, found.expires))


def _date(tell: CasePresenter, value: str) -> str:
    readable = full_date(value)
    return value if readable is None else tell.language.date(date.fromisoformat(readable))


def _source(tell: CasePresenter, check: CheckRecord) -> str:
    found = check.lookup
    if found is None:
        return ""
    text = (
        tell.language.text("{source} answered by itself, reference {reference}, {time}")
        if found.connector
        else tell.language.text("{source}, reference {reference}, {time}")
    )
    return text.format(
        source=found.source, reference=found.reference, time=tell.language.format_time(found.at, tell.now)
    )

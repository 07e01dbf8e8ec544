"""Checklists: the checks of a form in groups, those of one look-up together with its source, and the answers given."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from broker.actions.assisted.evidence_input import check_error
from broker.actions.assisted.staff_results import CheckAnswer, InputError, LookUpEntry
from broker.assisted.case import Case
from broker.assisted.case_records import CheckOutcome, CheckRecord
from broker.assisted.profiles import Profiles
from broker.web.citizens.failure_texts import marked
from broker.web.shared.pages import in_language
from broker.web.staff.case_presenter import CasePresenter

_CLOSED: Final = {
    InputError.NOT_IN_THIS_CHANNEL: marked("Cannot be done in this way of meeting"),
    InputError.NOT_TRAINED: marked("Needs training that you do not have"),
}
NO_SOURCES: Final[Mapping[str, Sequence[tuple[str, str]]]] = {}
WHOLE: Final = "as_expected"
"""Value of the answer to a look-up whose record answers each of its checks with yes."""


@dataclass(frozen=True, slots=True)
class CheckField:
    """One line of a checklist. `chosen` is the value recorded before, `closed` why it is not asked here ("": it is)."""

    name: str
    question: str
    chosen: str
    optional: bool
    closed: str


@dataclass(frozen=True, slots=True)
class CheckGroup:
    """Checks that are answered together. Those of a look-up have its `name` and `title`, and the source and reference
    that were given; `covers` names those that one answer can answer together ("": there is no such answer), and
    `chosen` says that it was given. `sources` are the sources that a program can ask: address and name.
    """

    name: str
    title: str
    source: str
    reference: str
    covers: str
    chosen: bool
    checks: tuple[CheckField, ...]
    sources: tuple[tuple[str, str], ...] = ()


def checklist(
    names: Sequence[str],
    recorded: Iterable[CheckRecord],
    case: Case,
    tell: CasePresenter,
    typed: Mapping[str, str] | None = None,
    sources: Mapping[str, Sequence[tuple[str, str]]] = NO_SOURCES,
) -> list[CheckGroup]:
    """The checks of a form: first those that are answered by looking, then those of each look-up.

    A check that this channel or this member of staff cannot make is shown as closed. `typed` is the draft of the form,
    whose answers are shown in place of those recorded. `sources` are those that a program can ask, by look-up: address
    and name.
    """
    before = {one.check: one for one in recorded}
    chosen = {name: ".".join(filter(None, (one.outcome.value, one.reason))) for name, one in before.items()}
    if typed is not None:
        chosen = {name: typed.get(f"check.{name}", chosen.get(name, "")) for name in names}
    lines = {name: _line(name, chosen.get(name, ""), case, tell) for name in names}
    left, groups = dict(lines), []
    for kind, lookup in tell.profiles.lookups.items():
        own = tuple(left.pop(name) for name in lookup.checks if name in left)
        if own:
            given = next((one.lookup for name in lookup.checks if (one := before.get(name)) and one.lookup), None)
            source, reference = ("", "") if given is None else (given.source, given.reference)
            if typed is not None:
                source, reference = typed.get(f"source.{kind}", source), typed.get(f"reference.{kind}", reference)
            title = in_language(lookup.text, tell.language.code)
            open_ones = [one.name for one in own if not one.closed]
            covers = " ".join(open_ones) if len(open_ones) > 1 else ""
            picked = typed is not None and typed.get(f"lookup.{kind}") == WHOLE
            groups.append(CheckGroup(kind, title, source, reference, covers, picked, own, tuple(sources.get(kind, ()))))
    rest = (CheckGroup("", "", "", "", "", chosen=False, checks=tuple(left.values())),) if left else ()
    return [*rest, *groups]


def _line(name: str, chosen: str, case: Case, tell: CasePresenter) -> CheckField:
    error = check_error(name, tell.profiles, tell.reader, case.channel)
    closed = "" if error is None else tell.language.text(_CLOSED[error])
    return CheckField(name, tell.question(name), chosen, tell.profiles.checks[name].optional, closed)


def answers(form: Mapping[str, str], profiles: Profiles) -> tuple[CheckAnswer, ...]:
    """The answers of a form. One that could not be given names its reason after a dot.

    A look-up that was answered as a whole answers each of its checks that the form offered (`covers.<look-up>`) and
    that has no answer of its own.
    """
    given: dict[str, CheckAnswer] = {}
    for kind, lookup in profiles.lookups.items():
        if form.get(f"lookup.{kind}") == WHOLE:
            offered = form.get(f"covers.{kind}", "").split()
            for name in (one for one in lookup.checks if one in offered):
                given[name] = CheckAnswer(name, CheckOutcome.YES, None, _looked_up(name, form, profiles))
    for field, value in form.items():
        word, _, reason = value.partition(".")
        if field.startswith("check.") and word in {outcome.value for outcome in CheckOutcome}:
            name = field.removeprefix("check.")
            given[name] = CheckAnswer(name, CheckOutcome(word), reason or None, _looked_up(name, form, profiles))
    return tuple(given.values())


def _looked_up(check: str, form: Mapping[str, str], profiles: Profiles) -> LookUpEntry | None:
    """What was typed of the look-up that answers a check; None for a check that no look-up answers."""
    kind = next((name for name, lookup in profiles.lookups.items() if check in lookup.checks), None)
    if kind is None:
        return None
    return LookUpEntry(kind, form.get(f"source.{kind}", ""), form.get(f"reference.{kind}", ""))

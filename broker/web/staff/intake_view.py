"""Intake: what the citizen said when they asked, as the agent reads it before and in the session."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from broker.actions.assisted.staff_results import CaseRole, CaseView
from broker.assisted.case import Case
from broker.assisted.intake import Need, Times
from broker.assisted.profiles import Profiles
from broker.web.citizens.failure_texts import marked
from broker.web.shared.pages import in_language
from broker.web.staff.case_presenter import CasePresenter

_NEEDS: Mapping[Need, str] = MappingProxyType(
    {
        Need.INTERPRETER: marked("somebody who interprets"),
        Need.SIGN_LANGUAGE: marked("sign language"),
        Need.HEARING: marked("does not hear well"),
        Need.HOME_VISIT: marked("cannot leave home"),
    }
)
_TIMES: Mapping[Times, str] = MappingProxyType(
    {
        Times.MORNING: marked("in the morning"),
        Times.AFTERNOON: marked("in the afternoon"),
        Times.EVENING: marked("in the evening"),
    }
)


def intake_rows(tell: CasePresenter, view: CaseView) -> list[tuple[str, str]]:
    """Label and value of each thing that the citizen said; none for a visitor, and none after erasure."""
    return [] if view.role is CaseRole.VISITOR or view.case.erased else list(_rows(tell, view.case))


def _rows(tell: CasePresenter, case: Case) -> Iterator[tuple[str, str]]:
    words, said = tell.language, case.intake
    if said.name:
        yield words.text("Wants to be called"), said.name
    if said.language:
        yield words.text("Wants to talk in"), words.locale.languages.get(said.language, said.language)
    if said.needs:
        yield words.text("Needs"), "; ".join(words.text(_NEEDS[one]) for one in said.needs)
    if said.helper:
        yield words.text("Is helped by"), said.helper
    if said.times:
        yield words.text("It suits"), "; ".join(words.text(_TIMES[one]) for one in said.times)
    if said.documents:
        names = (_kind(tell, word) for word in said.documents)
        yield words.text("Has"), "; ".join(names)


def _kind(tell: CasePresenter, word: str) -> str:
    kind = tell.profiles.kinds.get(word)
    return word if kind is None else in_language(kind.text, tell.language.code)


def first_kind(case: Case, profiles: Profiles) -> str:
    """The kind of evidence that the session begins with: the first that the citizen said they have, else the first of
    the profile file.
    """
    by_staff = [name for name, kind in profiles.kinds.items() if kind.by_staff]
    return next((word for word in case.intake.documents if word in by_staff), by_staff[0])

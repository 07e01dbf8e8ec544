"""Guides: the script of a step, what to look for on a kind of evidence, what failed before, and the help page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.assisted.case import Case
from broker.assisted.guide import ScriptStep, guides, script
from broker.web.citizens.failure_texts import marked
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.staff.case_presenter import CasePresenter
from broker.web.staff.request import StaffApp, StaffPage, staff
from broker.web.staff.responses import case_presenter

SHORTCUTS: Final[Mapping[str, str]] = {
    "h": marked("Your desk"),
    "n": marked("Take the next case"),
    "c": marked("The page of the case"),
    "s": marked("Save, or record what was decided"),
    "e": marked("Save, and the session is over"),
    "d": marked("Decide"),
    "0": marked("This page"),
}
"""Access keys with what they do. Browsers take them with Alt, Alt and Shift, or Control and Option."""

SHEETS = (PageTemplate("guide", "staff/guide.html", {"shortcuts": SHORTCUTS}),)


@dataclass(frozen=True, slots=True)
class GuideRow:
    """One guide: what documents it is for, and what to look for."""

    title: str
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KindRow:
    """The guides of one kind of evidence."""

    name: str
    guides: tuple[GuideRow, ...]


def guide_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [Route("/help", staff(app, show_help), methods=["GET"])]


def script_lines(tell: CasePresenter, step: ScriptStep | None, case: Case) -> list[str]:
    """What to say and do at a step, in the channel of the case."""
    lines = () if step is None else script().lines(step, case.channel)
    return [in_language(line, tell.language.code) for line in lines]


def guide_rows(tell: CasePresenter, kind: str) -> tuple[GuideRow, ...]:
    """What to look for on evidence of a kind."""
    code = tell.language.code
    return tuple(
        GuideRow(
            " ".join((in_language(one.title, code), *one.countries, *([f"({one.since}–)"] if one.since else []))),
            tuple(in_language(feature, code) for feature in one.features),
        )
        for one in guides().kinds.get(kind, ())
    )


async def show_help(req: StaffPage) -> Response:
    """The help page: shortcuts, the way of a case, and the guides to evidence."""
    tell = case_presenter(req)
    kinds = [
        KindRow(in_language(kind.text, tell.language.code), rows)
        for name, kind in tell.profiles.kinds.items()
        if (rows := guide_rows(tell, name))
    ]
    return req.visit.page("guide", kinds=kinds)

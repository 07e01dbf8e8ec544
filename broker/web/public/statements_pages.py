"""Public statements: the privacy notice, the accessibility statement, and the changes of policy.

They are made from the configuration, so that they say what this installation does, and from what the product states of
itself in `statements.toml`.
"""

import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.model.statements import KeptKind, PolicyChange, PolicySubject, Statements, Texts
from broker.platform.toml_loader import Instant, load
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import base_context
from broker.web.citizens.request import CitizenApp, CitizenRequest
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.shared.responses import PageResponse

SHEETS = tuple(PageTemplate(name, f"public/{name}.html") for name in ("accessibility", "privacy", "decisions"))

_KEPT: Final[Mapping[KeptKind, str]] = {
    KeptKind.SIGNED_IN: marked("That you are signed in here"),
    KeptKind.ACCESS: marked("The details that you agreed to, as long as a service may fetch them"),
    KeptKind.ENDED: marked("That you were signed in, and where, after it has ended"),
    KeptKind.FAILED: marked("What did not work when somebody signed in, without who it was"),
    KeptKind.HELP: marked("What you gave for help from a person, after your request was declined"),
    KeptKind.FILES: marked("Photographs and videos that you sent, after you were verified"),
    KeptKind.APPOINTMENTS: marked("That there was an appointment, and when, after it is over"),
    KeptKind.MESSAGES: marked("That a message was sent to you, without what it said"),
    KeptKind.PASSKEYS: marked("Your checked details for your passkeys, unless you choose another time"),
    KeptKind.FEEDBACK: marked("What you wrote about this website"),
    KeptKind.PUBLISHED_FEEDBACK: marked("The same, if you agreed that everybody may read it, after it was published"),
}
_ABOUT: Final[Mapping[PolicySubject, str]] = {
    PolicySubject.PROFILES: marked("What evidence is worth"),
    PolicySubject.LEVELS: marked("Levels of proof"),
    PolicySubject.PRESETS: marked("What is known of providers"),
    PolicySubject.PROVIDERS: marked("Which providers there are"),
    PolicySubject.OTHER: marked("Other rules"),
}


@dataclass(frozen=True, slots=True)
class Packaged:
    """What the product states of itself. `tested` is the day of its last test for accessibility."""

    tested: Instant
    gaps: tuple[Texts, ...]
    decisions: tuple[PolicyChange, ...]


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change of policy, in words."""

    day: str
    subject: str
    version: str
    text: str
    reason: str


@lru_cache(maxsize=1)
def packaged() -> Packaged:
    """Reads `statements.toml`. Raises ValueError if it is wrong."""
    table = tomllib.loads((Path(__file__).parent / "statements.toml").read_text("utf-8"))
    found, problems = load(table, Packaged)
    if found is None or problems:
        raise ValueError("\n".join(map(str, problems)))
    return found


def statement_routes(app: CitizenApp, statements: Statements) -> list[Route]:
    """The routes of this file."""
    pages: Mapping[str, Callable[[Statements, Language], dict[str, object]]] = {
        "accessibility": _accessibility,
        "privacy": _privacy,
        "decisions": _decisions,
    }

    def shown(name: str) -> Callable[[CitizenRequest], Awaitable[Response]]:
        async def answer(req: CitizenRequest) -> Response:
            frame = req.frame()
            variables = {**base_context(frame), **pages[name](statements, frame.language)}
            return req.answer(PageResponse(name, variables), frame)

        return answer

    return [Route(f"/{name}", page(app, shown(name)), methods=["GET"]) for name in pages]


def _accessibility(statements: Statements, words: Language) -> dict[str, object]:
    product, ours = packaged(), statements.accessibility
    return {
        "tested": words.day(ours.tested or product.tested),
        "gaps": [in_language(gap, words.code) for gap in (*product.gaps, *ours.gaps)],
    }


def _privacy(statements: Statements, words: Language) -> dict[str, object]:
    notice = statements.privacy
    return {
        "controller": in_language(notice.controller, words.code),
        "contact": notice.contact,
        "ground": in_language(notice.ground, words.code),
        "regulator": in_language(notice.regulator, words.code),
        "regulator_url": notice.regulator_url,
        "kept": [
            (words.text(text), words.text("For {duration}", duration=words.duration(statements.kept[kind])))
            for kind, text in _KEPT.items()
            if kind in statements.kept
        ],
    }


def _decisions(statements: Statements, words: Language) -> dict[str, object]:
    policy = statements.policy
    changes = sorted((*packaged().decisions, *statements.decisions), key=lambda change: change.day)
    return {
        "version": policy.version,
        "own": policy.own,
        "low": policy.levels[0],
        "substantial": policy.levels[1],
        "high": policy.levels[2],
        "presets": ", ".join(policy.presets),
        "changes": [_row(change, words) for change in reversed(changes)],
    }


def _row(change: PolicyChange, words: Language) -> ChangeRow:
    return ChangeRow(
        words.day(change.day),
        words.text(_ABOUT[change.about]),
        change.version or "",
        in_language(change.what, words.code),
        in_language(change.why, words.code),
    )

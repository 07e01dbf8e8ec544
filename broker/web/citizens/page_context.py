"""What surrounds the content of every page of a journey: where one is, for which service, the tokens of its forms."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.actions.browser import Browser
from broker.model.assurance import Level
from broker.model.backchannel_request import BackchannelRequestRef
from broker.model.service import Service
from broker.web.shared.csrf import MacSigner, token
from broker.web.shared.i18n import Language

LANGUAGE_PLACE = "language"
"""The place for which the token of the language form is made: it stands on every page."""


@dataclass(frozen=True, slots=True)
class PageContext:
    """One page being written: its address, its browser, its language, and the moment (seconds since 1970 UTC).

    `here` is the path to come back to, with its query, None if the page cannot be asked for again; `handle` names the
    transaction, or what the forms' tokens are for where there is none. `issuer` is our own origin, `problem` what was
    wrong with the form just sent (`visit.PROBLEMS`). `question` is what somebody asks of the citizen away from their
    own pages, where the transaction is about that. `typed` holds the fields of a form that is shown again in another
    language.
    """

    here: str | None
    handle: str
    browser: Browser
    language: Language
    now: float
    marks: MacSigner
    issuer: str
    problem: str = ""
    question: BackchannelRequestRef | None = None
    typed: Mapping[str, str] = field(default_factory=dict)

    def holes(self, service: Service | None, **more: object) -> dict[str, object]:
        """What every page of a journey is filled with, and more."""
        words = self.language
        return {
            **base_context(self),
            "token": token(self.marks, self.browser.secrets, self.handle),
            "base": f"/journey/{self.handle}",
            "service": service.name(words.code) if service else words.text("the service"),
            "known_service": service is not None,
            "home": service.home if service else None,
            "problem": self.problem,
            "asked": self.question is not None,
            "staff": self.question is not None and self.question.case is not None,
            "message": None if self.question is None else self.question.message,
            "typed": TypedValues(self.typed),
            **more,
        }


class TypedValues(dict[str, str]):
    """The fields of a form by name; one that was not filled in is empty."""

    def __missing__(self, name: str) -> str:
        return ""


def base_context(frame: PageContext) -> dict[str, object]:
    """What every page is filled with, of a journey or not.

    `keeps` says that the page has a form to fill in, which switches the language; its address is `own`.
    """
    path = (frame.here or "").partition("?")[0]
    return {
        "here": frame.here,
        "own": f"{path}?problem={frame.problem}" if frame.problem else path,
        "keeps": False,
        "language_token": token(frame.marks, frame.browser.secrets, LANGUAGE_PLACE),
        "signed_in": frame.browser.session is not None,
    }


def level_text(words: Language, level: Level) -> str:
    """A level of assurance in words for citizens."""
    match level:
        case Level.LOW:
            return words.text("Basic proof of who you are")
        case Level.SUBSTANTIAL:
            return words.text("Strong proof of who you are")
        case Level.HIGH:
            return words.text("Very strong proof of who you are")


def readable(reference: str) -> str:
    """A reference in two groups of four, however it is stored."""
    plain = "".join(letter for letter in reference if letter.isalnum())
    return " ".join(plain[i : i + 4] for i in range(0, len(plain), 4))

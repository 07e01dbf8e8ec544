"""Page context: the template variables that every page has, such as address, service, language and CSRF tokens."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.actions.browser import Browser
from broker.model.account import ACCOUNT_SERVICE
from broker.model.assurance import Level
from broker.model.backchannel_request import BackchannelRequestRef
from broker.model.service import Service
from broker.web.shared.csrf import MacSigner, token
from broker.web.shared.i18n import Language

LANGUAGE_PLACE = "language"
"""CSRF token place of the language form, which is on every page."""


@dataclass(frozen=True, slots=True)
class PageContext:
    """The context of one page. `now` is in seconds since 1970 UTC.

    `page_path` is the path and query of the page, None if it cannot be requested again. `handle` is the transaction's
    handle, or another CSRF token place if there is no transaction. `issuer` is the broker's origin; `problem` is the
    error of the form just sent (`request.PROBLEMS`). `question` is the backchannel request that the transaction
    answers, if any. `typed` holds the fields of a form that is shown again in another language.
    """

    page_path: str | None
    handle: str
    browser: Browser
    language: Language
    now: float
    macs: MacSigner
    issuer: str
    problem: str = ""
    question: BackchannelRequestRef | None = None
    typed: Mapping[str, str] = field(default_factory=dict)

    def template_variables(self, service: Service | None, **more: object) -> dict[str, object]:
        """The template variables of every page of a transaction, and `more`."""
        words = self.language
        return {
            **base_context(self),
            "token": token(self.macs, self.browser.secrets, self.handle),
            "base": f"/journey/{self.handle}",
            "service": service.name(words.code) if service else words.text("the service"),
            "known_service": service is not None,
            "managing": service is not None and service.client_id == ACCOUNT_SERVICE,
            "home": service.presentation.home if service else None,
            "problem": self.problem,
            "backchannel": self.question is not None,
            "staff": self.question is not None and self.question.case is not None,
            "message": None if self.question is None else self.question.message,
            "typed": TypedValues(self.typed),
            **more,
        }


class TypedValues(dict[str, str]):
    """The fields of a form by name; a missing one is ""."""

    def __missing__(self, name: str) -> str:
        return ""


def base_context(frame: PageContext) -> dict[str, object]:
    """The template variables of every page, with or without a transaction.

    `keeps`: the page has a form whose typed values survive a language switch; that form posts to `own`.
    """
    path = (frame.page_path or "").partition("?")[0]
    return {
        "page_path": frame.page_path,
        "own": f"{path}?problem={frame.problem}" if frame.problem else path,
        "keeps": False,
        "language_token": token(frame.macs, frame.browser.secrets, LANGUAGE_PLACE),
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
    """A reference in groups of four letters, without the separators it is stored with."""
    plain = "".join(letter for letter in reference if letter.isalnum())
    return " ".join(plain[i : i + 4] for i in range(0, len(plain), 4))

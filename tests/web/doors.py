"""The citizens' pages over a citizen whose views a test gives: an application without anything behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from broker.actions.browser import Browser, Shared
from broker.actions.needs import Unavailable
from broker.actions.outcomes import Begun, Continuation, Held, HelpOffered, HelpWanted, Proof, Refusal, Resumed
from broker.actions.views import Lost, View
from broker.ambient import Ambient
from broker.model.failures import FailureClass
from broker.seal import Sealer, sealer
from broker.web import citizens, public
from broker.web.astray import Astray, typed
from broker.web.language import languages
from broker.web.middleware import guarded
from broker.web.pages import Pages, pages
from broker.web.routing import routed
from broker.web.site import Site
from broker.web.static_files import Statics, static_routes, statics
from tests.web.examples import HANDLE, HELP_ON_OFFER, NOW, VIEWS

ISSUER = "https://id.test"
CODE = "K7WM-2QXD-4FHJ-9TBV"
SITE = Site(
    ISSUER,
    support={"en": "Monday to Friday, 8am to 6pm", "cy": "Dydd Llun i ddydd Gwener, 8am i 6pm"},
    phone="0300 123 4567",
    email="help@id.test",
    url="https://id.test/more",
    zone="Europe/London",
    languages=("en", "cy", "ar"),
)


@dataclass
class GivenCitizen:
    """Shows the view whose name stands in the handle, or `view`; notes what was done, and shows `then` after it."""

    view: View | None = None
    shared: Shared = field(default_factory=Shared)
    done: list[tuple[Any, ...]] = field(default_factory=list)
    browsers: list[Browser] = field(default_factory=list)
    proof: Proof = Proof.DONE
    help: HelpOffered | View = HELP_ON_OFFER
    asked: Continuation | Refusal | Held | Lost = field(default_factory=lambda: Continuation(CODE))
    later: Continuation | None = field(default_factory=lambda: Continuation(CODE))
    resumed: Resumed | None = None
    begun: Begun | Held | None = None
    refusal: Refusal | None = None
    then: View | None = None

    def _did(self, browser: Browser, *what: Any) -> None:
        self.view = self.then or self.view
        self.browsers.append(browser)
        self.done.append(what)

    async def look(self, handle: str, browser: Browser) -> tuple[View, Shared]:
        """The view that the test gave."""
        self.browsers.append(browser)
        return self.view or VIEWS.get(handle.removeprefix(f"{HANDLE}-"), Lost(FailureClass.LOST_PLACE)), self.shared

    async def peek(self, handle: str, browser: Browser) -> Lost | None:
        """Whether there is a view."""
        view = self.view or VIEWS.get(handle.removeprefix(f"{HANDLE}-"), Lost(FailureClass.LOST_PLACE))
        return view if isinstance(view, Lost) else None

    async def choose(self, handle: str, browser: Browser, provider: str) -> Refusal | Lost | None:
        """Noted."""
        self._did(browser, "choose", handle, provider)
        return self.refusal

    async def complete(
        self, provider: str, parameters: Mapping[str, str] | None, browser: Browser, state: str = ""
    ) -> str | Lost:
        """Leads to the transaction named in `state`."""
        self._did(browser, "complete", provider, None if parameters is None else dict(parameters))
        return (parameters or {}).get("state") or Lost(FailureClass.LOST_PLACE)

    async def share(self, handle: str, browser: Browser, agree: bool) -> Shared | Lost:
        """Noted."""
        self._did(browser, "share", handle, agree)
        return Shared(secret="new-secret", session="new-session") if agree else Shared()

    async def give_up(self, handle: str, browser: Browser) -> Lost | None:
        """Noted."""
        self._did(browser, "give_up", handle)
        return None

    async def take_question(self, code: str, browser: Browser, language: str) -> Begun | Held | None:
        """Noted."""
        self._did(browser, "take_question", code, language)
        return self.begun

    async def answer_here(self, handle: str, browser: Browser) -> Begun | Held | Lost | None:
        """Noted."""
        self._did(browser, "answer_here", handle)
        return self.begun

    async def confirm(self, handle: str, browser: Browser, agree: bool) -> Lost | None:
        """Noted."""
        self._did(browser, "confirm", handle, agree)
        return None

    async def help_on_offer(self, handle: str, browser: Browser) -> HelpOffered | View:
        """What the test gave."""
        return self.help

    async def ask_help(self, handle: str, browser: Browser, wanted: HelpWanted) -> Continuation | Refusal | Held | Lost:
        """Noted."""
        self._did(browser, "ask_help", handle, wanted)
        return self.asked

    async def resume_help(self, handle: str, browser: Browser) -> Lost | None:
        """Noted."""
        self._did(browser, "resume_help", handle)
        return None

    async def ready(self, handle: str, browser: Browser) -> Lost | None:
        """Noted."""
        self._did(browser, "ready", handle)
        return None

    async def send_code(self, handle: str, browser: Browser) -> Refusal | Lost | None:
        """Noted."""
        self._did(browser, "send_code", handle)
        return self.refusal

    async def bind(self, handle: str, browser: Browser, code: str, words: str) -> Proof | Lost:
        """Noted."""
        self._did(browser, "bind", handle, code, words)
        return self.proof

    async def withdraw(self, handle: str, browser: Browser) -> Lost | None:
        """Noted."""
        self._did(browser, "withdraw", handle)
        return None

    async def finish_later(self, handle: str, browser: Browser) -> Continuation | Lost | None:
        """Noted."""
        self._did(browser, "finish_later", handle)
        return self.later

    async def resume(self, code: str) -> Resumed | None:
        """Noted."""
        self.done.append(("resume", code))
        return self.resumed


def marks() -> Sealer:
    """Keyed marks for form tokens."""
    return sealer(b"k" * 32, [], lambda n: b"c" * n)


def all_pages(files: Statics, site: Site = SITE) -> Pages:
    """Every page of citizens and public, in every language."""
    return pages(languages(site.languages, site.zone), site, (*citizens.SHEETS, *public.SHEETS), files)


def ambient() -> Ambient:
    """The moment in which the examples stand."""
    return Ambient(now=lambda: NOW, draw=lambda n: b"r" * n)


def application(citizen: GivenCitizen, written: Pages, files: Statics) -> ASGIApp:
    """The citizens' side of the broker, with two more paths on which something breaks."""

    async def broken(request: Request) -> Response:
        raise ValueError("a secret that must not be told")

    async def unreachable(request: Request) -> Response:
        raise Unavailable("the store is gone")

    door = citizens.Door(citizen, written, marks(), ambient())
    routes = [
        *citizens.citizen_routes(door),
        *public.public_routes(door),
        *static_routes(files),
        Route("/broken", broken),
        Route("/unreachable", unreachable),
    ]
    shown = [*citizens.citizen_routes(door), *public.public_routes(door)]
    inner = routed(routes, public.handlers(written), Astray(ISSUER, typed(shown)))
    return guarded(inner, ambient(), refuse=public.head_refused(written))


def client(app: ASGIApp) -> httpx.AsyncClient:
    """A browser without a screen; its cookies are for the issuer."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER)


def path(view: str) -> str:
    """The path of the transaction that shows a view."""
    return f"/journey/{HANDLE}-{view}"


__all__ = ["CODE", "HANDLE", "ISSUER", "SITE", "GivenCitizen", "all_pages", "application", "client", "path", "statics"]

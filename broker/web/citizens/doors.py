"""What the citizens' pages ask of the actions. The pages hold nothing: whatever they show comes out of here.

Where nothing is returned, the page of the transaction says what became of it: every POST ends there.
"""

from collections.abc import Mapping
from typing import Protocol

from broker.actions.browser import Browser, BrowserUpdates
from broker.actions.results import ContinuationIssued as ContinuationIssued
from broker.actions.results import HelpOffered as HelpOffered
from broker.actions.results import HelpRefused as HelpRefused
from broker.actions.results import HelpRequest as HelpRequest
from broker.actions.results import ProofResult as ProofResult
from broker.actions.results import RateLimited as RateLimited
from broker.actions.results import ResumedTransaction as ResumedTransaction
from broker.actions.results import StartedTransaction as StartedTransaction
from broker.actions.views import DeadEnd, View


class Citizen(Protocol):
    """Everything a citizen can do. `handle` names the transaction; a browser that does not own it gets Lost."""

    async def look(self, handle: str, browser: Browser) -> tuple[View, BrowserUpdates]:
        """What to show now, and what the browser is to remember."""
        ...

    async def peek(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Whether the transaction has a page in this browser. Changes nothing."""
        ...

    async def choose(self, handle: str, browser: Browser, provider: str) -> HelpRefused | DeadEnd | None:
        """Sets out for a provider. One that is not on offer changes nothing: Refusal.NOT_NOW."""
        ...

    async def complete(
        self, provider: str, parameters: Mapping[str, str] | None, browser: Browser, state: str = ""
    ) -> str | DeadEnd:
        """Takes in what a provider sent to its callback; gives the handle of the transaction to look at.

        `parameters` is None for a query that cannot be read in one way only; `state` is what names the transaction.
        """
        ...

    async def share(self, handle: str, browser: Browser, agree: bool) -> BrowserUpdates | DeadEnd:
        """Agrees to share, or not; gives what the browser is to remember."""
        ...

    async def take_question(
        self, code: str, browser: Browser, language: str
    ) -> StartedTransaction | RateLimited | None:
        """Begins to answer the question whose code was typed in. None for a code that is none."""
        ...

    async def answer_here(self, handle: str, browser: Browser) -> StartedTransaction | RateLimited | DeadEnd | None:
        """Begins to answer what staff ask, in the browser that waits for them. None where they ask nothing."""
        ...

    async def confirm(self, handle: str, browser: Browser, agree: bool) -> DeadEnd | None:
        """Confirms what was asked, or declines."""
        ...

    async def give_up(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Goes back to the service without an answer."""
        ...

    async def help_on_offer(self, handle: str, browser: Browser) -> HelpOffered | View:
        """What help can be asked for now; the page to show instead where none can."""
        ...

    async def ask_help(
        self, handle: str, browser: Browser, wanted: HelpRequest
    ) -> ContinuationIssued | HelpRefused | RateLimited | DeadEnd:
        """Asks for a person."""
        ...

    async def resume_help(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Goes back to the open request for help."""
        ...

    async def ready(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Says that one is ready to talk to somebody."""
        ...

    async def send_code(self, handle: str, browser: Browser) -> HelpRefused | DeadEnd | None:
        """Has a confirmation code sent to the contact address. The one before it is dead."""
        ...

    async def bind(self, handle: str, browser: Browser, code: str, words: str) -> ProofResult | DeadEnd:
        """Proves by confirmation code and mutual words that one is who asked. Nothing says which was wrong."""
        ...

    async def withdraw(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Takes the request for help back."""
        ...

    async def finish_later(self, handle: str, browser: Browser) -> ContinuationIssued | DeadEnd | None:
        """A continuation code. None when there is nothing to continue."""
        ...

    async def resume(self, code: str) -> ResumedTransaction | None:
        """Takes up what a continuation code leads to. None for a code that leads nowhere."""
        ...

"""Everything a citizen can do with a transaction, in one place for the pages."""

from collections.abc import Mapping
from dataclasses import dataclass

from broker.actions.assisted import resume as case_resume
from broker.actions.assisted.citizen import CitizenCases
from broker.actions.browser import Browser, BrowserUpdates
from broker.actions.results import (
    ContinuationIssued,
    HelpOffered,
    HelpRefused,
    HelpRequest,
    ProofResult,
    RateLimited,
    ResumedTransaction,
    StartedTransaction,
)
from broker.actions.sign_in import backchannel_confirmation, consent, dispatch, provider_login, resume
from broker.actions.sign_in.context import SignInContext
from broker.actions.views import DeadEnd, View


@dataclass(frozen=True, slots=True)
class SignIn:
    """Signing in at one desk, with help from the people behind it."""

    sign_in_context: SignInContext
    cases: CitizenCases

    async def look(self, handle: str, browser: Browser) -> tuple[View, BrowserUpdates]:
        """See `sign_in.look`."""
        return await dispatch.current_view(self.sign_in_context, self.cases, handle, browser)

    async def peek(self, handle: str, browser: Browser) -> DeadEnd | None:
        """See `sign_in.look`."""
        return await dispatch.peek(self.sign_in_context, handle, browser)

    async def choose(self, handle: str, browser: Browser, provider: str) -> HelpRefused | DeadEnd | None:
        """See `sign_in.choose`."""
        return await provider_login.start_login(self.sign_in_context, handle, browser, provider)

    async def complete(
        self, provider: str, parameters: Mapping[str, str] | None, browser: Browser, state: str = ""
    ) -> str | DeadEnd:
        """See `sign_in.choose`."""
        return await provider_login.handle_callback(self.sign_in_context, provider, parameters, browser, state)

    async def share(self, handle: str, browser: Browser, agree: bool) -> BrowserUpdates | DeadEnd:
        """See `sign_in.answer`."""
        return await consent.submit_consent(self.sign_in_context, self.cases, handle, browser, agree)

    async def take_question(
        self, code: str, browser: Browser, language: str
    ) -> StartedTransaction | RateLimited | None:
        """See `sign_in.confirm`."""
        return await backchannel_confirmation.claim_request(self.sign_in_context, code, browser, language)

    async def answer_here(self, handle: str, browser: Browser) -> StartedTransaction | RateLimited | DeadEnd | None:
        """See `sign_in.confirm`."""
        return await backchannel_confirmation.approve_here(self.sign_in_context, self.cases, handle, browser)

    async def confirm(self, handle: str, browser: Browser, agree: bool) -> DeadEnd | None:
        """See `sign_in.confirm`."""
        return await backchannel_confirmation.submit_confirmation(
            self.sign_in_context, self.cases, handle, browser, agree
        )

    async def give_up(self, handle: str, browser: Browser) -> DeadEnd | None:
        """See `sign_in.later`."""
        return await resume.return_to_client(self.sign_in_context, handle, browser)

    async def finish_later(self, handle: str, browser: Browser) -> ContinuationIssued | DeadEnd | None:
        """A continuation code: the case's where one is open, so that it leads back there as long as the case lasts."""
        made = await self.cases.new_code(handle, browser)
        if made is not None:
            return made
        plain = await resume.finish_later(self.sign_in_context, handle, browser)
        return ContinuationIssued(plain) if isinstance(plain, str) else plain

    async def resume(self, code: str) -> ResumedTransaction | None:
        """Takes up what a continuation code leads to: a case first, which may outlive its transaction."""
        return await case_resume.resume(self.cases, code) or await resume.resume_with_code(self.sign_in_context, code)

    async def help_on_offer(self, handle: str, browser: Browser) -> HelpOffered | View:
        """What help can be asked for now; the page to show instead where none can."""
        offered = await self.cases.on_offer(handle, browser)
        if offered is not None:
            return offered
        return (await self.look(handle, browser))[0]

    async def ask_help(
        self, handle: str, browser: Browser, wanted: HelpRequest
    ) -> ContinuationIssued | HelpRefused | RateLimited | DeadEnd:
        """See `assisted.citizen`."""
        return await self.cases.ask(handle, browser, wanted)

    async def resume_help(self, handle: str, browser: Browser) -> DeadEnd | None:
        """See `assisted.citizen`."""
        return await self.cases.back(handle, browser)

    async def ready(self, handle: str, browser: Browser) -> DeadEnd | None:
        """See `assisted.citizen`."""
        return await self.cases.ready(handle, browser)

    async def send_code(self, handle: str, browser: Browser) -> HelpRefused | DeadEnd | None:
        """See `assisted.citizen`."""
        return await self.cases.send_code(handle, browser)

    async def bind(self, handle: str, browser: Browser, code: str, words: str) -> ProofResult | DeadEnd:
        """See `assisted.citizen`."""
        return await self.cases.bind(handle, browser, code, words)

    async def withdraw(self, handle: str, browser: Browser) -> DeadEnd | None:
        """See `assisted.citizen`."""
        return await self.cases.withdraw(handle, browser)

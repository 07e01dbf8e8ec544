"""A citizen's browser as the tests of actions drive it: each method submits one form or opens one page."""

from collections.abc import Collection
from dataclasses import dataclass

from broker.actions.assisted import binding
from broker.actions.assisted.citizen import CitizenCases
from broker.actions.browser import Browser, BrowserUpdates
from broker.actions.results import (
    AskingMark,
    ContinuationIssued,
    HelpOffered,
    HelpRefused,
    HelpRequest,
    IncompleteProof,
    ProofResult,
    RateLimited,
    ResumedTransaction,
    ResumeRefused,
    StartedTransaction,
    TypedProof,
)
from broker.actions.sign_in import backchannel_confirmation, consent, dispatch, provider_login, resume
from broker.actions.sign_in.context import SignInContext
from broker.actions.views import DeadEnd, View
from broker.assisted.transitions import TransitionRefused


@dataclass(frozen=True, slots=True)
class CitizenDriver:
    """Calls the actions that the citizens' pages call, with the contexts of a test."""

    sign_in_context: SignInContext
    cases: CitizenCases

    async def look(self, handle: str, browser: Browser) -> tuple[View, BrowserUpdates]:
        """Opens the page of the transaction."""
        return await dispatch.current_view(self.sign_in_context, self.cases, handle, browser)

    async def choose(self, handle: str, browser: Browser, provider: str) -> HelpRefused | DeadEnd | None:
        """Chooses a provider."""
        return await provider_login.start_login(self.sign_in_context, handle, browser, provider)

    async def complete(self, provider: str, parameters: dict[str, str], browser: Browser) -> str | DeadEnd:
        """Follows the provider's redirect to the callback."""
        return await provider_login.handle_callback(self.sign_in_context, provider, parameters, browser)

    async def share(
        self, handle: str, browser: Browser, *, agree: bool, chosen: Collection[str] = ()
    ) -> BrowserUpdates | DeadEnd:
        """Submits the consent form with the optional claims that are ticked."""
        context = self.sign_in_context
        return await consent.submit_consent(context, self.cases, handle, browser, agree=agree, chosen=chosen)

    async def take_question(
        self, code: str, browser: Browser, language: str
    ) -> StartedTransaction | RateLimited | None:
        """Types in the user code of a backchannel request."""
        return await backchannel_confirmation.claim_request(self.sign_in_context, code, browser, language)

    async def answer_here(self, handle: str, browser: Browser) -> StartedTransaction | RateLimited | DeadEnd | None:
        """Answers a question of staff in the browser that waits for them."""
        return await backchannel_confirmation.approve_here(self.sign_in_context, self.cases, handle, browser)

    async def confirm(self, handle: str, browser: Browser, *, agree: bool) -> DeadEnd | None:
        """Submits the confirmation form."""
        context, cases = self.sign_in_context, self.cases
        return await backchannel_confirmation.submit_confirmation(context, cases, handle, browser, agree=agree)

    async def give_up(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Returns to the service without an answer."""
        return await resume.return_to_client(self.sign_in_context, handle, browser)

    async def finish_later(self, handle: str, browser: Browser) -> ContinuationIssued | DeadEnd | None:
        """Requests a continuation code."""
        return await resume.finish_later(self.sign_in_context, self.cases, handle, browser)

    async def resume(self, code: str, browser: Browser | None = None) -> ResumedTransaction | ResumeRefused | None:
        """Types in a continuation code, in a browser without cookies if none is given."""
        return await resume.resume(self.sign_in_context, self.cases, code, browser or Browser())

    async def help_on_offer(self, handle: str, browser: Browser) -> HelpOffered | View:
        """Opens the page on which help is requested."""
        return await dispatch.help_on_offer(self.sign_in_context, self.cases, handle, browser)

    async def ask_help(
        self, handle: str, browser: Browser, wanted: HelpRequest
    ) -> ContinuationIssued | HelpRefused | RateLimited | DeadEnd:
        """Requests help from a person."""
        return await self.cases.request_help(handle, browser, wanted)

    async def resume_help(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Returns to the open case."""
        return await self.cases.resume_case(handle, browser)

    async def ready(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Reports to be ready for the session."""
        return await self.cases.ready(handle, browser)

    async def send_code(self, handle: str, browser: Browser) -> HelpRefused | DeadEnd | None:
        """Requests a confirmation code."""
        return await binding.send_code(self.cases, handle, browser)

    async def bind(
        self, handle: str, browser: Browser, code: str, words: str, call: str = ""
    ) -> ProofResult | IncompleteProof | AskingMark | DeadEnd:
        """Types in the confirmation code, the phrase, and the code of a call."""
        return await binding.bind(self.cases, handle, browser, TypedProof(code, words, call))

    async def ask_call(self, handle: str, browser: Browser) -> DeadEnd | TransitionRefused | None:
        """Asks for a call."""
        return await binding.ask_call(self.cases, handle, browser)

    async def meet_again(self, handle: str, browser: Browser) -> AskingMark | DeadEnd | TransitionRefused | None:
        """Asks for another meeting."""
        return await binding.meet_again(self.cases, handle, browser)

    async def withdraw(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Withdraws the request for help."""
        return await self.cases.withdraw(handle, browser)

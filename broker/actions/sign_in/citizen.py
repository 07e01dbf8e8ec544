"""Everything a citizen can do with a transaction, in one place for the pages."""

from collections.abc import Mapping
from dataclasses import dataclass

from broker.actions.assisted import resume
from broker.actions.assisted.citizen import CitizenCases
from broker.actions.browser import Browser, Shared
from broker.actions.outcomes import Begun, Continuation, Held, HelpOffered, HelpWanted, Proof, Refusal, Resumed
from broker.actions.sign_in import answer, choose, confirm, later, look
from broker.actions.sign_in.desk import Desk
from broker.actions.views import Lost, View


@dataclass(frozen=True, slots=True)
class SignIn:
    """Signing in at one desk, with help from the people behind it."""

    desk: Desk
    cases: CitizenCases

    async def look(self, handle: str, browser: Browser) -> tuple[View, Shared]:
        """See `sign_in.look`."""
        return await look.look(self.desk, self.cases, handle, browser)

    async def peek(self, handle: str, browser: Browser) -> Lost | None:
        """See `sign_in.look`."""
        return await look.peek(self.desk, handle, browser)

    async def choose(self, handle: str, browser: Browser, provider: str) -> Refusal | Lost | None:
        """See `sign_in.choose`."""
        return await choose.choose(self.desk, handle, browser, provider)

    async def complete(
        self, provider: str, parameters: Mapping[str, str] | None, browser: Browser, state: str = ""
    ) -> str | Lost:
        """See `sign_in.choose`."""
        return await choose.complete(self.desk, provider, parameters, browser, state)

    async def share(self, handle: str, browser: Browser, agree: bool) -> Shared | Lost:
        """See `sign_in.answer`."""
        return await answer.share(self.desk, self.cases, handle, browser, agree)

    async def take_question(self, code: str, browser: Browser, language: str) -> Begun | Held | None:
        """See `sign_in.confirm`."""
        return await confirm.take_question(self.desk, code, browser, language)

    async def answer_here(self, handle: str, browser: Browser) -> Begun | Held | Lost | None:
        """See `sign_in.confirm`."""
        return await confirm.answer_here(self.desk, self.cases, handle, browser)

    async def confirm(self, handle: str, browser: Browser, agree: bool) -> Lost | None:
        """See `sign_in.confirm`."""
        return await confirm.confirm(self.desk, self.cases, handle, browser, agree)

    async def give_up(self, handle: str, browser: Browser) -> Lost | None:
        """See `sign_in.later`."""
        return await later.give_up(self.desk, handle, browser)

    async def finish_later(self, handle: str, browser: Browser) -> Continuation | Lost | None:
        """A continuation code: the case's where one is open, so that it leads back there as long as the case lasts."""
        made = await self.cases.new_code(handle, browser)
        if made is not None:
            return made
        plain = await later.finish_later(self.desk, handle, browser)
        return Continuation(plain) if isinstance(plain, str) else plain

    async def resume(self, code: str) -> Resumed | None:
        """Takes up what a continuation code leads to: a case first, which may outlive its transaction."""
        return await resume.resume(self.cases, code) or await later.resume(self.desk, code)

    async def help_on_offer(self, handle: str, browser: Browser) -> HelpOffered | View:
        """What help can be asked for now; the page to show instead where none can."""
        offered = await self.cases.on_offer(handle, browser)
        if offered is not None:
            return offered
        return (await self.look(handle, browser))[0]

    async def ask_help(self, handle: str, browser: Browser, wanted: HelpWanted) -> Continuation | Refusal | Held | Lost:
        """See `assisted.citizen`."""
        return await self.cases.ask(handle, browser, wanted)

    async def resume_help(self, handle: str, browser: Browser) -> Lost | None:
        """See `assisted.citizen`."""
        return await self.cases.back(handle, browser)

    async def ready(self, handle: str, browser: Browser) -> Lost | None:
        """See `assisted.citizen`."""
        return await self.cases.ready(handle, browser)

    async def send_code(self, handle: str, browser: Browser) -> Refusal | Lost | None:
        """See `assisted.citizen`."""
        return await self.cases.send_code(handle, browser)

    async def bind(self, handle: str, browser: Browser, code: str, words: str) -> Proof | Lost:
        """See `assisted.citizen`."""
        return await self.cases.bind(handle, browser, code, words)

    async def withdraw(self, handle: str, browser: Browser) -> Lost | None:
        """See `assisted.citizen`."""
        return await self.cases.withdraw(handle, browser)

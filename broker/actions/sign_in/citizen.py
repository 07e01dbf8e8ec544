"""Everything a citizen can do with a transaction, in one place for the pages."""

from collections.abc import Mapping
from dataclasses import dataclass

from broker.actions.browser import Browser, Shared
from broker.actions.outcomes import Continuation, Resumed
from broker.actions.sign_in import answer, choose, later, look
from broker.actions.sign_in.desk import Desk
from broker.actions.sign_in.help import Help
from broker.actions.views import Lost, View


@dataclass(frozen=True, slots=True)
class SignIn:
    """Signing in at one desk, with help from the people behind it."""

    desk: Desk
    help: Help

    async def look(self, handle: str, browser: Browser) -> tuple[View, Shared]:
        """See `sign_in.look`."""
        return await look.look(self.desk, self.help, handle, browser)

    async def choose(self, handle: str, browser: Browser, provider: str) -> Lost | None:
        """See `sign_in.choose`."""
        return await choose.choose(self.desk, handle, browser, provider)

    async def complete(self, provider: str, parameters: Mapping[str, str], browser: Browser) -> str | Lost:
        """See `sign_in.choose`."""
        return await choose.complete(self.desk, provider, parameters, browser)

    async def share(self, handle: str, browser: Browser, agree: bool) -> Shared | Lost:
        """See `sign_in.answer`."""
        return await answer.share(self.desk, handle, browser, agree)

    async def give_up(self, handle: str, browser: Browser) -> Lost | None:
        """See `sign_in.later`."""
        return await later.give_up(self.desk, handle, browser)

    async def finish_later(self, handle: str, browser: Browser) -> Continuation | Lost | None:
        """See `sign_in.later`."""
        made = await later.finish_later(self.desk, handle, browser)
        return Continuation(made) if isinstance(made, str) else made

    async def resume(self, code: str, browser: Browser) -> Resumed | None:
        """Takes up what a continuation code leads to, once; None for a code that leads nowhere, or too many tries."""
        return await later.resume(self.desk, code, browser)

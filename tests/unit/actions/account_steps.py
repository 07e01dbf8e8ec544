"""What a citizen does with the own account: steps of its tests."""

from collections.abc import Sequence
from dataclasses import replace

from broker.actions.account import errand, ways
from broker.actions.account.ways import AccountView
from broker.actions.browser import BrowserUpdates
from broker.actions.results import StartedTransaction
from broker.actions.views import LinkView, RedirectAway
from broker.model.account import ErrandKind
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.service import Service
from tests.unit.actions.page_world import ALDER, BIRCH, World

HOME = "https://broker.example/account"
WAYS = f"{HOME}/ways"


async def sub_at(w: World, provider: str, service: Service | None = None) -> str | None:
    """The pairwise subject of the person at a provider for a service, the library unless another is named."""
    service = service or w.shelf.services["library"]
    found = await w.stage.facts.authorizations.linked_identity(
        f"https://{provider}.example", w.upstream[provider].subject, service.sector, service.client_id
    )
    return None if found is None else found.subject


async def begins(w: World, kind: ErrandKind = ErrandKind.ACCOUNT, replaced: str | None = None, page: str = "") -> str:
    """The citizen begins an errand; gives the handle."""
    begun = await ways.begin(w.sign_in.sign_in_context, w.browser, "en", kind, replaced, page)
    assert isinstance(begun, StartedTransaction)
    w.ids[begun.handle] = (await w.transaction(begun.handle)).id
    return begun.handle


async def opens(w: World, provider: str = ALDER, level: Level = Level.HIGH) -> AccountView:
    """The citizen signs in to the account; the browser holds the session from then on."""
    handle = await begins(w)
    await w.tries(handle, level, provider)
    view, updates = await w.sign_in.look(handle, w.browser)
    assert isinstance(view, RedirectAway)
    assert view.url == HOME
    assert updates.session is not None
    w.browser = replace(w.browser, session=updates.session)
    return await account(w)


async def account(w: World) -> AccountView:
    """The account of the browser's session."""
    found = await ways.view_account(w.sign_in.sign_in_context, w.browser)
    assert found is not None
    return found


async def proves_second(w: World, provider: str = BIRCH, replaced: str | None = None) -> tuple[str, LinkView]:
    """The citizen proves a second way; gives the handle and the page that shows both."""
    handle = await begins(w, ErrandKind.LINK, replaced)
    assert (await w.transaction(handle)).request.fresh
    await w.tries(handle, Level.HIGH, provider)
    view, _ = await w.sign_in.look(handle, w.browser)
    assert isinstance(view, LinkView)
    return handle, view


async def agrees(w: World, handle: str, *, agree: bool = True) -> RedirectAway | LinkView:
    """A second later the citizen agrees to link what the page shows, or does not; gives the page after it."""
    w.clock.advance(1)
    done = await errand.submit_link(w.sign_in.sign_in_context, handle, w.browser, agree=agree)
    if isinstance(done, BrowserUpdates) and done.session is not None:
        w.browser = replace(w.browser, session=done.session)
    view, _ = await w.sign_in.look(handle, w.browser)
    assert isinstance(view, RedirectAway | LinkView)
    return view


async def audited(w: World, *kinds: str) -> Sequence[AuditEvent]:
    """The audit rows of these kinds."""
    return [event for event in await w.stage.audit() if event.kind in kinds]


def names(view: AccountView) -> list[str | None]:
    """The providers of the ways."""
    return [own.way.provider for own in view.ways]

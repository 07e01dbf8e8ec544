"""A provider disables the account after the broker has checked a sign-in and before it writes.

The citizen opens their account, or links a second way. Nothing is half done, and the page says what is true.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from broker.account.links import LinkRefusal
from broker.actions.account import errand
from broker.actions.browser import BrowserUpdates
from broker.actions.views import FailureView, LinkView
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.failures import FailureClass
from broker.model.provider_event import EventEffect, ProviderEvent
from broker.model.session import no_fan_out
from tests.unit.actions.account_steps import audited, begins, opens, proves_second, sub_at
from tests.unit.actions.page_world import ALDER, BIRCH, World


async def disables(w: World, provider: str) -> None:
    """The provider reports that the citizen's account there is disabled."""
    now = w.clock.now()
    found = ProviderEvent(f"https://{provider}.example", "jti-1", "urn:event", now, w.upstream[provider].subject)
    record = AuditEvent("provider_event", now, f"provider:{provider}", provider=provider)
    assert await w.stage.facts.provider_events.apply(found, EventEffect.SUSPEND, record, no_fan_out)


def first(
    disable: Callable[[], Awaitable[None]], write: Callable[..., Awaitable[Any]]
) -> Callable[..., Awaitable[Any]]:
    """The write, before which the event arrives, once."""
    arrived: list[bool] = []

    async def later(*values: Any, **named: Any) -> Any:
        if not arrived:
            arrived.append(True)
            await disable()
        return await write(*values, **named)

    return later


async def test_no_session_of_the_account_is_begun_and_the_page_says_that_the_way_cannot_be_used(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opens(w)
    w.clock.advance(60)
    handle = await begins(w)
    await w.tries(handle, Level.HIGH, ALDER)
    store = w.sign_in.sign_in_context.stores.authorizations
    monkeypatch.setattr(store, "record", first(lambda: disables(w, ALDER), store.record))
    view, updates = await w.sign_in.look(handle, w.browser)
    assert isinstance(view, FailureView)
    assert view.failed.failure is FailureClass.CANNOT_USE
    assert updates.session is None
    again, _ = await w.sign_in.look(handle, w.browser)
    assert isinstance(again, FailureView)


async def test_no_way_is_linked_to_an_account_whose_way_was_disabled(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await opens(w)
    handle, _ = await proves_second(w)
    context = w.sign_in.sign_in_context
    links = context.stores.links
    monkeypatch.setattr(links, "link", first(lambda: disables(w, ALDER), links.link))
    done = await errand.submit_link(context, handle, w.browser, agree=True)
    assert done == BrowserUpdates()
    assert await sub_at(w, BIRCH) is None
    assert await audited(w, "identity_linked") == []
    view, _ = await w.sign_in.look(handle, w.browser)
    assert isinstance(view, LinkView)
    assert view.refusal is LinkRefusal.SIGNED_OUT

"""Sessions whose provider is asked again before they answer a service, with real stores."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from broker.actions.browser import Browser
from broker.actions.results import StartedTransaction
from broker.actions.sign_in.authorize import AnsweredImmediately
from broker.actions.sign_in.context import ConfiguredProvider
from broker.actions.sign_in.provider_login import upstream_state
from broker.actions.sign_in.session_recheck import ASKING_FOR
from broker.journey.transaction import AskedAgain, Transaction, TransactionState
from broker.model.handle import sha256_hex
from broker.model.identity import Identity, UpstreamGrant
from broker.model.provider_policy import ProviderPolicy
from broker.model.session import Session
from broker.provider import CallbackParameters, FailureCause, ProviderFailure, ProviderFailureReason, Recheck
from broker.web.shared.pages import PageRenderer
from providers.monitored_provider import MonitoredProvider
from providers.openid.config_tables import RefreshConfig
from tests.contracts.stores.samples import claim_due
from tests.support.services import change_service
from tests.unit.actions.assisted.case_harness import Stage
from tests.unit.actions.page_world import ALDER, World, world
from tests.unit.providers.stage import CALLBACK
from tests.unit.providers.wire import Wire, answer

AFTER = 600
GONE = ProviderFailure(
    ProviderFailureReason.NOT_RECOGNISED, "gone", FailureCause.REPLY, "grant_gone", ends_session=True
)
DOWN = ProviderFailure(ProviderFailureReason.UNAVAILABLE, "no answer", FailureCause.TRANSPORT, "token_unreachable")


@dataclass
class Rotating:
    """A provider whose refresh tokens are good once: one that comes again ends the grant."""

    current: int = 1
    failure: ProviderFailure | None = None
    lost: bool = False
    asked: list[object] = field(default_factory=list)
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    began: asyncio.Event = field(default_factory=asyncio.Event)

    async def recheck(self, identity: Identity) -> Recheck:
        """Redeems the refresh token of an identity, when the test lets it answer."""
        assert identity.grant is not None
        token = identity.grant.note["token"]
        self.asked.append(token)
        self.began.set()
        await self.answering.wait()
        if self.failure is not None:
            return Recheck(identity, self.failure)
        if token != self.current:
            return Recheck(identity, GONE)
        self.current += 1
        if self.lost:
            self.lost = False
            raise ConnectionError
        grant = replace(identity.grant, note={"token": self.current})
        return Recheck(replace(identity, grant=grant, id_token=f"id-{self.current}"))


@dataclass
class Scene:
    """A world whose citizen is signed in, and their provider."""

    w: World
    provider: Rotating

    async def visit(self, **more: Any) -> Transaction | AnsweredImmediately:
        """The service asks again in this browser: the transaction, or what answered it."""
        begun = await self.w.visit(await self.w.push(**more))
        if isinstance(begun, AnsweredImmediately):
            return begun
        assert isinstance(begun, StartedTransaction), begun
        return await self.w.transaction(begun.handle)

    async def session(self) -> Session | None:
        """The session of this browser, if it has not ended."""
        assert self.w.browser.session is not None
        return await self.w.stage.facts.sessions.load(sha256_hex(self.w.browser.session))

    async def token(self) -> object:
        """The refresh token that is stored."""
        found = await self.session()
        assert found is not None
        assert found.identity.grant is not None
        return found.identity.grant.note["token"]


@pytest.fixture
async def scene(stage: Stage) -> Scene:
    """A citizen signed in at the library through a provider that is asked every ten minutes."""
    return await signed_in(world(stage, cast(PageRenderer, None)), lambda now: UpstreamGrant({"token": 1}, now))


async def signed_in(w: World, grant: Callable[[float], UpstreamGrant | None]) -> Scene:
    """A citizen signs in through Alder."""
    provider = Rotating()
    provider.answering.set()
    upstream: Any = w.upstream[ALDER]

    async def complete(note: Any, answer: CallbackParameters) -> Identity | ProviderFailure:
        found = await type(upstream).complete(upstream, note, answer)
        return replace(found, grant=grant(w.clock.now())) if isinstance(found, Identity) else found

    upstream.complete, upstream.recheck, upstream.recheck_after = complete, provider.recheck, AFTER
    library = w.shelf.services["library"]
    w.shelf.services["library"] = change_service(library, backchannel_logout_uri="https://library.example/logout")
    handle = await w.arrives()
    await w.tries(handle)
    updates = await w.sign_in.share(handle, w.browser, agree=True)
    assert updates.session is not None
    w.browser = Browser(secrets=w.browser.secrets, address=w.browser.address, session=updates.session)
    return Scene(w, provider)


async def test_a_recent_sign_in_is_used_without_asking(scene: Scene) -> None:
    scene.w.clock.advance(AFTER)
    found = await scene.visit()
    assert isinstance(found, Transaction)
    assert (found.state, scene.provider.asked) == (TransactionState.IDENTIFIED, [])


@pytest.mark.parametrize("prompt", [(), ("none",)])
async def test_an_older_one_is_confirmed_once_and_the_next_token_is_kept(scene: Scene, prompt: tuple[str, ...]) -> None:
    scene.w.clock.advance(AFTER + 1)
    found = await scene.visit(prompt=prompt)
    if isinstance(found, Transaction):
        assert found.state is TransactionState.IDENTIFIED
        assert found.identity is not None
        assert found.identity.grant is None
    else:
        assert "code=" in found.redirect.url
    assert (scene.provider.asked, await scene.token()) == ([1], 2)
    await scene.visit(prompt=prompt)
    assert scene.provider.asked == [1]
    scene.w.clock.advance(AFTER + 1)
    await scene.visit(prompt=prompt)
    kept = await scene.session()
    assert kept is not None
    assert (scene.provider.asked, kept.identity.id_token) == ([1, 2], "id-3")


async def test_a_provider_without_the_setting_is_not_asked(scene: Scene) -> None:
    cast(Any, scene.w.upstream[ALDER]).recheck_after = None
    scene.w.clock.advance(AFTER + 1)
    found = await scene.visit()
    assert isinstance(found, Transaction)
    assert (found.state, scene.provider.asked) == (TransactionState.IDENTIFIED, [])


async def test_a_request_that_the_session_cannot_answer_anyway_asks_nothing(scene: Scene) -> None:
    scene.w.clock.advance(AFTER + 1)
    found = await scene.visit(prompt=("login",))
    assert isinstance(found, Transaction)
    assert (found.again, scene.provider.asked) == (AskedAgain.FRESH, [])


async def test_of_two_tabs_at_once_one_redeems_the_token_and_both_are_answered(scene: Scene) -> None:
    scene.w.clock.advance(AFTER + 1)
    scene.provider.answering.clear()
    tabs = [asyncio.create_task(scene.visit()) for _ in range(2)]
    await scene.provider.began.wait()
    scene.provider.answering.set()
    found = await asyncio.gather(*tabs)
    assert [one.state for one in found if isinstance(one, Transaction)] == [TransactionState.IDENTIFIED] * 2
    assert (scene.provider.asked, await scene.token()) == ([1], 2)


async def test_a_tab_that_waited_in_vain_asks_for_a_sign_in(scene: Scene) -> None:
    scene.w.clock.advance(AFTER + 1)
    scene.provider.answering.clear()
    scene.provider.failure = DOWN
    tabs = [asyncio.create_task(scene.visit()) for _ in range(2)]
    await scene.provider.began.wait()
    scene.provider.answering.set()
    found = await asyncio.gather(*tabs)
    assert [one.again for one in found if isinstance(one, Transaction)] == [AskedAgain.UNCONFIRMED] * 2
    assert scene.provider.asked == [1]


@pytest.mark.parametrize("prompt", [(), ("none",)])
async def test_a_provider_that_no_longer_confirms_ends_the_session_and_tells_the_services(
    scene: Scene, prompt: tuple[str, ...]
) -> None:
    scene.w.clock.advance(AFTER + 1)
    scene.provider.failure = GONE
    found = await scene.visit(prompt=prompt)
    if isinstance(found, Transaction):
        assert (found.state, found.again) == (TransactionState.CHOOSING, AskedAgain.ENDED)
    else:
        assert "error=login_required" in found.redirect.url
    assert await scene.session() is None
    ended = [event for event in await scene.w.stage.audit() if event.kind == "session_ended"]
    assert [(one.details["why"], one.provider, one.actor) for one in ended] == [("not_confirmed", ALDER, "broker")]
    now = scene.w.clock.now()
    [delivery] = await claim_due(scene.w.stage.facts, now, now + 1)
    assert delivery.client_id == "library"
    again = await scene.visit()
    assert isinstance(again, Transaction)
    assert (again.again, scene.provider.asked) == (None, [1])


async def test_a_provider_without_an_answer_leaves_the_session_which_is_used_when_it_answers(scene: Scene) -> None:
    scene.w.clock.advance(AFTER + 1)
    scene.provider.failure = DOWN
    found = await scene.visit()
    assert isinstance(found, Transaction)
    assert (found.state, found.again) == (TransactionState.CHOOSING, AskedAgain.UNCONFIRMED)
    silent = await scene.visit(prompt=("none",))
    assert isinstance(silent, AnsweredImmediately)
    assert "error=login_required" in silent.redirect.url
    scene.provider.failure = None
    found = await scene.visit()
    assert isinstance(found, Transaction)
    assert (found.state, scene.provider.asked) == (TransactionState.IDENTIFIED, [1, 1, 1])


async def test_after_a_lost_answer_the_citizen_waits_a_moment_and_signs_in_again_once(scene: Scene) -> None:
    scene.w.clock.advance(AFTER + 1)
    scene.provider.lost = True
    with pytest.raises(ConnectionError):
        await scene.visit()
    scene.w.clock.advance(ASKING_FOR)
    found = await scene.visit()
    assert isinstance(found, Transaction)
    assert (found.again, scene.provider.asked) == (AskedAgain.ENDED, [1, 1])
    assert await scene.session() is None


async def test_an_answer_of_a_service_does_not_bring_back_a_used_token(scene: Scene) -> None:
    before = await scene.session()
    assert before is not None
    scene.w.clock.advance(AFTER + 1)
    found = await scene.visit(prompt=("none",))
    assert isinstance(found, AnsweredImmediately)
    assert await scene.token() == 2
    scene.w.clock.advance(1)
    assert isinstance(await scene.visit(prompt=("none",)), AnsweredImmediately)
    assert await scene.token() == 2


async def test_a_session_that_began_before_the_setting_is_not_used_once_it_is_old(stage: Stage) -> None:
    scene = await signed_in(world(stage, cast(PageRenderer, None)), lambda _: None)
    found = await scene.visit()
    assert isinstance(found, Transaction)
    assert found.state is TransactionState.IDENTIFIED
    scene.w.clock.advance(AFTER + 1)
    found = await scene.visit()
    assert isinstance(found, Transaction)
    assert (found.again, scene.provider.asked) == (AskedAgain.UNCONFIRMED, [])


async def test_a_session_that_ends_while_its_provider_is_asked_is_not_used(scene: Scene) -> None:
    scene.w.clock.advance(AFTER + 1)
    scene.provider.answering.clear()
    tab = asyncio.create_task(scene.visit())
    await scene.provider.began.wait()
    await scene.w.stage.facts.counters.raise_epoch("operator", scene.w.clock.now())
    scene.provider.answering.set()
    found = await tab
    assert isinstance(found, Transaction)
    assert (found.state, found.again) == (TransactionState.CHOOSING, None)


async def test_a_refresh_token_is_redeemed_from_the_sealed_session_and_stands_nowhere_else(
    stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With the kind `openid` and its monitor, over the wire of its tests."""
    caplog.set_level(logging.DEBUG)
    w = world(stage, cast(PageRenderer, None))
    system = w.sign_in.sign_in_context.system
    wire = Wire(system, tokens={"refresh_token": "first-refresh-token"})
    provider = MonitoredProvider(wire.provider(refresh=RefreshConfig(recheck=AFTER)), system)
    w.shelf.providers["eid"] = ConfiguredProvider(provider, ProviderPolicy(), CALLBACK)
    handle = await w.arrives()
    await w.leaves(handle, "eid")
    attempt = (await w.transaction(handle)).attempt
    assert attempt is not None
    wire.nonce = str(attempt.note["nonce"])
    await w.sign_in.complete("eid", {"state": upstream_state(handle, attempt.id), "code": "a-code"}, w.browser)
    updates = await w.sign_in.share(handle, w.browser, agree=True)
    assert updates.session is not None
    w.browser = replace(w.browser, session=updates.session)
    w.clock.advance(AFTER + 1)
    wire.tokens, wire.claims = {"refresh_token": "second-refresh-token"}, {"auth_time": None}
    scene = Scene(w, Rotating())
    answered = await scene.visit(prompt=("none",))
    assert isinstance(answered, AnsweredImmediately)
    assert "code=" in answered.redirect.url
    assert wire.forms[-1]["refresh_token"] == "first-refresh-token"
    wire.token = answer({"error": "invalid_grant"}, 400)
    w.clock.advance(AFTER + 1)
    found = await scene.visit()
    assert isinstance(found, Transaction)
    assert found.again is AskedAgain.ENDED
    assert wire.forms[-1]["refresh_token"] == "second-refresh-token"
    assert "grant_gone" in [getattr(record, "fault", "") for record in caplog.records]
    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"sessions" in stored
    for token in ("first-refresh-token", "second-refresh-token"):
        assert token.encode() not in stored
        assert all(token not in str(vars(record)) for record in caplog.records)

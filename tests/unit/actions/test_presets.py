"""A citizen signs in by every preset through the whole broker, and every error of a provider has its failure class."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast
from urllib.parse import parse_qsl, urlsplit

import pytest

from broker.actions.browser import BrowserUpdates
from broker.actions.sign_in.context import ConfiguredProvider
from broker.actions.views import FailureView
from broker.journey.transaction import Transaction, TransactionState
from broker.model.failures import FailureClass, NextStep, from_reason
from broker.model.handle import sha256_hex
from broker.model.identity import ACTING_FOR
from broker.model.provider_policy import ProviderPolicy
from broker.platform.system import System
from broker.web.shared.pages import PageRenderer
from providers.presets import preset_names
from providers.presets.fact_files import facts
from providers.simulator.national import PEOPLE, Answer
from tests.unit.actions.assisted.case_harness import Stage
from tests.unit.actions.page_world import World, world
from tests.unit.providers.presets.exchange import Call, Exchange, exchange, lowest, rebuilt, send
from tests.unit.providers.presets.fact_checks.exchanged import part

pytestmark = pytest.mark.store


def world_with(stage: Stage, here: Exchange) -> World:
    """A broker whose citizens may also choose the provider of a preset."""
    found = world(stage, cast(PageRenderer, None))
    found.shelf.providers[here.entry.id] = ConfiguredProvider(here.provider, ProviderPolicy(), here.ask.callback)
    return found


async def there_and_back(w: World, here: Exchange, handle: str, answer: Answer) -> Transaction:
    """The citizen chooses the provider, visits it, and returns to the callback."""
    here.simulated.script.next.append(answer)
    await w.leaves(handle, here.entry.id)
    attempt = (await w.transaction(handle)).attempt
    assert attempt is not None
    response = await send(here.wire.app, Call("GET", attempt.url, {}, {}))
    assert response.status == 303, response.body[:400]
    parameters = dict(parse_qsl(urlsplit(response.headers["location"]).query))
    await w.sign_in.complete(here.entry.id, parameters, w.browser)
    return await w.transaction(handle)


def asked_of(here: Exchange) -> tuple[str, ...]:
    """What a service asks for: for whom a citizen acts, at a provider whose citizens always act for another."""
    return (ACTING_FOR,) if here.entry.config.acting.id is not None else ()


@pytest.mark.parametrize("name", preset_names())
async def test_a_citizen_signs_in_by_a_preset_and_shares(stage: Stage, name: str) -> None:
    here = exchange(name, System(stage.clock.now, stage.lot.draw, stage.clock.tick))
    w = world_with(stage, here)
    handle = await w.arrives(min_level=lowest(here.entry), requested_claims=asked_of(here))
    transaction = await there_and_back(w, here, handle, Answer())
    assert transaction.state is TransactionState.IDENTIFIED, transaction.failures
    await w.agrees(handle)
    assert (await w.transaction(handle)).state is TransactionState.ANSWERED


@pytest.mark.parametrize("name", preset_names())
async def test_every_error_of_a_provider_ends_in_its_failure_class(stage: Stage, name: str) -> None:
    here = exchange(name, System(stage.clock.now, stage.lot.draw, stage.clock.tick))
    w = world_with(stage, here)
    told = [
        (Answer(**{member: text.partition(": ")[0]}, description=text.partition(": ")[2]), reason)
        for topic, member in (("response.errors", "error"), ("token.errors", "token_error"))
        for text, reason in facts(name).value(topic, {}).items()
    ]
    assert told
    for answer, reason in told:
        handle = await w.arrives(min_level=lowest(here.entry), requested_claims=())
        transaction = await there_and_back(w, here, handle, answer)
        assert transaction.state is TransactionState.FAILED
        assert transaction.failures[-1].failure is from_reason(reason), answer


async def test_a_subject_that_was_given_to_another_person_opens_nothing_and_leads_on(stage: Stage) -> None:
    here = exchange("tara", System(stage.clock.now, stage.lot.draw, stage.clock.tick))
    here = replace(here, provider=rebuilt(here, subject_anchor=("birthdate",)))
    w = world_with(stage, here)
    handle = await w.arrives(min_level=lowest(here.entry))
    await there_and_back(w, here, handle, Answer())
    await w.agrees(handle)
    for outcome, state in (("ok", TransactionState.IDENTIFIED), ("reassigned_subject", TransactionState.FAILED)):
        again = await w.arrives(min_level=lowest(here.entry), prompt=("login", "consent"))
        await there_and_back(w, here, again, Answer(outcome))
        view, _ = await w.sign_in.look(again, w.browser)
        assert (await w.transaction(again)).state is state
    assert isinstance(view, FailureView)
    assert view.failed.failure is FailureClass.OTHER_PERSON
    assert NextStep.ANOTHER in view.steps
    assert here.entry.id not in [option.card.id for option in view.offer.options]
    [event] = [event for event in await stage.audit() if event.kind == "attempt_failed"]
    assert event.details["failure"] == "other_person"


async def test_a_citizen_of_a_session_authenticates_again_at_one_login_or_loses_the_session(stage: Stage) -> None:
    """By prompt=login with the ID token of the session, in a request object. A service asks for it."""
    here = exchange("gov-uk-one-login", System(stage.clock.now, stage.lot.draw, stage.clock.tick))
    w = world_with(stage, here)

    async def answers(answer: Answer, *prompt: str) -> tuple[str, Transaction]:
        handle = await w.arrives(min_level=lowest(here.entry), requested_claims=(), prompt=prompt)
        return handle, await there_and_back(w, here, handle, answer)

    handle, _ = await answers(Answer())
    updates = await w.sign_in.share(handle, w.browser, agree=True)
    assert isinstance(updates, BrowserUpdates)
    w.browser = replace(w.browser, session=updates.session)
    digest = sha256_hex(str(updates.session))
    session = await stage.facts.sessions.load(digest)
    assert session is not None
    _, again = await answers(Answer(), "login")
    assert again.state is TransactionState.IDENTIFIED, again.failures
    asked = here.simulated.script.asked("authorization")[-1]["parameters"]
    hint = part(str(cast(Mapping[str, str], asked)["request"]), 1)["id_token_hint"]
    assert hint == session.identity.id_token
    _, other = await answers(Answer(person=PEOPLE[1]), "login")
    assert other.failures[-1].failure is FailureClass.COULD_NOT_SIGN_IN
    assert await stage.facts.sessions.load(digest) is None
    _, stranger = await answers(Answer(error="login_required"), "login")
    assert stranger.failures[-1].failure is FailureClass.COULD_NOT_SIGN_IN

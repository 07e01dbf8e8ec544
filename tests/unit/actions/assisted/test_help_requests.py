"""Actions of citizens: a request for assisted verification, its limits, and its withdrawal."""

import asyncio
from dataclasses import replace

import pytest

from broker.actions.results import ContinuationIssued, HelpOffered, HelpRefused, LimitKind, RateLimited
from broker.actions.views import CaseStatusView, DeadEnd, FailureView
from broker.assisted.case_records import Channel
from broker.assisted.case_states import CaseState
from broker.assisted.case_status import CaseStage as Stands
from broker.assisted.codes import continuation_digest
from broker.journey.transaction import TransactionState as Journey
from broker.model.assurance import Level
from broker.model.failures import FailureClass
from broker.model.handle import normalize_user_code
from tests.unit.actions.assisted.case_harness import ME, SERVICE, STRANGER, WANTED, Stage, with_ways

pytestmark = pytest.mark.store


async def test_asking_gives_a_reference_a_code_and_two_words_and_lets_the_transaction_wait(stage: Stage) -> None:
    handle = await stage.arrives()
    code = await stage.asks(handle)
    case = await stage.case(handle)
    assert case.state is CaseState.QUEUED
    assert (case.client_id, case.level, case.claims) == ("library", Level.SUBSTANTIAL, ("name", "birthdate"))
    assert len(normalize_user_code(code)) == 16
    assert normalize_user_code(code) not in repr(case)
    assert case.continuation == continuation_digest(normalize_user_code(code))
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, CaseStatusView)
    assert (view.status.stage, view.status.reference, view.status.words) == (
        Stands.IN_LINE,
        case.reference,
        case.phrase,
    )
    assert view.status.contact.address == "a…@example.org"


async def test_a_case_has_the_reference_that_the_citizen_may_have_read_out_before(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    assert (await stage.case(handle)).reference == (await stage.transaction(handle)).reference


async def test_a_second_case_of_a_transaction_gets_a_reference_of_its_own(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    first = await stage.case(handle)
    await stage.citizen.withdraw(handle, ME)
    await stage.asks(handle)
    second = await stage.case(handle)
    assert second.reference != first.reference
    assert (await stage.status(handle)).reference == second.reference


async def test_every_move_has_its_audit_row_with_who_and_from_and_to(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    case = await stage.case(handle)
    rows = [event for event in await stage.audit() if event.kind.startswith("case_")]
    assert [(r.kind, r.actor, r.details["from"], r.details["to"]) for r in rows] == [
        ("case_submitted", "citizen", "draft", "requested"),
        ("case_readied", "citizen", "requested", "queued"),
    ]
    assert {(r.case, r.transaction, r.client_id) for r in rows} == {(case.id, case.transaction, "library")}
    assert "ada@example.org" not in repr(await stage.audit())


async def test_only_sessions_that_can_reach_the_level_are_on_offer(stage: Stage) -> None:
    offered = await stage.citizen.help_on_offer(await stage.arrives(), ME)
    assert isinstance(offered, HelpOffered)
    assert offered.channels == (Channel.IN_PERSON, Channel.VIDEO)
    low = await stage.citizen.help_on_offer(await stage.arrives(Level.LOW), ME)
    assert isinstance(low, HelpOffered)
    assert set(low.channels) == set(Channel) - {Channel.SENT}, "nothing can be kept that is sent"


async def test_help_is_not_offered_if_it_cannot_reach_the_level(stage: Stage) -> None:
    handle = await stage.arrives(Level.HIGH)
    assert await stage.citizen_cases.offer_help(handle, ME) is None
    assert await stage.citizen.ask_help(handle, ME, WANTED) is HelpRefused.NOT_NOW


async def test_help_cannot_be_asked_for_if_it_is_turned_off(stage: Stage) -> None:
    handle = await stage.arrives()
    off = replace(stage.citizen_cases, enabled=False)
    assert await off.request_help(handle, ME, WANTED) is HelpRefused.NOT_NOW


@pytest.mark.parametrize(
    ("way", "address", "kept"),
    [
        ("email", " ada@example.org ", "ada@example.org"),
        ("phone", "+44 (0)7700-900.982", "+447700900982"),
        ("phone", "0044 7700 900 982", "+447700900982"),
        ("phone", "07700 900982", "+447700900982"),
        ("phone", "\u202d٠٧٧٠٠\u2011٩٠٠٩٨٢\u202c", "+447700900982"),
        ("email", "ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("email", "ada", None),
        ("email", "ada@example.org\nBcc: eve@example.org", None),
        ("email", "<ada@example.org>", None),
        ("phone", "call me", None),
        ("phone", "123", None),
        ("post", "1 Way", None),
    ],
)
async def test_a_contact_address_that_cannot_be_reached_is_refused(
    stage: Stage, way: str, address: str, kept: str | None
) -> None:
    handle = await stage.arrives()
    made = await stage.citizen.ask_help(handle, ME, replace(WANTED, way=way, address=address))
    if kept is None:
        assert made is HelpRefused.ADDRESS
        assert (await stage.transaction(handle)).case is None
    else:
        contact = (await stage.case(handle)).contact
        assert contact is not None
        assert contact.address == kept


async def test_an_address_that_no_notifier_serves_is_refused(stage: Stage) -> None:
    handle = await stage.arrives()
    phone = replace(WANTED, way="phone", address="+447700900982")
    assert await with_ways(stage, "email").request_help(handle, ME, phone) is HelpRefused.WAY
    beyond = replace(WANTED, way="email", address="jörg@example.org")
    assert await with_ways(stage, "email").request_help(handle, ME, beyond) is HelpRefused.UNREACHABLE


async def test_asking_twice_opens_one_case(stage: Stage) -> None:
    handle = await stage.arrives()
    outcomes = await asyncio.gather(*(stage.citizen.ask_help(handle, ME, WANTED) for _ in range(5)))
    assert sum(isinstance(outcome, ContinuationIssued) for outcome in outcomes) == 1
    assert (await stage.facts.case_lists.counts()).queued == 1
    assert (await stage.transaction(handle)).state is Journey.WAITING


async def test_after_a_crash_between_case_and_transaction_the_citizen_asks_again(stage: Stage) -> None:
    handle = await stage.arrives()
    before = await stage.transaction(handle)
    await stage.asks(handle)
    case = await stage.case(handle)
    again = replace(before, version=(await stage.transaction(handle)).version + 1)
    assert await stage.passing.transactions.save(handle, again)
    assert await stage.citizen.ask_help(handle, ME, WANTED) is HelpRefused.NOT_NOW
    assert (await stage.case(handle)).id == case.id


async def test_a_browser_that_does_not_own_the_transaction_can_do_nothing(stage: Stage) -> None:
    handle = await stage.arrives()
    assert isinstance(await stage.citizen.ask_help(handle, STRANGER, WANTED), DeadEnd)
    await stage.asks(handle)
    case = await stage.case(handle)
    for outcome in (
        await stage.citizen.withdraw(handle, STRANGER),
        await stage.citizen.send_code(handle, STRANGER),
        await stage.citizen.bind(handle, STRANGER, "123456", "amber kettle"),
        await stage.citizen.ready(handle, STRANGER),
        await stage.citizen.finish_later(handle, STRANGER),
    ):
        assert isinstance(outcome, DeadEnd)
    assert await stage.case(handle) == case


async def test_one_address_cannot_flood_the_queue(stage: Stage) -> None:
    outcomes = [await stage.citizen.ask_help(await stage.arrives(), ME, WANTED) for _ in range(12)]
    held = [outcome for outcome in outcomes if isinstance(outcome, RateLimited)]
    assert len(held) == 2
    assert {one.limit for one in held} == {LimitKind.HELP}
    assert {one.until for one in held} == {(stage.clock.now() // 3600 + 1) * 3600}
    assert all(one.transaction is not None and one.service is SERVICE for one in held)
    stage.clock.set(held[0].until - 1)
    assert isinstance(await stage.citizen.ask_help(await stage.arrives(), ME, WANTED), RateLimited)
    assert isinstance(await stage.citizen.ask_help(await stage.arrives(), STRANGER, WANTED), DeadEnd)
    stage.clock.set(held[0].until)
    await stage.asks(await stage.arrives())


async def test_withdrawing_erases_what_was_given_and_shows_what_else_can_be_done(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    case = await stage.case(handle)
    await stage.citizen.withdraw(handle, ME)
    gone = await stage.facts.cases.load(case.id)
    assert gone is not None
    assert gone.state is CaseState.WITHDRAWN
    assert gone.contact is None
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, FailureView)
    assert view.failed.failure is FailureClass.HELP_WITHDRAWN
    await stage.asks(handle)
    assert (await stage.case(handle)).id != case.id

"""A transaction that was started is counted for its service; one beyond a limit is not."""

from dataclasses import replace

import pytest

from broker.actions.sign_in.context import create_transaction
from broker.journey.transaction import Transaction
from broker.model.rate_limit import RateLimit
from tests.unit.actions.assisted.case_harness import Stage

pytestmark = pytest.mark.store


async def test_a_start_is_counted_once_it_is_stored(stage: Stage) -> None:
    counted: list[Transaction] = []
    context = stage.citizen.sign_in_context
    context = replace(context, monitoring=replace(context.monitoring, count_start=counted.append))
    begun = await stage.transaction(await stage.arrives())
    start = RateLimit("start:192.0.2.1", 1, 3600)
    created = [await create_transaction(context, f"handle-{n}", begun, start) for n in range(2)]
    assert created == [True, False]
    assert [one.request.client_id for one in counted] == ["library"]


async def test_a_transaction_that_replaces_an_expired_one_is_counted(stage: Stage) -> None:
    counted: list[Transaction] = []
    context = stage.citizen.sign_in_context
    context = replace(context, monitoring=replace(context.monitoring, count_start=counted.append))
    cases = replace(stage.citizen_cases, sign_in_context=context)
    citizen = replace(stage.citizen, sign_in_context=context, cases=cases)
    code = await stage.asks(await stage.arrives())
    stage.clock.advance(2 * 86400)
    assert await citizen.resume(code) is not None
    assert [one.request.client_id for one in counted] == ["library"]

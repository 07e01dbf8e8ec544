"""Readiness: which checks it depends on, and the gauges of providers and stores."""

import asyncio
from collections.abc import Mapping

import pytest
from starlette.applications import Starlette

from broker.model.store_results import StoreUnavailable
from broker.web.operations import Readiness, alive_routes, update_gauges
from broker.web.operations.metrics import Metrics
from tests.support.system import FakeClock
from tests.unit.web.operations import get, value


class Store:
    """A readiness check that counts its calls."""

    def __init__(self, wrong: str | None = None, *, gone: bool = False) -> None:
        self.wrong, self.gone, self.looks = wrong, gone, 0

    async def check(self) -> str | None:
        self.looks += 1
        await asyncio.sleep(0)
        if self.gone:
            raise StoreUnavailable("postgresql://secret@host")
        return self.wrong


def readiness(clock: FakeClock, facts: Store, passing: Store) -> Readiness:
    return Readiness({"facts": facts.check}, {"passing": passing.check}, clock.now)


@pytest.mark.parametrize(
    ("facts", "passing", "status", "wrong"),
    [
        (Store(), Store(), 200, {}),
        (Store(gone=True), Store(), 503, {"facts": "not reachable"}),
        (Store(wrong="its schema is old"), Store(), 503, {"facts": "its schema is old"}),
        (Store(), Store(gone=True), 200, {"passing": "not reachable"}),
        (Store(gone=True), Store(gone=True), 503, {"facts": "not reachable", "passing": "not reachable"}),
    ],
)
async def test_readiness_depends_on_the_database_alone_and_names_every_failed_check(
    facts: Store, passing: Store, status: int, wrong: Mapping[str, str], clock: FakeClock
) -> None:
    answer = await get(Starlette(routes=alive_routes(readiness(clock, facts, passing))), "/readyz")
    assert (answer.status_code, answer.json()) == (status, {"ready": status == 200, "wrong": wrong})


async def test_a_process_that_is_asked_to_stop_is_alive_but_not_ready(clock: FakeClock) -> None:
    state = readiness(clock, Store(), Store())
    app = Starlette(routes=alive_routes(state))
    assert (await get(app, "/readyz")).status_code == 200
    state.draining = True
    assert (await get(app, "/readyz")).status_code == 503
    assert (await get(app, "/livez")).status_code == 200


async def test_stores_are_looked_at_once_a_second_however_many_ask(clock: FakeClock) -> None:
    facts = Store()
    state = readiness(clock, facts, Store())
    await asyncio.gather(*(state.check() for _ in range(20)))
    assert facts.looks == 1
    facts.gone = True
    clock.advance(0.9)
    assert (await state.check()).ready
    clock.advance(0.2)
    assert not (await state.check()).ready
    assert facts.looks == 2


async def test_a_check_that_breaks_is_a_reason_not_to_be_ready(clock: FakeClock) -> None:
    async def breaks() -> str | None:
        raise KeyError("a secret")

    seen = await Readiness({"facts": breaks}, {}, clock.now).check()
    assert (seen.ready, dict(seen.problems)) == (False, {"facts": "the check itself broke"})


async def test_the_state_of_providers_and_stores_is_shown_again_and_again(clock: FakeClock) -> None:
    meters, facts, works = Metrics(None), Store(), {"bank": True}
    turns = 0

    async def pause(seconds: float) -> None:
        nonlocal turns
        clock.advance(seconds)
        turns += 1
        if turns == 1:
            assert value(meters.text(), "portico_provider_working", provider="bank") == 1
            works["bank"], facts.gone = False, True
        else:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        await update_gauges(meters, readiness(clock, facts, Store()), lambda: works, pause)
    assert value(meters.text(), "portico_provider_working", provider="bank") == 0
    assert value(meters.text(), "portico_store_reachable", store="facts") == 0
    assert value(meters.text(), "portico_store_reachable", store="passing") == 1

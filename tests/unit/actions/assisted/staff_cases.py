"""Cases in the states that the tests of staff actions start from."""

from dataclasses import replace

from broker.model.assurance import Level
from tests.unit.actions.assisted.case_harness import ANN, WANTED, Stage


async def waiting(stage: Stage, level: Level = Level.SUBSTANTIAL, **wanted: object) -> str:
    """A citizen waits in the queue. Returns the transaction's handle."""
    handle = await stage.arrives(level)
    await stage.asks(handle, replace(WANTED, **wanted))
    return handle


async def in_review(stage: Stage) -> str:
    """A case that Ann approved and that is sampled for a second review. Returns the transaction's handle."""
    handle = await waiting(stage)
    stage.lot.sample = 0.0
    await stage.approves(ANN)
    stage.lot.sample = 1.0
    return handle

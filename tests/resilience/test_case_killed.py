"""kill -9 of the broker while it writes a decision or a binding: the case is as before or as after, and goes on."""

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.case_work import NO_WORK, CaseWork
from broker.assisted.refusals import CODE_INTERVAL
from broker.model.audit import AuditEvent
from tests.e2e.app_harness import Script
from tests.e2e.assisted_http import AGENT, SCRIPT, Centre, HelpedCitizen, centre
from tests.support.postgres import PostgresServer

S = CaseState
DECIDES, BINDS = "decides", "binds"
BEFORE, AFTER = "before the commit", "after the commit"
ENDS = {DECIDES: (S.DECISION, S.APPROVED), BINDS: (S.APPROVED, S.BOUND)}
"""The state of the case before and after each act."""

pytestmark = pytest.mark.store


def dies_at(product: Centre, target: CaseState, point: str) -> None:
    """From now on this process kills itself when it saves a case in the target state."""
    cases = product.parts.connections.sql_stores.cases
    save = cases.save

    async def dying(case: Case, events: Sequence[AuditEvent], work: CaseWork = NO_WORK) -> bool:
        if case.state is target and point == BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)
        saved = await save(case, events, work)
        if case.state is target:
            os.kill(os.getpid(), signal.SIGKILL)
        return saved

    cases.save = dying  # type: ignore[method-assign]


async def live(folder: Path, script: Script, act: str, point: str) -> None:
    """A citizen is helped up to the act, in which this process dies."""
    async with centre(folder, script) as product:
        citizen, agent = await product.helped(), await product.colleague(AGENT)
        at, code = await agent.has_met(citizen), ""
        if act == BINDS:
            await agent.decide(at, "approve")
            code = await product.code(citizen)
        words, case = await product.words(citizen), await product.case(citizen)
        kept = {"case": case.id, "words": words, "continuation": citizen.continuation, "asked": asked(citizen)}
        (folder / "kept.json").write_text(json.dumps(kept))
        dies_at(product, ENDS[act][1], point)
        await (citizen.press("bind", code=code, words=words) if act == BINDS else agent.decide(at, "approve"))


def asked(citizen: HelpedCitizen) -> str:
    """The cookie by which the asking browser is recognized."""
    return citizen.jar.value("__Host-portico-asked")


async def goes_on(folder: Path, act: str, point: str) -> None:
    """After the start: the case is whole, and the people finish it."""
    kept = json.loads((folder / "kept.json").read_text())
    before, after = ENDS[act]
    async with centre(folder, again=True) as product:
        case = await product.load(kept["case"])
        assert case.state is (after if point == AFTER else before)
        rows = [row for _, row in await product.parts.connections.sql_stores.audit.read(0, 10_000)]
        written = [row.kind for row in rows if row.case == case.id and "role" in row.details]
        assert written == [f"case_{move.event}" for move in case.history]
        if case.state is S.DECISION:
            agent = await product.colleague(AGENT)
            assert (await agent.decide(f"/cases/{case.id}", "approve")).location == "/done/decided"
        citizen = product.citizen()
        citizen.jar.keep("__Host-portico-asked", kept["asked"])
        assert (await citizen.resume(kept["continuation"])).status == 303
        product.clock.advance(CODE_INTERVAL)
        if (await product.load(case.id)).state is S.APPROVED:
            await citizen.press("bind", code=await product.code(citizen), words=kept["words"])
        done = await product.load(case.id)
        assert (done.state, done.binding is not None) == (S.BOUND, True)
        assert "Check what you share" in await citizen.look()


def dies(folder: Path, script: Script, act: str, point: str) -> None:
    """Runs `live` in a forked process, which must end by the signal."""
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(live(folder, script, act, point))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("point", [BEFORE, AFTER])
@pytest.mark.parametrize("act", [DECIDES, BINDS])
def test_a_case_survives_the_death_of_the_broker_on_sqlite(tmp_path: Path, act: str, point: str) -> None:
    dies(tmp_path, SCRIPT, act, point)
    asyncio.run(goes_on(tmp_path, act, point))


def on_postgres(database: str) -> Script:
    """The support centre on a database of PostgreSQL."""
    address = {'url = "sqlite:../.demo/facts.db"': f'url = "{database}"'}
    edits = {**SCRIPT.edits, "broker.toml": {**SCRIPT.edits["broker.toml"], **address}}
    return Script(files=SCRIPT.files, edits=edits)


@pytest.mark.parametrize("point", [BEFORE, AFTER])
@pytest.mark.parametrize("act", [DECIDES, BINDS])
def test_a_case_survives_the_death_of_the_broker_on_postgresql(
    tmp_path: Path, postgres_server: PostgresServer, act: str, point: str
) -> None:
    with postgres_server.database() as database:
        dies(tmp_path, on_postgres(database), act, point)
        asyncio.run(goes_on(tmp_path, act, point))

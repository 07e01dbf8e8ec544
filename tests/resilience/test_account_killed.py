"""kill -9 of the broker while a citizen deletes the account: all of it is there, or nothing."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from broker.actions.account import data
from tests.e2e.app_harness import Script
from tests.e2e.assisted_http import SCRIPT, Centre, centre
from tests.e2e.hostile.test_nothing_kept import PEOPLE, deletes_account, kept
from tests.resilience.test_case_killed import AFTER, BEFORE, on_postgres
from tests.support.postgres import PostgresServer

WITHIN = "within the transaction"
SESSION = "__Host-portico-session"

pytestmark = pytest.mark.store


def dies_at(product: Centre, point: str) -> None:
    """From now on this process kills itself when an account is erased."""
    held = product.parts.connections.sql_stores.account_data
    erase, make = held.erase, vars(data)["security_events"]

    def die(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    async def dying(write: Any) -> bool:
        if point == BEFORE:
            die()
        vars(data)["security_events"] = die if point == WITHIN else make
        done = await erase(write)
        die()
        return done

    held.erase = dying  # type: ignore[method-assign]


async def live(folder: Path, script: Script, point: str) -> None:
    """A citizen with an account, a passkey and a service deletes the account, in which this process dies."""
    async with centre(folder, script) as product:
        _, visitor = await kept(product, next(PEOPLE))
        file = (await visitor.visit("/account/data.json")).expect().body
        (folder / "kept.json").write_text(json.dumps({"session": visitor.jar.value(SESSION), "file": json.loads(file)}))
        dies_at(product, point)
        await deletes_account(visitor)


async def goes_on(folder: Path, point: str) -> None:
    """After the start: everything can be downloaded as before and then be deleted, or nothing is there."""
    before = json.loads((folder / "kept.json").read_text())
    async with centre(folder, again=True) as product:
        visitor = product.citizen()
        visitor.jar.keep(SESSION, before["session"])
        kinds = [row.kind for _, row in await product.parts.connections.sql_stores.audit.read(0, 10_000)]
        assert kinds.count("account_erased") == (1 if point == AFTER else 0)
        answer = await visitor.visit("/account/data.json")
        if point == AFTER:
            assert answer.status == 303
            return
        now = json.loads(answer.expect().body)
        assert {name: now[name] for name in ("account", "kept", "services", "readable")} == {
            name: before["file"][name] for name in ("account", "kept", "services", "readable")
        }
        await deletes_account(visitor)
        assert (await visitor.visit("/account/data.json")).status == 303


def dies(folder: Path, script: Script, point: str) -> None:
    """Runs `live` in a forked process, which must end by the signal."""
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(live(folder, script, point))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("point", [BEFORE, WITHIN, AFTER])
def test_an_account_is_whole_or_gone_after_the_death_of_the_broker_on_sqlite(tmp_path: Path, point: str) -> None:
    dies(tmp_path, SCRIPT, point)
    asyncio.run(goes_on(tmp_path, point))


@pytest.mark.parametrize("point", [BEFORE, WITHIN, AFTER])
def test_an_account_is_whole_or_gone_after_the_death_of_the_broker_on_postgresql(
    tmp_path: Path, postgres_server: PostgresServer, point: str
) -> None:
    with postgres_server.database() as database:
        dies(tmp_path, on_postgres(database), point)
        asyncio.run(goes_on(tmp_path, point))

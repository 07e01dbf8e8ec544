"""kill -9 of the broker while it receives a photograph: nothing is half stored, and the citizen sends it again."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from unittest.mock import patch

import pytest

from broker.actions.files.erasing import sweep
from broker.actions.files.receiving import LEASE
from broker.model.evidence_file import FileState, Photo, UploadFault
from broker.platform.image_child import ImageReencoder
from broker.stores.evidence.folder import FolderObjects
from broker.wiring.assisted_wiring import file_context
from tests.e2e.app_harness import Script
from tests.e2e.assisted_http import SCRIPT, Centre, HelpedCitizen, centre
from tests.resilience.test_case_killed import asked, on_postgres
from tests.support.media import photo
from tests.support.postgres import PostgresServer
from tests.support.upload_stage import form, token

POINTS = ("in a chunk", "in quarantine", "after the answer of the child")

pytestmark = pytest.mark.store

_write, _reencode = FolderObjects.write, ImageReencoder.reencode


def die() -> None:
    """As the operating system does to a process that has used too much."""
    os.kill(os.getpid(), signal.SIGKILL)


async def send(product: Centre, citizen: HelpedCitizen) -> int:
    """The citizen sends a photograph on the page of the request. Returns the status of the response."""
    path = f"{citizen.page}/send"
    page = (await citizen.visit(path)).expect().body.decode()
    content, headers = form({"token": token(page)}, photo(1200, 900))
    headers |= {**citizen.jar.line(path), "Origin": citizen.issuer}
    return (await product.sender.upload(f"{citizen.issuer}{path}/photo", content, headers)).status


async def dies_while_sending(folder: Path, script: Script, number: int) -> None:
    """A citizen asks for help and sends a photograph; this process dies at the point."""
    point = POINTS[number]

    async def write(self: FolderObjects, name: str, pieces: AsyncIterable[bytes]) -> None:
        async def dying() -> AsyncIterator[bytes]:
            async for piece in pieces:
                yield piece
                if point == "in a chunk":
                    die()

        await _write(self, name, dying())
        if point == "in quarantine":
            die()

    async def reencode(self: ImageReencoder, pieces: AsyncIterable[bytes]) -> Photo | UploadFault:
        await _reencode(self, pieces)
        die()
        raise AssertionError

    async with centre(folder, script, again=number > 0) as product:
        product.asked = number
        citizen = await product.helped()
        case = await product.case(citizen)
        kept = {"case": case.id, "continuation": citizen.continuation, "asked": asked(citizen)}
        (folder / f"kept{number}.json").write_text(json.dumps(kept))
        with patch.object(FolderObjects, "write", write), patch.object(ImageReencoder, "reencode", reencode):
            await send(product, citizen)


async def goes_on(folder: Path) -> None:
    """After the start: no case has a file, a citizen sends another one, and the sweep leaves nothing else."""
    all_kept = [json.loads((folder / f"kept{number}.json").read_text()) for number in range(len(POINTS))]
    async with centre(folder, again=True) as product:
        files = file_context(product.parts)
        assert files is not None
        for kept in all_kept:
            found = await files.records.of_case(kept["case"], product.clock.now())
            assert [one.state is FileState.READY for one in found] == [False]
        product.clock.advance(LEASE + 1)
        citizen = product.citizen()
        citizen.jar.keep("__Host-portico-asked", all_kept[-1]["asked"])
        assert (await citizen.resume(all_kept[-1]["continuation"])).status == 303
        assert await send(product, citizen) == 303
        (sent,) = [
            one
            for one in await files.records.of_case(all_kept[-1]["case"], product.clock.now())
            if one.state is FileState.READY
        ]
        product.clock.advance(3600)
        while await sweep(files):
            pass
        left = [one for kept in all_kept for one in await files.records.of_case(kept["case"], product.clock.now())]
        assert [one.id for one in left] == [sent.id]
        stored = (folder / ".demo" / "evidence").iterdir()
        assert [path.name for path in stored] == [f"{sent.id}-kept"]
        rows = [row for _, row in await product.parts.connections.sql_stores.audit.read(0, 10_000)]
        assert [row.case for row in rows if row.kind == "evidence_file_received"] == [all_kept[-1]["case"]]


def survives(folder: Path, script: Script) -> None:
    """Three brokers die one after the other, each at another point; the fourth goes on."""
    for number in range(len(POINTS)):
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(dies_while_sending(folder, script, number))
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, POINTS[number]
    asyncio.run(goes_on(folder))


def test_photographs_survive_the_death_of_the_broker_on_sqlite(tmp_path: Path) -> None:
    survives(tmp_path, SCRIPT)


def test_photographs_survive_the_death_of_the_broker_on_postgresql(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    with postgres_server.database() as database:
        survives(tmp_path, on_postgres(database))

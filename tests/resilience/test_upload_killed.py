"""kill -9 during an upload: afterwards the file is there whole or not at all, another one can be sent, and the sweep
leaves nothing of it.
"""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.actions.files.context import FileContext
from broker.actions.files.erasing import sweep
from broker.actions.files.receiving import LEASE, receive_photo
from broker.model.evidence_file import EvidenceFile, FilePurpose, FileState, Photo, UploadFault
from broker.stores.evidence.folder import FolderObjects
from broker.stores.sql.migrate import migrate
from tests.support.media import photo
from tests.support.system import FakeClock
from tests.support.upload_stage import SETTINGS, Untouched, sending
from tests.unit.actions.assisted.case_harness import staged

POINTS = ("begun", "in-a-chunk", "stored", "decoding", "encoded-again", "original-deleted")


def die() -> None:
    """As the operating system does to a process that has used too much."""
    os.kill(os.getpid(), signal.SIGKILL)


class DyingDecoder(Untouched):
    """Dies while a photograph is decoded, if that is the point."""

    def __init__(self, point: str) -> None:
        self._point = point

    async def reencode(self, pieces: AsyncIterable[bytes]) -> Photo | UploadFault:
        if self._point == "decoding":
            die()
        return await super().reencode(pieces)


class DyingObjects(FolderObjects):
    """A folder whose process dies at one point."""

    def __init__(self, folder: Path, point: str) -> None:
        super().__init__(folder)
        self._point = point

    async def write(self, name: str, pieces: AsyncIterable[bytes]) -> None:
        async def dying() -> AsyncIterator[bytes]:
            async for piece in pieces:
                yield piece
                if self._point == "in-a-chunk":
                    die()

        await super().write(name, dying())
        if self._point == "stored" or (self._point == "encoded-again" and name.endswith("-kept")):
            die()

    async def delete(self, name: str) -> None:
        await super().delete(name)
        if self._point == "original-deleted":
            die()


async def content(point: str = "") -> AsyncIterator[bytes]:
    """A photograph, in pieces."""
    data = photo(1200, 900)
    for at in range(0, len(data), 10_000):
        yield data[at : at + 10_000]
        if point == "begun":
            die()


async def upload(template: Path, folder: Path, point: str) -> None:
    """Sends a photograph for a new case, and dies."""
    async with sending(template, folder, FakeClock(), photos=DyingDecoder(point)) as at:
        dying = replace(at.context, objects={"folder": DyingObjects(at.folder, point)})
        case = await at.stage.case(at.handle)
        (folder / "case").write_text(case.id)
        await receive_photo(dying, case, FilePurpose.FRONT, content(point))


async def send_again(database: Path, folder: Path, other: Path) -> None:
    """What the next process finds, and does."""
    clock = FakeClock()
    async with staged(database, other, clock) as stage:
        policy = replace(stage.context.rules.policy, files=replace(SETTINGS, folder=folder / "evidence"))
        cases = replace(stage.context, rules=replace(stage.context.rules, policy=policy))
        objects = {"folder": FolderObjects(folder / "evidence")}
        context = FileContext(cases, stage.facts.evidence_files, objects, "folder", Untouched())
        case = await stage.facts.cases.load((folder / "case").read_text())
        assert case is not None
        found = await context.records.of_case(case.id, clock.now())
        assert [file.state is FileState.READY for file in found] == [False]
        assert "evidence_file_received" not in [event.kind for event in await stage.audit()]
        clock.advance(LEASE + 1)
        sent = await receive_photo(context, case, FilePurpose.FRONT, content())
        assert isinstance(sent, EvidenceFile)
        clock.advance(3600)
        while await sweep(context):
            pass
        left = await context.records.of_case(case.id, clock.now())
        assert [file.id for file in left] == [sent.id]
        assert [path.name for path in (folder / "evidence").iterdir()] == [f"{sent.id}-kept"]
        assert len(await stage.audit("evidence_file_received")) == 1


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_upload_leaves_nothing_and_another_one_can_be_sent(point: str, tmp_path: Path) -> None:
    template, folder, other = tmp_path / "template.db", tmp_path / "dies", tmp_path / "lives"
    for made in (folder, other):
        made.mkdir()
    asyncio.run(migrate(f"sqlite:{template}"))
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(upload(template, folder, point))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
    with sqlite3.connect(folder / template.name) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    asyncio.run(send_again(folder / template.name, folder, other))

"""Starts the program that re-encodes photographs (`imaging`), and reads its answer."""

import asyncio
import json
import sys
from collections.abc import AsyncIterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from broker.model.evidence_file import Photo, UploadFault

PROGRAM: Final = Path(__file__).with_name("imaging.py")

SECONDS: Final = 15.0
"""How long an image may take, in seconds, before its process is killed."""

AT_ONCE: Final = 2
"""Images that a worker re-encodes at the same time. Others wait."""

_LARGEST_ANSWER: Final = 16 * 1024 * 1024
_LINE: Final = 1024
_PIECE: Final = 256 * 1024
_JPEG: Final = b"\xff\xd8\xff"


class ImageReencoder:
    """Re-encodes photographs in child processes. Created in a running event loop or before."""

    def __init__(self, program: Path = PROGRAM, seconds: float = SECONDS) -> None:
        self._program = program
        self._seconds = seconds
        self._places = asyncio.Semaphore(AT_ONCE)

    async def reencode(self, pieces: AsyncIterable[bytes]) -> Photo | UploadFault:
        """Returns the new photograph, or why there is none. What `pieces` raises ends the process and is raised."""
        async with self._places:
            return await self._run(pieces)

    async def _run(self, pieces: AsyncIterable[bytes]) -> Photo | UploadFault:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(self._program),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
        )
        try:
            async with asyncio.timeout(self._seconds):
                answer = await _talk(process, pieces)
                await process.wait()
            return _photo(answer)
        except TimeoutError:
            return UploadFault.DAMAGED
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


async def _talk(process: asyncio.subprocess.Process, pieces: AsyncIterable[bytes]) -> bytes:
    """Writes the image, and returns the answer, as far as it is not larger than an image can be."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the process has no pipes")
    with suppress(BrokenPipeError, ConnectionResetError):
        async for piece in pieces:
            process.stdin.write(piece)
            await process.stdin.drain()
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.close()
        await process.stdin.wait_closed()
    answer = bytearray()
    while len(answer) < _LARGEST_ANSWER and (read := await process.stdout.read(_PIECE)):
        answer += read
    return bytes(answer)


def _photo(answer: bytes) -> Photo | UploadFault:
    """Reads the answer. The process may have been taken over by the image, so nothing in it is taken for granted."""
    line, _, data = answer.partition(b"\n")
    try:
        head = json.loads(line[:_LINE])
        if fault := head.get("fault"):
            return UploadFault(fault)
        width, height = int(head["width"]), int(head["height"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return UploadFault.DAMAGED
    return (
        Photo(data, width, height) if data.startswith(_JPEG) and len(answer) < _LARGEST_ANSWER else UploadFault.DAMAGED
    )

"""An upload, piece by piece: stored sealed, examined, and only then shown."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from broker.actions.files.context import FileContext, file_event, names
from broker.actions.files.erasing import erase
from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.deadlines import files_until
from broker.crypto.seal_stream import CHUNK, KEY, SEALED_CHUNK, chunks_of, open_stream, seal_stream, sealed_size
from broker.model import handle as handles
from broker.model.evidence_file import EvidenceFile, FileContent, FileKind, FilePurpose, FileState, Photo, UploadFault
from broker.platform.video_header import VideoHeader, read_header

SENDING: Final = frozenset({CaseState.REQUESTED, CaseState.QUEUED})
"""States in which a citizen may send files."""

LEASE: Final = 60.0
"""After how many seconds without a sign of life an upload counts as broken off, and another one may begin."""

RENEWED: Final = 20.0

EXAMINED: Final = 3600.0
"""How long (seconds) the examination of a file may take until it counts as broken off."""

SHORTEST: Final = 2.0
"""Shortest duration of a video, in seconds."""

_HEAD: Final = 16
"""So many bytes tell the type of a file."""

_JPEG, _PNG, _EBML = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\x1a\x45\xdf\xa3"


class _Refused(Exception):
    """The file is refused while it is received."""

    def __init__(self, fault: UploadFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


Take = Callable[[EvidenceFile], Awaitable[bool]]
"""Makes an examined file READY, durably and with its audit row. False if it can no longer be taken."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A partner desk that sends a photograph: its agent, and how the file is taken with the visit at the desk."""

    by: str
    take: Take


async def receive_photo(
    context: FileContext, case: Case, purpose: FilePurpose, pieces: AsyncIterator[bytes]
) -> EvidenceFile | UploadFault:
    """Receives a photograph from the citizen.

    Returns it, or why it is refused. Raises what `pieces` raises; nothing is left then.
    """
    if case.state not in SENDING:
        return UploadFault.NOT_NOW
    then = (_examine_photo, _by_citizen(context, case))
    return await _receive_new(context, case, _begun_now(context, case, FileKind.PHOTO, purpose), pieces, then)


async def receive_at_desk(
    context: FileContext, case: Case, shows: tuple[FileKind, FilePurpose], pieces: AsyncIterator[bytes], sender: Sender
) -> EvidenceFile | UploadFault:
    """Receives a photograph, or a video without prompts, from a partner desk, which has checked the visit.

    Returns it, or why it is refused. Raises what `pieces` raises; nothing is left then.
    """
    examine = _examine_photo if shows[0] is FileKind.PHOTO else _examine_video
    begun = _begun_now(context, case, *shows, sender.by)
    return await _receive_new(context, case, begun, pieces, (examine, sender.take))


def _begun_now(context: FileContext, case: Case, kind: FileKind, purpose: FilePurpose, by: str = "") -> EvidenceFile:
    """The record of a file whose upload begins."""
    now, system = context.cases.system.now(), context.cases.system
    content = FileContent(purpose, system.random_bytes(KEY), by=by)
    file_id = handles.new_handle(system)
    return EvidenceFile(file_id, case.id, kind, FileState.RECEIVING, now, now + LEASE, context.place, content)


async def _receive_new(
    context: FileContext,
    case: Case,
    begun: EvidenceFile,
    pieces: AsyncIterator[bytes],
    then: "tuple[Examine, Take]",
) -> EvidenceFile | UploadFault:
    if context.slots.locked():
        return UploadFault.BUSY
    async with context.slots:
        most, now = context.settings.most, begun.created
        if not await _begun(context, case, lambda: context.records.begin(begun, most, now)):
            return await _why_not(context, case)
        return await _receive(context, case, begun, pieces, then)


async def receive_video(
    context: FileContext, case: Case, file_id: str, pieces: AsyncIterator[bytes]
) -> EvidenceFile | UploadFault:
    """Receives the video for the prompts with this id. Returns it, or why it is refused.

    The prompts stay valid after a refusal, for the time that they have.
    """
    now, prompted = context.cases.system.now(), await context.records.load(file_id)
    known = prompted is not None and prompted.case == case.id and prompted.state is FileState.PROMPTED
    if case.state not in SENDING:
        return UploadFault.NOT_NOW
    if prompted is None or not known or now >= prompted.expires:
        return UploadFault.PROMPTS_OVER
    if context.slots.locked():
        return UploadFault.BUSY
    async with context.slots:
        if await _count(context, case) >= context.settings.most:
            return UploadFault.TOO_MANY
        content = replace(prompted.content, key=context.cases.system.random_bytes(KEY))
        begun = replace(prompted, state=FileState.RECEIVING, expires=now + LEASE, place=context.place, content=content)
        if not await _begun(context, case, lambda: context.records.save(begun, FileState.PROMPTED)):
            return await _why_not(context, case)
        try:
            outcome = await _receive(context, case, begun, pieces, (_examine_video, _by_citizen(context, case)))
        except BaseException:
            await _prompt_again(context, prompted)
            raise
        if isinstance(outcome, UploadFault):
            await _prompt_again(context, prompted)
        return outcome


async def _begun(context: FileContext, case: Case, begin: Callable[[], Awaitable[bool]]) -> bool:
    """Begins a file. An upload of the case that broke off with its process is erased first."""
    if await begin():
        return True
    now = context.cases.system.now()
    broken_off = [
        file
        for file in await context.records.of_case(case.id, 0.0)
        if file.state is FileState.RECEIVING and file.expires <= now
    ]
    for file in broken_off:
        await erase(context, file)
    return bool(broken_off) and await begin()


async def _prompt_again(context: FileContext, prompted: EvidenceFile) -> None:
    """Lets another video be sent for the same prompts, until they expire."""
    now = context.cases.system.now()
    if now < prompted.expires:
        await context.records.begin(prompted, context.settings.most + 1, now)


async def _count(context: FileContext, case: Case) -> int:
    files = await context.records.of_case(case.id, context.cases.system.now())
    return sum(file.state is not FileState.PROMPTED for file in files)


async def _why_not(context: FileContext, case: Case) -> UploadFault:
    files = await context.records.of_case(case.id, context.cases.system.now())
    if any(file.state is FileState.RECEIVING for file in files):
        return UploadFault.BUSY
    full = sum(file.state is not FileState.PROMPTED for file in files) >= context.settings.most
    return UploadFault.TOO_MANY if full else UploadFault.NOT_NOW


Examine = Callable[[FileContext, EvidenceFile], Awaitable[FileContent | UploadFault]]
"""Examines a stored file, and stores what is shown of it. Returns what is known about it, or why it is refused."""


def _by_citizen(context: FileContext, case: Case) -> Take:
    async def take(ready: EvidenceFile) -> bool:
        received = file_event(context, "received", "citizen", case, ready)
        return await context.records.save(ready, FileState.QUARANTINE, [received])

    return take


async def _receive(
    context: FileContext, case: Case, begun: EvidenceFile, pieces: AsyncIterator[bytes], then: tuple[Examine, Take]
) -> EvidenceFile | UploadFault:
    """Stores and examines a file whose record is begun, and takes it. Whatever goes wrong, nothing of it is left."""
    examine, take = then
    try:
        came = await _store(context, begun, pieces)
        content = await examine(context, came)
        if isinstance(content, UploadFault):
            raise _Refused(content)
        ready = replace(
            came,
            state=FileState.READY,
            expires=files_until(case, context.cases.system.now(), context.cases.rules.policy),
            content=content,
        )
        if not await take(ready):
            raise _Refused(UploadFault.NOT_NOW)
    except _Refused as refused:
        await erase(context, begun)
        return refused.fault
    except BaseException:
        await erase(context, begun)
        raise
    return ready


# --- storing ---


@dataclass(slots=True)
class _Measure:
    """What is known of an upload while it arrives."""

    size: int = 0
    renewed: float = 0.0


async def _store(context: FileContext, begun: EvidenceFile, pieces: AsyncIterator[bytes]) -> EvidenceFile:
    """Seals and stores the file as it comes. Raises _Refused."""
    measure, digest = _Measure(renewed=context.cases.system.now()), hashlib.sha256()

    async def measured() -> AsyncIterator[bytes]:
        head = b""
        async for piece in pieces:
            now = context.cases.system.now()
            if now >= measure.renewed + RENEWED:
                measure.renewed = now
                if not await context.records.save(replace(begun, expires=now + LEASE), FileState.RECEIVING):
                    raise _Refused(UploadFault.NOT_NOW)
            if len(head) < _HEAD:
                head = _checked(begun.kind, head + piece[:_HEAD])
            measure.size += len(piece)
            digest.update(piece)
            yield piece
        if len(head) < _HEAD:
            raise _Refused(UploadFault.WRONG_TYPE)

    await context.store(begun).write(names(begun)[0], seal_stream(begun.content.key, measured()))
    content = replace(begun.content, size=measure.size, sha256=digest.hexdigest())
    came = replace(begun, state=FileState.QUARANTINE, expires=context.cases.system.now() + EXAMINED, content=content)
    if not await context.records.save(came, FileState.RECEIVING):
        raise _Refused(UploadFault.NOT_NOW)
    return came


def _checked(kind: FileKind, head: bytes) -> bytes:
    """The first bytes of a file, of which there may be too few to tell. Raises _Refused for another type."""
    if len(head) < _HEAD:
        return head
    if kind is FileKind.PHOTO:
        known = head.startswith((_JPEG, _PNG)) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
    else:
        known = head[4:8] == b"ftyp" or head.startswith(_EBML)
    if not known:
        raise _Refused(UploadFault.WRONG_TYPE)
    return head


def stored(context: FileContext, file: EvidenceFile, name: str, chunks: range) -> AsyncIterator[bytes]:
    """The content of some chunks of a stored file. Raises FileLost, Unsealable and StoreUnavailable."""
    size = file.content.size
    start = chunks.start * SEALED_CHUNK
    length = min(chunks.stop * SEALED_CHUNK, sealed_size(size)) - start
    return open_stream(file.content.key, size, chunks, context.store(file).read(name, start, length))


# --- examining ---


async def _examine_photo(context: FileContext, came: EvidenceFile) -> FileContent | UploadFault:
    """Encodes the photograph again, and deletes it as it came."""
    name, kept = names(came)
    photo = await context.photos.reencode(stored(context, came, name, range(chunks_of(came.content.size))))
    if not isinstance(photo, Photo):
        return photo
    key, store = context.cases.system.random_bytes(KEY), context.store(came)
    await store.write(kept, seal_stream(key, _one(photo.data)))
    await store.delete(name)
    return replace(
        came.content,
        key=key,
        type="image/jpeg",
        size=len(photo.data),
        sha256=hashlib.sha256(photo.data).hexdigest(),
        width=photo.width,
        height=photo.height,
    )


async def _one(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _examine_video(context: FileContext, came: EvidenceFile) -> FileContent | UploadFault:
    """Reads the header of a video. Its pictures are not decoded, and it is shown as it came."""

    async def read(at: int, length: int) -> bytes:
        chunks = range(at // CHUNK, (at + length - 1) // CHUNK + 1)
        content = b"".join([piece async for piece in stored(context, came, names(came)[0], chunks)])
        start = at - chunks.start * CHUNK
        return content[start : start + length]

    header = await read_header(read, came.content.size)
    if not isinstance(header, VideoHeader):
        return header
    seconds = header.seconds
    if seconds is not None and not seconds <= context.settings.video_length:
        return UploadFault.TOO_LONG
    if seconds is not None and seconds < SHORTEST:
        return UploadFault.TOO_SHORT
    return replace(came.content, type=header.type, seconds=seconds)

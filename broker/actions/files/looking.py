"""Staff look at evidence files. Each look is in the audit record before the first byte leaves."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from broker.actions.assisted.context import load_case
from broker.actions.assisted.permissions import role_in_case
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import CaseRole
from broker.actions.files.context import FileContext, file_event, names
from broker.actions.files.receiving import stored
from broker.assisted.case import Case
from broker.crypto.seal_stream import CHUNK
from broker.model.evidence_file import EvidenceFile, FileKind, FileState
from broker.model.staff import StaffMember

LOOKING = frozenset({CaseRole.AGENT, CaseRole.REVIEWER, CaseRole.OVERSEER})
"""The roles in a case that may look at its files: who holds it, and who opened it with a reason as lead or auditor."""


ByteRange = tuple[int | None, int | None]
"""The first and the last byte that are wanted. Without a first one: the last bytes, as many as the second number."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """Part of a file: bytes `start` up to `stop`, of `size` in all. `pieces` raises Unsealable, FileLost and
    StoreUnavailable."""

    type: str
    size: int
    start: int
    stop: int
    pieces: AsyncIterator[bytes]


async def files_of(context: FileContext, case: Case, member: StaffMember) -> tuple[EvidenceFile, ...]:
    """The files of a case that a member of staff may look at now, the oldest first."""
    now = context.cases.system.now()
    if role_in_case(case, member, now) not in LOOKING:
        return ()
    found = await context.records.of_case(case.id, now)
    return tuple(file for file in found if file.state is FileState.READY)


async def open_file(
    context: FileContext, staff: StaffPrincipal, case_id: str, file_id: str, wanted: ByteRange | None
) -> OpenedFile | None:
    """Opens a file for a member of staff, or the part of it that `wanted` names. None if it is not open to them.

    A part that ends beyond the file is cut to it; one that begins there is empty.
    """
    case = await load_case(context.cases, case_id)
    if case is None:
        return None
    found = [file for file in await files_of(context, case, staff.member) if file.id == file_id]
    if not found:
        return None
    [file] = found
    size = file.content.size
    start, stop = _bounds(wanted, size)
    seen = file_event(context, "seen", f"staff:{staff.member.id}", case, file)
    await context.cases.stores.audit.write([seen])
    return OpenedFile(file.content.type, size, start, stop, _part(context, file, start, stop))


def _bounds(wanted: ByteRange | None, size: int) -> tuple[int, int]:
    first, last = wanted or (None, None)
    if first is None:
        return 0 if last is None else max(0, size - last), size
    return min(first, size), size if last is None else min(last + 1, size)


async def _part(context: FileContext, file: EvidenceFile, start: int, stop: int) -> AsyncIterator[bytes]:
    """The bytes of a part. Whole chunks are opened, and what stands around the part in them is left out."""
    if start >= stop:
        return
    came, kept = names(file)
    chunks = range(start // CHUNK, (stop - 1) // CHUNK + 1)
    at = chunks.start * CHUNK
    async for content in stored(context, file, kept if file.kind is FileKind.PHOTO else came, chunks):
        yield content[max(0, start - at) : stop - at]
        at += len(content)

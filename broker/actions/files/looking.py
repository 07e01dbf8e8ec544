"""Staff look at evidence files. Each look is in the audit record before the first byte leaves.

In a case its agent, its reviewer, and leads and auditors who opened it with a reason look at them; in the quality
sample the one who fills the score sheet.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from broker.actions.assisted.context import load_case
from broker.actions.assisted.permissions import role_in_case
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import ActionRefused, CaseRole
from broker.actions.files.context import FileContext, file_event, names
from broker.actions.files.receiving import stored
from broker.actions.quality.samples import Quality
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
    looking = role_in_case(case, member, context.cases.system.now()) in LOOKING
    return await kept_files(context, case.id) if looking else ()


async def kept_files(context: FileContext, case_id: str) -> tuple[EvidenceFile, ...]:
    """The files of a case that are still kept, the oldest first."""
    found = await context.records.of_case(case_id, context.cases.system.now())
    return tuple(file for file in found if file.state is FileState.READY)


async def open_file(
    context: FileContext, staff: StaffPrincipal, case_id: str, file_id: str, wanted: ByteRange | None
) -> OpenedFile | None:
    """Opens a file for a member of staff, or the part of it that `wanted` names. None if it is not open to them.

    A part that ends beyond the file is cut to it; one that begins there is empty.
    """
    case = await load_case(context.cases, case_id)
    found = () if case is None else await files_of(context, case, staff.member)
    return await _open(context, staff, case, [file for file in found if file.id == file_id], wanted)


async def open_sampled_file(
    context: FileContext, staff: StaffPrincipal, sample_id: str, file_id: str, wanted: ByteRange | None
) -> OpenedFile | None:
    """Opens a file of a drawn case for a member of staff who may fill its score sheet. None if it is not open to them
    or no longer kept."""
    sample = await Quality(context.cases).open_sample(staff, sample_id)
    if isinstance(sample, ActionRefused):
        return None
    found = await kept_files(context, sample.case)
    return await _open(context, staff, sample.rests_on, [file for file in found if file.id == file_id], wanted)


async def _open(
    context: FileContext,
    staff: StaffPrincipal,
    case: Case | None,
    found: Sequence[EvidenceFile],
    wanted: ByteRange | None,
) -> OpenedFile | None:
    if case is None or not found:
        return None
    file, size = found[0], found[0].content.size
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

"""Erasing evidence files: at once if an upload is refused, and later when they have expired."""

from collections.abc import Sequence

from broker.actions.files.context import FileContext, names
from broker.model.audit import AuditEvent
from broker.model.evidence_file import EvidenceFile, FileState
from broker.model.store_results import StoreUnavailable

BATCH = 20


async def erase(context: FileContext, file: EvidenceFile, events: Sequence[AuditEvent] = ()) -> bool:
    """Deletes the bytes of a file, then its record, with audit rows in the same transaction.

    False if the record is gone. Raises StoreUnavailable; the record then stays, and so it is tried again.
    """
    if file.state is not FileState.PROMPTED:
        for name in names(file):
            await context.store(file).delete(name)
    return await context.records.delete(file.id, events)


async def sweep(context: FileContext) -> int:
    """Erases files that have expired, and what interrupted uploads left. Returns how many; 0 if nothing is left to do.

    Correctness does not depend on it: a file that has expired is not shown. A file in a store that cannot be reached,
    or is no longer configured, stays for later.
    """
    now, erased = context.cases.system.now(), 0
    for file in await context.records.due(now, BATCH):
        shown = file.state is FileState.READY
        event = AuditEvent("evidence_file_erased", now, "broker", case=file.case, details={"file": file.id})
        try:
            erased += await erase(context, file, [event] if shown else ())
        except (StoreUnavailable, LookupError):
            continue
    return erased

"""What the actions on evidence files work with."""

import asyncio
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from broker.actions.assisted.context import CaseContext
from broker.actions.files.ports import EvidenceFiles, ObjectStore
from broker.assisted.case import Case
from broker.model.audit import AuditEvent
from broker.model.evidence_file import EvidenceFile, FileSettings, Photo, UploadFault

UPLOADS_AT_ONCE = 4
"""How many uploads one worker takes at the same time. Others are asked to wait."""


class PhotoReencoder(Protocol):
    """Decodes a photograph away from the broker's process, and encodes it again."""

    async def reencode(self, pieces: AsyncIterable[bytes]) -> Photo | UploadFault:
        """The new photograph, or why there is none."""
        ...


@dataclass(frozen=True, slots=True)
class FileContext:
    """Built once. `objects` are the stores of bytes by their place; new files go to `place`."""

    cases: CaseContext
    records: EvidenceFiles
    objects: Mapping[str, ObjectStore]
    place: str
    photos: PhotoReencoder
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(UPLOADS_AT_ONCE))

    @property
    def settings(self) -> FileSettings:
        """The operator's limits."""
        return self.cases.rules.policy.files

    @property
    def desk_video(self) -> bool:
        """Whether partner desks send videos: the profile file asks for them."""
        return self.cases.rules.profiles.desk_video

    def store(self, file: EvidenceFile) -> ObjectStore:
        """The store that holds the bytes of a file. Raises LookupError if it is no longer configured."""
        return self.objects[file.place]


def file_event(context: FileContext, kind: str, actor: str, case: Case, file: EvidenceFile) -> AuditEvent:
    """The audit event of an action on a file. It names the file, and says nothing about what it shows."""
    return AuditEvent(
        kind=f"evidence_file_{kind}",
        at=context.cases.system.now(),
        actor=actor,
        transaction=case.transaction,
        case=case.id,
        client_id=case.client_id,
        details={"file": file.id, "kind": file.kind.value},
    )


def names(file: EvidenceFile) -> tuple[str, str]:
    """The names of a file's objects: as it came, and as it is shown."""
    return f"{file.id}-came", f"{file.id}-kept"

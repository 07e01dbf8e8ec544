"""Archive of published figures: a file outside of the database, so that a restored database publishes them unchanged.

It lies beside the checkpoints of the audit record, and grows by one line for each publication.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from broker.journey.figures import PublishedDay
from broker.stores.sql.audit_chain import append_line

SUFFIX: Final = ".figures"
"""Ending of the archive's name, after the name of the file of checkpoints."""

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(PublishedDay)


class FigureArchive:
    """The published days in a file. A line that is truncated or broken counts as missing."""

    def __init__(self, checkpoints: Path) -> None:
        self.file = checkpoints.with_name(checkpoints.name + SUFFIX)

    async def read(self) -> Mapping[str, Sequence[PublishedDay]]:
        """Every revision of each day, in order. Of two lines of one revision the first counts."""
        return await asyncio.to_thread(self._read)

    async def append(self, published: PublishedDay) -> None:
        """Writes a publication, durably."""
        line = _encoder.encode(published).decode("ascii", "backslashreplace")
        await asyncio.to_thread(append_line, self.file, line)

    def _read(self) -> Mapping[str, Sequence[PublishedDay]]:
        found: dict[str, dict[int, PublishedDay]] = {}
        lines = self.file.read_bytes().splitlines() if self.file.exists() else []
        for line in lines:
            try:
                one = _decoder.decode(line)
            except msgspec.MsgspecError:
                continue
            found.setdefault(one.day, {}).setdefault(one.revision, one)
        return {day: [one for _, one in sorted(revisions.items())] for day, revisions in found.items()}

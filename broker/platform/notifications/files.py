"""File notifier for development: every notification becomes a file in a folder, and nothing is sent."""

import asyncio
import json
import os
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path

from broker.model.notification import Notification
from broker.platform.notifications.texts import notice_text


@dataclass(frozen=True, slots=True)
class FileNotifier:
    """Writes `<id>.json` with subject, text, address and channel, readable by its owner only."""

    path: Path
    zone: tzinfo = UTC

    async def deliver(self, notice: Notification) -> None:
        """Writes the file atomically."""
        await asyncio.to_thread(self._write, notice)

    def _write(self, notice: Notification) -> None:
        said = notice_text(notice, self.zone)
        text = said.message if notice.way == "phone" else said.text
        told = {"subject": said.subject, "text": text, "address": notice.address, "way": notice.way}
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self.path / f".{notice.id}"
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(told, file, ensure_ascii=False)
        beside.replace(self.path / f"{notice.id}.json")

"""Inbox of the demonstration: the notifications that would have been sent, newest first."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Message:
    """One notification from its file. `way` is "email" or "phone", `at` the time of its file."""

    subject: str
    text: str
    address: str
    way: str
    at: str


def messages(outbox: Path) -> Sequence[Message]:
    """The notifications in the outbox folder, newest first; empty if nothing was ever sent."""
    files = (
        sorted(outbox.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True) if outbox.is_dir() else []
    )
    return [_message(file) for file in files[:50]]


def _message(file: Path) -> Message:
    told = json.loads(file.read_text("utf-8"))
    at = datetime.fromtimestamp(file.stat().st_mtime, UTC).strftime("%H:%M:%S UTC")
    return Message(told.get("subject", ""), told["text"], told["address"], told["way"], at)

"""Keys are replaced by schedule: by one process at a time, with audit rows."""

import asyncio
import logging

from broker.app.parts import Parts
from broker.commands.changing import event
from broker.keys import Changes, KeysUnusable

LOG = logging.getLogger("portico.keys")


async def rotate(parts: Parts, changes: Changes) -> None:
    """Takes the steps that are due, if any. What the folder says counts: a step that another took is not due."""
    now = parts.ambient.now()
    try:
        if not changes.due(now):
            return
        async with parts.facts.leased("key-rotation") as lease:
            if lease is None:
                return
            done = await asyncio.to_thread(changes.scheduled, now)
    except KeysUnusable as unusable:
        LOG.error("key_rotation_failed", extra={"problems": [str(problem) for problem in unusable.problems]})
        return
    await parts.facts.audit.write([event(change, now, "broker") for change in done])
    await parts.keys.look()

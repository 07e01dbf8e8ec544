"""Keys are replaced by schedule: by one process at a time, with audit rows."""

import asyncio
import logging

from broker.cli.rotate_keys import event
from broker.crypto.keys import KeyManager, KeysUnusable
from broker.wiring.container import Container

LOG = logging.getLogger("portico.keys")


async def rotate(container: Container, changes: KeyManager) -> None:
    """Takes the steps that are due, if any. What the folder says counts: a step that another took is not due."""
    now = container.system.now()
    try:
        if not changes.due(now):
            return
        async with container.sql_stores.leased("key-rotation") as lease:
            if lease is None:
                return
            done = await asyncio.to_thread(changes.scheduled, now)
    except KeysUnusable as unusable:
        LOG.error("key_rotation_failed", extra={"problems": [str(problem) for problem in unusable.problems]})
        return
    await container.sql_stores.audit.write([event(change, now, "broker") for change in done])
    await container.keys.poll()

"""Key rotation by schedule: one process at a time, with audit rows."""

import asyncio
import logging

from broker.crypto.keys import KeyChange, KeyManager, KeysUnusable, RotationPolicy
from broker.model.audit import AuditEvent
from broker.settings import BrokerSettings
from broker.wiring.container import Container

LOG = logging.getLogger("portico.keys")


SLACK = 300 + 60
"""Seconds for which a key stays published after everything it signed has expired: services cache the key set for five
minutes, and clocks may differ by one."""


def rotation_policy(broker: BrokerSettings) -> RotationPolicy:
    """How long keys stay published. Logout requests carry ID tokens for as long as a session lasts."""
    return RotationPolicy(max(broker.tokens.id_token, broker.sessions.absolute) + SLACK, broker.keys.rotate_every)


async def rotate(container: Container, manager: KeyManager) -> None:
    """Takes the steps that are due according to the key folder, so that a step of another process is not repeated."""
    now = container.system.now()
    try:
        if not manager.due(now):
            return
        async with container.connections.sql_stores.leased("key-rotation") as lease:
            if lease is None:
                return
            done = await asyncio.to_thread(manager.apply_schedule, now)
    except KeysUnusable as unusable:
        LOG.error("key_rotation_failed", extra={"problems": [str(problem) for problem in unusable.problems]})
        return
    await container.connections.sql_stores.audit.write([audit_event(change, now, "broker") for change in done])
    await container.crypto.keys.poll()


def audit_event(change: KeyChange, now: float, actor: str) -> AuditEvent:
    """The audit row of one change: the id of the key, never the key."""
    return AuditEvent(change.kind, now, actor, details={"kid": change.kid, "alg": change.alg})

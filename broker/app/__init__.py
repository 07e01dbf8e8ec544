"""The only wiring: every part is built once, from settings. Nothing is decided here."""

from broker.app.administration import administered, check_ready, check_start, configured, migrated, read
from broker.app.connecting import connect, machine
from broker.app.doors import Application, Door, public_door, staff_door
from broker.app.opening import opened
from broker.app.parts import Parts
from broker.app.reloading import settled
from broker.stores.sql.refusals import wrong_tables

__all__ = [
    "Application",
    "Door",
    "Parts",
    "administered",
    "check_ready",
    "check_start",
    "configured",
    "connect",
    "machine",
    "migrated",
    "opened",
    "public_door",
    "read",
    "settled",
    "staff_door",
    "wrong_tables",
]

"""The only wiring: every part is built once, from settings. Nothing is decided here."""

from broker.app.administration import administered, check_ready, configured, migrated
from broker.app.doors import Door, public_door, staff_door
from broker.app.parts import Parts, opened

__all__ = [
    "Door",
    "Parts",
    "administered",
    "check_ready",
    "configured",
    "migrated",
    "opened",
    "public_door",
    "staff_door",
]

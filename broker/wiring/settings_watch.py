"""What a process reads again at SIGHUP, without a restart."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

LOG = logging.getLogger("portico.app")


@dataclass(frozen=True, slots=True)
class SettingsWatch:
    """The readings by name, done in order. Each keeps what it had where it finds something wrong, and logs that."""

    readings: dict[str, Callable[[], Awaitable[object]]] = field(default_factory=dict)

    async def __call__(self) -> None:
        """Reads everything again. One reading that fails holds up no other."""
        LOG.info("reload_started", extra={"what": list(self.readings)})
        for name, reading in self.readings.items():
            try:
                await reading()
            except Exception:  # the sender of the signal cannot get an error, and the other readings go on
                LOG.exception("reload_step_failed", extra={"what": name})

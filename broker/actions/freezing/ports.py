"""Ports of freezing: what the stores must do."""

from typing import Protocol

from broker.assisted.freezing import FreezeWrite, ReleaseWrite, RevokeWrite
from broker.model.freeze_link import FreezeLink, LinkState


class Freezes(Protocol):
    """Links that stop identities, and what they stop (database)."""

    async def link(self, digest: str, now: float) -> FreezeLink | None:
        """The link with this digest; None if it is unknown, used or expired."""
        ...

    async def state(self, digest: str, now: float) -> LinkState:
        """Whether the link with this digest can be used at `now`."""
        ...

    async def freeze(self, write: FreezeWrite) -> bool:
        """Uses a link and saves the frozen case, and ends every session, code and grant of the account behind it.

        False, and nothing written, if the link was used or the case saved in between.
        """
        ...

    async def revoke(self, write: RevokeWrite) -> bool:
        """Saves a case whose identity was taken back, and ends every session, code and grant of the account behind it.

        False, and nothing written, if the case was saved in between.
        """
        ...

    async def release(self, write: ReleaseWrite) -> bool:
        """Saves the case, and permits the use of what was frozen with it. False if the case was saved in between."""
        ...

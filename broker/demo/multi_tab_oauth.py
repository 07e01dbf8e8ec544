"""Authlib's Starlette client for a browser with several tabs."""

import time
from typing import Any

from authlib.integrations.starlette_client import OAuth, StarletteIntegration

MAX_TABS = 5
"""How many sign-ins a browser may have under way here: the cookie that remembers them holds 4 KiB."""


class TabState(StarletteIntegration):
    """Remembers what several tabs are waiting for. As it comes, the library forgets the first when a second begins."""

    async def set_state_data(self, session: dict[str, Any] | None, state: str, data: Any) -> None:
        """Keeps what belongs to `state`, beside what was kept for other tabs before."""
        prefix = f"_state_{self.name}_"
        now = time.time()
        before = {
            key: kept
            for key, kept in (session or {}).items()
            if key.startswith(prefix) and isinstance(kept, dict) and kept.get("exp", 0) > now
        }
        # the address that the browser is sent to is long, and asked for by nobody afterwards
        await super().set_state_data(session, state, {name: said for name, said in data.items() if name != "url"})
        if session is not None:
            latest = sorted(before, key=lambda key: float(before[key]["exp"]))[1 - MAX_TABS :]
            session.update({key: before[key] for key in latest})


class MultiTabOAuth(OAuth):
    """The library's registry of providers, with that memory."""

    framework_integration_cls = TabState

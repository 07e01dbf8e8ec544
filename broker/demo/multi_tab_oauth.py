"""Authlib's Starlette client for a browser with several tabs."""

import time
from typing import Any

from authlib.integrations.starlette_client import OAuth, StarletteIntegration

MAX_TABS = 5
"""Maximum number of pending sign-ins of a browser: their cookie holds 4 KiB."""


class TabState(StarletteIntegration):
    """State of several tabs. Authlib's own implementation deletes the first state when a second sign-in starts."""

    async def set_state_data(self, session: dict[str, Any] | None, state: str, data: Any) -> None:
        """Stores the data of `state`, in addition to that of other tabs."""
        prefix = f"_state_{self.name}_"
        now = time.time()
        before = {
            key: kept
            for key, kept in (session or {}).items()
            if key.startswith(prefix) and isinstance(kept, dict) and kept.get("exp", 0) > now
        }
        # the authorization URL is long, and not read again
        await super().set_state_data(session, state, {name: said for name, said in data.items() if name != "url"})
        if session is not None:
            latest = sorted(before, key=lambda key: float(before[key]["exp"]))[1 - MAX_TABS :]
            session.update({key: before[key] for key in latest})


class MultiTabOAuth(OAuth):
    """Authlib's registry of providers, with this state."""

    framework_integration_cls = TabState

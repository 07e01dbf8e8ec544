"""The engineer's services over replaced actions: those of every browser that is signed in."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from broker.actions.account import developer
from broker.actions.account.developer import DeveloperContext, DeveloperView, RecentRequests, RegisteredClient
from broker.actions.account.own import OwnRefusal
from broker.actions.browser import Browser
from tests.unit.web.examples import SERVICE
from tests.unit.web.given_account import STATES
from tests.unit.web.shown_pages import LONG

_RECENT = {
    "fishing": RecentRequests(0, 0, 0, (), ()),
    "self-busy": RecentRequests(
        40,
        3,
        12,
        ("/token: invalid_grant. The code was used before <here>",),
        (("acr_values", "hihg"), ("scope", LONG)),
    ),
}
GIVEN_DEVELOPER = DeveloperContext(cast(Any, None), cast(Any, None), lambda client_id: _RECENT[client_id])
BUSY = replace(SERVICE, client_id="self-busy")
FILE = 'names = {"en" = "Rides"}\nredirect_uris = ["http://localhost:9/a-very-long-address/of-a-service/callback"]\n'


def replace_developer_actions(
    monkeypatch: pytest.MonkeyPatch, did: Callable[..., None], refused: Callable[[], OwnRefusal | None]
) -> None:
    """Replaces the actions of these pages. `did` records a change, `refused` says what comes of it."""

    async def developed(_context: object, browser: Browser) -> DeveloperView | None:
        own_account = STATES.get(browser.session or "")
        found = () if browser.session == "one" else (SERVICE, BUSY)
        return None if own_account is None else DeveloperView(own_account, found)

    async def registered(_context: object, browser: Browser, metadata: Any) -> RegisteredClient | OwnRefusal | str:
        did(browser, "register", metadata)
        if not metadata["redirect_uris"]:
            return "redirect_uris: an address is missing: name one <here>"
        secret = None if "jwks" in metadata else "a-secret-of-many-characters"
        return refused() or RegisteredClient("self-0123456789abcdef", secret)

    async def file_of(_context: object, _view: object, _client_id: str) -> str:
        return FILE

    async def ended(_context: object, browser: Browser, client_id: str) -> OwnRefusal | None:
        did(browser, "end_service", client_id)
        return refused()

    for action, replacement in (
        ("view_services", developed),
        ("register_service", registered),
        ("settings_file", file_of),
        ("end_service", ended),
    ):
        monkeypatch.setattr(developer, action, replacement)

"""A virtual authenticator in Chromium (WebAuthn domain of the DevTools protocol)."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from playwright.async_api import CDPSession, Page

_COUNTS: Final = itertools.count(100, 100)


@dataclass(frozen=True, slots=True)
class VirtualAuthenticator:
    """Makes and uses passkeys for one page, with the user verified. What it has can be put into another one."""

    session: CDPSession
    id: str

    async def credentials(self) -> list[Mapping[str, Any]]:
        """The passkeys that it has."""
        found = await self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return list(found["credentials"])

    async def takes_from(self, other: "VirtualAuthenticator") -> None:
        """Gets the passkeys of another one, as a synchronised device does.

        Chromium's authenticators count their signatures, which devices that synchronise do not: each copy counts on
        from a higher number.
        """
        for credential in await other.credentials():
            credential = {**credential, "signCount": next(_COUNTS)}
            await self.session.send("WebAuthn.addCredential", {"authenticatorId": self.id, "credential": credential})

    async def verifies(self, *, user: bool) -> None:
        """Whether it recognises its user from now on."""
        await self.session.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": user})


async def virtual_authenticator(page: Page, *, synced: bool = True) -> VirtualAuthenticator:
    """Adds an authenticator to a page, which confirms by itself that its user is there."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
        "defaultBackupEligibility": synced,
        "defaultBackupState": synced,
    }
    made = await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return VirtualAuthenticator(session, made["authenticatorId"])

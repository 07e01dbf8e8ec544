"""A citizen who has just signed out, on the way from the broker to wherever they go."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PendingLogout:
    """What the page after signing out shows, for as long as it may be looked at again.

    `browser` is the digest of the secret of the browser that signed out. `back` is where the service wants it back,
    `frames` are pages of services that sign out their own sessions (Front-Channel Logout 1.0). `provider` proved the
    identity of the session; `url` is where it ends its own, None if it has no such address now. `returned`: the citizen
    came back from there. `locales` are those the service wishes.
    """

    browser: str
    client_id: str | None = None
    back: str | None = None
    frames: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    provider: str | None = None
    url: str | None = None
    returned: bool = False

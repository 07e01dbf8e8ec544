"""The cookies of the console. Their names differ from the citizens', since a browser shares cookies across ports."""

from typing import Final

SESSION: Final = "__Host-portico-staff"
LEAVING: Final = "__Host-portico-staff-leaving"

DEPARTED: Final = "__Host-portico-staff-departed"

_MONTH: Final = 30 * 24 * 3600
_GUARDS: Final = "Path=/; Secure; HttpOnly; SameSite=Lax"


def session(value: str) -> str:
    """Sets the staff session. It lasts as long as the browser does not close; the server ends it earlier."""
    return f"{SESSION}={value}; {_GUARDS}"


def no_session() -> str:
    """Takes the staff session away."""
    return f"{SESSION}=; Max-Age=0; {_GUARDS}"


def leaving(value: str, seconds: int) -> str:
    """Remembers, for as long as a sign-in may take, that this browser left for the staff provider."""
    return f"{LEAVING}={value}; Max-Age={seconds}; {_GUARDS}"


def not_leaving() -> str:
    """Forgets it again."""
    return f"{LEAVING}=; Max-Age=0; {_GUARDS}"


def departed(auth_time: int) -> str:
    """Remembers for a month that a member of staff signed out here, who had signed in at that time."""
    return f"{DEPARTED}={auth_time}; Max-Age={_MONTH}; {_GUARDS}"


def not_departed() -> str:
    """Forgets it, after a new sign-in."""
    return f"{DEPARTED}=; Max-Age=0; {_GUARDS}"


def read_departed(value: str | None) -> int | None:
    """When the member of staff who signed out here had signed in; None without a cookie that says so."""
    return int(value[:12]) if value and value.isascii() and value.isdigit() else None

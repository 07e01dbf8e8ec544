"""The cookies of the console. Their names differ from the citizens', since a browser shares cookies across ports."""

from typing import Final

SESSION: Final = "__Host-portico-staff"
LEAVING: Final = "__Host-portico-staff-leaving"

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

"""The cookies of the console. Their names differ from the citizens', because browsers share cookies across ports."""

from typing import Final

SESSION: Final = "__Host-portico-staff"
ATTEMPT: Final = "__Host-portico-staff-leaving"

LANGUAGE: Final = "__Host-portico-staff-language"

DEPARTED: Final = "__Host-portico-staff-departed"

_MONTH: Final = 30 * 24 * 3600
_GUARDS: Final = "Path=/; Secure; HttpOnly; SameSite=Lax"


def set_session(value: str) -> str:
    """Sets the session cookie, which lasts until the browser closes; the server ends the session earlier."""
    return f"{SESSION}={value}; {_GUARDS}"


def clear_session() -> str:
    """Clears the session cookie."""
    return f"{SESSION}=; Max-Age=0; {_GUARDS}"


def set_attempt(value: str, seconds: int) -> str:
    """Sets the cookie by which the browser is recognised at the callback."""
    return f"{ATTEMPT}={value}; Max-Age={seconds}; {_GUARDS}"


def clear_attempt() -> str:
    """Clears that cookie."""
    return f"{ATTEMPT}=; Max-Age=0; {_GUARDS}"


def set_signed_out(auth_time: int) -> str:
    """Stores for a month the `auth_time` of the member of staff who signed out in this browser."""
    return f"{DEPARTED}={auth_time}; Max-Age={_MONTH}; {_GUARDS}"


def clear_departed() -> str:
    """Clears that cookie after a new sign-in."""
    return f"{DEPARTED}=; Max-Age=0; {_GUARDS}"


def read_departed(value: str | None) -> int | None:
    """The `auth_time` of the member of staff who signed out in this browser; None without that cookie."""
    return int(value[:12]) if value and value.isascii() and value.isdigit() else None


def set_language(code: str) -> str:
    """Stores the language of the console for a month."""
    return f"{LANGUAGE}={code}; Max-Age={_MONTH}; {_GUARDS}"

"""Cookies of the citizens' application: parses the Cookie header, builds Set-Cookie values.

Cookies of other applications on the same host are skipped. Names differ from those of the staff application, because
a browser shares cookies across ports.
"""

from typing import Final
from urllib.parse import quote, unquote

from broker.actions.browser import SignedOutUser

BROWSER: Final = "__Host-portico-browser"
SESSION: Final = "__Host-portico-session"
STATE: Final = "__Secure-portico-state"
LANGUAGE: Final = "__Host-portico-language"
DEPARTED: Final = "__Host-portico-departed"
ASKED: Final = "__Host-portico-asked"
USED: Final = "__Host-portico-used"
LEFT: Final = "portico-left"
CODE: Final = "portico-code"

SECRETS_KEPT: Final = 4
"""How many browser secrets the cookie holds; transactions bound to an older secret are lost to this browser."""

PROVIDERS_KEPT: Final = 40
"""How many providers the cookie lists after a citizen signed out."""

_MONTH: Final = 30 * 24 * 3600
_QUARTER: Final = 90 * 24 * 3600
_YEAR: Final = 365 * 24 * 3600
_HALF_A_DAY: Final = 12 * 3600
_CODE_SHOWN: Final = 600
_OURS: Final = "portico-"
"""Part of the name of each cookie of the broker."""


def read(header: str | None) -> dict[str, str]:
    """Parses the broker's cookies in a Cookie header by name (RFC 6265 5.4), including those of the console.

    Number and size of other cookies do not matter: browsers limit each cookie (RFC 6265 6.1), and the server limits
    the whole header. Of two cookies with one name the first wins: a browser sends the one with the longer path first.
    """
    found: dict[str, str] = {}
    for pair in header.split(";") if header else ():
        if _OURS in pair:
            name, is_one, value = pair.strip().partition("=")
            if is_one and _OURS in name:
                found.setdefault(name, value)
    return found


def secrets(value: str | None) -> tuple[str, ...]:
    """The browser's secrets, or the marks of its cases, newest first."""
    return tuple(part for part in (value or "").split(".") if part)[:SECRETS_KEPT]


def browser(secrets: tuple[str, ...], newest: str) -> str:
    """Set-Cookie for the browser's secrets, `newest` first: a session cookie of the browser."""
    kept = (newest, *(secret for secret in secrets if secret != newest))[:SECRETS_KEPT]
    return f"{BROWSER}={'.'.join(kept)}; Path=/; Secure; HttpOnly; SameSite=Lax"


def asked(marks: tuple[str, ...], newest: str, seconds: int) -> str:
    """Set-Cookie for the marks of the cases asked for in this browser, `newest` first, for the lifetime of a case."""
    kept = (newest, *(mark for mark in marks if mark != newest))[:SECRETS_KEPT]
    return f"{ASKED}={'.'.join(kept)}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"


def session(value: str) -> str:
    """Set-Cookie for the broker's session."""
    return f"{SESSION}={value}; Path=/; Secure; HttpOnly; SameSite=Lax"


def no_session() -> str:
    """Set-Cookie that deletes the broker's session."""
    return f"{SESSION}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"


def state(value: str) -> str:
    """Set-Cookie for the state that `check_session_iframe` reads: not secret, readable by script, in any site's frame.

    Session Management 1.0, 3.3.
    """
    return f"{STATE}={value}; Path=/session; Secure; SameSite=None"


def no_state() -> str:
    """Set-Cookie that deletes the state of `check_session_iframe`."""
    return f"{STATE}=; Path=/session; Max-Age=0; Secure; SameSite=None"


def departed(value: str | None) -> SignedOutUser | None:
    """Parses the cookie of a citizen who signed out in this browser; None without a cookie."""
    if not value:
        return None
    after: dict[str, int] = {}
    done: set[str] = set()
    for part in value.split(".")[:PROVIDERS_KEPT]:
        name, _, since = part.partition(":")
        provider = unquote(name)
        if since == "done":
            done.add(provider)
        elif since.isascii() and since.isdigit():
            after[provider] = int(since[:12])
    return SignedOutUser(after, frozenset(done))


def set_signed_out(value: SignedOutUser) -> str:
    """Set-Cookie that records a sign-out for 30 days: a session cookie would last on a shared browser never closed."""
    parts = [
        f"{_cookie_name(provider)}:{since}" for provider, since in value.after.items() if provider not in value.done
    ]
    parts += [f"{_cookie_name(provider)}:done" for provider in sorted(value.done)]
    content = ".".join(["1", *parts[-PROVIDERS_KEPT:]])
    return f"{DEPARTED}={content}; Path=/; Max-Age={_MONTH}; Secure; HttpOnly; SameSite=Lax"


def _cookie_name(provider: str) -> str:
    return quote(provider, safe="").replace(".", "%2E")


def used(provider: str) -> str:
    """Set-Cookie that remembers the provider chosen last, for 90 days; only if the citizen asked for it."""
    return f"{USED}={_cookie_name(provider)}; Path=/; Max-Age={_QUARTER}; Secure; HttpOnly; SameSite=Lax"


def last_used(value: str | None) -> str | None:
    """Parses the cookie of the provider chosen last."""
    return unquote(value) if value else None


def forget_used() -> str:
    """Set-Cookie that deletes the provider chosen last."""
    return f"{USED}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"


def language(code: str) -> str:
    """Set-Cookie for the language, for 365 days."""
    return f"{LANGUAGE}={code}; Path=/; Max-Age={_YEAR}; Secure; HttpOnly; SameSite=Lax"


def redirect_cookie(handle: str, redirect_id: str) -> str:
    """Set-Cookie that records that the transaction's redirect `redirect_id` was followed, for 24 hours."""
    return f"{LEFT}={redirect_id}; Path=/journey/{handle}; Max-Age={2 * _HALF_A_DAY}; Secure; HttpOnly; SameSite=Lax"


def code(handle: str, value: str) -> str:
    """Set-Cookie for the continuation code that pages of one transaction show, for 10 minutes."""
    return f"{CODE}={value}; Path=/journey/{handle}; Max-Age={_CODE_SHOWN}; Secure; HttpOnly; SameSite=Strict"

"""The cookies of the citizens' side: read by hand, written with every guard there is.

Other cookies of the same host are none of our business and are skipped. Names differ from those of the staff's side,
since a browser shares cookies across ports.
"""

from typing import Final
from urllib.parse import quote, unquote

from broker.actions.browser import DepartedUser

BROWSER: Final = "__Host-portico-browser"
SESSION: Final = "__Host-portico-session"
STATE: Final = "__Secure-portico-state"
LANGUAGE: Final = "__Host-portico-language"
DEPARTED: Final = "__Host-portico-departed"
LEFT: Final = "portico-left"
CODE: Final = "portico-code"

SECRETS_KEPT: Final = 4
"""How many browser secrets are kept: tabs older than that many sign-ins have lost their place."""

PROVIDERS_KEPT: Final = 40
"""How many providers are remembered after a citizen signed out."""

_MONTH: Final = 30 * 24 * 3600
_YEAR: Final = 365 * 24 * 3600
_HALF_A_DAY: Final = 12 * 3600
_CODE_SHOWN: Final = 600
_OURS: Final = "portico-"
"""What stands in the name of each of our cookies."""


def read(header: str | None) -> dict[str, str]:
    """Our cookies in a Cookie header by name (RFC 6265 5.4), those of the console among them.

    However many cookies of others stand beside them, and however large, ours are found: limits are per cookie
    (RFC 6265 6.1), and those of the whole header are the server's. Of two with one name the first counts: a browser
    sends the one with the longer path first.
    """
    found: dict[str, str] = {}
    for pair in header.split(";") if header else ():
        if _OURS in pair:
            name, is_one, value = pair.strip().partition("=")
            if is_one and _OURS in name:
                found.setdefault(name, value)
    return found


def secrets(value: str | None) -> tuple[str, ...]:
    """The browser's secrets, newest first."""
    return tuple(part for part in (value or "").split(".") if part)[:SECRETS_KEPT]


def browser(held: tuple[str, ...], newest: str) -> str:
    """Sets the browser's secrets, with a new one in front. It lasts as long as the browser does not close."""
    kept = (newest, *(secret for secret in held if secret != newest))[:SECRETS_KEPT]
    return f"{BROWSER}={'.'.join(kept)}; Path=/; Secure; HttpOnly; SameSite=Lax"


def session(value: str) -> str:
    """Sets the broker's session."""
    return f"{SESSION}={value}; Path=/; Secure; HttpOnly; SameSite=Lax"


def no_session() -> str:
    """Takes the broker's session away."""
    return f"{SESSION}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"


def state(value: str) -> str:
    """Sets what the session page reads in a service's frame: no secret, for script, and for other sites' pages too."""
    return f"{STATE}={value}; Path=/session; Secure; SameSite=None"


def no_state() -> str:
    """Takes it away."""
    return f"{STATE}=; Path=/session; Max-Age=0; Secure; SameSite=None"


def departed(value: str | None) -> DepartedUser | None:
    """That a citizen signed out in this browser, as its cookie says it; None without one."""
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
    return DepartedUser(after, frozenset(done))


def set_departed(value: DepartedUser) -> str:
    """Remembers for a month that a citizen signed out: shared browsers may never be closed."""
    parts = [
        f"{_cookie_name(provider)}:{since}" for provider, since in value.after.items() if provider not in value.done
    ]
    parts += [f"{_cookie_name(provider)}:done" for provider in sorted(value.done)]
    written = ".".join(["1", *parts[-PROVIDERS_KEPT:]])
    return f"{DEPARTED}={written}; Path=/; Max-Age={_MONTH}; Secure; HttpOnly; SameSite=Lax"


def _cookie_name(provider: str) -> str:
    return quote(provider, safe="").replace(".", "%2E")


def language(code: str) -> str:
    """Remembers the language, for a year."""
    return f"{LANGUAGE}={code}; Path=/; Max-Age={_YEAR}; Secure; HttpOnly; SameSite=Lax"


def left(handle: str, mark: str) -> str:
    """Remembers, for one transaction, that this departure was begun."""
    return f"{LEFT}={mark}; Path=/journey/{handle}; Max-Age={2 * _HALF_A_DAY}; Secure; HttpOnly; SameSite=Lax"


def code(handle: str, value: str) -> str:
    """Lets the pages of one transaction show a continuation code for ten minutes."""
    return f"{CODE}={value}; Path=/journey/{handle}; Max-Age={_CODE_SHOWN}; Secure; HttpOnly; SameSite=Strict"

"""Kind of a browser, from its User-Agent (RFC 9110 10.1.5): its family and system, in closed words.

A citizen recognizes a session by it. Versions, models and everything else of the header are never stored: they would
tell one citizen's device from another's.
"""

from typing import Final

_FAMILIES: Final = (
    ("Edg", "edge"),
    ("OPR/", "opera"),
    ("SamsungBrowser/", "samsung"),
    ("Firefox/", "firefox"),
    ("FxiOS/", "firefox"),
    ("CriOS/", "chrome"),
    ("Chrome/", "chrome"),
    ("Chromium/", "chrome"),
    ("Safari/", "safari"),
)
"""Products that name a family, those that pretend to be another one first: Edge calls itself Chrome and Safari too."""

_SYSTEMS: Final = (
    ("Android", "android"),
    ("iPhone", "ios"),
    ("iPad", "ios"),
    ("CrOS", "chromeos"),
    ("Windows", "windows"),
    ("Mac OS X", "macos"),
    ("Linux", "linux"),
)

FAMILIES: Final = frozenset(word for _, word in _FAMILIES)
SYSTEMS: Final = frozenset(word for _, word in _SYSTEMS)


def browser_family(agent: str) -> str:
    """Returns the kind of the browser with this User-Agent, such as `firefox/android`; a part is empty if it is not
    known, and the whole text if neither is."""
    family, system = _first(agent, _FAMILIES), _first(agent, _SYSTEMS)
    return f"{family}/{system}" if family or system else ""


def _first(agent: str, known: tuple[tuple[str, str], ...]) -> str:
    return next((word for mark, word in known if mark in agent), "")

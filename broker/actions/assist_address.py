"""Where a citizen may be reached, as they typed it."""

import re

from broker.assisted.case import Contact, Way

LONGEST = 254
"""Characters of an address at most (RFC 5321 4.5.3.1.3)."""

_EMAIL = re.compile(r"[^\s@<>(),;:\\\"\[\]]+@[^\s@<>(),;:\\\"\[\]]+\.[^\s@<>(),;:\\\"\[\].]+")
_BETWEEN = re.compile(r"[\s().\-/]")
_PHONE = re.compile(r"\+?[0-9]{7,15}")


def contact(way: str, typed: str) -> Contact | None:
    """The address to be used, or None for what cannot be one. Telephone numbers lose what stands between digits."""
    text = typed.strip()
    if way == Way.EMAIL:
        fits = len(text) <= LONGEST and text.isprintable() and _EMAIL.fullmatch(text)
        return Contact(Way.EMAIL, text) if fits else None
    if way == Way.PHONE:
        number = _BETWEEN.sub("", text)
        number = f"+{number[2:]}" if number.startswith("00") else number
        return Contact(Way.PHONE, number) if _PHONE.fullmatch(number) else None
    return None


def marked(contact: Contact) -> str:
    """What stands for the address when cases are compared: the same text for the same address."""
    return f"{contact.way}:{contact.address.casefold()}"

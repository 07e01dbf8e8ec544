"""Email addresses in the form that a mail server without SMTPUTF8 accepts (RFC 5321, IDNA 2008).

The domain is in A-labels (RFC 5890, converted by UTS #46), the local part is ASCII. Addresses with another local part
exist (RFC 6531), but many mail servers reject them, so that no code would arrive.
"""

import re
import unicodedata
from typing import Final

from broker.normalize.text import plain_marks

LONGEST: Final = 254
"""Maximum length of an address in characters (RFC 5321 4.5.3.1.3)."""

_LOCAL: Final = re.compile(r"[A-Za-z0-9_!#$%&'*+/=?^`{|}~-]+(\.[A-Za-z0-9_!#$%&'*+/=?^`{|}~-]+)*")
_LOCAL_BEYOND_ASCII: Final = re.compile(r"[^\s.@<>(),;:\\\"\[\]]+(\.[^\s.@<>(),;:\\\"\[\]]+)*")
_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_ACE: Final = "xn--"


def sendable(text: str, *, dotless: bool = False) -> str | None:
    """Normal form of an address that mail can be sent to: the domain in lower case and A-labels.

    None if it is not an address, or if mail cannot be sent to it (`is_unreachable`). `dotless` allows a domain of one
    label, for addresses in configuration.
    """
    local, domain = _parts(text)
    host = ascii_host(domain)
    if host is None or not _LOCAL.fullmatch(local) or len(local) > 64:
        return None
    if len(local) + 1 + len(host) > LONGEST or not (dotless or "." in host):
        return None
    return f"{local}@{host}"


def is_unreachable(text: str) -> bool:
    """Whether a text is a valid address with a non-ASCII local part, to which the broker cannot send."""
    local, domain = _parts(text)
    host = ascii_host(domain)
    if host is None or "." not in host or local.isascii():
        return False
    return _LOCAL_BEYOND_ASCII.fullmatch(local) is not None


def email_key(address: str) -> str:
    """Key for comparing addresses, ignoring case, also in the local part.

    Standards allow a case-sensitive local part, but no mail server in use has one.
    """
    return (sendable(address) or plain_marks(address)).casefold()


def unicode_address(address: str) -> str:
    """Address in normal form for display: the domain in U-labels. Unchanged if it has none."""
    if _ACE not in address:
        return address
    import idna  # only a broker that meets such an address loads its tables

    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{idna.decode(domain)}"
    except idna.IDNAError:
        return address


def ascii_host(host: str) -> str | None:
    """Host name in lower case and A-labels (IDNA 2008, not transitional); None if invalid."""
    host = unicodedata.normalize("NFKC", host).removesuffix(".")
    if host.isascii() and _ACE not in host.lower():
        fits = len(host) <= 253 and _HOST.fullmatch(host)
        return host.lower() if fits and not host.rpartition(".")[2].isdecimal() else None
    import idna  # only a broker that meets such an address loads its tables

    try:
        encoded = idna.encode(host, uts46=True, std3_rules=True).decode("ascii")
        idna.decode(encoded)
    except idna.IDNAError:
        return None
    return encoded if _HOST.fullmatch(encoded) else None


def _parts(text: str) -> tuple[str, str]:
    local, _, domain = plain_marks(text).rpartition("@")
    return local, domain

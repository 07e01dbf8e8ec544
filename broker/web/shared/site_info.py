"""Site information that the operator configures: name, support contact, languages, time zone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from broker.normalize.email import sendable
from broker.normalize.phone import phone_number

_DIGITS: Final = re.compile(r"\+?[0-9]+")


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """The operator's texts and contacts on every page. Texts are by language.

    `issuer` is the broker's public origin without a trailing slash; every absolute link begins with it. `name` is what
    citizens know the broker by. `support` says when help is available and what it can do; `phone`, `email` and `url`
    are its contacts. `zone` is the IANA time zone in which times are shown. `languages` are those offered; the first
    is the default. `region` is the country in which `phone` is read if it has no country code.
    """

    issuer: str
    name: Mapping[str, str] = field(default_factory=lambda: {"en": "Portico"})
    support: Mapping[str, str] = field(default_factory=dict)
    phone: str | None = None
    email: str | None = None
    url: str | None = None
    zone: str = "UTC"
    languages: tuple[str, ...] = ("en", "cy")
    region: str = "GB"

    @property
    def tel(self) -> str:
        """`phone` for a tel: link (RFC 3966): digits alone, so that no "(0)" is dialled."""
        number = "".join((self.phone or "").split())
        return number if _DIGITS.fullmatch(number) else phone_number(number, self.region) or number

    @property
    def mailto(self) -> str:
        """`email` for a mailto: link (RFC 6068): its domain in ASCII."""
        return sendable(self.email or "") or self.email or ""

"""What every page says about the place it stands in: its name, who helps, its languages. Set by the operator."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from broker.normalize.email import sendable
from broker.normalize.phone import phone_number

_DIGITS: Final = re.compile(r"\+?[0-9]+")


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """The operator's own words on every page. Texts by language.

    `issuer` is the broker's public origin without a trailing slash; every absolute link begins with it. `name` is what
    citizens know the broker by. `support` says when help is there and what it can do; `phone`, `email` and `url` reach
    it. `zone` is the IANA time zone in which times are told. `languages` are those offered, the first is used where
    nothing else is known. `region` is the country in which `phone` is read if it has no country code.
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
        """`phone` as a link dials it (RFC 3966): digits alone, so that no "(0)" is dialled."""
        written = "".join((self.phone or "").split())
        return written if _DIGITS.fullmatch(written) else phone_number(written, self.region) or written

    @property
    def mailto(self) -> str:
        """`email` as a link writes to it (RFC 6068): its domain in ASCII."""
        return sendable(self.email or "") or self.email or ""

"""Site information that the operator configures: name, support contact, languages, time zone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from broker.model.support import SupportSettings
from broker.normalize.email import sendable
from broker.normalize.phone import phone_number

_DIGITS: Final = re.compile(r"\+?[0-9]+")


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """The operator's texts and contacts on every page. Texts are by language.

    `issuer` is the broker's public origin without a trailing slash; every absolute link begins with it. `name` is what
    citizens know the broker by. `zone` is the IANA time zone in which times are shown. `languages` are those offered;
    the first is the default. `region` is the country of a support telephone number without a country code. `accounts`
    says whether citizens have pages of their account.
    """

    issuer: str
    name: Mapping[str, str] = field(default_factory=lambda: {"en": "Portico"})
    support: SupportSettings = field(default_factory=SupportSettings)
    zone: str = "UTC"
    languages: tuple[str, ...] = ("en", "cy")
    region: str = "GB"
    accounts: bool = True

    @property
    def tel(self) -> str:
        """`support.phone` for a tel: link (RFC 3966): digits alone, so that no "(0)" is dialled."""
        number = "".join((self.support.phone or "").split())
        return number if _DIGITS.fullmatch(number) else phone_number(number, self.region) or number

    @property
    def mailto(self) -> str:
        """`support.email` for a mailto: link (RFC 6068): its domain in ASCII."""
        return sendable(self.support.email or "") or self.support.email or ""

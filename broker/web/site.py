"""What every page says about the place it stands in: its name, who helps, its languages. Set by the operator."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Site:
    """The operator's own words on every page. Texts by language.

    `issuer` is the broker's public origin without a trailing slash; every absolute link begins with it. `name` is what
    citizens know the broker by. `support` says when help is there and what it can do; `phone`, `email` and `url` reach
    it. `zone` is the IANA time zone in which times are told. `languages` are those offered, the first is used where
    nothing else is known.
    """

    issuer: str
    name: Mapping[str, str] = field(default_factory=lambda: {"en": "Portico"})
    support: Mapping[str, str] = field(default_factory=dict)
    phone: str | None = None
    email: str | None = None
    url: str | None = None
    zone: str = "UTC"
    languages: tuple[str, ...] = ("en", "cy")

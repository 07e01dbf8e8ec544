"""Support contact of the operator, shown on every page."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SupportSettings:
    """Support contact for citizens: how they reach a person who knows this broker. It has the same place on every
    page."""

    text: Mapping[str, str] = field(default_factory=dict)
    """Opening hours and purpose of the support, by language."""
    phone: str | None = None
    """A telephone number, displayed as written here."""
    email: str | None = None
    """An email address."""
    url: str | None = None
    """A page with more ways to get help."""

"""How often something may be done."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `most` uses of `key` in a window of `window` seconds."""

    key: str
    most: int
    window: int

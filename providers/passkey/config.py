"""The table [passkey] of a provider's file."""

from dataclasses import dataclass
from typing import Annotated

from broker.model.assurance import Level
from broker.platform.toml_loader import Problem, Range, Seconds

DAY = 86_400


@dataclass(frozen=True, slots=True)
class PasskeyConfig:
    """Passkeys of citizens: how long the broker keeps the identities to which they lead."""

    rp_id: str | None = None
    """The domain of the passkeys (Web Authentication, RP ID): the host of `issuer`, or a domain above it. Another one
    makes every passkey useless. Left out: the host of `issuer`."""
    keep: Annotated[Seconds, Range(DAY, 1825 * DAY)] = 90 * DAY
    """For how long an identity is kept if the citizen does not say otherwise."""
    keep_at_most: Annotated[Seconds, Range(DAY, 1825 * DAY)] = 365 * DAY
    """The longest time that a citizen may choose."""
    synced_level: Level = Level.SUBSTANTIAL
    """The highest level of a sign-in with a passkey that may be on several devices. `max_level` is that of one that
    says that it stays on its device. No manufacturer vouches for that: the broker asks for no attestation."""


def check(config: PasskeyConfig, *, development: bool) -> list[Problem]:  # noqa: ARG001 - the signature of a kind
    """Problems beyond the types of the fields."""
    if config.keep <= config.keep_at_most:
        return []
    return [Problem("keep", "is longer than keep_at_most", "write a shorter time, or a longer keep_at_most")]

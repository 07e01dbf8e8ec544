"""The preset `passkey`: what the picker says about passkeys."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from providers.presets import LIVE, merge

PRESETS: Final = ("passkey",)


def with_preset(name: str, environment: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table of a provider's file on top of the preset. Raises LookupError."""
    if name not in PRESETS:
        raise LookupError(f'there is no preset "{name}"')
    if environment != LIVE:
        raise LookupError(f'the preset "{name}" has no environment "{environment}"')
    return merge(tomllib.loads(files("providers.passkey").joinpath("passkey.toml").read_text("utf-8")), table)

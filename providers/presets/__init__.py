"""Presets: what an operator's file would say about a national provider, as data.

`<name>.toml` has the keys of a provider's file, and `[environments.<name>]` what differs there; a file that names the
preset overrides any key. `base` names a table in `families`, which the preset overrides itself. `facts/<name>.toml`
holds what the provider publishes, each fact with its source, the page and the day on which it was read. Presets and the
simulator are written from the facts, and tests hold both against them.
`fact_files` reads the facts, `topics` is their vocabulary, `document` makes docs/providers.md of both.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

LIVE: Final = "live"
TEST: Final = "test"

_FOLDER: Final = files("providers.presets")


@cache
def preset_names() -> tuple[str, ...]:
    """The names of all presets, sorted."""
    found = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def preset_table(name: str, environment: str = LIVE) -> Mapping[str, Any]:
    """The table of a preset for one environment of its provider.

    Raises LookupError if there is no such preset, or if the provider has no such environment.
    """
    if name not in preset_names():
        raise LookupError(f'there is no preset "{name}"')
    table = dict(_whole(name))
    environments = table.pop("environments", {})
    if environment not in environments:
        raise LookupError(f'the preset "{name}" has no environment "{environment}"')
    return merge(table, environments[environment])


def preset_environments(name: str) -> tuple[str, ...]:
    """The environments of a preset's provider, such as `live` and `test`."""
    return tuple(_whole(name).get("environments", {}))


def with_preset(name: str, environment: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table of a provider's file on top of a preset. Raises LookupError as `preset_table` does."""
    return merge(preset_table(name, environment), table)


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> Mapping[str, Any]:
    """Merges two tables, in which `above` takes precedence: tables key by key, lists and other values as a whole."""
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        merged[key] = merge(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return merged


@cache
def _whole(name: str) -> Mapping[str, Any]:
    """The table of a preset over that of its base."""
    table = dict(tomllib.loads((_FOLDER / f"{name}.toml").read_text("utf-8")))
    base = table.pop("base", None)
    return table if base is None else merge(_whole(f"families/{base}"), table)

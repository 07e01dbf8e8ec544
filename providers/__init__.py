"""Everything that can say who a citizen is, each kind behind the one contract of `broker.provider`."""

from collections.abc import Mapping
from typing import Any

from providers import openid
from providers.kind import Kind, ProviderDependencies

KINDS: Mapping[str, Kind[Any]] = {
    "openid": openid.KIND,
}

__all__ = ["KINDS", "Kind", "ProviderDependencies"]

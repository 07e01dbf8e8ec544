"""Providers of docs/interop.md: the file that stands there, against the program that it is written for."""

import asyncio
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from broker.model.assurance import Level
from broker.platform.http_client import HttpClients, Timeouts
from broker.platform.system import real_system
from broker.provider import CallbackParameters, ProviderInfo
from broker.settings.providers import ProviderEntry, provider
from broker.settings.sources import Source
from providers import KINDS
from providers.openid import OpenIdConfig, build
from tests.documents.markdown import ROOT, fences
from tests.support.program import Program
from tests.unit.providers.contract import Counterpart
from tests.unit.providers.stage import ASK, CALLBACK, KEY_FILE, dependencies, free_address

PAGE = ROOT / "docs" / "interop.md"
PATIENT = 1800.0
"""Seconds in which a program must have started: Keycloak needs two minutes of CPU, on a machine that may be busy."""


def documented(name: str, **openid: object) -> ProviderEntry:
    """The provider of the example with this file name, with the client key and callback of the tests.

    `openid` are the settings that differ between the example and the test: the issuer.
    """
    (example,) = (fence for fence in fences(PAGE) if fence.info == f"toml {name}")
    table = tomllib.loads(example.text)
    table["openid"].update(openid)
    if "key_file" in table["openid"]:
        table["openid"]["key_file"] = str(KEY_FILE)
    entry, problems = provider(Source(name, "", {"id": "eid", **table}, Path()), KINDS, development=True)
    assert entry is not None, problems
    assert problems == []
    return entry


@asynccontextmanager
async def counterpart(
    card: ProviderInfo,
    config: OpenIdConfig,
    program: Program,
    approve: Callable[[str], Awaitable[CallbackParameters]],
    read: Callable[[Path], bytes] | None = None,
    **differences: Any,
) -> AsyncIterator[Counterpart]:
    """A provider against a running program, for the contract suite. `differences` are fields of `Counterpart`;
    `read` reads the broker's keys, if they are not those of the other tests.

    Without `refuse` the program has no button for it, and the answer of a citizen who goes back is made up.
    """
    await asyncio.to_thread(program.start, within=PATIENT)
    outgoing = HttpClients(development=True, patience=Timeouts(connect=2, read=20, total=30))
    on = dependencies(real_system(), outgoing)
    if read is not None:
        on = replace(on, read=read)

    async def refuse(_url: str) -> CallbackParameters:
        return CallbackParameters({"error": "access_denied"}, CALLBACK)

    async def stop() -> None:
        await asyncio.to_thread(program.stop)

    usual: dict[str, Any] = {"ask": ASK, "refuse": refuse, "leave": stop, "keeps_state_on_refusal": False}
    yield Counterpart(
        provider=build(card, config, on),
        modest=build(replace(card, max_level=Level.LOW), config, on),
        gone=build(card, replace(config, issuer=free_address()), on),
        approve=approve,
        **usual | differences,
    )
    await outgoing.close()

"""Ten thousand services and a thousand providers: a page costs what it costs with ten, and a reload stops no request.

Costs are counted in calls of the interpreter, which are the same at every run and on any machine.
"""

import asyncio
import cProfile
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from starlette.types import ASGIApp, Message

from broker import wiring
from broker.demo.run import Ports, configured, demo_applications
from broker.demo.world import ABERLAN
from broker.model.assurance import Level
from broker.model.service import SecurityProfile, Service
from broker.platform import system
from broker.platform.http_client import HttpClients
from broker.settings import Settings
from broker.wiring.admin import SettingsReader
from broker.wiring.provider_builds import ProviderBuilds
from broker.wiring.registry import Registry
from broker.wiring.settings_reload import SettingsReloader
from providers import ProviderDependencies
from providers.health_monitor import HealthMonitor
from tests.budgets.test_counts import CHORES
from tests.budgets.test_scale import filled
from tests.e2e.app_harness import Script, laid_out

SERVICES: Final = 10_000
PROVIDERS: Final = 1_000
SAME: Final = 1.01
"""How much more calls a request may make in the large configuration than in the small one."""
AT_ONCE: Final = 0.03
"""Which part of the calls of a reload the event loop may make itself, while no request is answered."""


def grown(settings: Settings, services: int, providers: int) -> Settings:
    """The settings with so many more services, each of which has three providers, and so many more providers."""
    pattern, card = settings.services["travel-office"], settings.providers["harbour"]
    names = [f"p{number}" for number in range(providers)]
    return replace(
        settings,
        services=settings.services
        | {f"s{number}": _service(pattern, number, names[number % providers :][:1]) for number in range(services)},
        providers=settings.providers | {name: replace(card, card=replace(card.card, id=name)) for name in names},
    )


def _service(pattern: Service, number: int, providers: list[str]) -> Service:
    return replace(
        pattern,
        client_id=f"s{number}",
        profile=SecurityProfile.OIDC,
        redirect_uris=(f"http://localhost:8002/{number}",),
        registered_sector=f"s{number}.example",
        providers=(*providers, "northbank", "harbour"),
        level=Level.LOW,
    )


@asynccontextmanager
async def broker_of(folder: Path, services: int, providers: int) -> AsyncIterator[ASGIApp]:
    """The citizens' application of a configuration of this size, whose background tasks do not run."""
    folder.mkdir()
    config = laid_out(folder, Script())
    ports, real = Ports(8000), system.real_system()
    settings = grown(configured(ports, real, config), services, providers)
    await wiring.migrate_schema(settings)
    others = asyncio.all_tasks()
    async with wiring.open_container(settings, real) as parts:
        for task in asyncio.all_tasks() - others:
            if getattr(task.get_coro(), "__name__", "") in CHORES:
                task.cancel()
        await asyncio.sleep(0)
        yield demo_applications(parts, ports, ABERLAN)[0].application


async def request(app: ASGIApp, path: str, query: str = "", cookie: str = "") -> tuple[int, dict[str, str], str]:
    """One GET by ASGI: status, headers and body."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost:8000"), (b"cookie", cookie.encode())]
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query.encode()}
    scope |= {"headers": headers, "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 1), "root_path": ""}
    scope |= {"server": ("localhost", 8000), "asgi": {"version": "3.0"}}
    await app(scope, receive, send)
    found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(one.get("body", b"") for one in sent[1:]).decode()


async def counted(app: ASGIApp, path: str, query: str = "", cookie: str = "") -> tuple[int, int, dict[str, str], str]:
    """The calls of a request, and its response."""
    profile = cProfile.Profile()
    profile.enable()
    response = await request(app, path, query, cookie)
    profile.disable()
    return sum(entry.callcount for entry in profile.getstats()), *response


async def costs(app: ASGIApp) -> dict[str, int]:
    """The calls of an authorization request and of its picker, the least of several tries."""
    query = urlencode(
        {"client_id": "s7", "redirect_uri": "http://localhost:8002/7", "response_type": "code", "scope": "openid"}
        | {"code_challenge": "a" * 43, "code_challenge_method": "S256", "state": "s" * 20, "nonce": "n" * 20}
    )
    found = []
    for _ in range(6):
        started, status, headers, _ = await counted(app, "/authorize", query)
        assert status == 303, headers
        place, cookie = headers["location"], headers["set-cookie"].partition(";")[0]
        shown, status, _, page = await counted(app, place, "", cookie)
        assert sorted(re.findall(r'type="radio" value="(\w+)"', page)) == ["harbour", "help", "northbank", "p7"]
        found.append((started, shown))
    return {"authorization": min(one[0] for one in found), "picker": min(one[1] for one in found)}


async def test_pages_cost_the_same_with_ten_thousand_services_and_a_thousand_providers(tmp_path: Path) -> None:
    async with broker_of(tmp_path / "small", 10, 10) as app:
        small = await costs(app)
    async with broker_of(tmp_path / "large", SERVICES, PROVIDERS) as app:
        large = await costs(app)
    for name, calls in large.items():
        assert calls <= small[name] * SAME, name


async def test_a_reload_leaves_the_event_loop_to_requests(tmp_path: Path) -> None:
    """Reading, checking and building run in a thread; what the loop does itself is a small part of all calls."""
    config, real = filled(tmp_path / "it", 60, 20), system.real_system()
    clients = HttpClients(development=True)
    registry = Registry(HealthMonitor(real), ProviderBuilds(ProviderDependencies(clients, real)), clients, real)
    settings = config.settings()
    registry.replace_all(settings, registry.prepare(settings))
    whole = cProfile.Profile()
    whole.runcall(config.settings)
    everything = sum(entry.callcount for entry in whole.getstats())
    hosts = _Hosts()
    reloading = SettingsReloader(settings, registry, SettingsReader(config.folder), hosts, hosts)
    for number in range(60):
        config.change(f"services/s{number}.toml", "names.en", f"Another name {number}")
    profile = cProfile.Profile()
    profile.enable()
    await reloading()
    profile.disable()
    await clients.close()
    assert registry.services["s59"].name("en") == "Another name 59"
    assert sum(entry.callcount for entry in profile.getstats()) < AT_ONCE * everything


class _Hosts:
    """Neither a request of a reload nor a metric."""

    async def reloads(self) -> int:
        """Never requested."""
        return 0

    def configuration(self, version: int) -> None:
        """Counts nothing."""

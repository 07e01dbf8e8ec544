"""The whole product under TLS, each part on a different site, as in production."""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from broker import wiring
from broker.demo.run import CONFIG, DemoApplication, Ports, configured, sample, simulator
from broker.demo.world import ABERLAN
from broker.platform import system
from tests.e2e.app_harness import Script, Stage, laid_out, serving
from tests.e2e.logout_services import ReceivedLogouts, Receiver
from tests.support.certificates import Authority
from tests.support.ports import LOOPBACK, free_ports

BROKER, CONSOLE, SERVICE, PROVIDERS = "broker.test", "console.example", "council.test", "providers.example"
SERVICE_HOP, PROVIDER_HOP = "counter.example", "way-back.test"
"""Where the service and the providers send a browser across on its way, each a site of its own."""

HOSTS = (BROKER, CONSOLE, SERVICE, PROVIDERS)


@dataclass(frozen=True, slots=True)
class Sites(Ports):
    """The four ports, each under the name of another site."""

    @property
    def origins(self) -> Mapping[str, str]:
        """What the configuration's `host:port` texts become."""
        return {f"localhost:{8000 + number}": f"{host}:{self.first + number}" for number, host in enumerate(HOSTS)}

    def url(self, number: int) -> str:
        """The address of the application with this number."""
        return f"https://{HOSTS[number]}:{self.first + number}"


def named_here(patch: pytest.MonkeyPatch) -> None:
    """The names of these sites mean this machine to the servers too, as they do to the browser."""
    real, ours = socket.getaddrinfo, {*HOSTS, SERVICE_HOP, PROVIDER_HOP}

    def lookup(host: Any, *arguments: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return real(LOOPBACK if name in ours else host, *arguments, **more)

    patch.setattr(socket, "getaddrinfo", lookup)


class Across:
    """The sample service behind a front end: a response that arrives is redirected over another site and back."""

    def __init__(self, inner: ASGIApp, sites: Sites) -> None:
        self._inner = inner
        self._home = sites.url(2)
        self._elsewhere = self._home.replace(SERVICE, SERVICE_HOP)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = dict(scope.get("headers", ())).get(b"host", b"").decode()
        path, query = scope.get("path"), scope.get("query_string", b"").decode()
        if path == "/callback":
            await redirect(send, f"{self._elsewhere}/over?{query}")
        elif path == "/over" and host.startswith(SERVICE_HOP):
            await redirect(send, f"{self._home}/arrived?{query}")
        elif path == "/arrived":
            await self._inner({**scope, "path": "/callback", "raw_path": b"/callback"}, receive, send)
        else:
            await self._inner(scope, receive, send)


async def redirect(send: Send, to: str) -> None:
    """Sends a browser on."""
    await send({"type": "http.response.start", "status": 303, "headers": [(b"location", to.encode())]})
    await send({"type": "http.response.body", "body": b""})


ALONE = Script()
"""The services of the example configuration and no others."""


@asynccontextmanager
async def apart(
    folder: Path,
    authority: Authority,
    patch: pytest.MonkeyPatch,
    script: Script = ALONE,
    logouts: ReceivedLogouts | None = None,
) -> AsyncIterator[Stage]:
    """Runs all of it until the block ends, with every address https and no two of them of one site.

    `script` brings further services, `logouts` records the logout requests that they receive.
    """
    sites = Sites(free_ports(4))
    named_here(patch)
    # the sample service is a program of a third party: it trusts the authorities of its environment
    patch.setenv("SSL_CERT_FILE", str(authority.file))
    real = system.real_system()
    files = {name: text.replace("http://localhost", "https://localhost") for name, text in script.files.items()}
    config = laid_out(folder, Script(edits=secured(authority.file), files=files))
    settings = configured(sites, real, config)
    await wiring.migrate_schema(settings)
    certificate = authority.certificate(*HOSTS, SERVICE_HOP, PROVIDER_HOP)
    async with wiring.open_container(settings, real) as parts:
        outbox = settings.broker.notifications.outbox
        assert outbox is not None
        hop = f"{sites.url(3)}/hop".replace(PROVIDERS, PROVIDER_HOP)
        across = Across(sample(settings, sites, outbox, ABERLAN), sites)
        service = across if logouts is None else Receiver(across, logouts)
        demo_applications = (
            DemoApplication("broker", sites.first, wiring.public_app(parts)),
            DemoApplication("sample service", sites.first + 2, service),
            DemoApplication("simulated providers", sites.first + 3, simulator(settings, sites, real, hop)),
        )
        async with serving(*demo_applications, ssl_certfile=certificate.chain, ssl_keyfile=certificate.key):
            yield Stage(sites, parts, folder)


def secured(ca_file: Path) -> dict[str, dict[str, str]]:
    """What makes the example configuration one under TLS."""
    files = [file for file in CONFIG.rglob("*.toml") if "http://localhost" in file.read_text()]
    secure = {file.relative_to(CONFIG).as_posix(): {"http://localhost": "https://localhost"} for file in files}
    secure["broker.toml"]["[picker]"] = f'[http_client]\nca_file = "{ca_file}"\n\n[picker]'
    return secure

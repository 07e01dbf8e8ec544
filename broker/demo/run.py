"""Runs the demonstration: broker, staff console, sample service and simulated providers, in one process on loopback."""

import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from broker import wiring
from broker.demo import service
from broker.demo.land_register import LandRegister
from broker.demo.notify import PlayedNotify
from broker.demo.sample_desk import DeskClient
from broker.demo.world import ABERLAN, World
from broker.platform.system import System
from broker.platform.toml_loader import Problem
from broker.provider import callback_url
from broker.settings import ProviderEntry, Settings, load, read_secret
from broker.wiring.errors import CommandError, format_problems
from broker.wiring.generate_secrets import prepare
from providers import KINDS
from providers.openid.config import OpenIdConfig
from providers.simulator import SimulatedClient, create, simulated_issuers
from providers.simulator import SimulatorSettings as SimulatorSettings
from providers.simulator.national import NationalProvider, create_national, read_dialect

PACKAGED = Path(__file__).parent / "config"
"""The demonstration's configuration in an installed package. In a checkout it is the folder `config` of the root."""

CONFIG = PACKAGED if PACKAGED.is_dir() else Path(__file__).resolve().parents[2] / "config"
PACKAGED_WORLDS = Path(__file__).parent / "worlds"
WORLDS = PACKAGED_WORLDS if PACKAGED_WORLDS.is_dir() else Path(__file__).resolve().parents[2] / "deploy" / "worlds"
"""The folders of the worlds, each a configuration with a world.toml. They have the staff of the demonstration."""

WORLD_FILE = "world.toml"
SERVICE = "demo-service"
USUAL_PORT = 8000


@dataclass(frozen=True, slots=True)
class DemoApplication:
    """One application of the demonstration and its port."""

    name: str
    port: int
    application: ASGIApp


@dataclass(frozen=True, slots=True)
class Ports:
    """The four ports, consecutive from the first."""

    first: int

    @property
    def origins(self) -> Mapping[str, str]:
        """Replacements of the configuration's `host:port` texts."""
        return {
            f"{host}:{USUAL_PORT + n}": f"{host}:{self.first + n}"
            for host in ("localhost", "127.0.0.1")
            for n in range(4)
        }

    def url(self, number: int) -> str:
        """The URL of the application with this number: 0 broker, 1 console, 2 service, 3 providers."""
        return f"http://localhost:{self.first + number}"


def world_names() -> Sequence[str]:
    """The names of the worlds."""
    return sorted(file.parent.name for file in WORLDS.glob(f"*/{WORLD_FILE}"))


def lay_out(config: Path, world: str | None = None) -> None:
    """Writes the configuration of the demonstration, or of a world, into a new folder."""
    if world is None:
        shutil.copytree(CONFIG, config)
        return
    shutil.copytree(WORLDS / world, config)
    shutil.copy(CONFIG / "staff.toml", config)


def placed_config(folder: Path, world: str | None = None) -> Path:
    """The folder `config` inside `folder`, created from the demonstration's configuration if it is missing.

    With `world` it lies in the folder of that name, and is created from the world's configuration.
    An operator can edit it; `portico check` and `portico serve` accept it unchanged. Raises CommandError if it cannot
    be written, or if it exists without a broker.toml.
    """
    config = folder / "config" if world is None else folder / world / "config"
    try:
        if not config.exists():
            lay_out(config, world)
    except OSError as fault:
        fix = "run the demonstration in a folder that you may write to"
        raise CommandError(f"{config}: {fault.strerror}\n    {fix}") from None
    if not (config / "broker.toml").is_file():
        raise CommandError(f"{config}: has no broker.toml\n    run the demonstration in an empty folder")
    return config


def configured(ports: Ports, system: System, config: Path = CONFIG) -> Settings:
    """The demonstration's settings, after creating every missing key and secret. Raises CommandError."""
    early = _loaded(load(config, KINDS, origins=ports.origins, prepared=False), config)
    prepare(early, system.random_bytes)
    return _loaded(load(config, KINDS, origins=ports.origins), config)


def _loaded(settings: Settings | list[Problem], config: Path) -> Settings:
    if isinstance(settings, list):
        raise CommandError(format_problems(settings, config))
    return settings


def simulator(settings: Settings, ports: Ports, system: System, hop: str | None = None) -> ASGIApp:
    """The simulated providers, each with the broker as its client, including that of staff.

    A provider with `simulator` in its file is a national one, and is played as its preset.
    """
    base = ports.url(3)
    elsewhere = [entry for entry in settings.providers.values() if isinstance(entry.config, OpenIdConfig)]
    invented = [entry for entry in elsewhere if entry.config.simulator is None]
    entries = {entry.config.issuer.removeprefix(f"{base}/"): entry for entry in invented}
    ours, after = settings.broker.issuer, (f"{settings.broker.issuer}/signed-out",)
    clients = {name: _client(entry, callback_url(ours, entry.id), after) for name, entry in entries.items()}
    if settings.staff is not None:
        staff = settings.staff.provider
        clients[staff.config.issuer.removeprefix(f"{base}/")] = _client(staff, f"{settings.broker.console}/callback")
    app = create(SimulatorSettings(base, simulated_issuers(clients), settings.broker.development, hop), system)
    national = [
        NationalProvider(
            read_dialect(entry.preset or entry.id, issuer=entry.config.issuer),
            (_reached(ours, entry, after),),
            system,
        )
        for entry in elsewhere
        if entry.config.simulator is not None
    ]
    return _beside(app, create_national(national, base, development=settings.broker.development)) if national else app


def _beside(invented: ASGIApp, national: ASGIApp) -> ASGIApp:
    """Both simulators at one origin: the folders of national providers are named after hosts, or begin with `_`."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        first = scope["path"].split("/")[1]
        chosen = national if not first or first.startswith("_") or ("." in first and "css" not in first) else invented
        await chosen(scope, receive, send)

    return app


def _reached(issuer: str, entry: ProviderEntry, after: tuple[str, ...]) -> SimulatedClient:
    """The client registration at a national provider, with the addresses of the broker that it visits."""
    client = _client(entry, callback_url(issuer, entry.id), after)
    config, at = entry.config, f"{issuer}/providers/{entry.id}"
    if isinstance(config, OpenIdConfig) and config.logout.frontchannel:
        client = replace(client, frontchannel_logout_uri=f"{at}/frontchannel-logout")
    if isinstance(config, OpenIdConfig) and config.initiate_login:
        client = replace(client, initiate_login_uri=f"{at}/initiate-login")
    if isinstance(config, OpenIdConfig) and config.logout.check_session:
        client = replace(client, check_session=True)
    return client


def _client(entry: ProviderEntry, callback: str, after: tuple[str, ...] = ()) -> SimulatedClient:
    """The broker's client registration at a provider: its public key, or the shared secret."""
    config = entry.config
    if not isinstance(config, OpenIdConfig):
        raise CommandError(f"{entry.id}: the demonstration simulates providers of kind openid")
    if config.secret_file is not None:
        return SimulatedClient(
            config.client_id, (callback,), secret=read_secret(config.secret_file), post_logout_redirect_uris=after
        )
    if config.key_file is None:
        raise CommandError(f"{entry.id}: neither key_file nor secret_file")
    jwks = KINDS[entry.kind].public_keys(config)
    return SimulatedClient(config.client_id, (callback,), jwks, post_logout_redirect_uris=after)


def sample(settings: Settings, ports: Ports, outbox: Path, world: World) -> ASGIApp:
    """The sample relying service."""
    return service.create(
        service.Sample(
            base=ports.url(2),
            issuer=settings.broker.issuer,
            console=settings.broker.console,
            client_id=SERVICE,
            client_secret=read_secret(outbox.parent / "secrets" / SERVICE),
            session_secret=secrets.token_urlsafe(32),
            outbox=outbox,
            world=world,
            desk=DeskClient.of(settings.broker.issuer, outbox.parent / "secrets"),
            register=LandRegister.of(settings.broker.issuer, ports.url(2), outbox.parent / "secrets"),
        )
    )


def demo_applications(
    parts: wiring.Container, ports: Ports, world: World = ABERLAN, notify: PlayedNotify | None = None
) -> Sequence[DemoApplication]:
    """All listening applications. The simulated GOV.UK Notify, if there is one, is at the sample service's origin."""
    settings, system = parts.settings, parts.system
    outbox = settings.broker.notifications.outbox if notify is None else notify.outbox
    if outbox is None:
        raise CommandError("the demonstration needs notifications.outbox")
    shop = sample(settings, ports, outbox, world)
    return (
        DemoApplication("broker", ports.first, wiring.public_app(parts)),
        DemoApplication("staff console", ports.first + 1, wiring.staff_app(parts)),
        DemoApplication("sample service", ports.first + 2, shop if notify is None else notify.beside(shop)),
        DemoApplication("simulated providers", ports.first + 3, simulator(settings, ports, system)),
    )


def greeting(ports: Ports, world: World = ABERLAN, *, told: bool = False) -> str:
    """The text that is printed once everything listens. `told` says that the narrator's lines follow."""
    below = "\n  What people do is told below; --quiet (make demo QUIET=1) turns that off.\n" if told else ""
    return f"""
  Portico is running: {world.title}. Begin here, as a citizen would:

    {ports.url(2)}         a sample service: choose what you need and sign in
    {ports.url(2)}/try     what to try, step by step
    {ports.url(2)}/inbox   the messages that would have gone out

  Behind it:

    {ports.url(0)}         the broker
    {ports.url(1)}         the staff console (use a private window for a second member of staff)
    {ports.url(3)}         the simulated providers, and the staff's own sign-in

  Ctrl-C ends all of it. Data lies in .demo; delete the folder to start afresh.
{below}"""

"""The measured servers, each pinned to one core, and the stores and providers they need, on the other cores."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import cpu
from tests.bench.client import Client
from tests.bench.journeys import FLOOR, PEER, PROVIDER, Product, Visit, portico
from tests.bench.raw_http import Connection, connect
from tests.bench.upstream import LEVEL
from tests.support.peers import Peer
from tests.support.ports import LOOPBACK, free_port
from tests.support.postgres import PostgresServer
from tests.support.program import Program, answers
from tests.support.redis import RedisServer

ROOT = Path(__file__).resolve().parents[2]
PINNED = (
    "import os, sys; os.sched_setaffinity(0, map(int, sys.argv[1].split(','))); os.execv(sys.argv[2], sys.argv[2:])"
)
REDIRECT = "http://127.0.0.1:9/callback"

BROKER = """
issuer = "http://127.0.0.1:{port}"
console = "http://127.0.0.1:{staff}"
environment = "development"
name = {{ en = "Bench", cy = "Bench" }}
trust_framework = "bench"
languages = ["en", "cy"]
assisted = {{ enabled = false }}
listen = {{ public = "127.0.0.1:{port}", staff = "127.0.0.1:{staff}" }}
database = {{ url = "{postgres}" }}
ephemeral = {{ url = "{redis}" }}
keys = {{ folder = "keys" }}
notifications = {{ outbox = "outbox" }}
audit = {{ checkpoints = "checkpoints" }}

[limits]
authorization_requests_per_ip = {{ max = 1000000, window = 1 }}
requests_per_client = {{ max = 1000000, window = 1 }}
"""

UPSTREAM = """
kind = "openid"
names = {{ en = "Bench", cy = "Bench" }}
needs = {{ en = "Nothing", cy = "Dim byd" }}
minutes = 1
max_level = "substantial"

[openid]
issuer = "{issuer}"
client_id = "portico"
authentication = "private_key_jwt"
key_file = "../bench.pem"
levels = {{ "{level}" = "substantial" }}
acr_values = {{ substantial = "{level}" }}
scopes = ["openid", "profile", "email"]
required_claims = ["name", "birthdate"]
"""

SERVICE = """
names = {{ en = "Service", cy = "Gwasanaeth" }}
home = "http://127.0.0.1:9/"
redirect_uris = ["{redirect}"]
profile = "{profile}"
jwks = {jwks}
sector = "bench.example"
scopes = ["openid", "profile", "email"]
level = "substantial"
refresh = true
single_sign_on = false

[[claims]]
claim = "name"
reason = {{ en = "To address you", cy = "I'ch cyfarch" }}

[[claims]]
claim = "birthdate"
reason = {{ en = "To find you", cy = "I ddod o hyd i chi" }}

[[claims]]
claim = "email"
reason = {{ en = "To write to you", cy = "I ysgrifennu atoch" }}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server under measurement, and what it takes to be signed in there."""

    product: Product
    client: Client
    port: int
    program: Program
    upstream: int

    async def visits(self, count: int) -> list["Slot"]:
        """Places from which sign-ins are driven, with connections that stay open."""
        return [Slot(self, await connect(self.port), await connect(self.upstream)) for _ in range(count)]

    def used(self) -> float:
        """Seconds of processor time that its processes used so far."""
        return cpu.used(cpu.family(self.program.pid))


@dataclass(slots=True)
class Slot:
    """A place from which one sign-in after another is driven."""

    server: Server
    connection: Connection
    upstream: Connection

    def fresh(self) -> Visit:
        """A browser without cookies, and a new request of the service."""
        host = f"{LOOPBACK}:{self.server.port}"
        return Visit(self.server.client, self.connection, self.upstream, host)

    async def renew(self) -> None:
        """Opens again what the other side closed after a pause."""
        if not self.connection.open:
            self.connection = await connect(self.server.port)
        if not self.upstream.open:
            self.upstream = await connect(self.server.upstream)

    def close(self) -> None:
        """Hangs up."""
        self.connection.close()
        self.upstream.close()


def pinned(cores: set[int], *command: str | Path) -> list[str]:
    """A command that is pinned to these cores from its start."""
    return [sys.executable, "-c", PINNED, ",".join(map(str, sorted(cores))), *map(str, command)]


def jwks(client: Client) -> str:
    """A client's key set as an inline table of TOML."""
    members = ", ".join(f"{name} = {json.dumps(value)}" for name, value in client.key.jwk.items())
    return f"{{ keys = [{{ {members} }}] }}"


def written(
    folder: Path,
    port: int,
    upstream: int,
    stores: Mapping[str, str],
    clients: Sequence[Client],
    env: Mapping[str, str] | None = None,
) -> Path:
    """The configuration of the broker that is measured. `env` is added to this process's own environment."""
    (folder / "services").mkdir(parents=True)
    (folder / "providers").mkdir()
    (folder / "broker.toml").write_text(BROKER.format(port=port, staff=free_port(), **stores))
    issuer = f"http://{LOOPBACK}:{upstream}"
    (folder / "providers" / f"{PROVIDER}.toml").write_text(UPSTREAM.format(issuer=issuer, level=LEVEL))
    for client in clients:
        text = SERVICE.format(
            redirect=client.redirect_uri, profile="fapi2" if client.bound else "oidc", jwks=jwks(client)
        )
        (folder / "services" / f"{client.client_id}.toml").write_text(text)
    for command in (("keys", "init"), ("migrate",)):
        done = subprocess.run(
            [sys.executable, "-OO", "-m", "broker", *command, "--config", str(folder)],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"broker {' '.join(command)}:\n{done.stdout}{done.stderr}")
    return folder


@contextmanager
def running(folder: Path) -> Iterator[list[Server]]:
    """Every server that is measured: the broker (twice, by its two profiles), the floor, the peer."""
    server_core, others = cpu.cores()
    with ExitStack() as stack:
        stack.callback(os.sched_setaffinity, 0, os.sched_getaffinity(0))
        os.sched_setaffinity(0, others)
        redis, postgres = RedisServer(), PostgresServer()
        stack.callback(redis.remove)
        stack.callback(postgres.remove)
        redis.start()
        postgres.start()
        upstream = free_port()
        stack.enter_context(started(others, upstream, "-m", "tests.bench.upstream", str(upstream)))
        port = free_port()
        issuer = f"http://{LOOPBACK}:{port}"
        clients = [Client("bench-oidc", REDIRECT, issuer), Client("bench-fapi2", REDIRECT, issuer, dpop=True)]
        database = stack.enter_context(postgres.database())
        # as in the image, modules are compiled beforehand: the compiler would leave some 7 MB in the process
        compiled = {"PYTHONPYCACHEPREFIX": str(folder / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}
        stores = {"postgres": database, "redis": redis.url}
        config = written(folder / "config", port, upstream, stores, clients, compiled)
        serve = ("-OO", "-m", "broker", "serve", "--config", str(config), "--listener", "public")
        broker = stack.enter_context(started(server_core, port, *serve, env=compiled))
        servers = [
            Server(portico(name, "openid profile email offline_access"), client, port, broker, upstream)
            for name, client in zip(("portico, oidc", "portico, fapi2"), clients, strict=True)
        ]
        servers.append(stack.enter_context(floor(server_core, upstream, redis)))
        servers.append(stack.enter_context(peer(server_core, upstream, redis)))
        yield servers


@contextmanager
def floor(core: set[int], upstream: int, redis: RedisServer) -> Iterator[Server]:
    """The floor."""
    port = free_port()
    client = Client("bench", REDIRECT, f"http://{LOOPBACK}:{port}")
    jwk = json.dumps(client.key.jwk)
    words = ("-O", "-m", "tests.bench.baseline", str(port), str(upstream), str(redis.port), jwk)
    with started(core, port, *words) as program:
        yield Server(FLOOR, client, port, program, upstream)


@contextmanager
def peer(core: set[int], upstream: int, redis: RedisServer) -> Iterator[Server]:
    """npm oidc-provider."""
    port = free_port()
    client = Client("bench", REDIRECT, f"http://{LOOPBACK}:{port}")
    jwk = json.dumps(client.key.jwk)
    env = {"CLIENT_ID": client.client_id, "REDIRECT_URI": REDIRECT, "CLIENT_JWK": jwk, "REDIS": str(redis.port)}
    started = Peer("bench-provider.mjs", port=port, env=env)
    started.program.command = pinned(core, *started.program.command)
    try:
        started.start()
        yield Server(PEER, client, port, started.program, upstream)
    finally:
        started.stop()


@contextmanager
def started(cores: set[int], port: int, *words: str, env: Mapping[str, str] | None = None) -> Iterator[Program]:
    """Runs a Python program pinned to these cores, from when it listens until the block ends."""
    program = Program(pinned(cores, sys.executable, *words), ready=lambda _: answers(port), env=env, folder=ROOT)
    try:
        program.start(within=120)
        yield program
    finally:
        program.stop()

"""A real PostgreSQL of the tests' own, in a temporary folder, on a free loopback port."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.certificates import Certificate
from tests.support.ports import LOOPBACK, free_port
from tests.support.program import Program
from tests.support.programs import need

OWNER = "portico"


def unprivileged() -> str | None:
    """The account that PostgreSQL runs under: None for the present one, which must not be root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def own_folder(user: str | None) -> Path:
    """A new folder that belongs to the account and that it can reach."""
    folder = Path(tempfile.mkdtemp(prefix="portico-postgres-"))
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    return folder


class PostgresServer:
    """One PostgreSQL. Commits reach the disk as in production; only memory and connections are small."""

    def __init__(self, env: Mapping[str, str] | None = None, **further: str) -> None:
        """Make the cluster; nothing is started yet. `env` is added to the server's environment, `further` are settings
        of the server.
        """
        self.port = free_port()
        self._user = unprivileged()
        self._folder = own_folder(self._user)
        self._names = itertools.count(1)
        self._run("initdb", "-D", "data", "-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "shared_buffers": "32MB",
            "max_connections": "100",
            "max_wal_size": "128MB",
            "autovacuum": "off",
            **further,
        }
        command = [need("postgres"), "-D", "data", *(f"--{name}={value}" for name, value in settings.items())]
        self.program = Program(command, ready=self._accepts, folder=self._folder, user=self._user, env=env)

    def url(self, database: str = "postgres") -> str:
        """The address of a database as asyncpg takes it: postgresql://user@host:port/name, no password."""
        return f"postgresql://{OWNER}@{LOOPBACK}:{self.port}/{database}"

    def encrypt(self, certificate: Certificate, clients: Path | None = None) -> None:
        """Let it speak TLS alone from the next start on; with `clients` to those alone whom this authority signed."""
        data = self._folder / "data"
        for name, source in (("server.crt", certificate.chain), ("server.key", certificate.key), ("root.crt", clients)):
            if source is not None:
                (data / name).write_bytes(source.read_bytes())
                (data / name).chmod(0o600)
                shutil.chown(data / name, *owner(data))
        with (data / "postgresql.conf").open("a") as settings:
            settings.write("ssl = on\n" + ("ssl_ca_file = 'root.crt'\n" if clients else ""))
        demand = " clientcert=verify-ca" if clients else ""
        (data / "pg_hba.conf").write_text(f"hostssl all all {LOOPBACK}/32 trust{demand}\n")

    def stand_by(self) -> None:
        """Let it be a hot standby from the next start on: it waits for what a primary would send, and only reads."""
        signal_ = self._folder / "data" / "standby.signal"
        signal_.touch()
        shutil.chown(signal_, *owner(signal_.parent))

    def sql(self, *statements: str) -> str:
        """What psql prints for statements, run as the owner, each in a transaction of its own."""
        words = [word for statement in statements for word in ("-c", statement)]
        done = subprocess.run(
            [need("psql"), *self._door(), "-d", "postgres", "-qtA", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{statements}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self) -> None:
        """Start it; nothing if it runs. After kill() the last processes of the one before are waited for."""
        if not self.program.running:
            self._wait_for_the_one_before()
        self.program.start()

    def stop(self) -> None:
        """End it at once but in good order, whoever is connected (PostgreSQL's fast shutdown)."""
        self.program.stop(by=signal.SIGINT)

    def kill(self) -> None:
        """End it as a crash would; the next start recovers from its log."""
        self.program.kill()

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """A fresh database, empty or a copy of another one that nobody is connected to; gives its address, drops it.

        Starts the server if need be, before and after, so that a test may leave it stopped.
        """
        name = f"test_{next(self._names)}"
        self.start()
        self._run("createdb", *self._door(), "-T", template, name)
        try:
            yield self.url(name)
        finally:
            self.start()
            self._run("dropdb", *self._door(), "--force", name)

    def remove(self) -> None:
        """Stop it and delete its folder."""
        self.stop()
        shutil.rmtree(self._folder)

    def _door(self) -> list[str]:
        return ["-h", LOOPBACK, "-p", str(self.port), "-U", OWNER, "--no-password"]

    def _accepts(self, program: Program) -> bool:
        status = self._folder / "data" / "postmaster.pid"
        try:
            lines = status.read_text().splitlines()
        except (FileNotFoundError, PermissionError):
            return False
        # the eighth line says how far the start has come, the first whose file this is
        return len(lines) > 7 and int(lines[0]) == program.pid and lines[7].strip() == "ready"

    def _wait_for_the_one_before(self) -> None:
        """Its children hold the cluster's memory until they notice that their parent is gone."""
        status = self._folder / "data" / "postmaster.pid"
        if not status.exists():
            return
        lines = status.read_text().splitlines()
        memory = lines[6].split() if len(lines) > 6 else []
        give_up = time.monotonic() + 10
        while len(memory) == 2 and attached(int(memory[1])) and time.monotonic() < give_up:
            time.sleep(0.02)

    def _run(self, program: str, *words: str) -> None:
        group = pwd.getpwnam(self._user).pw_gid if self._user else None
        as_user = {"user": self._user, "group": group, "extra_groups": []} if self._user else {}
        done = subprocess.run(
            [need(program), *words],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **as_user,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} {' '.join(words)}:\n{done.stdout}{done.stderr}")


def owner(path: Path) -> tuple[int, int]:
    """User and group that a file belongs to."""
    seen = path.stat()
    return seen.st_uid, seen.st_gid


def attached(segment: int) -> int:
    """How many processes hold a System V shared memory segment; 0 if there is no such segment."""
    for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
        columns = line.split()
        if int(columns[1]) == segment:
            return int(columns[6])
    return 0

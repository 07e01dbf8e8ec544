"""A real PostgreSQL in a temporary folder, on a free loopback port."""

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
    """The account that PostgreSQL runs under: None for the current one unless that is root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def own_folder(user: str | None) -> Path:
    """A new folder that the account owns."""
    folder = Path(tempfile.mkdtemp(prefix="portico-postgres-"))
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    return folder


class PostgresServer:
    """One PostgreSQL. Commits reach the disk as in production; only memory and connections are small."""

    def __init__(self, env: Mapping[str, str] | None = None, **further: str) -> None:
        """Creates the cluster without starting it. `env` is added to the server's environment, `further` are settings
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
        """Accepts TLS only, from the next start on; with `clients` only certificates of this authority."""
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
        """Makes it a read-only hot standby, without a primary, from the next start on."""
        signal_ = self._folder / "data" / "standby.signal"
        signal_.touch()
        shutil.chown(signal_, *owner(signal_.parent))

    def sql(self, *statements: str) -> str:
        """The output of psql for statements, run as the owner, one transaction each."""
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
        """Starts it unless it runs. After kill() it first waits for the backend processes of the previous server."""
        if not self.program.running:
            self._wait_for_previous_backends()
        self.program.start()

    def stop(self) -> None:
        """Ends it by PostgreSQL's fast shutdown, which closes every client's connection."""
        self.program.stop(by=signal.SIGINT)

    def kill(self) -> None:
        """Ends it as a crash would; the next start recovers from its log."""
        self.program.kill()

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """A new database, empty or a copy of a template without connections. Yields its URL and drops it at the end.

        Starts the server before and after if it does not run, so that a test may leave it stopped.
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
        """Stops it and deletes its folder."""
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
        # the eighth line holds the state of the start, the first the process id of the server that wrote the file
        return len(lines) > 7 and int(lines[0]) == program.pid and lines[7].strip() == "ready"

    def _wait_for_previous_backends(self) -> None:
        """Backend processes hold the cluster's shared memory until they notice that the postmaster is gone."""
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
    """The number of processes attached to a System V shared memory segment; 0 if there is no such segment."""
    for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
        columns = line.split()
        if int(columns[1]) == segment:
            return int(columns[6])
    return 0

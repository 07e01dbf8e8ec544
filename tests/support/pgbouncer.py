"""A real PgBouncer, between a broker and a PostgreSQL."""

import shutil
from urllib.parse import urlsplit

from tests.support.ports import LOOPBACK, free_port
from tests.support.postgres import OWNER, own_folder, unprivileged
from tests.support.program import Program, answers
from tests.support.programs import need


class PgBouncer:
    """One PgBouncer with its default settings, listening on loopback only."""

    def __init__(self, upstream: str, mode: str = "session") -> None:
        """`upstream` is the address of a database; nothing is started yet."""
        self.port = free_port()
        self._user = unprivileged()
        self._folder = own_folder(self._user)
        to = urlsplit(upstream)
        users = self._folder / "users.txt"
        users.write_text(f'"{OWNER}" ""\n')
        settings = self._folder / "pgbouncer.ini"
        settings.write_text(
            "[databases]\n"
            f"{to.path.strip('/')} = host={to.hostname} port={to.port}\n"
            "[pgbouncer]\n"
            f"listen_addr = {LOOPBACK}\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {users}\npool_mode = {mode}\n"
        )
        self._database = to.path
        self.program = Program(
            [need("pgbouncer"), settings],
            ready=lambda _: answers(self.port),
            folder=self._folder,
            user=self._user,
        )

    @property
    def url(self) -> str:
        """The address of the database through it."""
        return f"postgresql://{OWNER}@{LOOPBACK}:{self.port}{self._database}"

    def __enter__(self) -> "PgBouncer":
        """Starts it."""
        self.program.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it and deletes its folder."""
        self.program.stop()
        shutil.rmtree(self._folder)

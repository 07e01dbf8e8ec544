"""The command line in many processes: each is forked from this one, which has imported it."""

import atexit
import gc
import io
import os
import pwd
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import alembic.command  # noqa: F401  imported here: an unprivileged user may not read the folder of the product
import pkcs11  # noqa: F401
import redis  # noqa: F401
import sqlalchemy.ext.asyncio  # noqa: F401

import broker.web.operations.metrics  # noqa: F401
from broker.cli.main import main
from broker.stores.sql import migrate, schema

LONGEST = 60
"""Seconds after which a command that has not ended is ended: it hangs."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it printed on both streams."""

    words: Sequence[str]
    status: int
    out: str
    err: str

    @property
    def printed(self) -> str:
        """Everything."""
        return self.out + self.err


def run(*words: str, user: str | None = None) -> Ended:
    """Runs a command as its user would, under another account if one is named."""
    migrations = _migrations() if user is not None else schema.MIGRATIONS
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            for module in (schema, migrate):
                vars(module)["MIGRATIONS"] = migrations
            _be(words, out.fileno(), err.fileno(), user)
        _, ended = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        status = os.waitstatus_to_exitcode(ended)
        return Ended(words, status, out.read().decode(errors="replace"), err.read().decode(errors="replace"))


def _be(words: Sequence[str], out: int, err: int, user: str | None) -> None:
    """The rest of the child's life."""
    status = 70
    gc.freeze()  # a collection would visit, and so copy, everything that this process inherited
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LONGEST)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (out, 1), (err, 2)):
            os.dup2(source, target)
        sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(number, "w", closefd=False)) for number in (1, 2))
        if user is not None:
            account = pwd.getpwnam(user)
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            os.environ["HOME"] = "/nonexistent"
        status = main(words)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


@cache
def _migrations() -> Path:
    """A copy of the migrations that every account can read: they are read when they run, and the product may lie in a
    folder of this account's alone. It is removed when the tests end.
    """
    copied = Path(tempfile.mkdtemp(prefix="portico-migrations-"))
    atexit.register(shutil.rmtree, copied)
    shutil.copytree(schema.MIGRATIONS, copied, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (copied, *copied.rglob("*")):
        path.chmod(0o755)
    return copied


def owned(folder: Path, user: str | None) -> Path:
    """The folder, with all that is in it, given to an account."""
    if user is not None:
        account = pwd.getpwnam(user)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    return folder

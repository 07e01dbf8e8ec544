"""Broken settings, files and stores: every command works, or reports its error. None ends in a traceback."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from broker.cli.main import command_line
from broker.crypto.keys import load_all
from tests.support.certificates import Authority
from tests.support.configuration import Configuration, prepared
from tests.support.ports import LOOPBACK
from tests.support.postgres import PostgresServer, own_folder, unprivileged
from tests.support.redis import RedisServer
from tests.unit.cli import forked
from tests.unit.cli.forked import Ended

pytestmark = pytest.mark.slow
USER = unprivileged()
DONE, WRONG, USAGE, NOT_NOW = 0, 1, 2, 3

READING = {
    "index of keys": (("keys", "list"), ("keys", "rotate")),
    "signing key": (("keys", "list"), ("keys", "rotate")),
    "key at a provider": (("keys", "public", "northbank"),),
    "database": (("provider", "list"), ("migrate",)),
    "checkpoints": (("audit", "verify"),),
}
"""Commands beside `check` that read a kind of file in a way of their own."""

EVERY = (
    ("reference",),
    ("check",),
    ("check", "--strict"),
    ("keys", "init"),
    ("keys", "list"),
    ("keys", "public", "northbank"),
    ("keys", "rotate"),
    ("keys", "rotate", "--alg", "none"),
    ("keys", "rotate", "--now", "--settle", "0"),
    ("keys", "rotate", "--emergency", "--settle", "0", "--alg", "ES256"),
    ("keys", "retire"),
    ("migrate",),
    ("epoch", "raise"),
    ("audit", "verify"),
    ("stats", "verify", "2026-11-28"),
    ("status", "list"),
    ("status", "note", "--about", "northbank", "--text", "en=They repair it"),
    ("status", "update", "nothing", "--text", "en=They repair it"),
    ("status", "end", "nothing"),
    ("status", "withdraw", "nothing"),
    ("reload",),
    ("provider", "list"),
    ("provider", "disable", "northbank", "--reason", "test"),
    ("provider", "enable", "northbank"),
    ("service", "disable", "demo-service", "--reason", "test"),
    ("service", "list"),
    ("account", "disable", "nobody", "--reason", "test"),
    ("account", "sign-out", "nobody"),
    ("account", "enable", "nobody"),
    ("account", "forget-anchor", "nobody", "--reason", "corrected"),
    ("serve",),
)
"""Every command. `serve` is for configurations alone that cannot be served."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Configuration:
    """The examples with everything that they name, and files of every kind that an operator may name."""
    made = prepared(tmp_path_factory.mktemp("template"))
    secrets = made.folder.parent / ".demo" / "secrets"
    for name in ("database", "ephemeral", "smtp", "metrics"):
        (secrets / name).write_text(f"a-long-secret-for-{name}\n")
    shutil.copy(authority.file, secrets / "authority.pem")
    client = authority.client("CN=portico")
    shutil.copy(client.chain, secrets / "portico.crt")
    shutil.copy(client.key, secrets / "portico.key")
    made.change("broker.toml", "database.password_file", "../.demo/secrets/database")
    passing = {"url": "rediss://localhost:1/0", "password_file": "../.demo/secrets/ephemeral"}
    files = {name: f"../.demo/secrets/{name}" for name in ("authority.pem", "portico.crt", "portico.key")}
    passing |= {"ca_file": files["authority.pem"], "cert_file": files["portico.crt"], "key_file": files["portico.key"]}
    made.change("broker.toml", "ephemeral", passing)
    made.change("broker.toml", "metrics", {"token_file": "../.demo/secrets/metrics"})
    made.change("broker.toml", "http_client", {"ca_file": files["authority.pem"]})
    authorities = {"ca_file": files["authority.pem"], "trusted_proxies": ["127.0.0.1/32"]}
    made.change("broker.toml", "client_certificates", authorities)
    smtp = {"host": "mail.example", "sender": "a@mail.example", "user": "a", "password_file": "../.demo/secrets/smtp"}
    made.change("broker.toml", "notifications", {"smtp": smtp})
    ended = forked.run("migrate", "--config", str(made.folder))
    assert ended.status == DONE, ended
    # commands are forked from this process: imported here, the keys are not checked again in each of them
    load_all(made.folder.parent / ".demo" / "keys")
    return made


@pytest.fixture
def config(template: Configuration) -> Iterator[Configuration]:
    """A copy that belongs to an account without rights: for root nothing is unreadable."""
    folder = own_folder(USER)
    shutil.copytree(template.folder.parent, folder / "portico")
    yield Configuration(forked.owned(folder / "portico", USER) / "config")
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder)


def run(config: Configuration | Path, *words: str) -> Ended:
    """Runs a command over a configuration, and holds what every command is held to."""
    place = config.folder if isinstance(config, Configuration) else config
    named = () if words[0] == "reference" else ("--config", str(place))
    ended = forked.run(*words, *named, user=USER)
    assert "Traceback" not in ended.printed, f"{words}: {ended.printed[-3000:]}"
    assert ended.status in (DONE, WRONG, NOT_NOW), ended
    assert ended.status == DONE or ended.err.strip(), f"{words} refused without a word"
    assert "a-long-secret" not in ended.printed, ended
    return ended


# --- one file of each kind, damaged in each way ---

DATA = "../.demo"
FILES = {
    "settings": "broker.toml",
    "a service": "services/demo-service.toml",
    "a provider": "providers/northbank.toml",
    "staff": "staff.toml",
    "index of keys": f"{DATA}/keys/keys.toml",
    "signing key": f"{DATA}/keys/ES256*.pem",
    "sealing secret": f"{DATA}/keys/sealing-*",
    "key at a provider": f"{DATA}/secrets/northbank.pem",
    "secret at a provider": f"{DATA}/secrets/harbour",
    "secret of a service": f"{DATA}/secrets/demo-service",
    "key set of a service": f"{DATA}/secrets/land-register.jwks.json",
    "password": f"{DATA}/secrets/database",
    "password of Redis": f"{DATA}/secrets/passing",
    "password of the mail server": f"{DATA}/secrets/smtp",
    "token for metrics": f"{DATA}/secrets/metrics",
    "authority": f"{DATA}/secrets/authority.pem",
    "certificate": f"{DATA}/secrets/portico.crt",
    "key of the certificate": f"{DATA}/secrets/portico.key",
    "database": f"{DATA}/facts.db",
    "checkpoints": f"{DATA}/checkpoints",
}
BINARY = ("sealing secret", "database", "checkpoints")
"""Files that no editor writes."""


def to_folder(path: Path) -> None:
    """A folder in the place of the file."""
    path.unlink(missing_ok=True)
    path.mkdir()


def to_pipe(path: Path) -> None:
    """A named pipe, which would be waited for."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def to_broken_link(path: Path) -> None:
    """A symbolic link that leads nowhere, as a mount that is missing leaves it."""
    path.unlink(missing_ok=True)
    path.symlink_to("/nowhere/at/all")


def to(content: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Another content."""

    def damage(path: Path) -> None:
        path.write_bytes(content(path.read_bytes() if path.exists() else b""))

    return damage


DAMAGES: dict[str, Callable[[Path], None]] = {
    "missing": lambda path: path.unlink(missing_ok=True),
    "a folder": to_folder,
    "a named pipe": to_pipe,
    "a link that leads nowhere": to_broken_link,
    "a list": to(lambda _: b"[]"),
    "unreadable": lambda path: path.chmod(0) if path.exists() else None,
    "empty": to(lambda _: b""),
    "garbage": to(lambda _: bytes(range(256))),
    "cut off": to(lambda data: data[: len(data) // 2]),
    "UTF-16": to(lambda data: data.decode("latin-1").encode("utf-16")),
    "in Latin-1": to(lambda data: data + "\n# \u00fc\n".encode("latin-1")),
    "nested without end": to(lambda data: data + b"\nx = " + b"[" * 20_000),
}

HARMLESS: dict[str, Callable[[Path], None]] = {
    "with a byte order mark": to(lambda data: b"\xef\xbb\xbf" + data),
    "with line ends of Windows": to(lambda data: data.replace(b"\n", b"\r\n")),
    "with blanks at the ends of lines": to(lambda data: data.replace(b"\n", b" \t\n")),
    "without a last line end": to(lambda data: data.rstrip(b"\n")),
    "with empty lines at its end": to(lambda data: data + b"\n\n"),
}


def found(config: Configuration, pattern: str) -> Path:
    """The first file of a pattern; for one that is still to be made, its place."""
    folder = (config.folder / pattern).resolve().parent
    return min(folder.glob(Path(pattern).name), default=folder / Path(pattern).name)


@pytest.mark.parametrize("kind", FILES)
def test_a_damaged_file_of_any_kind_is_refused_in_words_and_ends_in_no_traceback(
    template: Configuration, kind: str
) -> None:
    for apply in DAMAGES.values():
        folder = own_folder(USER)
        shutil.copytree(template.folder.parent, folder / "portico")
        copy = Configuration(folder / "portico" / "config")
        forked.owned(folder / "portico", USER)
        apply(found(copy, FILES[kind]))
        for words in (("check", "--strict"), *READING.get(kind, ())):
            run(copy, *words)
        shutil.rmtree(folder)


@pytest.mark.parametrize("kind", [kind for kind in FILES if kind not in BINARY])
@pytest.mark.parametrize("shape", HARMLESS)
def test_byte_order_marks_and_line_ends_change_no_file(config: Configuration, kind: str, shape: str) -> None:
    if shape == "with a byte order mark" and kind in ("certificate", "key of the certificate"):
        # OpenSSL reads these two by itself
        HARMLESS[shape](found(config, FILES[kind]))
        assert "byte order mark" in run(config, "check").err
        return
    HARMLESS[shape](found(config, FILES[kind]))
    ended = run(config, "check")
    assert ended.status == DONE, ended


@pytest.mark.parametrize("name", ["staff.toml", "services", "providers"])
def test_a_link_that_leads_nowhere_is_not_taken_for_a_setting_left_out(config: Configuration, name: str) -> None:
    place = config.folder / name
    if place.is_dir():
        shutil.rmtree(place)
    to_broken_link(place)
    ended = run(config, "check")
    assert ended.status == WRONG
    assert re.search(rf"^{name}: (the file is missing|cannot be read)", ended.err, re.MULTILINE), ended


# --- a database whose tables are not those of its version ---

TABLES = {
    "a missing table": "DROP TABLE shared_counters",
    "a missing column": "ALTER TABLE shared_counters RENAME COLUMN value TO other",
    "a version of a newer release": "UPDATE alembic_version SET version_num = 'later'",
    "no version": "DELETE FROM alembic_version",
}


@pytest.mark.parametrize("change", TABLES)
def test_tables_of_another_version_are_named_and_end_in_no_traceback(config: Configuration, change: str) -> None:
    with closing(sqlite3.connect(found(config, FILES["database"]))) as database, database:
        database.execute(TABLES[change])
    ended = [run(config, *words) for words in (("migrate",), ("epoch", "raise"), ("audit", "verify"))]
    assert any(one.status == WRONG and one.err.startswith("database.url: ") for one in ended), ended


# --- arguments ---

LATIN = os.fsdecode(b"J\xfcrgen")
"""What a terminal in Latin-1 sends: the bytes are no UTF-8."""

ARGUMENTS = (
    ("provider", "disable", "northbank", "--reason", LATIN),
    ("provider", "disable", "northbank", "--reason", " "),
    ("provider", "disable", "northbank", "--reason", "x" * 1001),
    ("provider", "disable", "northbank", "--reason", "test", "--by", LATIN),
    ("provider", "enable", LATIN),
    ("provider", "enable", "northbank", "--by", LATIN),
    ("service", "disable", LATIN, "--reason", "test"),
    ("account", "disable", "", "--reason", "test"),
    ("account", "disable", LATIN, "--reason", "test"),
    ("account", "sign-out", LATIN),
    ("epoch", "raise", "--by", LATIN),
    ("reload", "--by", LATIN),
    ("clock", "repair", "--by", LATIN),
    ("keys", "rotate", "--by", LATIN),
    ("keys", "retire", "--by", LATIN),
    ("keys", "rotate", "--now", "--settle", "-5"),
    ("keys", "rotate", "--now", "--settle", "1e9"),
    ("keys", "rotate", "--now", "--settle", "9" * 30),
)


@pytest.mark.parametrize("words", ARGUMENTS)
def test_an_argument_that_cannot_be_kept_is_refused_by_its_name(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line().parse_args(words)
    stderr = capsys.readouterr().err
    assert ended.value.code == USAGE
    assert re.search(r"error: argument (ID|--by|--reason|--settle): (this is not UTF-8 text|.* needed)", stderr), stderr


def test_a_reason_is_kept_as_one_line_without_control_characters() -> None:
    args = command_line().parse_args(["provider", "disable", "northbank", "--reason", " two\n lines\x1b[31m "])
    assert args.reason == "two lines[31m"


# --- settings that cannot be met ---


HERE = f"postgresql://portico@{LOOPBACK}"
STATES: dict[str, dict[str, object]] = {
    "no database there": {"database.url": f"{HERE}:1/portico"},
    "no such host": {"database.url": "postgresql://portico@nowhere.invalid/portico"},
    "no such database": {"database.url": f"{HERE}:<postgres>/nothing"},
    "no such user": {"database.url": f"postgresql://nobody@{LOOPBACK}:<postgres>/postgres"},
    "something else listens": {"database.url": f"{HERE}:<redis>/portico"},
    "no TLS there": {"database.url": f"{HERE}:<postgres>/postgres", "database.tls": True},
    "a host with an empty label": {"database.url": "postgresql://portico@db..internal/portico"},
    "a long host": {"database.url": f"postgresql://portico@{'h' * 300}/portico"},
    "a user with a control character": {"database.url": f"postgresql://a%00b@{LOOPBACK}:<postgres>/postgres"},
    "a Redis host with an empty label": {"ephemeral.url": "rediss://.cache/0"},
    "an option": {"database.url": f"{HERE}:<postgres>/postgres?sslmode=require"},
    "a scheme of another library": {"database.url": "postgresql+psycopg2://a@b/c"},
    "no path": {"database.url": "sqlite:\0"},
    "a long path": {"database.url": f"sqlite:{'x' * 5000}"},
    "a folder as database": {"database.url": "sqlite:../.demo"},
    "a folder without rights": {"database.url": "sqlite:/proc/facts.db"},
    "no folder of keys": {"keys.folder": "nothing/keys"},
    "a file as folder of keys": {"keys.folder": "broker.toml"},
    "an empty folder of keys": {"keys.folder": "services"},
    "a long folder of keys": {"keys.folder": "x" * 5000},
    "checkpoints in a folder": {"audit.checkpoints": "services"},
    "checkpoints where nothing can be written": {"audit.checkpoints": "/proc/checkpoints"},
    "no checkpoints": {"audit.checkpoints": None},
    "no address": {"listen.public": "300.1.1.1:80"},
    "no port": {"listen.public": "127.0.0.1:99999"},
    "an address of others": {"listen.public": "192.0.2.1:8080"},
    "no zone": {"time_zone": "../../etc/passwd"},
    "no folder for counters": {"metrics.folder": "broker.toml/x", "listen.workers": 2},
    "a Redis option": {"ephemeral.url": "rediss://localhost/0?ssl_cert_reqs=none"},
}
"""Changes to broker.toml: paths and their values, with the ports of real servers."""

SERVED = ("no checkpoints", "checkpoints where nothing can be written")
"""States in which the broker can serve, and would not end."""


@pytest.mark.parametrize("state", STATES)
def test_settings_that_cannot_be_met_are_refused_in_words_and_end_in_no_traceback(
    config: Configuration, state: str, postgres: PostgresServer, redis: RedisServer
) -> None:
    for path, value in STATES[state].items():
        if isinstance(value, str):
            value = value.replace("<postgres>", str(postgres.port)).replace("<redis>", str(redis.port))
        config.change("broker.toml", path, value)
    for words in (("check",), ("migrate",), ("provider", "list"), ("audit", "verify"), ("keys", "rotate"), ("serve",)):
        if state not in SERVED or words != ("serve",):
            run(config, *words)


def test_every_command_without_a_database_says_so_and_ends_in_no_traceback(config: Configuration) -> None:
    config.change("broker.toml", "database.url", f"{HERE}:1/portico")
    for words in EVERY:
        ended = run(config, *words)
        without = ("reference", "check", "keys")
        assert words[0] in without or (ended.status == NOT_NOW and "database.url" in ended.err), ended


@pytest.mark.parametrize("place", ["nowhere", "broker.toml/inside", "x" * 300, "/proc/1/root", "/dev/null", "/"])
def test_a_wrong_config_is_refused_in_words_and_ends_in_no_traceback(config: Configuration, place: str) -> None:
    for words in (("check",), ("keys", "init"), ("migrate",), ("audit", "verify"), ("serve",)):
        assert run(config.folder / place, *words).status == WRONG


def test_a_user_without_a_name_runs_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import os; from broker.cli.main import user; os.setuid(54321); print(user())"],
        env={name: value for name, value in os.environ.items() if name not in ("LOGNAME", "USER", "LNAME", "USERNAME")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "uid 54321\n"


def test_a_reader_that_ends_early_ends_a_command_without_a_traceback() -> None:
    command = f"{sys.executable} -m broker reference | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("## broker.toml")
    assert done.stderr == ""

"""Real groups of Redis servers, whose primary can be killed: a primary and a replica under Sentinels, and a Cluster."""

import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.certificates import Authority, Certificate
from tests.support.ports import LOOPBACK, free_port
from tests.support.program import Program, answers
from tests.support.programs import need
from tests.support.redis import RedisServer

SERVICE = "portico"
DOWN_AFTER = 700
"""Milliseconds without an answer after which a Sentinel, or the nodes of a Cluster, consider a server down."""
FAILED_OVER = 60.0
"""Seconds within which a failover is done, also on a busy machine."""
THIRDS = ((0, 5460), (5461, 10922), (10923, 16383))
"""The slots of three primaries."""


@dataclass(frozen=True, slots=True)
class GroupAccess:
    """How the servers of a group authenticate clients. `users` are ACL rules by name; with `tls` the authority signs
    the certificates, and clients need one."""

    users: Mapping[str, Sequence[str]]
    sentinel_users: Mapping[str, Sequence[str]]
    tls: Authority | None = None


OPEN = GroupAccess({}, {})


def wait_until(seen: Callable[[], object], within: float = FAILED_OVER) -> None:
    """Returns once `seen` is true. An error after so many seconds."""
    give_up = time.monotonic() + within
    while not seen():
        if time.monotonic() > give_up:
            raise RuntimeError(f"not within {within} s: {inspect.getsource(seen)}")
        time.sleep(0.05)


class Member(RedisServer):
    """A server of a group. Tests reach it without TLS, clients at `client_port`."""

    def __init__(self, access: GroupAccess, **further: str) -> None:
        """Nothing is started yet."""
        self._users = access.users
        self.tls_port = free_port() if access.tls is not None else 0
        if access.tls is not None:
            options = tls_options(access.tls)
            further |= {"tls_port": str(self.tls_port), "tls_replication": "yes", **options}
        # the primary sends its data to a new replica at once, without waiting for further replicas
        super().__init__(repl_diskless_sync_delay="0", **further)

    @property
    def client_port(self) -> int:
        """The port that clients and other members use."""
        return self.tls_port or self.port

    def start(self) -> None:
        """Starts it, with the users, and waits until it has read everything."""
        super().start()
        for name, rules in self._users.items():
            self.command("ACL", "SETUSER", name, *rules)

    @property
    def role(self) -> str:
        """`master`, `slave`, or empty if the server does not answer."""
        if not self.program.running:
            return ""
        try:
            return self.lines("ROLE")[2]
        except (OSError, RuntimeError):
            return ""

    @property
    def follows(self) -> bool:
        """True if this replica has received everything from its primary."""
        return "master_link_status:up" in self.lines("INFO", "replication")


def tls_options(authority: Authority) -> dict[str, str]:
    """Settings of a server that uses mutual TLS with clients and other servers."""
    own: Certificate = authority.certificate(LOOPBACK)
    other: Certificate = authority.client("CN=redis")
    return {
        "tls_cert_file": str(own.chain),
        "tls_key_file": str(own.key),
        "tls_client_cert_file": str(other.chain),
        "tls_client_key_file": str(other.key),
        "tls_ca_cert_file": str(authority.file),
    }


class Sentinel:
    """One Sentinel, which rewrites its own configuration."""

    def __init__(self, primary: Member, access: GroupAccess) -> None:
        """Nothing is started yet."""
        self.port = free_port()
        self._folder = TemporaryDirectory(prefix="portico-sentinel-")
        lines = [f"bind {LOOPBACK}", f"dir {self._folder.name}"]
        if access.tls is None:
            lines.append(f"port {self.port}")
        else:
            options = {"port": "0", "tls_port": str(self.port), "tls_replication": "yes", **tls_options(access.tls)}
            lines += [f"{name.replace('_', '-')} {value}" for name, value in options.items()]
        lines += [f"user {name} {' '.join(rules)}" for name, rules in access.sentinel_users.items()]
        lines += [
            f"sentinel monitor {SERVICE} {LOOPBACK} {primary.client_port} 2",
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER}",
            f"sentinel failover-timeout {SERVICE} 3000",
        ]
        file = Path(self._folder.name) / "sentinel.conf"
        file.write_text("\n".join(lines) + "\n")
        self.program = Program(
            [need("redis-server"), file, "--sentinel"],
            ready=lambda _: answers(self.port),
            folder=Path(self._folder.name),
        )

    @property
    def knows_all(self) -> bool:
        """True if it has found the replica and the other two Sentinels."""
        said = (Path(self._folder.name) / "sentinel.conf").read_text()
        return "known-replica" in said and said.count("known-sentinel") == 2

    def remove(self) -> None:
        """Ends it and deletes its folder."""
        self.program.stop()
        self._folder.cleanup()


class SentinelGroup:
    """A primary, a replica and three Sentinels."""

    def __init__(self, access: GroupAccess = OPEN) -> None:
        """Nothing is started yet."""
        self._encrypted = access.tls is not None
        self.servers = [Member(access), Member(access)]
        self.sentinels = [Sentinel(self.servers[0], access) for _ in range(3)]

    def start(self) -> None:
        """Starts all, and waits until the Sentinels have found each other and the replica follows."""
        first, second = self.servers
        for server in self.servers:
            server.start()
        self._follow(second, first)
        for sentinel in self.sentinels:
            sentinel.program.start()
        wait_until(lambda: all(sentinel.knows_all for sentinel in self.sentinels))

    def url(self, user: str = "") -> str:
        """The URL for the broker."""
        scheme = "rediss+sentinel" if self._encrypted else "redis+sentinel"
        hosts = ",".join(f"{LOOPBACK}:{sentinel.port}" for sentinel in self.sentinels)
        return f"{scheme}://{user}{hosts}/{SERVICE}"

    @property
    def primary(self) -> Member:
        """The server that takes writes."""
        (found,) = [server for server in self.servers if server.role == "master"]
        return found

    def wait_for_failover(self, lost: Member) -> Member:
        """Waits for a failover. Returns the replica that became primary in place of the killed or hanging server."""
        (other,) = [server for server in self.servers if server is not lost]
        wait_until(lambda: other.role == "master")
        return other

    def rejoin(self, lost: Member) -> None:
        """Starts a killed server again, and waits until there is one primary and one replica that follows it."""
        lost.start()
        (other,) = [server for server in self.servers if server is not lost]

        def settled() -> bool:
            roles = {server.role: server for server in self.servers}
            if lost.role == other.role == "master":
                lost.command("REPLICAOF", LOOPBACK, str(other.client_port))
            return set(roles) == {"master", "slave"} and roles["slave"].follows

        wait_until(settled)

    def _follow(self, replica: Member, primary: Member) -> None:
        replica.command("REPLICAOF", LOOPBACK, str(primary.client_port))
        wait_until(lambda: replica.follows)

    def remove(self) -> None:
        """Ends all and deletes their folders."""
        for sentinel in self.sentinels:
            sentinel.remove()
        for server in self.servers:
            server.remove()


class ClusterGroup:
    """Three primaries with a third of the slots each, and a replica of each."""

    def __init__(self, access: GroupAccess = OPEN) -> None:
        """Nothing is started yet."""
        self._encrypted = access.tls is not None
        options = {
            "cluster_enabled": "yes",
            "cluster_node_timeout": str(DOWN_AFTER),
            "cluster_require_full_coverage": "no",
            **({"tls_cluster": "yes"} if self._encrypted else {}),
        }
        self.slot = ""
        self.buses = [free_port() for _ in range(6)]
        self.servers = [Member(access, cluster_port=str(bus), **options) for bus in self.buses]

    def start(self) -> None:
        """Starts the nodes, makes them meet, assigns the slots, and waits until all nodes agree."""
        first, *_ = self.servers
        for number, (server, bus) in enumerate(zip(self.servers, self.buses, strict=True)):
            server.start()
            server.command("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
            first.command("CLUSTER", "MEET", LOOPBACK, str(server.client_port), str(bus))
        for server, (low, high) in zip(self.servers, THIRDS, strict=False):
            server.command("CLUSTER", "ADDSLOTSRANGE", str(low), str(high))
        for primary, replica in zip(self.servers[:3], self.servers[3:], strict=True):
            self._wait_for_line(replica, node_id(primary))
            replica.command("CLUSTER", "REPLICATE", node_id(primary))
        wait_until(lambda: all("cluster_state:ok" in one.lines("CLUSTER", "INFO") for one in self.servers))
        wait_until(lambda: all(one.follows for one in self.servers[3:]))
        wait_until(lambda: all("cluster_slots_ok:16384" in one.lines("CLUSTER", "INFO") for one in self.servers))
        self.slot = first.command("CLUSTER", "KEYSLOT", "portico:{portico}:").removeprefix(":")

    def url(self, user: str = "") -> str:
        """The URL for the broker: the first three nodes."""
        scheme = "rediss+cluster" if self._encrypted else "redis+cluster"
        return f"{scheme}://{user}" + ",".join(f"{LOOPBACK}:{server.client_port}" for server in self.servers[:3])

    @property
    def primary(self) -> Member:
        """The node that holds the broker's slot."""
        found = holder(self.servers, self.slot)
        assert found is not None, "no node holds the slot"
        return found

    def wait_for_failover(self, lost: Member) -> Member:
        """Waits for a failover. Returns the replica that serves the slot in place of the killed or hanging node."""
        others = [server for server in self.servers if server is not lost]
        wait_until(lambda: holder(others, self.slot))
        found = holder(others, self.slot)
        assert found is not None
        return found

    def rejoin(self, lost: Member) -> None:
        """Starts a killed node again, which becomes a replica by itself."""
        lost.start()
        wait_until(lambda: lost.role == "slave" and lost.follows)

    def begin_move(self, target: Member) -> None:
        """Begins to move the broker's slot to another primary: Redis redirects missing keys there (ASK)."""
        source = self.primary
        target.command("CLUSTER", "SETSLOT", self.slot, "IMPORTING", node_id(source))
        source.command("CLUSTER", "SETSLOT", self.slot, "MIGRATING", node_id(target))

    def move_slot(self, target: Member) -> None:
        """Moves the broker's slot to another primary, key by key, as `redis-cli --cluster reshard` does."""
        slot, source = self.slot, self.primary
        self.begin_move(target)
        while names := source.array("CLUSTER", "GETKEYSINSLOT", slot, "10"):
            source.command("MIGRATE", LOOPBACK, str(target.client_port), "", "0", "5000", "KEYS", *names)
        for server in (target, source):
            server.command("CLUSTER", "SETSLOT", slot, "NODE", node_id(target))

    def _wait_for_line(self, server: Member, name: str) -> None:
        wait_until(lambda: name in "\n".join(server.lines("CLUSTER", "NODES")))

    def remove(self) -> None:
        """Ends all and deletes their folders."""
        for server in self.servers:
            server.remove()


def node_id(server: Member) -> str:
    """The id of a node of a Cluster."""
    return server.lines("CLUSTER", "MYID")[-1]


def holder(servers: Sequence[Member], slot: str) -> Member | None:
    """The primary among these nodes that holds a slot."""
    return next((server for server in servers if server.role == "master" and holds(server, slot)), None)


def holds(server: Member, slot: str) -> bool:
    """True if a node reports that it serves a slot."""
    (line,) = [line for line in server.lines("CLUSTER", "NODES") if "myself" in line]
    for part in line.split()[8:]:
        low, _, high = part.partition("-")
        if low.isdigit() and int(low) <= int(slot) <= int(high or low):
            return True
    return False

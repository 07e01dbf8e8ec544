"""redis-py as the transport to Redis: TLS, users, Sentinel, Cluster.

redis-py finds the server, authenticates, and follows failovers and the redirections of a Cluster. Deadlines, the limit
on waiting commands and the exceptions are those of RedisTransport.
"""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import redis.exceptions as errors
from hiredis import ReplyError, pack_command
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import ConnectionPool, SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
)
from redis.backoff import NoBackoff

from broker.platform.redis_urls import RedisNode, RedisTopology, RedisUrl
from broker.stores.ephemeral.redis_connection import (
    MAX_QUEUED,
    AuthenticationFailed,
    ConnectionLost,
    QueueFull,
    ResponseTimeout,
    SentinelRefused,
)
from broker.stores.ephemeral.transport import CONNECT_WITHIN, DEADLINE, HASH_TAG, RedisAccess

PIPELINES: Final = 2
"""Maximum number of concurrent pipelines of one process; later commands wait together for the next one."""
CONNECTIONS: Final = 16
"""Connections of one process to each node of a Cluster; further commands wait for a free one."""
SENTINEL_WITHIN: Final = 0.15
"""Timeout in seconds for one Sentinel to connect and to reply, so that three fit into a command's deadline."""
NODE_WITHIN: Final = 0.5
"""Timeout in seconds for a reply of one node of a Cluster that is asked which node holds which slots."""
DISCOVERY_WITHIN: Final = 3.0
"""Deadline in seconds of a discovery of the nodes of a Cluster."""
KEYLESS: Final = frozenset({"INFO", "TIME", "SCAN", "PING", "ECHO"})
"""Commands without a key, which a Cluster sends to the node that holds the slot of HASH_TAG."""
RAW: Final = ("INFO", "TIME", "SCAN", "SET", "PING")
"""Commands whose replies redis-py would parse; callers need the raw reply."""
TRIES_IN_CLUSTER: Final = 3


class _TlsConnection(SSLConnection):
    """A connection with a prepared SSL context.

    redis-py's own contexts trust the operating system's authorities in addition to `ca_file`, and read every file again
    for each connection.
    """

    def __init__(self, *, tls: ssl.SSLContext, **options: Any) -> None:
        super().__init__(**options)
        self.ssl_context.context = tls


class _SentinelTlsConnection(SentinelManagedConnection, _TlsConnection):
    """The same, to a primary that Sentinel names."""


class _Sentinels(Sentinel):
    """The Sentinels. Keeps as the cause why none names a primary: redis-py raises only the class of the error."""

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """The primary's address from the first Sentinel that knows it, which is asked first from then on."""
        cause: errors.RedisError | None = None
        for place, sentinel in enumerate(self.sentinels):
            try:
                masters = cast(dict[str, dict[str, Any]], await sentinel.sentinel_masters())
            except errors.RedisError as error:
                cause = error
                continue
            state = masters.get(service_name)
            if state is None:
                cause = cause or errors.ResponseError("ERR No such master with that name")
            elif self.check_master_state(state, service_name):
                self.sentinels[0], self.sentinels[place] = sentinel, self.sentinels[0]
                return state["ip"], state["port"]
        raise MasterNotFoundError(f"no Sentinel knows a primary for {service_name}") from cause


class RedisPyTransport:
    """A RedisTransport over redis-py.

    The commands of one iteration of the event loop share a pipeline, as those of the own connection share a write:
    borrowing a connection for each costs several times as much. A Cluster gets each command separately, to follow its
    redirections.
    """

    def __init__(self, address: RedisUrl, access: RedisAccess) -> None:
        """Connections are opened on first use."""
        self._waiting = 0
        self._closed = False
        self._sentinel: Sentinel | None = None
        options = _options(address, access)
        self._sender: Pipelines | ClusterCommands
        if address.topology is RedisTopology.CLUSTER:
            self._sender = ClusterCommands(_cluster(address.nodes, options))
            return
        if address.topology is RedisTopology.SENTINEL:
            self._sentinel = _sentinel(address.nodes, access)
            made: Any = SentinelConnectionPool  # untyped in redis-py
            pool: ConnectionPool = made(address.service, self._sentinel, db=address.database, **options)
        else:
            (node,) = address.nodes
            pool = ConnectionPool(host=node.host, port=node.port, db=address.database, **options)
        self._sender = Pipelines(Redis.from_pool(pool), pool)

    async def execute(self, words: Sequence[Any]) -> Any:
        """See RedisTransport."""
        if self._closed:
            raise ConnectionLost("closed")
        if self._waiting >= MAX_QUEUED:
            raise QueueFull(f"{MAX_QUEUED} wait already")
        self._waiting += 1
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._sender.execute(words)
        except errors.DataError as error:
            raise TypeError(str(error)) from error
        except errors.AuthenticationError as error:
            raise AuthenticationFailed(_text(error)) from error
        except errors.ResponseError as error:
            raise ReplyError(_text(error)) from error
        except (errors.RedisError, errors.RedisClusterException) as error:
            raise _unreachable(error) from error
        except TimeoutError:
            await self._sender.after_timeout()
            raise ResponseTimeout from None
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """See RedisTransport."""
        self._closed = True
        await self._sender.close()
        if self._sentinel is not None:
            await self._sentinel.aclose()


class ClusterCommands:
    """Sends each command to the node that holds the slot of its keys, and follows redirections."""

    def __init__(self, client: RedisCluster) -> None:
        """Connections are opened on first use."""
        self._client = client
        self._connections = asyncio.Semaphore(CONNECTIONS)
        self._finding: asyncio.Task[None] | None = None
        _leave_raw(client)
        for name in RAW:
            client.result_callbacks.pop(name, None)

    async def execute(self, words: Sequence[Any]) -> Any:
        """Sends one command. Raises what redis-py raises."""
        async with self._connections:
            await asyncio.shield(self._find_nodes())
            if words[0] not in KEYLESS:
                return await self._client.execute_command(*words)
            node = self._client.get_node_from_key(HASH_TAG)
            return await self._client.execute_command(*words, target_nodes=node)

    def _find_nodes(self) -> asyncio.Task[None]:
        """Discovers the nodes if necessary, in a task of its own: a command that times out does not restart it."""
        if self._finding is None or self._finding.done():
            self._finding = asyncio.ensure_future(self._discover())
            self._finding.add_done_callback(_retrieved)
        return self._finding

    async def _discover(self) -> None:
        """Asks the nodes of the URL in turn. Raises TimeoutError; the next command begins a new discovery.

        A node that accepts connections and does not reply would otherwise hold all commands up until it replies.
        """
        async with asyncio.timeout(DISCOVERY_WITHIN):
            await self._client.initialize()

    async def after_timeout(self) -> None:
        """Drops a node that does not respond: the next command asks the others which node has the slot."""
        await self._client.aclose()

    async def close(self) -> None:
        """Closes every connection."""
        if self._finding is not None:
            self._finding.cancel()
        await self._client.aclose()


class Pipelines:
    """Sends the commands of one iteration of the event loop as one pipeline, with few pipelines at a time."""

    def __init__(self, client: Redis, pool: ConnectionPool) -> None:
        """Connections are opened on first use."""
        self._client, self._pool = client, pool
        self._unsent: list[tuple[Sequence[Any], asyncio.Future[Any]]] = []
        self._planned = False
        self._running: set[asyncio.Task[None]] = set()
        _leave_raw(client)

    async def execute(self, words: Sequence[Any]) -> Any:
        """Sends one command. Raises what redis-py raises; TypeError for words that cannot be encoded."""
        pack_command(tuple(words))  # raised here, because it would fail the whole pipeline later
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Any] = loop.create_future()
        self._unsent.append((words, reply))
        if not self._planned:
            self._planned = True
            loop.call_soon(self._send)
        return await reply

    def _send(self) -> None:
        self._planned = False
        if self._unsent and len(self._running) < PIPELINES:
            batch, self._unsent = self._unsent, []
            task = asyncio.ensure_future(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._send()

    async def _run(self, batch: Sequence[tuple[Sequence[Any], asyncio.Future[Any]]]) -> None:
        wanted = [(words, reply) for words, reply in batch if not reply.done()]
        replies: Sequence[Any] = [errors.ConnectionError("closed")] * len(wanted)
        try:
            async with asyncio.timeout(DEADLINE):
                replies = await self._replies([words for words, _ in wanted])
        except Exception as error:
            replies = [error] * len(wanted)
        finally:
            for (_, reply), found in zip(wanted, replies, strict=True):
                if reply.done():
                    continue
                if isinstance(found, Exception):
                    reply.set_exception(found)
                else:
                    reply.set_result(found)

    async def _replies(self, commands: Sequence[Sequence[Any]]) -> Sequence[Any]:
        replies = await self._pipeline(commands)
        if any(isinstance(reply, errors.ResponseError) and _read_only(reply) for reply in replies):
            # the former primary is a replica now: a new connection asks the Sentinels again
            await self._pool.disconnect(inuse_connections=False)
            replies = await self._pipeline(commands)
        return replies

    async def _pipeline(self, commands: Sequence[Sequence[Any]]) -> Sequence[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for words in commands:
            pipeline.execute_command(*words)
        found: Sequence[Any] = await pipeline.execute(raise_on_error=False)
        return found

    async def after_timeout(self) -> None:
        """Nothing to do: the timeout closed the connection, and the next one goes to the current primary."""

    async def close(self) -> None:
        """Closes every connection, including one that is being opened."""
        for task in self._running:
            task.cancel()
        await self._client.aclose()
        await self._pool.aclose()


def _retrieved(task: asyncio.Task[None]) -> None:
    """Retrieves the exception of a discovery whose commands all timed out; the next command raises it again."""
    if not task.cancelled():
        task.exception()


def _leave_raw(client: Redis | RedisCluster) -> None:
    for name in RAW:
        client.response_callbacks.pop(name, None)


def _options(address: RedisUrl, access: RedisAccess) -> dict[str, Any]:
    """Options of every connection to a server that holds records."""
    options: dict[str, Any] = {
        "username": address.user,
        "password": access.password,
        "retry": Retry(NoBackoff(), 1, (errors.ConnectionError,)),
        **_common(CONNECT_WITHIN),
    }
    if address.topology is RedisTopology.SENTINEL:
        options["connection_class"] = SentinelManagedConnection
    if access.tls is not None:
        sentinel = address.topology is RedisTopology.SENTINEL
        options |= {"connection_class": _SentinelTlsConnection if sentinel else _TlsConnection, "tls": access.tls}
    return options


def _common(connect_within: float) -> dict[str, Any]:
    # the command's deadline bounds reads and writes: redis-py's own timeouts cost a task for each
    return {"socket_connect_timeout": connect_within, "socket_timeout": None, "protocol": 2, "driver_info": None}


def _sentinel(nodes: Sequence[RedisNode], access: RedisAccess) -> Sentinel:
    options: dict[str, Any] = {
        "username": access.sentinel_user,
        "password": access.sentinel_password,
        **_common(SENTINEL_WITHIN),
        "socket_timeout": SENTINEL_WITHIN,
    }
    if access.tls is not None:
        options |= {"connection_class": _TlsConnection, "tls": access.tls}
    sentinel: Sentinel = cast(Any, _Sentinels)([])
    # Sentinel accepts no connection class for its own clients
    sentinel.sentinels = [Redis.from_pool(ConnectionPool(host=node.host, port=node.port, **options)) for node in nodes]
    return sentinel


def _cluster(nodes: Sequence[RedisNode], options: dict[str, Any]) -> RedisCluster:
    connection: dict[str, Any] = {name: options.pop(name) for name in ("connection_class", "tls") if name in options}
    options["retry"] = Retry(NoBackoff(), TRIES_IN_CLUSTER)
    client = RedisCluster(
        startup_nodes=[ClusterNode(node.host, node.port) for node in nodes],
        max_connections=CONNECTIONS,
        # an unserved slot that holds none of our keys is no reason to stop
        require_full_coverage=False,
        dynamic_startup_nodes=False,
        **options,
    )
    for node in client.nodes_manager.startup_nodes.values():
        # these are asked for the slots alone: commands go to other objects of the same nodes
        node.connection_kwargs["socket_timeout"] = NODE_WITHIN
    if connection:
        # RedisCluster accepts no connection class; nodes found later are created with these options too
        client.connection_kwargs.update(connection)
        for node in client.nodes_manager.startup_nodes.values():
            node.connection_class = connection["connection_class"]
            node.connection_kwargs["tls"] = connection["tls"]
    return client


def _read_only(error: errors.ResponseError) -> bool:
    """Whether a replica rejected a write. Redis 6.2 puts the code of a command in a script into the text."""
    return isinstance(error, errors.ReadOnlyError) or "-READONLY" in str(error)


def _text(error: errors.RedisError) -> str:
    """An error reply as Redis sent it: redis-py strips the first word of those that it knows."""
    code, text = error.status_code, str(error)
    return text if code is None or text.startswith(code) else f"{code} {text}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _unreachable(error: errors.RedisError | errors.RedisClusterException) -> Exception:
    """Converts a failure of redis-py to an exception of RedisTransport."""
    asked_sentinels = any(isinstance(cause, MasterNotFoundError) for cause in _causes(error))
    for cause in _causes(error):
        if asked_sentinels and isinstance(cause, errors.AuthenticationError | errors.NoPermissionError):
            return SentinelRefused(_text(cause))
        if isinstance(cause, ssl.SSLError):
            return cause
        if isinstance(cause, errors.AuthenticationError):
            return AuthenticationFailed(_text(cause))
        if isinstance(cause, errors.ResponseError | errors.BusyLoadingError):
            return ReplyError(_text(cause))
    return ConnectionLost(str(error))

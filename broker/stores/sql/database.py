"""Database interface of the SQL stores: statements prepared once and run in transactions, for SQLite and PostgreSQL."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeAlias

from sqlalchemy import ColumnElement, Delete, FromClause, Insert, Select, Table, Update
from sqlalchemy.types import TypeEngine

from broker.model.store_results import StoreUnavailable

Row = Sequence[Any]
Parameters = Mapping[str, Any]
Query: TypeAlias = Select[*tuple[Any, ...]]
Statement = Query | Insert | Update | Delete
Step = Callable[[ColumnElement[bool]], Insert | Update | Delete]
"""One step of an atomic write, built for the condition under which it may act: that the gate returned rows."""


class Conflict(Exception):
    """A unique key is taken. The transaction is rolled back. `columns` are the key's, in the table's order."""

    def __init__(self, table: str, columns: tuple[str, ...]) -> None:
        super().__init__(f"{table}: {', '.join(columns)}")
        self.table = table
        self.columns = columns


class AccountMerged(StoreUnavailable):
    """A row that another one refers to was deleted meanwhile: an account that became part of another one.

    The transaction is rolled back. Tried again, with what the database holds now, it succeeds.
    """


@dataclass(frozen=True, slots=True)
class InsertRows:
    """A step that inserts one row for each mapping in the parameter `rows`.

    `given` are the columns in the mappings, `same` values common to all rows. If `key` is taken, the columns in
    `renewed` are updated; with an empty `renewed` the row stays unchanged. Without a `key` a taken one is a Conflict.
    """

    table: Table
    rows: str
    given: tuple[str, ...]
    same: Mapping[str, ColumnElement[Any]] = field(default_factory=dict)
    key: tuple[str, ...] | None = None
    renewed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AtomicWrite:
    """Atomic write: steps that take effect together, in one transaction and if possible in one round trip.

    The `gate` runs first and returns rows; if it returns none, no step runs. No step may depend on what another one
    wrote, nor on their order. Returns the gate's rows, or those of `answer` if there is no gate.
    """

    gate: Insert | Update | Delete | Query | None
    then: tuple[Step | InsertRows, ...]
    answer: Query | None = None


@dataclass(frozen=True, slots=True)
class SqlText:
    """One statement in the database's dialect.

    `names` are its parameters in order, `constants` the values that are part of the statement. `rows` names the
    parameter for whose rows it is repeated, `json` the parameters passed as JSON.
    """

    sql: str
    names: tuple[str, ...]
    constants: Parameters
    rows: str | None = None
    json: frozenset[str] = frozenset()


class Prepared:
    """A statement or an atomic write, prepared once for one database. `gated`: the first step is the gate.

    `steps` are compiled when they are first read: a process runs few of the hundreds of statements that it prepares.
    """

    __slots__ = ("_compile", "gated", "steps")
    steps: tuple[SqlText, ...]

    def __init__(self, compile_steps: Callable[[], tuple[SqlText, ...]], *, gated: bool = False) -> None:
        """`compile_steps` returns the steps in the database's dialect; it is called once."""
        self._compile = compile_steps
        self.gated = gated

    def __getattr__(self, name: str) -> tuple[SqlText, ...]:
        # called for what is not there: `steps`, until they are compiled
        if name != "steps":
            raise AttributeError(name)
        self.steps = steps = self._compile()
        return steps


class UnitOfWork(Protocol):
    """A transaction in progress."""

    async def run(self, prepared: Prepared, parameters: Parameters) -> Sequence[Row]:
        """Runs a statement or an atomic write. Raises Conflict and StoreUnavailable, and then the transaction is
        rolled back."""
        ...


class Database(Protocol):
    """A database. Every method raises StoreUnavailable within a second if it cannot be reached.

    `clock` is its own clock as part of a statement, in seconds since 1970 UTC; None if it has no clock of its own.
    """

    clock: ClassVar[ColumnElement[float] | None]

    def upsert(self, table: Table) -> Any:
        """An insert into a table that supports `on_conflict_do_update` and `on_conflict_do_nothing`."""
        ...

    def among(self, column: ColumnElement[str], name: str) -> ColumnElement[bool]:
        """The condition that a column is one of the strings in the parameter `name` (a list)."""
        ...

    def listed(self, name: str, kinds: Mapping[str, type[TypeEngine[Any]]]) -> FromClause:
        """The rows in the parameter `name` (a list of mappings) as a table to select from, with these columns."""
        ...

    def prepare(self, what: Statement | AtomicWrite) -> Prepared:
        """Prepares a statement or an atomic write, which is compiled at its first use. Called at startup, not for each
        use."""
        ...

    async def query(self, prepared: Prepared, parameters: Parameters) -> Sequence[Row]:
        """Reads. One round trip."""
        ...

    async def perform(self, prepared: Prepared, parameters: Parameters) -> Sequence[Row]:
        """Runs one statement or atomic write in its own transaction, durable on return. Raises Conflict."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """A transaction of several steps: committed durably at the end of the block, rolled back by any exception."""
        ...

    def leased(self, name: str) -> AbstractAsyncContextManager[UnitOfWork | None]:
        """A lease: a transaction that only one process at a time gets by this name; None if another one has it."""
        ...

    async def unwritable(self) -> str | None:
        """Why nothing can be written, with a fix; None if it can. One round trip. Raises StoreUnavailable."""
        ...

    async def close(self) -> None:
        """Closes all connections."""
        ...

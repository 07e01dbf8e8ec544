"""What the stores of facts need of a database, whichever it is: statements made once, run in transactions."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeAlias

from sqlalchemy import ColumnElement, Delete, FromClause, Insert, Select, Table, Update
from sqlalchemy.types import TypeEngine

Row = Sequence[Any]
Parameters = Mapping[str, Any]
Query: TypeAlias = Select[*tuple[Any, ...]]
Statement = Query | Insert | Update | Delete
Step = Callable[[ColumnElement[bool]], Insert | Update | Delete]
"""One step of a deed, made for the condition under which it may act: that the deed's gate was passed."""


class Conflict(Exception):
    """A unique key is taken. Nothing of the transaction holds. `columns` are the key's, in the table's order."""

    def __init__(self, table: str, columns: tuple[str, ...]) -> None:
        super().__init__(f"{table}: {', '.join(columns)}")
        self.table = table
        self.columns = columns


@dataclass(frozen=True, slots=True)
class InsertRows:
    """A step that inserts one row for each mapping in the parameter `rows`.

    `given` are the columns that the mappings hold, `same` what all the rows have in common. Where `key` is taken the
    columns in `renewed` are written anew; with an empty `renewed` such a row is left as it is. Without a `key` a
    taken one is a Conflict.
    """

    table: Table
    rows: str
    given: tuple[str, ...]
    same: Mapping[str, ColumnElement[Any]] = field(default_factory=dict)
    key: tuple[str, ...] | None = None
    renewed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AtomicWrite:
    """What must become true together, in one transaction and where possible in one round trip.

    The `gate` goes first and returns rows; if it returns none, nothing else is done. No step may count on seeing what
    another one wrote, nor on their order. The deed gives the gate's rows, or those of `answer` where there is no gate.
    """

    gate: Insert | Update | Delete | None
    then: tuple[Step | InsertRows, ...]
    answer: Query | None = None


@dataclass(frozen=True, slots=True)
class SqlText:
    """One statement as the database takes it.

    `names` are its parameters in order, `constants` the values that the statement brings along. `rows` names the
    parameter for whose rows it is repeated, `json` the parameters that travel as JSON.
    """

    sql: str
    names: tuple[str, ...]
    constants: Parameters
    rows: str | None = None
    json: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A statement or a deed, made once for one database. `gated` says that the first step lets the others through."""

    steps: tuple[SqlText, ...]
    gated: bool = False


class UnitOfWork(Protocol):
    """A transaction under way."""

    async def run(self, prepared: Prepared, parameters: Parameters) -> Sequence[Row]:
        """Runs a statement or deed. Raises Conflict and Unavailable, and then nothing of the transaction holds."""
        ...


class Database(Protocol):
    """A database of facts. Everything raises StoreUnavailable within a second when it cannot be reached.

    `clock` is its own clock as part of a statement, in seconds since 1970 UTC; None if it has no clock of its own.
    """

    clock: ClassVar[ColumnElement[float] | None]

    def upsert(self, table: Table) -> Any:
        """An insert into a table that also takes `on_conflict_do_update` and `on_conflict_do_nothing`."""
        ...

    def among(self, column: ColumnElement[str], name: str) -> ColumnElement[bool]:
        """The condition that a column is one of the texts in the parameter `name` (a list)."""
        ...

    def listed(self, name: str, kinds: Mapping[str, type[TypeEngine[Any]]]) -> FromClause:
        """The rows in the parameter `name` (a list of mappings) as something to select from, by these columns."""
        ...

    def prepare(self, what: Statement | AtomicWrite) -> Prepared:
        """Makes the text of a statement or deed. Done at start, not for each use."""
        ...

    async def query(self, prepared: Prepared, parameters: Parameters) -> Sequence[Row]:
        """Reads. One round trip."""
        ...

    async def perform(self, prepared: Prepared, parameters: Parameters) -> Sequence[Row]:
        """Runs one statement or deed in a transaction of its own, durable on return. Raises Conflict."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """A transaction of several steps: committed durably at the end of the block, rolled back by any exception."""
        ...

    def leased(self, name: str) -> AbstractAsyncContextManager[UnitOfWork | None]:
        """A transaction that only one process at a time has by this name; None where another one has it now."""
        ...

    async def unwritable(self) -> str | None:
        """Why nothing can be written now, with a mend; None if it can. One round trip. Raises StoreUnavailable."""
        ...

    async def close(self) -> None:
        """Ends all connections."""
        ...

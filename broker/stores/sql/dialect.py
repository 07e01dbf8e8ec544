"""SQL dialects: compile SQLAlchemy constructs once to the text of SQLite or PostgreSQL."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Final

from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    Dialect,
    Double,
    FromClause,
    LargeBinary,
    Table,
    Text,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from broker.stores.sql.database import AtomicWrite, InsertRows, Prepared, Query, SqlText, Statement

TRUE: Final[ColumnElement[bool]] = literal_column("(1 = 1)")
_SQLITE: Final = sqlite.dialect(paramstyle="named")
_POSTGRES: Final = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]


def _text(statement: Any, dialect: Dialect, rows: str | None = None) -> SqlText:
    compiled = statement.compile(dialect=dialect)
    if not isinstance(compiled, SQLCompiler):
        raise TypeError(f"{type(statement).__name__} has no text")
    binds = {name: bind for bind, name in compiled.bind_names.items()}
    names = tuple(compiled.positiontup or binds)
    constants = {name: bind.effective_value for name, bind in binds.items() if not bind.required}
    json = frozenset(name for name, bind in binds.items() if isinstance(bind.type, JSON))
    return SqlText(compiled.string, names, constants, rows, json)


def _each(step: InsertRows, insert: Any, values: Query) -> Any:
    statement = insert.from_select([*step.given, *step.same], values)
    if step.key is None:
        return statement
    if not step.renewed:
        return statement.on_conflict_do_nothing(index_elements=list(step.key))
    renewed = {name: statement.excluded[name] for name in step.renewed}
    return statement.on_conflict_do_update(index_elements=list(step.key), set_=renewed)


class Sqlite:
    """SQLite: the steps of an atomic write run one after the other; rows are inserted one by one."""

    clock: ClassVar[ColumnElement[float] | None] = None

    def upsert(self, table: Table) -> sqlite.Insert:
        """An insert that can handle a conflict."""
        return sqlite.insert(table)

    def among(self, column: ColumnElement[str], name: str) -> ColumnElement[bool]:
        """`column` is one of the strings in a list, passed as JSON."""
        values = func.json_each(bindparam(name, type_=JSON)).table_valued("value", name=f"list_{name}")
        return column.in_(select(values.c.value))

    def listed(self, name: str, kinds: Mapping[str, type[TypeEngine[Any]]]) -> FromClause:
        """Rows passed as JSON, as a table to select from."""
        each = func.json_each(bindparam(name, type_=JSON)).table_valued("value", name=f"each_{name}")
        columns = [
            cast(func.json_extract(each.c.value, literal_column(f"'$.{n}'", Text)), kind).label(n)
            for n, kind in kinds.items()
        ]
        return select(*columns).subquery("r")

    def prepare(self, what: Statement | AtomicWrite) -> Prepared:
        """Prepares a statement or an atomic write."""
        gated = isinstance(what, AtomicWrite) and what.gate is not None
        return Prepared(partial(self._compiled, what), gated=gated)

    def _compiled(self, what: Statement | AtomicWrite) -> tuple[SqlText, ...]:
        if not isinstance(what, AtomicWrite):
            return (_text(what, _SQLITE),)
        steps = [] if what.gate is None else [_text(what.gate, _SQLITE)]
        for step in what.then:
            if isinstance(step, InsertRows):
                given = [bindparam(name, type_=step.table.c[name].type) for name in step.given]
                values = select(*given, *step.same.values()).where(TRUE)
                steps.append(_text(_each(step, self.upsert(step.table), values), _SQLITE, rows=step.rows))
            else:
                steps.append(_text(step(TRUE), _SQLITE))
        if what.answer is not None:
            steps.append(_text(what.answer, _SQLITE))
        return tuple(steps)


class Postgres:
    """PostgreSQL: an atomic write is one statement, whose steps depend on the gate; rows are passed together as
    JSON."""

    clock: ClassVar[ColumnElement[float] | None] = cast(func.extract("epoch", func.clock_timestamp()), Double)

    def upsert(self, table: Table) -> postgresql.Insert:
        """An insert that can handle a conflict."""
        return postgresql.insert(table)

    def among(self, column: ColumnElement[str], name: str) -> ColumnElement[bool]:
        """`column` is one of the strings in a list, passed as an array."""
        return column == func.any(bindparam(name, type_=ARRAY(Text)))

    def listed(self, name: str, kinds: Mapping[str, type[TypeEngine[Any]]]) -> FromClause:
        """Rows passed as JSON, as a table to select from."""
        columns = [column(n, kind) for n, kind in kinds.items()]
        rows = func.json_to_recordset(bindparam(name, type_=JSON)).table_valued(*columns)
        return rows.render_derived(name="r", with_types=True)

    def prepare(self, what: Statement | AtomicWrite) -> Prepared:
        """Prepares a statement or an atomic write."""
        return Prepared(partial(self._compiled, what))

    def _compiled(self, what: Statement | AtomicWrite) -> tuple[SqlText, ...]:
        if not isinstance(what, AtomicWrite):
            return (_text(what, _POSTGRES),)
        gate = None if what.gate is None else what.gate.cte("gate")
        passed = TRUE if gate is None else exists(select(literal_column("1")).select_from(gate))
        whole: Query | None = what.answer if gate is None else select(*gate.c)
        if whole is None:
            raise TypeError("an atomic write without a gate needs an answer")
        for number, step in enumerate(what.then):
            made = self._rows(step, passed) if isinstance(step, InsertRows) else step(passed)
            whole = whole.add_cte(made.cte(f"step_{number}"))
        return (_text(whole, _POSTGRES),)

    def _rows(self, step: InsertRows, passed: ColumnElement[bool]) -> Any:
        kinds = {name: step.table.c[name].type for name in step.given}
        sealed = {name for name, kind in kinds.items() if isinstance(kind, LargeBinary)}
        rows = self.listed(step.rows, {n: Text if n in sealed else type(kind) for n, kind in kinds.items()})
        given = [
            func.decode(rows.c[name], literal_column("'base64'")) if name in sealed else rows.c[name]
            for name in step.given
        ]
        return _each(step, self.upsert(step.table), select(*given, *step.same.values()).where(passed))

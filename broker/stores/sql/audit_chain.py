"""Audit chain: a hash chain over the audit rows, and its verification.

Writers never number rows. One sealer at a time, by lease, gives each new row the next number and a hash over its
content and the previous hash. Periodically the head of the chain is signed, and this checkpoint also leaves the
database, to a file and to the log, because a truncated chain could not be detected otherwise. A row that is deleted
before it is sealed is not detected.
"""

import asyncio
import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Double, Integer, Text, bindparam, func, insert, select, update

from broker.crypto.jose import SIGNATURE_ALGORITHMS, InvalidToken, KeySet, SigningKey, sign, verify
from broker.stores.sql.audit import COLUMNS
from broker.stores.sql.database import Database, Row
from broker.stores.sql.tables import audit, checkpoints

_log: Final = logging.getLogger("portico.audit")
_LEASE: Final = "audit-chain"
_TYP: Final = "audit-checkpoint+jwt"
_BATCH: Final = 1000
_AT: Final = 2 + COLUMNS.index("at")
"""The column with the time at which a sealed row was written."""
FIRST_CHECKPOINT_WITHIN: Final = 600.0
"""Seconds for which an audit log may have no checkpoint: a new installation makes its first one within a minute."""
_sorted: Final = msgspec.json.Encoder(order="sorted")
_NOTHING: Final = (0, "")
"""The number and the hash before the first row."""


class ChainFault(StrEnum):
    """Kinds of faults of a chain."""

    CHANGED = "changed"
    GAP = "gap"
    CUT = "cut"
    NO_CHECKPOINT = "no_checkpoint"
    BAD_CHECKPOINT = "bad_checkpoint"


@dataclass(frozen=True, slots=True)
class ChainProblem:
    """One fault of the chain, at the row with this number (0: at no particular row)."""

    flaw: ChainFault
    number: int
    detail: str

    def __str__(self) -> str:
        return f"row {self.number}: {self.detail}" if self.number else self.detail


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement that the row with this number had this hash at a time (seconds since 1970 UTC)."""

    number: int
    hash: str
    at: float
    statement: str


@dataclass(frozen=True, slots=True)
class CheckpointSigner:
    """Signs checkpoints: the key, and the file to which checkpoints are appended."""

    key: SigningKey
    file: Path


def link(number: int, before: str, content: Sequence[Any]) -> str:
    """The hash of one row: SHA-256 over its number, the previous hash, and its columns in the order of COLUMNS."""
    return hashlib.sha256(msgspec.json.encode([number, before, *content])).hexdigest()


def exported_link(number: int, before: str, content: Sequence[object]) -> str:
    """The hash of a row of an export, whose details are an object and not the text that the database has."""
    columns = [_sorted.encode(value).decode() if isinstance(value, dict) else value for value in content]
    return link(number, before, columns)


class AuditChain:
    """Seals audit rows into the chain, signs its head, and verifies it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        content = [audit.c[name] for name in COLUMNS]
        number, limit = audit.c.number, bindparam("limit", type_=Integer)
        sealed = database.listed("rows", {"id": BigInteger, "number": BigInteger, "hash": Text})
        after = number > bindparam("after", type_=BigInteger)
        self._head = database.prepare(
            select(number, audit.c.hash).where(number.is_not(None)).order_by(number.desc()).limit(1)
        )
        self._unsealed = database.prepare(
            select(audit.c.id, *content).where(number.is_(None)).order_by(audit.c.id).limit(limit)
        )
        self._seal = database.prepare(
            update(audit)
            .where(audit.c.id == sealed.c.id, number.is_(None))
            .values(number=sealed.c.number, hash=sealed.c.hash)
        )
        self._sealed = database.prepare(
            select(number, audit.c.hash, *content).where(after).order_by(number).limit(limit)
        )
        self._count = database.prepare(select(func.count(number), func.count()).select_from(audit))
        self._last = database.prepare(select(checkpoints.c.number).order_by(checkpoints.c.number.desc()).limit(1))
        self._record = database.prepare(
            insert(checkpoints).values(
                number=bindparam("number", type_=BigInteger),
                hash=bindparam("hash", type_=Text),
                at=bindparam("at", type_=Double),
                statement=bindparam("statement", type_=Text),
            )
        )

    async def seal_once(self, limit: int = _BATCH) -> int:
        """Seals the unsealed rows, at most `limit`. Returns 0 also if another process is sealing at present."""
        async with self._database.leased(_LEASE) as unit:
            if unit is None:
                return 0
            rows = await unit.run(self._unsealed, {"limit": limit})
            if not rows:
                return 0
            head = await unit.run(self._head, {})
            first, before = head[0] if head else _NOTHING
            links = []
            for number, (row_id, *content) in enumerate(rows, first + 1):
                before = link(number, before, content)
                links.append({"id": row_id, "number": number, "hash": before})
            await unit.run(self._seal, {"rows": links})
        return len(rows)

    async def checkpoint(self, now: float, signer: CheckpointSigner) -> Checkpoint | None:
        """Signs the head of the chain and writes the checkpoint to the notary's file, the log and the database.

        None if nothing was sealed since the last checkpoint, or if another process has the lease.
        """
        async with self._database.leased(_LEASE) as unit:
            if unit is None:
                return None
            head = await unit.run(self._head, {})
            last = await unit.run(self._last, {})
            if not head or (last and head[0][0] <= last[0][0]):
                return None
            number, hash_ = head[0]
            claims = {"number": number, "hash": hash_, "at": now}
            made = Checkpoint(number, hash_, now, sign(claims, signer.key, typ=_TYP))
            await asyncio.to_thread(append_line, signer.file, made.statement)
            fields = {"number": number, "hash": hash_, "statement": made.statement}
            _log.info("audit_checkpoint", extra=fields)
            await unit.run(self._record, {**claims, "statement": made.statement})
        return made

    async def counts(self) -> tuple[int, int]:
        """The number of sealed rows, and of unsealed rows."""
        sealed, all_rows = (await self._database.query(self._count, {}))[0]
        return int(sealed), int(all_rows) - int(sealed)

    async def verify(self, file: Path, keys: KeySet, now: float) -> Sequence[ChainProblem]:
        """Verifies the chain against the checkpoints in a file. Returns every fault; empty if the chain is intact.

        A chain that started shortly before `now` and has no checkpoint yet is intact.
        """
        known, problems = _read(file, keys)
        last_made = await self._database.query(self._last, {})
        number, before = _NOTHING
        began = now
        while rows := await self._database.query(self._sealed, {"after": number, "limit": _BATCH}):
            for row in rows:
                began = min(began, float(row[_AT]))
                problems += _check(row, number, before, known)
                number, before = row[0], row[1]
        if number and not known and (last_made or now - began > FIRST_CHECKPOINT_WITHIN):
            detail = f"no checkpoint in {file.name} covers the {number} sealed rows"
            problems.append(ChainProblem(ChainFault.NO_CHECKPOINT, 0, detail))
        last = max(known, default=0)
        if last > number:
            problems.append(
                ChainProblem(ChainFault.CUT, number + 1, f"rows {number + 1} to {last} are missing at the end")
            )
        return problems


def _check(row: Row, number: int, before: str, known: Mapping[int, Checkpoint]) -> Sequence[ChainProblem]:
    """The faults of the row after `number`."""
    mine, hash_, *content = row
    problems = []
    if mine != number + 1:
        problems.append(ChainProblem(ChainFault.GAP, number + 1, f"rows {number + 1} to {mine - 1} are missing"))
    elif link(mine, before, content) != hash_:
        problems.append(ChainProblem(ChainFault.CHANGED, mine, "the content is not what was sealed"))
    checkpoint = known.get(mine)
    if checkpoint is not None and checkpoint.hash != hash_:
        detail = "a checkpoint has another hash: this row, or an earlier one, was rewritten"
        problems.append(ChainProblem(ChainFault.CHANGED, mine, detail))
    return problems


def _read(file: Path, keys: KeySet) -> tuple[Mapping[int, Checkpoint], list[ChainProblem]]:
    """The checkpoints in a file by number, and the faults of the file."""
    known: dict[int, Checkpoint] = {}
    problems: list[ChainProblem] = []
    lines = file.read_bytes().decode("ascii", "replace").split() if file.exists() else []
    for count, line in enumerate(lines, 1):
        try:
            claims = verify(line, keys, SIGNATURE_ALGORITHMS, typ=_TYP).claims
            number, at = claims["number"], claims["at"]
            if not isinstance(number, int) or not isinstance(at, int | float):
                raise ValueError("number or at is not a number")
            made = Checkpoint(number, str(claims["hash"]), float(at), line)
        except (InvalidToken, KeyError, ValueError) as problem:
            detail = f"line {count} of {file.name} is not a checkpoint of this broker ({type(problem).__name__})"
            problems.append(ChainProblem(ChainFault.BAD_CHECKPOINT, 0, detail))
            continue
        if known.setdefault(made.number, made).hash != made.hash:
            detail = f"line {count} of {file.name} contradicts an earlier one"
            problems.append(ChainProblem(ChainFault.BAD_CHECKPOINT, made.number, detail))
    return known, problems


def append_line(file: Path, line: str) -> None:
    """Appends a line, flushed to disk before it counts."""
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "ab") as out:
        size = out.seek(0, os.SEEK_END)
        # a line truncated by a crash is invalid by itself and does not damage the next one
        whole = size == 0 or os.pread(out.fileno(), 1, size - 1) == b"\n"
        out.write((b"" if whole else b"\n") + line.encode("ascii") + b"\n")
        out.flush()
        os.fsync(out.fileno())

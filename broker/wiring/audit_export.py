"""Verification of an exported part of the audit record: its signature, and the hash chain of its rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from broker.crypto.jose import SIGNATURE_ALGORITHMS, InvalidToken, KeySet, strict_json, verify_detached
from broker.stores.sql.audit import COLUMNS
from broker.stores.sql.audit_chain import exported_link

EXPORT_TYP: Final = "audit-export+jws"


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What the verification of an export found: the numbers of its rows, and every fault."""

    first: int
    last: int
    rows: int
    faults: tuple[str, ...]


def verify_export(content: bytes, signature: str, keys: KeySet) -> ExportReport:
    """Verifies an export. The hash of the row before the first one is not in it, so the first row's is taken as it is;
    a checkpoint with one of the numbers shows that the rows are those of the broker's chain."""
    faults = []
    try:
        verify_detached(signature.strip(), content, keys, SIGNATURE_ALGORITHMS, EXPORT_TYP)
    except InvalidToken as problem:
        faults.append(f"the signature does not hold: {problem}")
    first = last = 0
    before = ""
    lines = content.splitlines()
    for count, line in enumerate(lines, 1):
        try:
            row = strict_json(line.decode())
            number, hash_, columns = _known(row)
        except (ValueError, InvalidToken) as problem:
            faults.append(f"line {count}: {problem}")
            continue
        if last and number != last + 1:
            faults.append(f"line {count}: rows {last + 1} to {number - 1} are missing")
        elif last and exported_link(number, before, columns) != hash_:
            faults.append(f"row {number}: the content is not what was sealed")
        first, last, before = first or number, number, hash_
    return ExportReport(first, last, len(lines), tuple(faults))


def _known(row: object) -> tuple[int, str, list[object]]:
    """The number, the hash and the columns of a row. Raises ValueError."""
    if not isinstance(row, Mapping) or not set(COLUMNS) <= row.keys():
        raise ValueError("not a row of the audit record")
    number, hash_ = row.get("number"), row.get("hash")
    if not isinstance(number, int) or not isinstance(hash_, str):
        raise ValueError("without a number or a hash")
    return number, hash_, [row[name] for name in COLUMNS]

"""Dates of a piece of evidence, compared with today and with each other, and what they say about its validity."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from broker.assisted.profiles import DateKind, EvidenceKind
from broker.normalize.dates import full_date


class DateFault(StrEnum):
    """What is impossible about a date."""

    IN_FUTURE = "in_future"
    BEFORE_ISSUE = "before_issue"
    BEFORE_BIRTH = "before_birth"


class Validity(StrEnum):
    """Validity of a document by its date of expiry: IN_DATE, EXPIRED within the grace of its kind, or OUT_OF_DATE."""

    IN_DATE = "in_date"
    EXPIRED = "expired"
    OUT_OF_DATE = "out_of_date"


@dataclass(frozen=True, slots=True)
class Term:
    """Date of expiry of a piece of evidence, and its validity on a day."""

    expires: str
    validity: Validity


def day(moment: float) -> str:
    """Day (UTC, YYYY-MM-DD) of a moment in seconds since 1970 UTC."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def date_faults(kind: EvidenceKind, details: Mapping[str, str], today: str, born: str = "") -> dict[str, DateFault]:
    """Impossible dates, by field: born, issued or known from a day in the future; expired before the issue; issued
    before the birth. `born` is the recorded birth date of the person, a partial date without a year counts as unknown.
    """
    dates = {name: (kind.fields[name].date_kind, value) for name, value in _dates(kind, details)}
    issued = max((value for what, value in dates.values() if what is DateKind.ISSUE), default="")
    faults: dict[str, DateFault] = {}
    for name, (what, value) in dates.items():
        if what is not DateKind.EXPIRY and value > today:
            faults[name] = DateFault.IN_FUTURE
        elif what is DateKind.EXPIRY and issued and value < issued:
            faults[name] = DateFault.BEFORE_ISSUE
        elif what is not DateKind.BIRTH and not born.startswith("0000") and value[: len(born)] < born:
            faults[name] = DateFault.BEFORE_BIRTH
    return faults


def term(kind: EvidenceKind, details: Mapping[str, str], today: str) -> Term | None:
    """Date of expiry and validity on a day; None if no date of expiry is recorded. Of several dates the first counts.

    A document is valid on the whole day of its expiry. A date that cannot be read counts as passed.
    """
    values = [
        value for name, value in details.items() if name in kind.fields and kind.fields[name].expiry and value.strip()
    ]
    if not values:
        return None
    expires = min(values, key=lambda value: full_date(value) or "")
    readable = full_date(expires) or ""
    if readable >= today:
        return Term(expires, Validity.IN_DATE)
    first_valid = (date.fromisoformat(today) - timedelta(days=kind.grace_days)).isoformat()
    return Term(expires, Validity.EXPIRED if readable >= first_valid else Validity.OUT_OF_DATE)


def _dates(kind: EvidenceKind, details: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in details.items():
        if name in kind.fields and kind.fields[name].dated and (readable := full_date(value)):
            yield name, readable

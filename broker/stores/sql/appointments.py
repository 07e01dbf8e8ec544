"""Appointments in SQL: a room of a place at a time belongs to one case, by a unique key.

A booking is written, and ended, in the transaction that saves its case: see `SqlCases`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Double, Text, Update, bindparam, literal_column, select, update

from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.model.appointment import Booking
from broker.stores.sql.centre_tables import bookings
from broker.stores.sql.database import Database, InsertRows

_FREES: Final = frozenset({CaseState.HELD, CaseState.APPROVED, CaseState.REVIEW})
"""States of an open case in which its appointment is over."""

ROOM_TAKEN: Final = ("place", "begins", "room")
"""The columns of the key that two citizens collide on."""


def booking_written(case_id: ColumnElement[str]) -> InsertRows:
    """The step of an atomic write that inserts the booking in the parameter `bookings`, if it is not there yet."""
    same = {"case_id": case_id, "is_live": literal_column("true")}
    return InsertRows(
        bookings, "bookings", ("booking_id", "place", "begins", "room", "ends"), same, key=("booking_id",)
    )


def other_bookings_ended(passed: ColumnElement[bool], case_id: ColumnElement[str]) -> Update:
    """The step that ends every booking of the case except the one in the parameter `booking`."""
    b = bookings.c
    mine = (b.case_id == case_id, b.is_live, b.booking_id != bindparam("booking", type_=Text))
    return update(bookings).where(passed, *mine).values(is_live=literal_column("false"))


def booking_values(case: Case) -> Mapping[str, object]:
    """The parameters of both steps."""
    made = case.appointment if case.open and case.state not in _FREES else None
    if made is None:
        return {"bookings": [], "booking": ""}
    row = {"booking_id": made.id, "place": made.place, "begins": made.begins, "room": made.room, "ends": made.ends}
    return {"bookings": [row], "booking": made.id}


class SqlBookings:
    """The bookings of places."""

    def __init__(self, database: Database) -> None:
        self._database = database
        b = bookings.c
        since, until = (bindparam(name, type_=Double) for name in ("since", "until"))
        live = (b.place == bindparam("place", type_=Text), b.begins >= since, b.begins < until, b.is_live)
        self._live = database.prepare(
            select(b.booking_id, b.case_id, b.place, b.room, b.begins, b.ends).where(*live).order_by(b.begins, b.room)
        )

    async def live(self, place: str, since: float, until: float) -> Sequence[Booking]:
        """The bookings of a place that begin between two moments, in order."""
        rows = await self._database.query(self._live, {"place": place, "since": since, "until": until})
        return [Booking(row[0], row[1], row[2], int(row[3]), float(row[4]), float(row[5])) for row in rows]

"""Used `jti`s of client assertions and request objects: replay protection (RFC 7523 3)."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Double, Exists, Insert, Text, bindparam, exists, insert, select

from broker.model.grant import AssertionUse
from broker.model.handle import sha256_hex as digest_of
from broker.stores.sql.database import Step
from broker.stores.sql.tables import used_jtis

TABLE: Final = used_jtis.name
"""The table in which a second use is a conflict."""


def insert_use() -> Step:
    """The step of an atomic write that inserts a use, if there is one. A second use is a conflict that rolls the
    write back."""
    columns: dict[str, ColumnElement[Any]] = {
        "client_id": bindparam("assertion_client", type_=Text),
        "jti": bindparam("assertion_jti", type_=Text),
        "expires": bindparam("assertion_expires", type_=Double),
    }

    def step(passed: ColumnElement[bool]) -> Insert:
        chosen = select(*columns.values()).where(passed, columns["client_id"].is_not(None))
        return insert(used_jtis).from_select(list(columns), chosen)

    return step


def recorded() -> Exists:
    """Whether a use is recorded, as part of a statement; false if there is none."""
    same = (
        used_jtis.c.client_id == bindparam("used_client", type_=Text),
        used_jtis.c.jti == bindparam("used_jti", type_=Text),
    )
    return exists(select(used_jtis.c.jti).where(*same))


def recorded_parameters(use: AssertionUse | None) -> Mapping[str, object]:
    """The parameters of `recorded`."""
    if use is None:
        return {"used_client": None, "used_jti": None}
    return {"used_client": use.client_id, "used_jti": digest_of(use.jti)}


def insert_parameters(use: AssertionUse | None) -> Mapping[str, object]:
    """The parameters of the step that inserts a use."""
    if use is None:
        return {"assertion_client": None, "assertion_jti": None, "assertion_expires": None}
    jti = digest_of(use.jti)
    return {"assertion_client": use.client_id, "assertion_jti": jti, "assertion_expires": use.expires}

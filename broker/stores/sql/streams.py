"""Streams of security events, the citizens they are about, and their events (OpenID Shared Signals Framework 1.0)."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import (
    BigInteger,
    Double,
    LargeBinary,
    Text,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)

from broker.crypto.seal import Sealer
from broker.model.audit import AuditEvent
from broker.model.event_stream import EventStream, StreamStatus
from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.model.service import PUBLIC_SECTOR
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql import audit
from broker.stores.sql.database import AtomicWrite, Conflict, Database
from broker.stores.sql.outbox import DeliveryRows, deliveries_written
from broker.stores.sql.signal_tables import event_streams, excluded_subjects
from broker.stores.sql.tables import authorization_codes, consents, deliveries, grants, pairwise_subjects

_CLIENT: Final = bindparam("client_id", type_=Text)
_SUB: Final = bindparam("sub", type_=Text)
_NOW: Final = bindparam("now", type_=Double)
_KIND: Final = literal_column(f"'{DeliveryKind.SECURITY_EVENT.value}'", Text)


class SqlStreams:
    """Streams in SQL: one for each service at most."""

    def __init__(self, database: Database, sealer: Sealer, audit_log: audit.SqlAudit) -> None:
        self._database = database
        self._audit = audit_log
        self._streams = SealedCodec(sealer, RecordCodec(EventStream))
        self._deliveries = DeliveryRows(sealer)
        s, d, x = event_streams.c, deliveries.c, excluded_subjects.c
        mine = and_(s.id == bindparam("id", type_=Text), s.client_id == _CLIENT)
        content = {
            "status": bindparam("status", type_=Text),
            "method": bindparam("method", type_=Text),
            "sealed": bindparam("sealed", type_=LargeBinary),
        }
        made = insert(event_streams).values(
            id=bindparam("id", type_=Text), client_id=_CLIENT, created=bindparam("created", type_=Double), **content
        )
        self._create = database.prepare(AtomicWrite(made.returning(s.id), (audit.insert_rows(),)))
        self._of_client = database.prepare(select(s.id, s.sealed).where(s.client_id == _CLIENT))
        kept = update(event_streams).where(mine).values(**content).returning(s.id)
        self._save = database.prepare(AtomicWrite(kept, (audit.insert_rows(),)))
        events = and_(d.kind == _KIND, d.client_id == _CLIENT, d.sent.is_(None), d.sealed.is_not(None))
        dropped = update(deliveries).where(events).values(sealed=null())
        self._end = database.prepare(AtomicWrite(kept, (lambda passed: dropped.where(passed), audit.insert_rows())))
        self._delete = database.prepare(
            AtomicWrite(
                delete(event_streams).where(mine).returning(s.id),
                (
                    lambda passed: dropped.where(passed),
                    lambda passed: delete(excluded_subjects).where(x.client_id == _CLIENT, passed),
                    audit.insert_rows(),
                ),
            )
        )
        rested = or_(s.verified.is_(None), s.verified <= bindparam("before", type_=Double))
        asked = update(event_streams).where(mine, rested).values(verified=_NOW).returning(s.id)
        self._verify = database.prepare(AtomicWrite(asked, (deliveries_written(),)))
        self._pending = database.prepare(
            select(d.id, d.sealed, d.tries)
            .where(events, d.expires > _NOW, d.created >= bindparam("since", type_=Double))
            .order_by(d.created, d.id)
            .limit(bindparam("limit", type_=BigInteger))
        )
        named = and_(events, database.among(d.id, "ids"))
        self._sent = database.prepare(update(deliveries).where(named).values(sent=_NOW, sealed=null()).returning(d.id))
        self._given_up = database.prepare(update(deliveries).where(named).values(sealed=null()).returning(d.id))
        p = pairwise_subjects.c
        known = and_(p.sector == bindparam("sector", type_=Text), p.sub == _SUB)
        excluded = database.upsert(excluded_subjects).from_select(
            ["client_id", "sub", "removed"], select(_CLIENT, p.sub, _NOW).where(known)
        )
        self._exclude = database.prepare(
            excluded.on_conflict_do_nothing(index_elements=["client_id", "sub"]).returning(x.sub)
        )
        self._include = database.prepare(
            delete(excluded_subjects).where(x.client_id == _CLIENT, x.sub == _SUB).returning(x.sub)
        )
        account = bindparam("account", type_=Text)
        met = [
            exists(select(table.c.client_id).where(table.c.account_id == account, table.c.client_id == _CLIENT))
            for table in (consents, grants, authorization_codes)
        ]
        alone = p.sector != literal_column(f"'{PUBLIC_SECTOR}'", Text)
        self._subject = database.prepare(
            select(p.sub).where(p.account_id == account, p.sector == bindparam("sector", type_=Text), or_(alone, *met))
        )
        self._is_excluded = database.prepare(select(x.sub).where(x.client_id == _CLIENT, x.sub == _SUB))

    async def create(self, stream: EventStream, event: AuditEvent) -> bool:
        """Writes a new stream; False, and nothing written, if the service has one."""
        try:
            await self._audit.perform(self._create, {**self._row(stream), "created": stream.created}, [event])
        except Conflict:
            return False
        return True

    async def of_client(self, client_id: str) -> EventStream | None:
        """Returns the stream of a service. One round trip."""
        rows = await self._database.query(self._of_client, {"client_id": client_id})
        return self._streams.read(rows[0][1], _place(rows[0][0])) if rows else None

    async def save(self, stream: EventStream, event: AuditEvent) -> bool:
        """Saves a stream; False if it was deleted meanwhile. The events that wait for a disabled one are dropped."""
        write = self._end if stream.status is StreamStatus.DISABLED else self._save
        return bool(await self._audit.perform(write, self._row(stream), [event]))

    async def delete(self, stream: EventStream, event: AuditEvent) -> bool:
        """Deletes a stream, with the events that wait and the subjects that were removed. False if there is none."""
        return bool(await self._audit.perform(self._delete, {"id": stream.id, "client_id": stream.client_id}, [event]))

    async def verify(self, stream: EventStream, delivery: OutboundDelivery, now: float, interval: float) -> bool:
        """Stores a verification event; False, and nothing written, if the last one was asked for within `interval`."""
        parameters = {"id": stream.id, "client_id": stream.client_id, "now": now, "before": now - interval}
        rows = {"deliveries": self._deliveries.rows([delivery])}
        return bool(await self._database.perform(self._verify, {**parameters, **rows}))

    async def pending(self, stream: EventStream, now: float, limit: int) -> Sequence[OutboundDelivery]:
        """Returns the events that wait for a service, the oldest first, since its stream was created."""
        parameters = {"client_id": stream.client_id, "now": now, "since": stream.created, "limit": limit}
        rows = await self._database.query(self._pending, parameters)
        found = [self._deliveries.read(*row) for row in rows]
        return [one for one in found if one is not None]

    async def mark_taken(self, client_id: str, ids: Sequence[str], now: float) -> None:
        """The service has these events: their content is erased."""
        await self._database.perform(self._sent, {"client_id": client_id, "ids": list(ids), "now": now})

    async def drop(self, client_id: str, ids: Sequence[str]) -> None:
        """These events are not sent: their content is erased."""
        await self._database.perform(self._given_up, {"client_id": client_id, "ids": list(ids)})

    async def exclude(self, client_id: str, sector: str, sub: str, now: float) -> None:
        """From now on the service receives no events about a citizen. Does nothing for an unknown `sub`."""
        await self._database.perform(self._exclude, {"client_id": client_id, "sector": sector, "sub": sub, "now": now})

    async def include(self, client_id: str, sub: str) -> None:
        """From now on the service receives events about a citizen again."""
        await self._database.perform(self._include, {"client_id": client_id, "sub": sub})

    async def subject(self, account: str, sector: str, client_id: str) -> str | None:
        """Returns the `sub` of an account at a service; None if the service does not know the citizen.

        The `sub` of services with public subjects is the same at all: there the service must have received an answer.
        """
        parameters = {"account": account, "sector": sector, "client_id": client_id}
        rows = await self._database.query(self._subject, parameters)
        return str(rows[0][0]) if rows else None

    async def is_excluded(self, client_id: str, sub: str) -> bool:
        """Whether the service wants no events about a citizen."""
        return bool(await self._database.query(self._is_excluded, {"client_id": client_id, "sub": sub}))

    def _row(self, stream: EventStream) -> Mapping[str, object]:
        return {
            "id": stream.id,
            "client_id": stream.client_id,
            "status": stream.status.value,
            "method": stream.method.value,
            "sealed": self._streams.write(stream, _place(stream.id)),
        }


def _place(stream: str) -> str:
    return f"event_streams:{stream}"

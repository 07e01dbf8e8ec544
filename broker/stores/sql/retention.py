"""Retention: deletes and erases old rows. Correctness does not depend on it: expiry is checked when a row is read.

Rows of evidence files are not among them: `actions.files.erasing` deletes the bytes first, then the row.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Column, Double, Integer, Table, Update, and_, bindparam, delete, exists, null, select, update

from broker.stores.sql.case_tables import freeze_links, saved_views, staff_attempts, staff_drafts, staff_sessions
from broker.stores.sql.centre_tables import bookings, exercises, incident_jobs, measured_cases, quality_samples
from broker.stores.sql.database import Database, Prepared
from broker.stores.sql.desk_tables import desk_answers, desk_counts
from broker.stores.sql.feedback_table import feedback
from broker.stores.sql.open_data_tables import disruptions, status_notes
from broker.stores.sql.passkey_tables import kept_identities, passkeys
from broker.stores.sql.people_tables import access_reviews, audit_exports, staff_changes, staff_people
from broker.stores.sql.signal_tables import client_tokens
from broker.stores.sql.tables import (
    authorization_codes,
    backchannel_requests,
    deliveries,
    grants,
    notifications,
    session_clients,
    sessions,
    sign_in_failures,
    tokens,
    used_jtis,
)

DAY: Final = 24 * 3600
_BATCH: Final = 500
_until: Final = bindparam("until", type_=Double)
_limit: Final = bindparam("limit", type_=Integer)


class Retention:
    """Deletes and erases in small batches, so that no request waits for it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._erasures = tuple(database.prepare(statement) for statement in _erasures())
        self._deletions = tuple(
            (database.prepare(_deletion(table, key, condition)), age) for table, key, condition, age in _KEPT
        )

    async def sweep(self, now: float) -> int:
        """Erases releases of expired grants, and the content of ended sessions and of expired notifications and
        backchannel requests; deletes rows that expired long ago. Returns the number of rows changed: 0 means that
        nothing is left to do now."""
        touched = 0
        for erasure in self._erasures:
            touched += await self._run(erasure, now)
        for deletion, age in self._deletions:
            touched += await self._run(deletion, now - age)
        return touched

    async def _run(self, prepared: Prepared, until: float) -> int:
        return len(await self._database.perform(prepared, {"until": until, "limit": _BATCH}))


def _first(key: "Column[Any]", *conditions: Any) -> Any:
    return key.in_(select(key).where(*conditions).limit(_limit).correlate(None))


def _erasures() -> tuple[Update, ...]:
    """Sealed content of expired records. A grant is over when its last token is."""
    live = exists(
        select(tokens.c.digest).where(
            tokens.c.grant_id == grants.c.id, tokens.c.revoked.is_(None), tokens.c.expires > _until
        )
    )
    over = _first(grants.c.id, grants.c.sealed.is_not(None), ~live)
    ended = _first(sessions.c.digest, sessions.c.sealed.is_not(None), sessions.c.expires <= _until)
    stale = _first(
        authorization_codes.c.digest, authorization_codes.c.sealed.is_not(None), authorization_codes.c.expires <= _until
    )
    unsent = _first(notifications.c.id, notifications.c.sealed.is_not(None), notifications.c.expires <= _until)
    undelivered = _first(deliveries.c.id, deliveries.c.sealed.is_not(None), deliveries.c.expires <= _until)
    unanswered = _first(
        backchannel_requests.c.id, backchannel_requests.c.sealed.is_not(None), backchannel_requests.c.expires <= _until
    )
    unscored = _first(
        quality_samples.c.id,
        quality_samples.c.sealed.is_not(None),
        quality_samples.c.scored.is_(None),
        quality_samples.c.expires <= _until,
    )
    return (
        update(quality_samples).where(unscored).values(sealed=null()).returning(quality_samples.c.id),
        update(grants).where(over).values(sealed=null()).returning(grants.c.id),
        update(sessions).where(ended).values(sealed=null(), browser=null()).returning(sessions.c.digest),
        update(authorization_codes).where(stale).values(sealed=null()).returning(authorization_codes.c.digest),
        update(notifications).where(unsent).values(sealed=null()).returning(notifications.c.id),
        update(deliveries).where(undelivered).values(sealed=null()).returning(deliveries.c.id),
        update(backchannel_requests).where(unanswered).values(sealed=null()).returning(backchannel_requests.c.id),
    )


_KEPT: Final = (
    (tokens, tokens.c.digest, tokens.c.expires <= _until, 7 * DAY),
    (
        grants,
        grants.c.id,
        and_(grants.c.expires <= _until, ~exists(select(tokens.c.digest).where(tokens.c.grant_id == grants.c.id))),
        7 * DAY,
    ),
    # a code records that its transaction was answered, and a transaction may live for a day
    (authorization_codes, authorization_codes.c.digest, authorization_codes.c.expires <= _until, 7 * DAY),
    (client_tokens, client_tokens.c.digest, client_tokens.c.expires <= _until, DAY),
    (used_jtis, used_jtis.c.jti, used_jtis.c.expires <= _until, DAY),
    (sessions, sessions.c.digest, sessions.c.expires <= _until, 7 * DAY),
    (session_clients, session_clients.c.sid, session_clients.c.expires <= _until, 7 * DAY),
    (deliveries, deliveries.c.id, deliveries.c.expires <= _until, 7 * DAY),
    (sign_in_failures, sign_in_failures.c.id, sign_in_failures.c.expires <= _until, 0),
    (kept_identities, kept_identities.c.digest, kept_identities.c.expires <= _until, 0),
    # those of an identity that is kept no longer; those of a case go with it
    (
        passkeys,
        passkeys.c.digest,
        and_(
            passkeys.c.owner.is_not(None),
            passkeys.c.created <= _until,
            ~exists(select(kept_identities.c.digest).where(kept_identities.c.digest == passkeys.c.owner)),
        ),
        0,
    ),
    (freeze_links, freeze_links.c.digest, freeze_links.c.expires <= _until, 0),
    (desk_answers, desk_answers.c.key, desk_answers.c.expires <= _until, 0),
    (desk_counts, desk_counts.c.mark, desk_counts.c.expires <= _until, 0),
    (staff_attempts, staff_attempts.c.digest, staff_attempts.c.expires <= _until, DAY),
    (staff_drafts, staff_drafts.c.case_id, staff_drafts.c.expires <= _until, 0),
    (bookings, bookings.c.booking_id, bookings.c.ends <= _until, 150 * DAY),
    (quality_samples, quality_samples.c.id, quality_samples.c.drawn <= _until, 400 * DAY),
    (exercises, exercises.c.id, exercises.c.asked <= _until, 400 * DAY),
    (incident_jobs, incident_jobs.c.id, incident_jobs.c.asked <= _until, 400 * DAY),
    (measured_cases, measured_cases.c.case_id, measured_cases.c.seen <= _until, 150 * DAY),
    (staff_sessions, staff_sessions.c.digest, staff_sessions.c.expires <= _until, 7 * DAY),
    # those that the directory deleted: each other entry says something about a person of today
    (
        staff_people,
        staff_people.c.id,
        and_(staff_people.c.source == "scim", staff_people.c.sealed.is_(None), staff_people.c.changed <= _until),
        400 * DAY,
    ),
    (staff_changes, staff_changes.c.id, staff_changes.c.expires <= _until, 400 * DAY),
    (access_reviews, access_reviews.c.member, access_reviews.c.at <= _until, 800 * DAY),
    (audit_exports, audit_exports.c.id, audit_exports.c.expires <= _until, 400 * DAY),
    (disruptions, disruptions.c.began, disruptions.c.ended <= _until, 400 * DAY),
    (status_notes, status_notes.c.id, status_notes.c.ended <= _until, 400 * DAY),
    (feedback, feedback.c.id, feedback.c.expires <= _until, 0),
    (saved_views, saved_views.c.member, saved_views.c.changed <= _until, 400 * DAY),
    (notifications, notifications.c.id, notifications.c.expires <= _until, 30 * DAY),
    (backchannel_requests, backchannel_requests.c.id, backchannel_requests.c.expires <= _until, 7 * DAY),
)
"""Retention periods: table, key, condition, seconds after expiry until deletion."""

AGES: Final[Mapping[str, int]] = {table.name: age for table, _, _, age in _KEPT}
"""Seconds after its expiry until a row is deleted, by the name of its table."""


def _deletion(table: Table, key: "Column[Any]", condition: Any) -> Any:
    return delete(table).where(_first(key, condition), condition).returning(key)

"""Records for the store tests, each one different from the last."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from broker.assisted.case import Case
from broker.assisted.case_records import Confirmation, Contact, ContactMethod, Details, HistoryEntry, Phrase, Role
from broker.assisted.case_states import CaseState
from broker.journey.transaction import Attempt, Transaction
from broker.journey.transaction import TransactionState as Standing
from broker.model.assurance import EvidenceType, Level, Verification, VerificationCheck, VerificationEvidence
from broker.model.audit import AuditEvent
from broker.model.grant import AssertionUse, AuthorizationCode, Grant, ReleasedIdentity, StoredToken
from broker.model.handle import sha256_hex
from broker.model.identity import Identity
from broker.model.notification import Notification, NotificationKind
from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.model.request import AuthorizationRequest, ResponseMode
from broker.model.session import Session
from broker.model.staff import StaffAttempt, StaffSession
from broker.model.store_results import AuthorizationWrite
from broker.stores.sql_stores import SqlStores

SERVICE = "passports"
SECTOR = "passports.example"
ISSUER = "https://provider.example"

VERIFICATION = Verification(
    trust_framework="example",
    level=Level.SUBSTANTIAL,
    time=1_799_000_000,
    claims=("name",),
    policy="policy",
    process="case-1",
    evidence=(
        VerificationEvidence(
            EvidenceType.DOCUMENT, (VerificationCheck("vpip", "an office", "check-1", 1_799_000_000),), {"number": "7"}
        ),
    ),
)


def request(**changes: Any) -> AuthorizationRequest:
    """A checked authorization request with something in every field."""
    asked = AuthorizationRequest(
        client_id=SERVICE,
        redirect_uri="https://passports.example/back",
        scope=("openid", "profile"),
        min_level=Level.SUBSTANTIAL,
        state="state",
        nonce="nonce",
        response_mode=ResponseMode.FORM_POST,
        code_challenge="challenge",
        prompt=("login",),
        max_age=60,
        claims={"userinfo": {"name": None, "email": {"essential": True}}},
        requested_claims=("name", "email"),
        ui_locales=("cy", "en"),
        dpop_jkt="thumbprint",
        par_digest="pushed-digest",
    )
    return replace(asked, **changes)


def identity(subject: str = "ann", **changes: Any) -> Identity:
    """An identity with a verification."""
    proven = Identity(
        provider="bank",
        issuer=ISSUER,
        subject=subject,
        level=Level.SUBSTANTIAL,
        amr=("hwk", "user"),
        auth_time=1_799_999_000,
        claims={"name": "Ann Example", "birthdate": "1970-01-01"},
        verification=VERIFICATION,
    )
    return replace(proven, **changes)


def transaction(now: float, **changes: Any) -> Transaction:
    """A transaction that was begun just now."""
    begun = Transaction(
        id="transaction-1",
        version=1,
        state=Standing.CHOOSING,
        browser=sha256_hex("browser-1"),
        request=request(),
        language="en",
        created=now,
        changed=now,
        expires=now + 3600,
        reference="ABCD-EFGH",
        order_seed=7,
        attempt=Attempt("attempt-1", "bank", "https://provider.example/go", now, now + 900, {"verifier": "v"}),
        identity=identity(),
    )
    return replace(begun, **changes)


def release(**changes: Any) -> ReleasedIdentity:
    """A logout delivery to a service."""
    released = ReleasedIdentity(
        subject="pairwise-proposed",
        level=Level.SUBSTANTIAL,
        amr=("hwk", "user"),
        auth_time=1_799_999_000,
        claims={"name": "Ann Example"},
        verification=VERIFICATION,
        asked_claims={"userinfo": {"name": None}},
        session="sid-1",
    )
    return replace(released, **changes)


def code(now: float, name: str = "1", **changes: Any) -> AuthorizationCode:
    """A code of a new transaction."""
    made = AuthorizationCode(
        digest=sha256_hex(f"code-{name}"),
        transaction=f"transaction-{name}",
        client_id=SERVICE,
        account=f"account-{name}",
        redirect_uri="https://passports.example/back",
        scope=("openid", "profile"),
        release=release(subject=f"pairwise-{name}", session=f"sid-{name}"),
        created=now,
        expires=now + 60,
        nonce="nonce",
        code_challenge="challenge",
        dpop_jkt="thumbprint",
        pushed=f"pushed-{name}",
    )
    return replace(made, **changes)


def session(now: float, name: str = "1", **changes: Any) -> Session:
    """A session of the broker's."""
    begun = Session(
        digest=sha256_hex(f"session-{name}"),
        id=f"sid-{name}",
        account=f"account-{name}",
        identity=identity(),
        created=now,
        used=now,
        expires=now + 3600,
    )
    return replace(begun, **changes)


def answer(now: float, name: str = "1", person: str = "ann", **changes: Any) -> AuthorizationWrite:
    """One authorization to record, with newly drawn ids."""
    made = AuthorizationWrite(
        issuer=ISSUER,
        identity_subject=person,
        provider="bank",
        level=Level.SUBSTANTIAL,
        account=f"account-{name}",
        sector=SECTOR,
        subject=f"pairwise-{name}",
        code=code(now, name),
        shared=("name",),
        session=session(now, name),
        events=(event(now, "service_answered", transaction=f"transaction-{name}"),),
        fact=f"answer-{name}",
    )
    return replace(made, **changes)


def event(now: float, kind: str = "something_happened", **changes: Any) -> AuditEvent:
    """An audit event."""
    return replace(AuditEvent(kind, now, "citizen", client_id=SERVICE, details={"level": "low"}), **changes)


def grant(code: AuthorizationCode, now: float, name: str = "1", **changes: Any) -> Grant:
    """What becomes of a code."""
    made = Grant(
        id=f"grant-{name}",
        client_id=code.client_id,
        account=code.account,
        scope=code.scope,
        release=code.release,
        created=now,
        expires=now + 86_400,
        nonce=code.nonce,
        dpop_jkt=code.dpop_jkt,
    )
    return replace(made, **changes)


def tokens(now: float, name: str = "1") -> tuple[StoredToken, StoredToken]:
    """An access token of five minutes and a refresh token of a day."""
    access = StoredToken(sha256_hex(f"access-{name}"), "access", now, now + 300)
    return access, StoredToken(sha256_hex(f"refresh-{name}"), "refresh", now, now + 86_400)


def assertion(now: float, jti: str = "jti-1", client_id: str = SERVICE) -> AssertionUse:
    """One use of a client assertion."""
    return AssertionUse(client_id, jti, now + 60)


def case(now: float, name: str = "1", **changes: Any) -> Case:
    """A verification case that was just opened."""
    made = Case(
        id=f"case-{name}",
        version=1,
        state=CaseState.DRAFT,
        transaction=f"transaction-{name}",
        browser=sha256_hex("browser-1"),
        client_id=SERVICE,
        level=Level.SUBSTANTIAL,
        claims=("name", "birthdate"),
        language="cy",
        reference=f"CASE-{name}",
        phrase=Phrase("river", "lamp"),
        created=now,
        changed=now,
        expires=now + 16 * 86_400,
        deadline=now + 86_400,
        continuation=sha256_hex(f"continuation-{name}"),
        confirmation=Confirmation(sha256_hex("123456"), ContactMethod.EMAIL, now, now + 600),
        contact=Contact(ContactMethod.EMAIL, "ann@example.org"),
        details=Details({"name": "Ann Example"}),
        history=(HistoryEntry(now, "help_requested", "citizen", Role.CITIZEN, None, CaseState.DRAFT),),
    )
    return replace(made, **changes)


def notice(now: float, name: str = "1", **changes: Any) -> Notification:
    """A notice that has to go out."""
    fields: Mapping[str, str] = {"code": "123456"}
    made = Notification(
        f"notice-{name}", NotificationKind.CODE, "email", "ann@example.org", "cy", now, now + 600, fields, "case-1"
    )
    return replace(made, **changes)


def staff_session(now: float, name: str = "1", **changes: Any) -> StaffSession:
    """A member of staff, signed in."""
    digest_, ends = sha256_hex(f"staff-{name}"), now + 3600
    begun = StaffSession(digest_, "agent-1", "subject-1", "high", ("hwk",), int(now), now, now, ends)
    return replace(begun, **changes)


def staff_attempt(now: float, name: str = "1") -> StaffAttempt:
    """A member of staff on the way to the staff provider."""
    return StaffAttempt(sha256_hex(f"attempt-{name}"), sha256_hex("b"), now + 600, "/queue", "agent-1", {"nonce": "n"})


def delivery(now: float, name: str = "1", **changes: Any) -> OutboundDelivery:
    """A logout token to deliver to the service."""
    content = {"sid": f"sid-{name}", "sub": f"pairwise-{name}"}
    made = OutboundDelivery(f"logout:{name}", DeliveryKind.LOGOUT, SERVICE, now, now + 3600, content)
    return replace(made, **changes)


async def claim_due(sql: SqlStores, now: float, until: float, limit: int = 10) -> Sequence[OutboundDelivery]:
    """Claims the deliveries that are due, of every kind and service, the oldest first."""
    lanes = [sql.deliveries.lane(*which) for which in await sql.deliveries.due(now)]
    found = [one for lane in lanes for one in await lane.claim(now, until, limit)]
    return sorted(found, key=lambda one: (one.created, one.id))

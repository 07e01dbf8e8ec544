"""A database with rows in every table, and records with a value in every field: what an upgrade has to preserve.

`fill` writes it through the stores, `database_dumps` makes the files in `dumps/` of it, `test_upgrade` reads them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any, Final

from broker.assisted.case import Case
from broker.assisted.case_records import (
    Channel,
    CheckOutcome,
    CheckRecord,
    Confirmation,
    Contact,
    ContactMethod,
    Decision,
    Details,
    EvidenceRecord,
    Flag,
    HistoryEntry,
    IdentityBinding,
    IndependentReview,
    Note,
    Phrase,
    Review,
    Role,
    Safety,
    Verdict,
)
from broker.assisted.case_row import CaseFilter
from broker.assisted.case_states import CaseState
from broker.assisted.case_work import CaseWork
from broker.assisted.incidents import IncidentJob
from broker.journey.figures import FigureKey, FigureLine, PublishedDay
from broker.model.assurance import EvidenceType, Level, Verification, VerificationCheck, VerificationEvidence
from broker.model.audit import AuditEvent
from broker.model.audit_export import AuditExport, ExportReason
from broker.model.backchannel_request import BackchannelRequest, BackchannelState
from broker.model.client_token import ClientToken
from broker.model.desk import DeskAnswer, Use
from broker.model.disruption import Disruption, DisruptionKind
from broker.model.event_stream import DeliveryMethod, EventStream, StreamStatus
from broker.model.evidence_file import EvidenceFile, FileContent, FileKind, FilePurpose, FileState
from broker.model.feedback import Feedback, FeedbackWords, Rating
from broker.model.freeze_link import FreezeLink
from broker.model.grant import OFFLINE_ACCESS, AssertionUse, AuthorizationCode, Grant, ReleasedIdentity, StoredToken
from broker.model.handle import sha256_hex
from broker.model.identity import Identity
from broker.model.kill_switches import KillSwitchKind
from broker.model.notification import Notification, NotificationKind, Recipient
from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.model.passkey import KeptIdentity, KeptReach, NewlyKept, Passkey
from broker.model.release import ClaimRelease
from broker.model.service_entry import ServiceEntry
from broker.model.session import EndedSession, Session
from broker.model.staff import StaffAttempt, StaffSession
from broker.model.staff import StaffRole as R
from broker.model.staff_people import (
    AccessReview,
    ChangeReason,
    PeopleWrite,
    StaffChange,
    StaffEntry,
    StaffSource,
    WriteOutcome,
)
from broker.model.status_note import StatusNote
from broker.model.store_results import AuthorizationWrite, AuthorizationWritten, CreateCaseResult, RedeemResult
from broker.stores.sql.audit_chain import CheckpointSigner
from broker.stores.sql_stores import SqlStores

SEALING_KEY: Final = b"the sealing key of the dumps, 32"
NOW: Final = 1_800_000_000.0
"""When everything was written, in seconds since 1970 UTC. Codes are valid for another minute."""

ISSUER: Final = "https://bank.example"
PASSPORTS: Final = ("passports", "passports.example")
TAX: Final = ("tax", "tax.example")
"""Services: client id and sector."""
PEOPLE: Final = ("ann", "bob", "cat", "dan", "eve")

VERIFICATION: Final = Verification(
    trust_framework="eidas",
    level=Level.HIGH,
    time=1_799_000_000,
    claims=("given_name", "birthdate"),
    policy="policy-1",
    procedure="procedure-1",
    process="process-1",
    evidence=(
        VerificationEvidence(
            EvidenceType.VOUCH, (VerificationCheck("vpip", "an office", "check-1", 1_799_000_000),), {"number": "7"}
        ),
    ),
)


def identity(person: str) -> Identity:
    """Identity of a person, as a provider returns it."""
    return Identity(
        provider="bank",
        issuer=ISSUER,
        subject=f"{person}-at-bank",
        level=Level.SUBSTANTIAL,
        amr=("hwk", "user"),
        auth_time=1_799_999_000,
        claims={"given_name": person.title(), "birthdate": "1970-01-01"},
        verification=VERIFICATION,
        id_token=f"id-token-of-{person}",
    )


def release(person: str) -> ReleasedIdentity:
    """What a service learns of a person."""
    return ReleasedIdentity(
        subject=f"sub-of-{person}-passports",
        level=Level.SUBSTANTIAL,
        amr=("hwk", "user"),
        auth_time=1_799_999_000,
        claims={"given_name": person.title(), "address": {"locality": "Ardle"}},
        verification=VERIFICATION,
        asked_claims={"userinfo": {"given_name": None}},
        session=f"sid-{person}",
        provider="bank",
        max_age_asked=True,
    )


def code(person: str) -> AuthorizationCode:
    """The code of a person's sign-in."""
    return AuthorizationCode(
        digest=sha256_hex(f"code-{person}"),
        transaction=f"transaction-{person}",
        client_id="passports",
        account=f"account-{person}",
        redirect_uri="https://passports.example/back",
        scope=("openid", "profile"),
        release=release(person),
        created=NOW,
        expires=NOW + 60,
        nonce="nonce",
        code_challenge="challenge",
        dpop_jkt="thumbprint",
        pushed=f"pushed-{person}",
    )


def session(person: str) -> Session:
    """A person's session."""
    return Session(
        sha256_hex(f"session-{person}"),
        f"sid-{person}",
        f"account-{person}",
        identity(person),
        NOW,
        NOW + 1,
        NOW + 3600,
    )


def answer(person: str, service: tuple[str, str] = PASSPORTS) -> AuthorizationWrite:
    """A sign-in of a person at a service."""
    client_id, sector = service
    made = replace(
        code(person),
        client_id=client_id,
        release=replace(release(person), subject=f"sub-of-{person}-{client_id}"),
    )
    if service != PASSPORTS:
        made = replace(
            made,
            digest=sha256_hex(f"code-{person}-{client_id}"),
            transaction=f"transaction-{person}-{client_id}",
            pushed=f"pushed-{person}-{client_id}",
        )
    return AuthorizationWrite(
        issuer=ISSUER,
        identity_subject=f"{person}-at-bank",
        provider="bank",
        level=Level.SUBSTANTIAL,
        account=f"account-{person}",
        sector=sector,
        subject=f"sub-of-{person}-{client_id}",
        code=made,
        shared=("given_name", "address"),
        session=session(person),
        events=(event("service_answered", transaction=made.transaction),),
        fact=f"answer-{made.transaction}",
    )


def grant(person: str, scope: tuple[str, ...] = ("openid", "profile")) -> Grant:
    """What a person's code becomes."""
    return Grant(
        id=f"grant-{person}",
        client_id="passports",
        account=f"account-{person}",
        scope=scope,
        release=release(person),
        created=NOW,
        expires=NOW + 86_400,
        nonce="nonce",
        dpop_jkt="thumbprint",
    )


def tokens(person: str) -> tuple[StoredToken, StoredToken]:
    """An access token with everything that it may be bound to, and a refresh token."""
    access = StoredToken(sha256_hex(f"access-{person}"), "access", NOW, NOW + 300, "other-thumbprint", "x5t", "openid")
    return access, StoredToken(sha256_hex(f"refresh-{person}"), "refresh", NOW, NOW + 86_400)


def assertion(jti: str) -> AssertionUse:
    """One use of a client assertion."""
    return AssertionUse("passports", jti, NOW + 60)


def event(kind: str, **changes: Any) -> AuditEvent:
    """An audit event of a citizen at a service."""
    return replace(AuditEvent(kind, NOW, "citizen", client_id="passports", details={"level": "low"}), **changes)


EVERY_EVENT: Final = AuditEvent("k", NOW + 0.123456, "a", "t", "c", "s", "p", "acc", "g", {"b": "2", "a": "ü\n\"'"})
"""An audit event with a value in every field."""


def case(name: str, **changes: Any) -> Case:
    """A verification case with a value in every field."""
    check = CheckRecord("photo", CheckOutcome.COULD_NOT, "agent-1", NOW, "blurred", overridden=True)
    made = Case(
        id=f"case-{name}",
        version=1,
        state=CaseState.CLAIMED,
        transaction=f"case-transaction-{name}",
        browser=sha256_hex("browser"),
        client_id="passports",
        level=Level.SUBSTANTIAL,
        claims=("given_name", "birthdate"),
        language="cy",
        reference=f"CASE-{name}",
        phrase=Phrase("river", "lamp"),
        created=NOW - 100,
        changed=NOW,
        expires=NOW + 16 * 86_400,
        edit_version=3,
        deadline=NOW + 86_400,
        queued=NOW - 50,
        lease=NOW + 900,
        requester="agent-9",
        continuation=sha256_hex(f"continuation-{name}"),
        moved=True,
        confirmation=Confirmation(sha256_hex("123456"), ContactMethod.EMAIL, NOW, NOW + 600),
        codes_sent=2,
        contact=Contact(ContactMethod.EMAIL, "ann@example.org"),
        safety=Safety(someone_with_me=True, unsafe=True),
        channel=Channel.VIDEO,
        details=Details({"given_name": "Ann"}, ("given_name",), "agent-1", NOW),
        evidence=(EvidenceRecord("e-1", "passport", EvidenceType.DOCUMENT, "agent-1", NOW, {"number": "7"}, (check,)),),
        checks=(check,),
        phrase_verified=True,
        agent="agent-1",
        verdict=Verdict(
            "agent-1", NOW, Decision.REFER, ("unsure",), "a note", Level.LOW, "m1a", "profiles-1", in_training=True
        ),
        second_review_reasons=("correction",),
        reviewer="reviewer-1",
        independent_review=IndependentReview("reviewer-1", NOW, Decision.APPROVE, ("clear",), "a view"),
        review=Review("reviewer-1", NOW, agrees=True, reasons=("clear",), note="agreed"),
        late=True,
        flags=(Flag("agent-1", NOW, "coercion"),),
        notes=(Note("agent-1", NOW, "opened by reference"),),
        conflicts_of_interest=("agent-2",),
        fingerprints=("mark-document", f"mark-{name}"),
        queue_round=2,
        more_asked=1,
        binding=IdentityBinding(
            "case-subject",
            NOW,
            Level.LOW,
            ("otp",),
            asking_browser=True,
            code=True,
            words=True,
            way=ContactMethod.PHONE,
        ),
        erased=True,
        history=(HistoryEntry(NOW, "claimed", "agent-1", Role.AGENT, CaseState.QUEUED, CaseState.CLAIMED, "taken"),),
    )
    return replace(made, **changes)


CASES: Final = (
    case("claimed"),
    case("queued", state=CaseState.QUEUED, agent=None, lease=None, deadline=NOW + 10),
    case("declined", state=CaseState.DECLINED, continuation=None, deadline=None, lease=None),
)


def freeze_link(case_id: str) -> FreezeLink:
    """A link that stops the identity of a case."""
    return FreezeLink(
        f"digest-{case_id}", case_id, "ABCD-2345", NOW, NOW + 600, (Recipient("email", "ann@example.org", "cy"),)
    )


def desk_answer(case_id: str) -> DeskAnswer:
    """The stored answer of a desk's call that changed a case."""
    return DeskAnswer("post", f"key-{case_id}", "digest", 200, b"{}", NOW + 86_400)


def notice(name: str) -> Notification:
    """A notification with a value in every field."""
    fields = {"code": "123456"}
    return Notification(
        f"n-{name}", NotificationKind.CODE, "email", "ann@example.org", "cy", NOW, NOW + 600, fields, "case-1"
    )


def question(name: str, **changes: Any) -> BackchannelRequest:
    """A backchannel request with a value in every field."""
    made = BackchannelRequest(
        id=f"question-{name}",
        client_id="passports",
        created=NOW,
        expires=NOW + 600,
        code=f"QCODE-{name.upper()}",
        minimum=Level.SUBSTANTIAL,
        scope=("openid", "profile"),
        asked=("given_name",),
        message="Order 17: parking",
        handle=f"ciba-{name}",
        account="account-ann",
        subject="sub-of-ann-passports",
        case="case-claimed",
        token="notification-token-of-32-characters",
    )
    return replace(made, **changes)


def passkey(name: str, owner: str | None = None, case_id: str | None = None) -> Passkey:
    """A passkey with a value in every field."""
    credential = f"credential-{name}".encode()
    return Passkey(
        digest=sha256_hex(f"credential-{name}"),
        credential=credential,
        public_key=b"a public key in COSE form",
        user_handle=f"handle-{name}".encode(),
        device_bound=True,
        name="Ann's telephone",
        created=NOW,
        sign_count=3,
        owner=owner,
        case=case_id,
    )


REACHED: Final = KeptReach((Recipient("email", "eve@example.org", "cy"),), NOW + 60 * 86_400, "case-declined")


def kept(sql: SqlStores, person: str) -> KeptIdentity:
    """A kept identity of a person's bank."""
    mine = replace(identity(person), issuer="https://identity.example/kept", subject=f"kept-{person}")
    key = sql.kept_identities.key(mine.issuer, mine.subject)
    return KeptIdentity(key, mine, NOW, NOW + 90 * 86_400)


STAFF_SESSION: Final = StaffSession(
    sha256_hex("staff"), "agent-1", "staff-subject", "high", ("hwk",), 1_799_999_999, NOW, NOW, NOW + 3600
)
STAFF_ENTRY: Final = StaffEntry(
    "agent-2",
    StaffSource.SCIM,
    frozenset({R.AGENT}),
    frozenset({R.LEAD}),
    subject="subject-2",
    user_name="two@x",
    name="Two",
)
STAFF_CHANGE: Final = StaffChange(
    "change_1", "agent-2", frozenset(), frozenset({R.AGENT}), ChangeReason.JOINED, "agent-1", NOW, NOW + 86_400
)
STAFF_WRITE: Final = PeopleWrite((), NOW, entry=STAFF_ENTRY, proposed=STAFF_CHANGE)
STAFF_ATTEMPT: Final = StaffAttempt(
    sha256_hex("staff-attempt"), sha256_hex("browser"), NOW + 600, "/queue", "agent-1", {"nonce": "n"}
)


CLIENT_TOKEN: Final = ClientToken(sha256_hex("own"), "passports", "ssf.read", NOW, NOW + 3600, "thumbprint", "x5t")
EVIDENCE_FILE: Final = EvidenceFile(
    "file-1",
    "case-claimed",
    FileKind.VIDEO,
    FileState.READY,
    NOW,
    NOW + 86_400,
    "folder",
    FileContent(FilePurpose.PERSON, b"k" * 32, "video/mp4", 1000, "ab" * 32, 640, 480, 8.0, ("say:river",)),
)
STREAM: Final = EventStream(
    "stream-passports",
    "passports",
    NOW,
    StreamStatus.PAUSED,
    DeliveryMethod.PUSH,
    "https://passports.example/events",
    "Bearer of-passports",
    ("event-a",),
    "events of passports",
    "a pause",
)


def fan_out(ended: EndedSession) -> Sequence[OutboundDelivery]:
    """A logout token for each service of a session that has ended."""
    return [
        OutboundDelivery(f"logout:{ended.id}:{client}", DeliveryKind.LOGOUT, client, NOW, NOW + 3600, {"sub": subject})
        for client, subject in ended.services.items()
    ]


async def fill(sql: SqlStores, notary: CheckpointSigner) -> None:
    """Writes rows into every table, through the stores, at the moment NOW."""
    await sql.counters.raise_epoch("olu", NOW)
    await sql.counters.ask_reload("olu", NOW)
    await _fill_people(sql)
    await _fill_questions(sql)
    await sql.audit_chain.seal_once()
    await sql.audit_chain.checkpoint(NOW, notary)
    await _fill_cases(sql)
    await _fill_switches(sql)
    await sql.staff_sessions.start(STAFF_SESSION, None, [event("staff_signed_in")])
    await sql.staff_sessions.store_attempt(STAFF_ATTEMPT)
    assert await sql.people.write(STAFF_WRITE) is WriteOutcome.DONE
    await sql.people.review(AccessReview("agent-1", "agent-2", NOW, frozenset({R.AGENT}), kept=True), event("reviewed"))
    export = AuditExport("export_1", "agent-1", NOW, ExportReason.AUDIT, 0.0, NOW, NOW + 86_400)
    await sql.audit_exports.ask(export, event("audit_export_asked"))
    job = IncidentJob("incident_1", "agent-1", NOW, "hold", "incident", CaseFilter(language="cy"))
    await sql.incidents.add(job, event("incident_asked"))
    await sql.client_tokens.issue(CLIENT_TOKEN, None, event("own_token_issued"))
    await sql.streams.create(STREAM, event("stream_created"))
    await sql.streams.exclude("passports", PASSPORTS[1], "sub-of-eve-passports", NOW)
    await sql.audit.write([EVERY_EVENT])
    await sql.audit_chain.seal_once()
    await sql.audit_chain.checkpoint(NOW + 1, notary)
    down = Disruption("bank", DisruptionKind.OUTAGE, NOW - 600, NOW - 60)
    assert await sql.disruptions.record(NOW, lambda _lasting, _last: [down]) == [down]
    written = Feedback(
        "feedback_1", NOW, NOW + 86_400, Rating.GOOD, "en", public=True, words=FeedbackWords("It works.")
    )
    note = StatusNote("note-1", "bank", NOW - 600, NOW, {"en": "They repair it."})
    await sql.status_notes.write(note, event("status_note_written"))
    registered = ServiceEntry("passports", NOW, "low", ("address",))
    assert await sql.service_entries.record(lambda _: [registered]) == [registered]
    await sql.feedback.give(written, event("feedback_given"))
    released = ClaimRelease("passports", "address", NOW - 60, NOW)
    assert (await sql.claim_releases.count_sealed(lambda _: [released]))[1] == [released]
    assert await sql.figures.publish(PublishedDay("2027-01-14", 1, NOW, "", (FigureLine("started", "", 40),)))
    assert await sql.figures.count_sealed(lambda _: {FigureKey("2027-01-15", "kept", ""): 3})
    await sql.audit.write([event("written_after_the_checkpoint")])


async def _fill_people(sql: SqlStores) -> None:
    """Ann: live tokens. Bob: a code not redeemed. Cat: two services, signed out. Dan: disabled. Eve: offline access."""
    for person in PEOPLE:
        assert await sql.authorizations.record(answer(person)) == AuthorizationWritten(
            f"account-{person}", f"sub-of-{person}-passports"
        )
    assert await sql.authorizations.record(answer("cat", TAX)) == AuthorizationWritten("account-cat", "sub-of-cat-tax")
    for person, scope in (("ann", ("openid", "profile")), ("cat", ("openid",)), ("eve", ("openid", OFFLINE_ACCESS))):
        made = grant(person, scope)
        use = assertion(f"jti-{person}")
        assert await sql.grants.redeem(sha256_hex(f"code-{person}"), made, tokens(person), use, ()) is RedeemResult.DONE
    rotated = (
        StoredToken(sha256_hex("access-eve-2"), "access", NOW, NOW + 300),
        StoredToken(sha256_hex("refresh-eve-2"), "refresh", NOW, NOW + 86_400),
    )
    assert await sql.grants.rotate(sha256_hex("refresh-eve"), rotated, NOW, ()) is RedeemResult.DONE
    assert await sql.grants.revoke(sha256_hex("refresh-cat"), "passports", NOW, event("token_revoked"))
    assert await sql.grants.use_assertion(assertion("jti-alone"))
    assert await sql.sessions.end(sha256_hex("session-cat"), event("session_ended"), fan_out) is not None
    hers = kept(sql, "eve")
    key = passkey("eve", hers.key, "case-declined")
    new = NewlyKept(hers, key, "passkey", REACHED)
    assert await sql.kept_identities.keep(session("eve"), new, [event("passkey_added")])
    assert await sql.passkeys.use(key, 4, NOW)
    assert await sql.kept_identities.freeze(hers.key, event("frozen"), event("session_ended"), fan_out)


async def _fill_questions(sql: SqlStores) -> None:
    """One that waits, one that was declined and whose client is to be pinged, one of staff without an account."""
    use = AssertionUse("/requests/passports", "jti-question", NOW + 60)
    assert await sql.questions.create(question("waiting"), use, [notice("question")], ()) is RedeemResult.DONE
    assert await sql.questions.create(question("declined"), None, (), ()) is RedeemResult.DONE
    staff = question("staff", account=None, subject=None, handle="", token=None)
    assert await sql.questions.create(staff, None, (), ()) is RedeemResult.DONE
    assert await sql.questions.end("question-declined", BackchannelState.DECLINED, NOW, [event("declined")])
    await sql.questions.poll(sha256_hex("ciba-waiting"), "passports", NOW, None)


async def _fill_cases(sql: SqlStores) -> None:
    for made in CASES:
        created = await sql.cases.create(
            made,
            [event("case_created", case=made.id)],
            CaseWork((notice(made.id),), freeze_links=(freeze_link(made.id),), answers=(desk_answer(made.id),)),
        )
        assert created is CreateCaseResult.DONE
    assert await sql.desks.count(Use("case:case-claimed", "post:key", 3), NOW, NOW + 60) == 1
    assert [await sql.cases.count_attempt("case-claimed", "code", 5) for _ in range(2)] == [1, 2]
    assert await sql.evidence_files.begin(EVIDENCE_FILE, 8, NOW)
    await sql.notices.lane("email").mark_sent("n-case-declined", NOW)


async def _fill_switches(sql: SqlStores) -> None:
    for kind, identifier in (
        (KillSwitchKind.PROVIDER, "bank"),
        (KillSwitchKind.SERVICE, "tax"),
        (KillSwitchKind.ACCOUNT, "account-dan"),
    ):
        assert await sql.kill_switches.turn_off(kind, identifier, "a reason", "olu", NOW, fan_out)
    await sql.kill_switches.pause("card", {"en": "a pause"}, NOW + 60, "olu", NOW)


def empty_fields(record: object, path: str = "") -> Iterator[str]:
    """The fields of a record, and of the records in it, with their default value: losing one would go unnoticed."""
    if not is_dataclass(record) or isinstance(record, type):
        items: Sequence[object] = record if isinstance(record, tuple) else ()
        for one in items:
            yield from empty_fields(one, f"{path}[]")
        return
    for field in fields(record):
        value, name = getattr(record, field.name), f"{path}.{field.name}"
        made = field.default_factory() if field.default_factory is not MISSING else field.default
        if value == made:
            yield name
        yield from empty_fields(value, name)

"""Security events to services: CAEP 1.0 and RISC 1.0 events in Security Event Tokens (RFC 8417, Shared Signals 1.0).

`security_events` makes the deliveries of a fact; a store writes them in the transaction of the fact. A delivery names
the account. Its `sub` at the service is looked up when it is sent, and `set_claims` makes the token then.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from broker.model.assurance import Level
from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.model.security_event import Happened, HappenedKind, InitiatingEntity
from broker.model.service import Service
from broker.oidc.session_management import session_id
from broker.platform import base64url

SET_TYPE: Final = "secevent+jwt"
"""`typ` of a Security Event Token (RFC 8417 2.3)."""

KEEP_FOR: Final = 7 * 86_400
"""Seconds for which an event waits for a service that is unreachable, paused, or does not poll."""

CAEP: Final = "https://schemas.openid.net/secevent/caep/event-type/"
RISC: Final = "https://schemas.openid.net/secevent/risc/event-type/"
SSF: Final = "https://schemas.openid.net/secevent/ssf/event-type/"

SESSION_REVOKED: Final = f"{CAEP}session-revoked"
CREDENTIAL_CHANGE: Final = f"{CAEP}credential-change"
LEVEL_CHANGE: Final = f"{CAEP}assurance-level-change"
ACCOUNT_DISABLED: Final = f"{RISC}account-disabled"
ACCOUNT_ENABLED: Final = f"{RISC}account-enabled"
ACCOUNT_PURGED: Final = f"{RISC}account-purged"
VERIFICATION: Final = f"{SSF}verification"

SUPPORTED: Final = (
    SESSION_REVOKED,
    CREDENTIAL_CHANGE,
    LEVEL_CHANGE,
    ACCOUNT_DISABLED,
    ACCOUNT_ENABLED,
    ACCOUNT_PURGED,
)
"""Events that a service may request. Those of the framework itself are always sent."""

_EVENTS: Final[Mapping[HappenedKind, tuple[str, ...]]] = {
    HappenedKind.SESSION_ENDED: (SESSION_REVOKED,),
    HappenedKind.IDENTITY_REVOKED: (ACCOUNT_DISABLED, SESSION_REVOKED),
    HappenedKind.ACCOUNT_FROZEN: (ACCOUNT_DISABLED,),
    HappenedKind.ACCOUNT_RELEASED: (ACCOUNT_ENABLED,),
    HappenedKind.LEVEL_CHANGED: (LEVEL_CHANGE,),
    HappenedKind.PASSKEY_CREATED: (CREDENTIAL_CHANGE,),
    HappenedKind.PASSKEY_REVOKED: (CREDENTIAL_CHANGE,),
    HappenedKind.ACCOUNT_ERASED: (ACCOUNT_PURGED,),
    HappenedKind.DISOWNED: (SESSION_REVOKED,),
    HappenedKind.AGREEMENT_WITHDRAWN: (SESSION_REVOKED,),
}
_CHANGES: Final[Mapping[HappenedKind, str]] = {
    HappenedKind.PASSKEY_CREATED: "create",
    HappenedKind.PASSKEY_REVOKED: "revoke",
}
_REASONS: Final[Mapping[str, Mapping[str, str]]] = {
    SESSION_REVOKED: {
        InitiatingEntity.USER: "The citizen ended the session",
        InitiatingEntity.ADMIN: "An administrator ended the session",
        InitiatingEntity.POLICY: "A rule of the identity provider ended the session",
        InitiatingEntity.SYSTEM: "The identity provider ended the session",
        HappenedKind.DISOWNED: "The citizen reports that it was not they who signed in",
    },
    CREDENTIAL_CHANGE: {"create": "A passkey was added", "revoke": "A passkey was removed"},
}
"""`reason_admin` of events by who caused them, or by what changed (CAEP Interoperability Profile 1.0, 3)."""
_ID: Final = "event:"
_STREAM: Final = "stream"
"""Member of `content` with the id of a stream, in events about the stream itself."""

_MEMBERS: Final = "event."
"""Prefix of the members of `content` that are members of the event."""


def security_events(happened: Happened, services: Mapping[str, Service]) -> Sequence[OutboundDelivery]:
    """Returns the deliveries of a fact: its events, for each service that may receive events.

    With `happened.subjects` only these services get one. A delivery to a service that has no stream, did not request
    the event, or does not know the citizen is dropped when it is due.
    """
    known = happened.subjects
    receivers = [
        one for one in services.values() if one.own.receives_events and (known is None or one.client_id in known)
    ]
    return [_delivery(happened, event, one) for one in receivers for event in _EVENTS[happened.kind]]


def _delivery(happened: Happened, event: str, service: Service) -> OutboundDelivery:
    about = {"account": happened.account, "txn": _mark("txn", happened.kind, happened.fact, service.client_id)}
    if happened.subjects is not None:
        about["sub"] = happened.subjects[service.client_id]
    if happened.kind is HappenedKind.DISOWNED:
        about["cause"] = happened.kind.value
    if happened.session is not None:
        about["sid"] = session_id(happened.session, service.client_id)
    members = {
        "initiating_entity": happened.by.value,
        "event_timestamp": str(int(happened.at)),
        **_own(happened, event),
    }
    return OutboundDelivery(
        id=delivery_id(_mark(happened.kind, happened.fact, event, service.client_id)),
        kind=DeliveryKind.SECURITY_EVENT,
        client_id=service.client_id,
        created=happened.at,
        expires=happened.at + KEEP_FOR,
        content={"event": event, **about, **{f"{_MEMBERS}{name}": value for name, value in members.items()}},
    )


def _own(happened: Happened, event: str) -> Mapping[str, str]:
    """The members that belong to one type of event (CAEP 1.0, 3; RISC 1.0, 2)."""
    if event == CREDENTIAL_CHANGE:
        kind = "fido2-roaming" if happened.roaming else "fido2-platform"
        return {"credential_type": kind, "change_type": _CHANGES[happened.kind]}
    if event == LEVEL_CHANGE:
        before, after = happened.level_before, happened.level_after
        named = {"previous_level": before, "current_level": after}
        direction = {} if before is None or after is None else {"change_direction": _direction(before, after)}
        return {**{name: level.name.lower() for name, level in named.items() if level is not None}, **direction}
    return {"reason": "hijacking"} if happened.kind is HappenedKind.ACCOUNT_FROZEN else {}


def _direction(before: Level, after: Level) -> str:
    return "increase" if after > before else "decrease"


def stream_event(
    event: str, stream: str, client_id: str, occasion: str, now: float, **members: str
) -> OutboundDelivery:
    """Returns the delivery of an event about a stream (SSF 1.0, 8.1.4). `occasion` makes it unique."""
    return OutboundDelivery(
        id=delivery_id(_mark(event, stream, occasion)),
        kind=DeliveryKind.SECURITY_EVENT,
        client_id=client_id,
        created=now,
        expires=now + KEEP_FOR,
        content={"event": event, _STREAM: stream, **{f"{_MEMBERS}{name}": value for name, value in members.items()}},
    )


def is_about_stream(delivery: OutboundDelivery) -> bool:
    """Whether a delivery is about the stream itself, which every receiver gets."""
    return _STREAM in delivery.content


def jti(delivery: OutboundDelivery) -> str:
    """`jti` of the token of a delivery: the same at each attempt, and another at each service."""
    return delivery.id.removeprefix(_ID)


def delivery_id(token_id: str) -> str:
    """Id of the delivery whose token has this `jti`."""
    return f"{_ID}{token_id}"


def set_claims(delivery: OutboundDelivery, issuer: str, subject: str) -> dict[str, object]:
    """Claims of a Security Event Token: one event, the subject in `sub_id`, no `sub` and no `exp` (SSF 1.0, 4).

    `subject` is the citizen's `sub` at the service; it is ignored for events about the stream.
    """
    content = delivery.content
    event: dict[str, object] = {
        name.removeprefix(_MEMBERS): value for name, value in content.items() if name.startswith(_MEMBERS)
    }
    if "event_timestamp" in event:
        event["event_timestamp"] = int(str(event["event_timestamp"]))
    if content["event"] == LEVEL_CHANGE:
        event["namespace"] = f"{issuer}/assurance"
    cause = content.get("cause", event.get("change_type", event.get("initiating_entity")))
    if (reason := _REASONS.get(content["event"], {}).get(str(cause))) is not None:
        event["reason_admin"] = {"en": reason}
    claims: dict[str, object] = {
        "iss": issuer,
        "aud": delivery.client_id,
        "iat": int(delivery.created),
        "jti": jti(delivery),
        "sub_id": _subject(content, issuer, subject),
        "events": {content["event"]: event},
    }
    return claims if "txn" not in content else {**claims, "txn": content["txn"]}


def _subject(content: Mapping[str, str], issuer: str, subject: str) -> dict[str, object]:
    """Subject identifier (RFC 9493; SSF 1.0, 3): issuer and `sub`, with the session of an event about one."""
    if _STREAM in content:
        return {"format": "opaque", "id": content[_STREAM]}
    citizen: dict[str, object] = {"format": "iss_sub", "iss": issuer, "sub": subject}
    if "sid" not in content:
        return citizen
    return {"format": "complex", "user": citizen, "session": {"format": "opaque", "id": content["sid"]}}


def _mark(*parts: str) -> str:
    """A digest of texts that a service may receive: what it is made of cannot be read from it."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return base64url.encode(hashlib.sha256(text.encode()).digest())[:32]

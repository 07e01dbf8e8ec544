"""Security events: which a fact becomes, for which services, and what their tokens say (CAEP 1.0, RISC 1.0)."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from broker.model.assurance import Level
from broker.model.own_rights import OwnScope
from broker.model.security_event import Happened, HappenedKind, InitiatingEntity
from broker.model.service import Service
from broker.oidc.security_events import KEEP_FOR, VERIFICATION, jti, security_events, set_claims, stream_event
from broker.oidc.session_management import session_id
from tests.unit.oidc.examples import ISSUER, NOW, service

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"


def services() -> Mapping[str, Service]:
    """Two services that receive events, and one that does not."""
    manages, reads = (OwnScope.SSF_MANAGE,), (OwnScope.SSF_READ,)
    made = (
        service(own_scopes=manages),
        service(client_id="library", own_scopes=reads),
        service(client_id="desk", own_scopes=(OwnScope.DESK,)),
    )
    return {one.client_id: one for one in made}


def happened(kind: HappenedKind, **changes: Any) -> Happened:
    """A fact about an account."""
    fields: dict[str, Any] = {"account": "account-1", "fact": "fact-1", "at": NOW, "by": InitiatingEntity.USER}
    return Happened(kind=kind, **(fields | changes))


def tokens(fact: Happened, client_id: str = "tax") -> list[dict[str, Any]]:
    """The tokens of a fact for one service."""
    found = [one for one in security_events(fact, services()) if one.client_id == client_id]
    return [json.loads(json.dumps(set_claims(one, ISSUER, "sub-at-service"))) for one in found]


def because(reason: str) -> dict[str, Any]:
    """`reason_admin`, which the CAEP Interoperability Profile demands."""
    return {"reason_admin": {"en": reason}}


@pytest.mark.parametrize(
    ("fact", "events"),
    [
        (
            happened(HappenedKind.IDENTITY_REVOKED),
            {f"{RISC}account-disabled": {}, f"{CAEP}session-revoked": because("The citizen ended the session")},
        ),
        (happened(HappenedKind.ACCOUNT_FROZEN), {f"{RISC}account-disabled": {"reason": "hijacking"}}),
        (happened(HappenedKind.ACCOUNT_RELEASED), {f"{RISC}account-enabled": {}}),
        (
            happened(HappenedKind.LEVEL_CHANGED, level_before=Level.HIGH, level_after=Level.LOW),
            {
                f"{CAEP}assurance-level-change": {
                    "namespace": f"{ISSUER}/assurance",
                    "previous_level": "high",
                    "current_level": "low",
                    "change_direction": "decrease",
                }
            },
        ),
        (
            happened(HappenedKind.PASSKEY_CREATED),
            {
                f"{CAEP}credential-change": {
                    "credential_type": "fido2-platform",
                    "change_type": "create",
                    **because("A passkey was added"),
                }
            },
        ),
        (
            happened(HappenedKind.PASSKEY_REVOKED, roaming=True),
            {
                f"{CAEP}credential-change": {
                    "credential_type": "fido2-roaming",
                    "change_type": "revoke",
                    **because("A passkey was removed"),
                }
            },
        ),
        (happened(HappenedKind.ACCOUNT_ERASED, subjects={"tax": "sub-1"}), {f"{RISC}account-purged": {}}),
    ],
)
def test_a_fact_becomes_the_events_of_caep_and_risc(fact: Happened, events: dict[str, dict[str, Any]]) -> None:
    found = tokens(fact)
    common = {"initiating_entity": "user", "event_timestamp": int(NOW)}
    assert [one["events"] for one in found] == [{name: {**common, **members}} for name, members in events.items()]
    for one in found:
        assert (one["iss"], one["aud"], one["iat"]) == (ISSUER, "tax", int(NOW))
        assert one["sub_id"] == {"format": "iss_sub", "iss": ISSUER, "sub": "sub-at-service"}
        assert one.keys().isdisjoint({"sub", "exp", "nonce"})


def test_the_end_of_a_session_names_the_session_as_the_service_knows_it() -> None:
    fact = happened(HappenedKind.SESSION_ENDED, session="session-1", subjects={"tax": "sub-1"})
    [delivery] = security_events(fact, services())
    claims = set_claims(delivery, ISSUER, delivery.content["sub"])
    assert claims["sub_id"] == {
        "format": "complex",
        "user": {"format": "iss_sub", "iss": ISSUER, "sub": "sub-1"},
        "session": {"format": "opaque", "id": session_id("session-1", "tax")},
    }


@pytest.mark.parametrize("entity", InitiatingEntity)
def test_the_end_of_a_session_has_a_reason_whoever_caused_it(entity: InitiatingEntity) -> None:
    (token,) = tokens(happened(HappenedKind.SESSION_ENDED, by=entity))
    assert token["events"][f"{CAEP}session-revoked"]["reason_admin"]["en"]


def test_a_citizen_who_was_not_it_gives_the_reason_and_it_is_no_member_of_the_token() -> None:
    (token,) = tokens(happened(HappenedKind.DISOWNED, subjects={"tax": "s"}))
    event = token["events"][f"{CAEP}session-revoked"]
    assert event["reason_admin"] == {"en": "The citizen reports that it was not they who signed in"}
    assert token["sub_id"]["format"] == "iss_sub"
    assert "cause" not in {*event, *token}


def test_every_kind_of_fact_has_an_event() -> None:
    assert all(tokens(happened(kind, subjects={"tax": "s"})) for kind in HappenedKind)


def test_only_services_with_the_scope_receive_events_and_only_those_named_if_some_are() -> None:
    fact = happened(HappenedKind.ACCOUNT_FROZEN)
    assert [one.client_id for one in security_events(fact, services())] == ["tax", "library"]
    named = happened(HappenedKind.ACCOUNT_FROZEN, subjects={"library": "sub-2", "desk": "sub-3"})
    assert [(one.client_id, one.content["sub"]) for one in security_events(named, services())] == [("library", "sub-2")]


def test_a_fact_is_written_once_and_nothing_in_it_is_the_same_at_two_services() -> None:
    fact = happened(HappenedKind.IDENTITY_REVOKED)
    once, again = security_events(fact, services()), security_events(fact, services())
    assert [one.id for one in once] == [one.id for one in again]
    assert {one.expires for one in once} == {NOW + KEEP_FOR}
    assert len({jti(one) for one in once}) == 4
    tax, library = tokens(fact), tokens(fact, "library")
    assert len({one["txn"] for one in tax}) == 1
    assert {one["txn"] for one in tax}.isdisjoint({one["txn"] for one in library})


def test_an_event_about_a_stream_names_the_stream() -> None:
    claims = set_claims(stream_event(VERIFICATION, "stream-1", "tax", "7", NOW, state="abc"), ISSUER, "")
    assert claims["sub_id"] == {"format": "opaque", "id": "stream-1"}
    assert claims["events"] == {VERIFICATION: {"state": "abc"}}
    assert "txn" not in claims

"""Passkeys: registrations and assertions of a software authenticator, and every deviation that is refused."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from broker.crypto.passkeys import (
    LONGEST_ANSWER,
    NewPasskey,
    PasskeyFault,
    PasskeyOwner,
    RelyingParty,
    StoredPasskey,
    assertion_options,
    credential_of,
    registration_options,
    verify_assertion,
    verify_registration,
)
from broker.platform import base64url
from tests.support.authenticator import BACKED_UP, ELIGIBLE, PRESENT, VERIFIED, Authenticator

PARTY = RelyingParty("identity.example", "https://identity.example", "Identity")
OWNER = PasskeyOwner(b"owner-handle-0001", "Amina", (b"another one",))
CHALLENGE, OTHER = b"c" * 32, b"d" * 32


def register(device: Authenticator) -> StoredPasskey:
    """A passkey as the broker stores it."""
    made = verify_registration(PARTY, CHALLENGE, device.create(registration_options(PARTY, CHALLENGE, OWNER)))
    assert isinstance(made, NewPasskey), made
    return StoredPasskey(made.credential, made.public_key, made.sign_count, made.device_bound, OWNER.handle)


def sign(device: Authenticator, **deviating: Any) -> str:
    return device.get(assertion_options(PARTY, CHALLENGE), **deviating)


@pytest.mark.parametrize("synced", [True, False])
def test_a_passkey_is_registered_and_used_again_and_again(synced: bool) -> None:  # noqa: FBT001
    device = Authenticator(PARTY.origin, synced=synced)
    stored = register(device)
    assert stored.device_bound is not synced
    for _ in range(3):
        answer = sign(device)
        assert credential_of(answer) == stored.credential
        counted = verify_assertion(PARTY, CHALLENGE, answer, stored)
        assert not isinstance(counted, PasskeyFault), counted
        assert (counted > stored.sign_count) is not synced
        stored = replace(stored, sign_count=counted)


def test_options_demand_a_discoverable_credential_with_user_verification_and_no_attestation() -> None:
    options: Mapping[str, Any] = registration_options(PARTY, CHALLENGE, OWNER)
    chosen = options["authenticatorSelection"]
    assert (chosen["residentKey"], chosen["userVerification"]) == ("required", "required")
    assert options["attestation"] == "none"
    assert [one["id"] for one in options["excludeCredentials"]] == [base64url.encode(b"another one")]
    asked: Mapping[str, Any] = assertion_options(PARTY, CHALLENGE)
    assert (asked["userVerification"], asked["allowCredentials"]) == ("required", [])


CLIENT_DATA: list[tuple[Mapping[str, Any], PasskeyFault]] = [
    ({"challenge": base64url.encode(OTHER)}, PasskeyFault.OTHER_CEREMONY),
    ({"challenge": base64url.encode(CHALLENGE) + "="}, PasskeyFault.OTHER_CEREMONY),
    ({"challenge": None}, PasskeyFault.OTHER_CEREMONY),
    ({"origin": "https://identity.example.evil"}, PasskeyFault.OTHER_CEREMONY),
    ({"origin": "https://sub.identity.example"}, PasskeyFault.OTHER_CEREMONY),
    ({"origin": "http://identity.example"}, PasskeyFault.OTHER_CEREMONY),
    ({"origin": "https://identity.example/"}, PasskeyFault.OTHER_CEREMONY),
    ({"crossOrigin": True}, PasskeyFault.OTHER_CEREMONY),
    ({"crossOrigin": "false"}, PasskeyFault.OTHER_CEREMONY),
    ({"topOrigin": "https://identity.example"}, PasskeyFault.OTHER_CEREMONY),
    ({"tokenBinding": {"status": "present", "id": "x"}}, PasskeyFault.OTHER_CEREMONY),
    ({"tokenBinding": "present"}, PasskeyFault.OTHER_CEREMONY),
    ({"type": "payment.get"}, PasskeyFault.OTHER_CEREMONY),
]


@pytest.mark.parametrize(("changed", "fault"), CLIENT_DATA)
def test_client_data_of_another_ceremony_are_refused(changed: Mapping[str, Any], fault: PasskeyFault) -> None:
    device = Authenticator(PARTY.origin)
    stored = register(device)
    assert verify_assertion(PARTY, CHALLENGE, sign(device, client=changed), stored) is fault
    options = registration_options(PARTY, CHALLENGE, OWNER)
    assert verify_registration(PARTY, CHALLENGE, device.create(options, client=changed)) is fault


@pytest.mark.parametrize("harmless", [{"crossOrigin": None}, {"tokenBinding": {"status": "supported"}}, {"new": 1}])
def test_client_data_may_hold_what_does_not_matter(harmless: Mapping[str, Any]) -> None:
    device = Authenticator(PARTY.origin)
    stored = register(device)
    assert verify_assertion(PARTY, CHALLENGE, sign(device, client=harmless), stored) == 0


def test_an_assertion_is_no_registration_and_the_other_way_round() -> None:
    device = Authenticator(PARTY.origin)
    stored = register(device)
    options = registration_options(PARTY, CHALLENGE, OWNER)
    made = device.create(options, client={"type": "webauthn.get"})
    assert verify_registration(PARTY, CHALLENGE, made) is PasskeyFault.OTHER_CEREMONY
    assert verify_registration(PARTY, CHALLENGE, sign(device)) is PasskeyFault.MALFORMED
    assert verify_assertion(PARTY, CHALLENGE, device.create(options), stored) is PasskeyFault.MALFORMED


SYNCED = PRESENT | VERIFIED | ELIGIBLE | BACKED_UP
FLAGS = [
    (SYNCED & ~VERIFIED, PasskeyFault.NOT_VERIFIED),
    (SYNCED & ~PRESENT, PasskeyFault.SIGNATURE),
    (PRESENT | VERIFIED, PasskeyFault.CHANGED),
    (PRESENT | VERIFIED | BACKED_UP, PasskeyFault.SIGNATURE),  # backed up without being eligible
]


@pytest.mark.parametrize(("flags", "fault"), FLAGS)
def test_flags_of_an_assertion_are_verified(flags: int, fault: PasskeyFault) -> None:
    device = Authenticator(PARTY.origin)
    stored = register(device)
    assert verify_assertion(PARTY, CHALLENGE, sign(device, flags=flags), stored) is fault


def test_a_passkey_that_was_device_bound_and_is_eligible_for_copies_now_is_refused() -> None:
    device = Authenticator(PARTY.origin, synced=False)
    stored = register(device)
    assert verify_assertion(PARTY, CHALLENGE, sign(device, flags=SYNCED), stored) is PasskeyFault.CHANGED


def test_a_passkey_of_an_authenticator_that_does_not_verify_its_user_is_not_registered() -> None:
    device = Authenticator(PARTY.origin, verifies=False)
    answer = device.create(registration_options(PARTY, CHALLENGE, OWNER))
    assert verify_registration(PARTY, CHALLENGE, answer) is PasskeyFault.NOT_VERIFIED


@pytest.mark.parametrize(("stored_count", "count"), [(5, 5), (5, 4), (5, 0), (1, 1)])
def test_a_signature_counter_that_does_not_grow_is_a_copy(stored_count: int, count: int) -> None:
    device = Authenticator(PARTY.origin, synced=False)
    stored = replace(register(device), sign_count=stored_count)
    assert verify_assertion(PARTY, CHALLENGE, sign(device, count=count), stored) is PasskeyFault.COPIED


def test_the_counter_says_nothing_of_an_assertion_with_a_wrong_signature() -> None:
    device, thief = Authenticator(PARTY.origin, synced=False), Authenticator(PARTY.origin, synced=False)
    stored = replace(register(device), sign_count=9)
    register(thief)
    forged = json.loads(sign(thief, user_handle=OWNER.handle, count=1))
    forged["id"] = forged["rawId"] = base64url.encode(stored.credential)
    assert verify_assertion(PARTY, CHALLENGE, json.dumps(forged), stored) is PasskeyFault.SIGNATURE


def test_a_passkey_of_another_person_or_another_relying_party_is_refused() -> None:
    device = Authenticator(PARTY.origin)
    stored = register(device)
    assert verify_assertion(PARTY, CHALLENGE, sign(device, user_handle=b"someone"), stored) is PasskeyFault.OTHER_PERSON
    assert verify_assertion(PARTY, CHALLENGE, sign(device, user_handle=b""), stored) is PasskeyFault.MALFORMED
    assert verify_assertion(PARTY, CHALLENGE, sign(device, rp_id="evil.example"), stored) is PasskeyFault.SIGNATURE
    other = replace(stored, credential=b"another")
    assert verify_assertion(PARTY, CHALLENGE, sign(device), other) is PasskeyFault.MALFORMED
    options = registration_options(PARTY, CHALLENGE, OWNER)
    assert verify_registration(PARTY, CHALLENGE, device.create(options, rp_id="a.example")) is PasskeyFault.SIGNATURE


def test_the_key_of_another_passkey_does_not_sign() -> None:
    device = Authenticator(PARTY.origin)
    first, second = register(device), register(device)
    answer = sign(device, credential=device.credentials[0])
    assert verify_assertion(PARTY, CHALLENGE, answer, replace(first, public_key=second.public_key)) is (
        PasskeyFault.SIGNATURE
    )


Change = Callable[[dict[str, Any]], object]
FORMS: list[Change] = [
    lambda answer: answer.pop("id"),
    lambda answer: answer.pop("rawId"),
    lambda answer: answer.pop("response"),
    lambda answer: answer.update(type="password"),
    lambda answer: answer.update(id="b3RoZXI"),
    lambda answer: answer.update(id="", rawId=""),
    lambda answer: answer.update(id="A" * 1366, rawId="A" * 1366),  # 1,024 bytes
    lambda answer: answer.update(response=[]),
    lambda answer: answer["response"].pop("clientDataJSON"),
    lambda answer: answer["response"].pop("authenticatorData"),
    lambda answer: answer["response"].pop("signature"),
    lambda answer: answer["response"].pop("userHandle"),
    lambda answer: answer["response"].update(userHandle=7),
    lambda answer: answer["response"].update(signature=answer["response"]["signature"] + "="),
    lambda answer: answer["response"].update(signature=answer["response"]["signature"] + "\n"),
    lambda answer: answer["response"].update(clientDataJSON=base64url.encode(b"[1]")),
    lambda answer: answer["response"].update(clientDataJSON=base64url.encode(b"\xff{}")),
    lambda answer: answer["response"].update(clientDataJSON=base64url.encode(b"[" * 9_000)),
    lambda answer: answer.update(more="x" * LONGEST_ANSWER),
]


@pytest.mark.parametrize("change", range(len(FORMS)))
def test_a_malformed_answer_is_refused_before_anything_is_verified(change: int) -> None:
    device = Authenticator(PARTY.origin)
    stored, answer = register(device), json.loads(sign(device))
    FORMS[change](answer)
    assert verify_assertion(PARTY, CHALLENGE, json.dumps(answer), stored) is PasskeyFault.MALFORMED


@pytest.mark.parametrize("answer", ["", "null", "[]", "7", "{", "[" * 15_000, '"x"', "\x00", "é" * 99])
def test_an_answer_that_is_no_object_names_no_credential(answer: str) -> None:
    assert credential_of(answer) is None
    assert verify_registration(PARTY, CHALLENGE, answer) is PasskeyFault.MALFORMED


@pytest.mark.parametrize("data", [b"x" * 36, b"x" * 37, b"\x00" * 5_000])
def test_authenticator_data_that_the_library_cannot_read_are_refused(data: bytes) -> None:
    device = Authenticator(PARTY.origin)
    stored, answer = register(device), json.loads(sign(device))
    answer["response"]["authenticatorData"] = base64url.encode(data)
    assert verify_assertion(PARTY, CHALLENGE, json.dumps(answer), stored) is PasskeyFault.SIGNATURE


def test_attestation_of_a_kind_that_was_not_asked_for_is_refused() -> None:
    device = Authenticator(PARTY.origin)
    options = registration_options(PARTY, CHALLENGE, OWNER)
    for form in ("tpm", "android-key", "fido-u2f", "apple", "invented"):
        answer = device.create(options, format=form)
        assert verify_registration(PARTY, CHALLENGE, answer) is PasskeyFault.SIGNATURE
    stated = device.create(options, statement={"sig": b"x", "alg": -7})
    assert verify_registration(PARTY, CHALLENGE, stated) is PasskeyFault.SIGNATURE


def test_a_registration_under_another_id_than_the_attested_one_is_refused() -> None:
    device = Authenticator(PARTY.origin)
    answer = json.loads(device.create(registration_options(PARTY, CHALLENGE, OWNER)))
    answer["id"] = answer["rawId"] = base64url.encode(b"the id of somebody else's passkey")
    assert verify_registration(PARTY, CHALLENGE, json.dumps(answer)) is PasskeyFault.MALFORMED

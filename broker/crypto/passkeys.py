"""Passkeys (W3C Web Authentication Level 3): options for the browser, verification of its registrations and assertions.

A passkey is a discoverable credential with user verification: the authenticator checks a fingerprint, a face or a PIN.
Attestation is not asked for, so the model of the authenticator, and whether it holds its key in hardware, are its own
claims. The library verifies signatures and structures; it is imported at the first verification, since an import takes
longer than a sign-in. What it leaves open is checked here first.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from broker.model.json_types import JsonObject
from broker.platform import base64url

if TYPE_CHECKING:
    from webauthn.helpers.structs import CredentialDeviceType

LONGEST_ANSWER: Final = 16_384
"""Characters of a browser's answer that are read."""
LONGEST_ID: Final = 1_023
"""Bytes of a credential id (Web Authentication 4)."""
TIMEOUT: Final = 300
"""Seconds that a browser is given for one ceremony."""

ALGORITHMS: Final = (-7, -8, -257)
"""COSE algorithms: ES256, EdDSA, RS256."""
_FORMATS: Final = frozenset({"none", "packed"})
"""Attestation formats that a browser sends if it is asked for none: the second one by the key itself."""


class PasskeyFault(StrEnum):
    """Why an answer of a browser is refused."""

    MALFORMED = "malformed"
    """It is no answer of this ceremony: JSON, base64url, lengths, types."""
    OTHER_CEREMONY = "other_ceremony"
    """It answers another challenge, or comes from another origin or from a frame."""
    OTHER_PERSON = "other_person"
    """The user handle is not the one of the passkey."""
    NOT_VERIFIED = "not_verified"
    """The authenticator did not verify who uses it."""
    CHANGED = "changed"
    """Whether the passkey may be copied to other devices is not as it was at the registration."""
    COPIED = "copied"
    """The signature counter did not grow: there may be a copy of the authenticator."""
    SIGNATURE = "signature"
    """The signature, or something else that the library verifies, is wrong."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The broker towards authenticators. `id` is a domain, `origin` the origin of the pages, on that domain or below
    it."""

    id: str
    origin: str
    name: str


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A verified registration. `device_bound` says that the authenticator keeps the private key from being copied."""

    credential: bytes
    public_key: bytes
    sign_count: int
    device_bound: bool
    aaguid: str


@dataclass(frozen=True, slots=True)
class StoredPasskey:
    """What the verification of an assertion needs of a registered passkey."""

    credential: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    device_bound: bool
    user_handle: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PasskeyOwner:
    """For whom a passkey is made: the handle that the authenticator stores, the name that it shows to its owner, and
    the credential ids that the owner has already."""

    handle: bytes
    name: str
    have: Sequence[bytes] = ()


def registration_options(party: RelyingParty, challenge: bytes, owner: PasskeyOwner) -> JsonObject:
    """The options of `navigator.credentials.create` (`PublicKeyCredentialCreationOptionsJSON`, 5.1.8)."""
    return {
        "rp": {"id": party.id, "name": party.name},
        "user": {"id": base64url.encode(owner.handle), "name": owner.name, "displayName": owner.name},
        "challenge": base64url.encode(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in ALGORITHMS],
        "timeout": TIMEOUT * 1000,
        "excludeCredentials": [{"type": "public-key", "id": base64url.encode(one)} for one in owner.have],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    }


def assertion_options(party: RelyingParty, challenge: bytes) -> JsonObject:
    """The options of `navigator.credentials.get` (`PublicKeyCredentialRequestOptionsJSON`, 5.1.8). No credential is
    named: the authenticator finds those of the broker itself."""
    return {
        "rpId": party.id,
        "challenge": base64url.encode(challenge),
        "timeout": TIMEOUT * 1000,
        "allowCredentials": [],
        "userVerification": "required",
    }


def credential_of(answer: str) -> bytes | None:
    """The credential id that an answer names, to find the passkey by; None if it is malformed. Nothing is verified."""
    read = _read(answer)
    return None if read is None else _bytes(read, "rawId")


def verify_registration(party: RelyingParty, challenge: bytes, answer: str) -> NewPasskey | PasskeyFault:
    """Verifies the answer to `registration_options` (Web Authentication 7.1)."""
    read = _read(answer)
    if read is None:
        return PasskeyFault.MALFORMED
    fault = _refuse(read, party, challenge, "webauthn.create", ("attestationObject",))
    if fault is not None:
        return fault
    from webauthn import verify_registration_response
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    try:
        verified = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(alg) for alg in ALGORITHMS],
        )
    except Exception:  # the library lets errors of its parsers through
        return PasskeyFault.SIGNATURE
    if not verified.user_verified:
        return PasskeyFault.NOT_VERIFIED
    if verified.fmt not in _FORMATS or verified.credential_id != _bytes(read, "rawId"):
        return PasskeyFault.MALFORMED
    bound = _bound(verified.credential_device_type)
    return NewPasskey(
        verified.credential_id, verified.credential_public_key, verified.sign_count, bound, verified.aaguid
    )


def verify_assertion(party: RelyingParty, challenge: bytes, answer: str, stored: StoredPasskey) -> int | PasskeyFault:
    """Verifies the answer to `assertion_options` (Web Authentication 7.2). Returns the new signature counter."""
    read = _read(answer)
    if read is None or _bytes(read, "rawId") != stored.credential:
        return PasskeyFault.MALFORMED
    fault = _refuse(read, party, challenge, "webauthn.get", ("authenticatorData", "signature", "userHandle"))
    if fault is not None:
        return fault
    if _bytes(_response(read), "userHandle") != stored.user_handle:
        return PasskeyFault.OTHER_PERSON
    from webauthn import verify_authentication_response

    try:
        verified = verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=stored.public_key,
            credential_current_sign_count=0,  # compared below, after the signature
        )
    except Exception:  # the library lets errors of its parsers through
        return PasskeyFault.SIGNATURE
    if not verified.user_verified:
        return PasskeyFault.NOT_VERIFIED
    if _bound(verified.credential_device_type) is not stored.device_bound:
        return PasskeyFault.CHANGED
    counted = verified.new_sign_count
    if (counted or stored.sign_count) and counted <= stored.sign_count:
        return PasskeyFault.COPIED
    return counted


def _read(answer: str) -> JsonObject | None:
    """The answer as an object with an `id`, a `rawId`, a `type` and a `response`; None if it is not of this form."""
    if len(answer) > LONGEST_ANSWER:
        return None
    try:
        read = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    if not isinstance(read, dict) or read.get("type") != "public-key" or read.get("id") != read.get("rawId"):
        return None
    credential = _bytes(read, "rawId")
    return read if credential and len(credential) <= LONGEST_ID and isinstance(read.get("response"), dict) else None


def _response(read: JsonObject) -> JsonObject:
    response = read["response"]
    return response if isinstance(response, dict) else {}


def _refuse(
    read: JsonObject, party: RelyingParty, challenge: bytes, kind: str, members: Sequence[str]
) -> PasskeyFault | None:
    """The checks of the client data that the library leaves out, and those of its form."""
    response = _response(read)
    if any(not _bytes(response, name) for name in members):
        return PasskeyFault.MALFORMED
    raw = _bytes(response, "clientDataJSON")
    try:
        client = None if raw is None else json.loads(raw.decode())
    except (ValueError, RecursionError):
        client = None
    if not isinstance(client, dict):
        return PasskeyFault.MALFORMED
    if client.get("type") != kind or client.get("challenge") != base64url.encode(challenge):
        return PasskeyFault.OTHER_CEREMONY
    if client.get("origin") != party.origin or client.get("crossOrigin") not in (None, False):
        return PasskeyFault.OTHER_CEREMONY
    if "topOrigin" in client or _is_bound_to_token(client.get("tokenBinding")):
        return PasskeyFault.OTHER_CEREMONY
    return None


def _is_bound_to_token(binding: object) -> bool:
    """Whether client data name a TLS token binding, which the broker has none of (Level 2, 5.8.1)."""
    return binding is not None and (not isinstance(binding, dict) or binding.get("status") == "present")


def _bytes(members: JsonObject, name: str) -> bytes | None:
    """The bytes of a member in canonical base64url; None for anything else."""
    text = members.get(name)
    if not isinstance(text, str):
        return None
    try:
        decoded = base64url.decode(text)
    except ValueError:
        return None
    return decoded if base64url.encode(decoded) == text else None


def _bound(kind: "CredentialDeviceType") -> bool:
    return kind.value == "single_device"

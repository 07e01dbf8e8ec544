"""Outcomes of a simulated sign-in: every failure that a provider can cause, every misbehaviour."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from broker.model.failures import FailureClass


class Group(StrEnum):
    """The group of an outcome on the page."""

    GOOD = "It works"
    HONEST = "It fails, and the provider says so"
    CROOKED = "The provider misbehaves"


@dataclass(frozen=True, slots=True)
class SimulatedOutcome:
    """One outcome. `error` is the error code of the response, if that is all.

    `failure` is the failure class in which the broker should end, None if the sign-in should succeed.
    """

    name: str
    group: Group
    label: str
    failure: FailureClass | None
    error: str | None = None


def _honest(failure: FailureClass, label: str, error: str | None) -> SimulatedOutcome:
    return SimulatedOutcome(failure.value, Group.HONEST, label, failure, error)


def _crooked(name: str, label: str, failure: FailureClass | None = FailureClass.UNSAFE_REPLY) -> SimulatedOutcome:
    return SimulatedOutcome(name, Group.CROOKED, label, failure)


OK = SimulatedOutcome("ok", Group.GOOD, "Sign in", None)

_ALL = (
    OK,
    _honest(FailureClass.CANCELLED, "Cancel and go back", "access_denied"),
    _honest(FailureClass.DECLINED_SHARING, "Refuse to share the details", "consent_required"),
    _honest(FailureClass.COULD_NOT_SIGN_IN, "The password is wrong, too often", "login_required"),
    _honest(FailureClass.NOT_VERIFIED, "The identity cannot be confirmed", "identity_not_verified"),
    _honest(FailureClass.LEVEL_TOO_LOW, "The account is too weak", "unmet_authentication_requirements"),
    _honest(FailureClass.PAUSED, "The account is not finished yet", "account_pending"),
    _honest(FailureClass.CANNOT_USE, "The account is suspended", "account_suspended"),
    _honest(FailureClass.PROVIDER_DOWN, "Out of order for the moment", "temporarily_unavailable"),
    _honest(FailureClass.PROVIDER_BUSY, "Too many people at once", "too_many_requests"),
    _honest(FailureClass.TOOK_TOO_LONG, "Never goes back: the page just stays", None),
    _honest(FailureClass.INCOMPLETE_REPLY, "Name and date of birth are missing", None),
    _honest(FailureClass.UNSAFE_REPLY, "A reply nobody can trust (a false signature)", None),
    _crooked("lower_level", "A lower level than was asked for", FailureClass.LEVEL_TOO_LOW),
    _crooked("unknown_acr", "A level nobody has heard of", FailureClass.LEVEL_TOO_LOW),
    _crooked("missing_acr", "No level at all", FailureClass.INCOMPLETE_REPLY),
    _crooked("wrong_signature", "The right key id, a false signature"),
    _crooked("no_signature", "An ID token without a signature (alg none)"),
    _crooked("shared_secret_signature", "The public key used as a shared secret (alg HS256)"),
    _crooked("missing_nonce", "No nonce"),
    _crooked("other_nonce", "The nonce of another sign-in"),
    _crooked("expired", "An ID token that has expired"),
    _crooked("from_the_future", "An ID token from the future"),
    _crooked("old_token", "An ID token made before the citizen came"),
    _crooked("other_issuer", "An ID token of another issuer"),
    _crooked("wrong_audience", "An ID token for somebody else"),
    _crooked("second_audience", "An ID token for us and a stranger"),
    _crooked("wrong_party", "An ID token that another party asked for (azp)"),
    _crooked("wrong_access_token", "An at_hash of another access token"),
    _crooked("missing_subject", "Nobody's ID token: no sub"),
    _crooked("stale_sign_in", "A sign-in of yesterday"),
    _crooked("other_subject", "Userinfo about somebody else"),
    _crooked("no_id_token", "No ID token"),
    _crooked("mix_up", "An answer in the name of another issuer (iss)", None),
    _crooked("missing_issuer", "An answer without iss", None),
    _crooked("other_state", "An answer with another state", None),
    _crooked("replayed_code", "The code was already used", FailureClass.UNSAFE_REPLY),
    _crooked("slow", "The token endpoint does not answer in time", FailureClass.PROVIDER_DOWN),
    _crooked("gone", "The token endpoint is not there any more", FailureClass.PROVIDER_DOWN),
    _crooked("token_500", "The token endpoint breaks down (status 500)", FailureClass.PROVIDER_DOWN),
    _crooked("token_429", "The token endpoint has had enough (status 429)", FailureClass.PROVIDER_BUSY),
    _crooked("userinfo_500", "The userinfo endpoint breaks down", FailureClass.PROVIDER_DOWN),
    _crooked("junk", "The token endpoint answers with a page of junk"),
    _crooked("redirects", "The token endpoint redirects to somewhere else", FailureClass.PROVIDER_DOWN),
    _crooked("huge_answer", "The token endpoint answers with megabytes"),
    _crooked("huge_keys", "A new key, in a key set of thousands", FailureClass.PROVIDER_DOWN),
    _crooked("unknown_key", "A key that is nowhere published"),
    _crooked("odd_name", "Half an emoji in a name at userinfo"),
    _crooked("doubled_member", "A member that stands twice at userinfo"),
    _crooked("number_subject", "A sub that is a number at userinfo"),
    _crooked("number_subject_signed", "A sub that is a number in the ID token"),
    _crooked("text_time", "An auth_time that is a text"),
    _crooked("userinfo_401", "Userinfo refuses the token of this one person", FailureClass.INCOMPLETE_REPLY),
    _crooked("userinfo_signed", "Userinfo as a signed JWT"),
    _crooked("id_token_encrypted", "An encrypted ID token (JWE)"),
    _crooked("key_replaced", "A new key under the id of the old one, properly published", None),
    _crooked("full_header", "Certificates, a key and addresses of keys in the header of the ID token", None),
    *(
        _crooked(f"refresh_{name}", f"Later, when asked again: {label}", None)
        for name, label in {
            "revoked": "the sign-in has ended (invalid_grant)",
            "wrong_subject": "an ID token of somebody else",
            "other_issuer": "an ID token of another issuer",
            "other_nonce": "the nonce of another sign-in",
            "stale_sign_in": "another time of the sign-in",
            "wrong_signature": "a false signature",
            "no_id_token": "no ID token",
            "other_subject": "userinfo about somebody else",
            "token_500": "the token endpoint breaks down",
            "userinfo_500": "the userinfo endpoint breaks down",
            "slow": "no answer in time",
        }.items()
    ),
    _crooked("key_rotated", "A new key from one moment to the next, properly published", None),
)

OUTCOMES: Mapping[str, SimulatedOutcome] = {outcome.name: outcome for outcome in _ALL}

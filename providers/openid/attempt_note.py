"""State of an attempt, which the broker stores sealed between the departure and the response."""

from typing import NotRequired, TypedDict


class AttemptNote(TypedDict):
    """State of an attempt, stored by the broker between `begin` and `complete`.

    `verifier` is that of PKCE, `dpop` the secret of the key for proofs of possession, `at` is when the citizen left,
    `oldest` the earliest acceptable authentication, if requested, `untimed` says that its time may be missing
    nevertheless, `after` that the authentication must be later, `iss` that the response must carry its issuer,
    `known` that the citizen of a session was to authenticate again.
    """

    nonce: str
    verifier: str
    dpop: NotRequired[str]
    callback: str
    at: float
    oldest: NotRequired[float]
    untimed: NotRequired[bool]
    after: NotRequired[int]
    iss: NotRequired[bool]
    known: NotRequired[bool]

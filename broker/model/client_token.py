"""Access token of a service's own, which names no citizen (RFC 6749 4.4)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientToken:
    """Access token of a service for itself, stored as its digest. Times are seconds since 1970 UTC.

    `scope` is in wire format. `dpop_jkt` is the DPoP key that it is bound to, `x5t` the thumbprint of the certificate.
    """

    digest: str
    client_id: str
    scope: str
    created: float
    expires: float
    dpop_jkt: str | None = None
    x5t: str | None = None

"""Scope values and their claims (OpenID Connect Core 5.4, 11; RFC 6749 3.3)."""

import re
from typing import Final

from broker.model.claims import CLAIMS, ClaimRequests
from broker.model.grant import OFFLINE_ACCESS as OFFLINE_ACCESS
from broker.model.service import Service
from broker.oidc.claims_parameter import names
from broker.oidc.errors import ProtocolError

OPENID: Final = "openid"
MALFORMED: Final = "the parameter scope is not a list of words separated by single spaces"

_TOKEN: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+", re.ASCII)


def read_scope(text: str | None, service: Service) -> tuple[str, ...]:
    """Scope values that the service may be granted, in the requested order. Unknown values are dropped.

    Raises ProtocolError if `openid` is missing or the syntax is invalid. `offline_access` is ignored for a service that
    may not refresh (OpenID Connect Core 11).
    """
    words = split(text) if text else ()
    if words is None:
        raise ProtocolError("invalid_scope", MALFORMED)
    if OPENID not in words:
        raise ProtocolError("invalid_scope", "the scope must hold openid")
    return tuple(word for word in words if _allowed(word, service))


def split(text: str) -> tuple[str, ...] | None:
    """Scope values without duplicates; None if the syntax is invalid (RFC 6749 3.3)."""
    words = tuple(dict.fromkeys(text.split(" ")))
    return words if all(_TOKEN.fullmatch(word) for word in words) else None


def _allowed(word: str, service: Service) -> bool:
    if word == OFFLINE_ACCESS:
        return service.tokens.refresh
    return word == OPENID or (word in CLAIMS and word in service.scopes)


def claims_of(scope: tuple[str, ...]) -> tuple[str, ...]:
    """Claims of the scope values (OpenID Connect Core 5.4)."""
    return tuple(claim for word in scope for claim in CLAIMS.get(word, ()))


def requested_claims(scope: tuple[str, ...], claims: ClaimRequests, service: Service) -> tuple[str, ...]:
    """Claims that scope and a checked `claims` parameter request together, in the order of the service's file."""
    wanted = names(claims).union(claims_of(scope))
    return tuple(use.claim for use in service.claim_purposes if use.claim in wanted)

"""Protocol errors for services, of three kinds. Rules raise them, and one file in `web` renders them.

`code` is the standard's error code, `description` is public (ASCII without quotes, RFC 6749 5.2), `detail` is for the
log.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypedDict

from broker.model.request import ResponseMode

DPOP_ALGORITHMS: Final = ("ES256", "EdDSA", "Ed25519", "PS256")
"""Signature algorithms of DPoP proofs, as announced (RFC 9449 5.1). RS256 is excluded in all profiles (FAPI 2.0,
5.4.1).
"""


_UNPRINTED: Final = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]", re.ASCII)
_QUOTED: Final = re.compile(r"\"[^\"]*\"?|'[^']*(?:'|$)")
_LONGEST_VALUE: Final = 34
_LONGEST_REASON: Final = 200


def public(reason: str) -> str:
    """Sanitizes a reason for an error description: only the characters that RFC 6749 5.2 allows, and short.

    Longer values chosen by the client are omitted, so that they cannot place text on a page.
    """

    def short(quoted: re.Match[str]) -> str:
        value = quoted[0]
        kept = value.startswith("'") and value.endswith("'") and 1 < len(value) <= _LONGEST_VALUE
        return value if kept else "(left out)"

    return _UNPRINTED.sub(".", _QUOTED.sub(short, reason))[:_LONGEST_REASON]


class Scheme(StrEnum):
    """Authentication schemes of access tokens (RFC 6750 2.1, RFC 9449 7.1)."""

    BEARER = "Bearer"
    DPOP = "DPoP"


class ProtocolError(Exception):
    """Error of a check, before it is known how to report it. It becomes one of the three kinds at the end of the
    checks.
    """

    def __init__(self, code: str, description: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail or description}")
        self.code = code
        self.description = description
        self.detail = detail or description


class DisplayedError(Exception):
    """Error displayed to the user and never redirected, since the redirect URI is not trusted (RFC 6749 4.1.2.1).

    `client_id` is the registered service of the request, if known: the page then names it.
    """

    def __init__(
        self, code: str, description: str, detail: str = "", status: int = 400, *, client_id: str | None = None
    ) -> None:
        super().__init__(f"{code}: {detail or description}")
        self.code = code
        self.description = description
        self.detail = detail or description
        self.status = status
        self.client_id = client_id


@dataclass(frozen=True, slots=True)
class ResponseTarget:
    """Redirect URI, `state` and response mode with which a request is answered."""

    redirect_uri: str
    state: str | None = None
    response_mode: ResponseMode = ResponseMode.QUERY


class RedirectedError(Exception):
    """Error redirected to the service's redirect URI (RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6)."""

    def __init__(
        self,
        code: str,
        description: str,
        detail: str = "",
        *,
        client_id: str,
        target: ResponseTarget,
    ) -> None:
        super().__init__(f"{code}: {detail or description}")
        self.code = code
        self.description = description
        self.detail = detail or description
        self.client_id = client_id
        self.target = target


class ErrorBody(TypedDict):
    """JSON object of an error response (RFC 6749 5.2)."""

    error: str
    error_description: str


class EndpointError(Exception):
    """Error returned to the calling service as JSON (RFC 6749 5.2, RFC 6750 3.1, RFC 9449 5, RFC 9126 2.3).

    `challenge` is the value of `WWW-Authenticate`, if required; `nonce` adds a `DPoP-Nonce` header, if only a current
    nonce is missing (RFC 9449 8).
    """

    def __init__(
        self,
        code: str,
        description: str,
        detail: str = "",
        *,
        status: int = 400,
        challenge: str | None = None,
        nonce: bool = False,
    ) -> None:
        super().__init__(f"{code}: {detail or description}")
        self.code = code
        self.description = description
        self.detail = detail or description
        self.status = status
        self.challenge = challenge
        self.nonce = nonce

    def body(self) -> ErrorBody:
        """JSON object of the response (RFC 6749 5.2)."""
        return {"error": self.code, "error_description": self.description}


def challenge(schemes: Sequence[Scheme], code: str | None = None, description: str | None = None) -> str:
    """`WWW-Authenticate` value for an access token (RFC 6750 3, RFC 9449 7.1).

    Without `code` it contains no error, as required if no token was sent.
    """
    attributes = [] if code is None else [f'error="{code}"', f'error_description="{description}"']
    written = []
    for scheme in schemes:
        own = [f'algs="{" ".join(DPOP_ALGORITHMS)}"'] if scheme is Scheme.DPOP else []
        written.append(f"{scheme} {', '.join(attributes + own)}".rstrip())
    return ", ".join(written)

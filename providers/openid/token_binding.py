"""Binding of access tokens to the broker's client certificate (RFC 8705 3).

Only the provider's own servers can enforce it. The broker checks that the provider did as agreed: a token that is bound
to nothing can be used by any thief, and one bound to another certificate was issued to another client.
"""

from broker.crypto.jose import unverified_claims
from broker.model.json_types import JsonObject
from broker.platform.http_client import HttpResponse, NotJson
from providers.openid.direct_calls import DirectCalls
from providers.openid.errors import UpstreamError, UpstreamFault
from providers.openid.metadata import Metadata

METHOD = "x5t#S256"
"""The confirmation method of a certificate (RFC 8705 3.1)."""


class TokenBinding:
    """Checks the access tokens of one provider."""

    def __init__(self, calls: DirectCalls, certificate: str) -> None:
        """`certificate` is the SHA-256 of the broker's certificate in base64url."""
        self._calls = calls
        self._certificate = certificate

    async def check(self, metadata: Metadata, access_token: str, note: JsonObject) -> None:
        """Raises UpstreamError for a token that is bound to another certificate; a JWT has to be bound.

        A token of another form is introspected (RFC 7662). The endpoint may be for resource servers alone, so no
        answer about it proves nothing.
        """
        claims = unverified_claims(access_token)
        if claims is not None:
            self._compare(claims.get("cnf"), unbound="a JWT without a certificate")
            return
        if metadata.introspection_endpoint is None:
            return
        form = {"token": access_token, "token_type_hint": "access_token"}
        answer = await self._calls.post(metadata, metadata.introspection_endpoint, form, note)
        document = answer.json() if isinstance(answer, HttpResponse) and answer.status == 200 else None
        if document is None or isinstance(document, NotJson) or document.get("active") is not True:
            return
        self._compare(document.get("cnf"), unbound="introspected without a certificate")

    def _compare(self, confirmation: object, *, unbound: str) -> None:
        method = confirmation.get(METHOD) if isinstance(confirmation, dict) else None
        if method != self._certificate:
            found = unbound if method is None else "bound to another certificate"
            raise UpstreamError(UpstreamFault.TOKEN_BINDING, f"token endpoint: the access token is {found}")

"""Tokens of a service's own: the grant `client_credentials` (RFC 6749 4.4), its access tokens, and their use.

Such a token names no citizen. Its scopes are those that the service's file allows (`own_scopes`); there is no refresh
token, and it lives for an hour at most (CAEP Interoperability Profile 1.0, 2.7.2).
"""

from broker.crypto.jose import Certificate
from broker.model.client_token import ClientToken
from broker.model.handle import sha256_hex
from broker.model.own_rights import OwnScope
from broker.model.service import Service
from broker.oidc.dpop import DpopProof
from broker.oidc.errors import EndpointError, Scheme, challenge
from broker.oidc.introspection import INACTIVE, IntrospectionResponse
from broker.oidc.resource_request import AccessTokenCredential, check_sender, invalid_token
from broker.oidc.token_request import TokenEndpointResponse

KIND = "own"
"""Prefix of the handles of these tokens."""


def is_own(handle: str) -> bool:
    """Whether a handle is that of a service's own token, so that one table is read for each token."""
    return handle.startswith(f"{KIND}_")


def granted_scope(requested: tuple[str, ...] | None, service: Service) -> tuple[OwnScope, ...]:
    """Returns the scopes of a new token; all that the service may have if it requests none (RFC 6749 3.3, 4.4.2).

    Raises EndpointError for a service without any (RFC 6749 5.2), and for a scope that it may not have.
    """
    if not service.own.scopes or service.is_public:
        raise EndpointError(
            "unauthorized_client", "this service may not request tokens for itself", "own_scopes is empty"
        )
    if requested is None:
        return service.own.scopes
    if not set(requested) <= set(service.own.scopes):
        raise EndpointError("invalid_scope", "the scope holds more than this service may request for itself")
    return tuple(scope for scope in service.own.scopes if scope in requested)


def client_token(
    handle: str,
    service: Service,
    scope: tuple[OwnScope, ...],
    binding: tuple[DpopProof | None, str | None],
    times: tuple[float, float],
) -> ClientToken:
    """Record of a new token. `binding` are the DPoP proof and the thumbprint of the certificate, `times` are now and
    the lifetime in seconds."""
    (proof, x5t), (now, lifetime) = binding, times
    jkt = None if proof is None else proof.jkt
    return ClientToken(sha256_hex(handle), service.client_id, " ".join(scope), now, now + lifetime, jkt, x5t)


def client_token_response(handle: str, token: ClientToken, now: float) -> TokenEndpointResponse:
    """Response of the token endpoint (RFC 6749 4.4.3, RFC 9449 5)."""
    return {
        "access_token": handle,
        "token_type": (Scheme.BEARER if token.dpop_jkt is None else Scheme.DPOP).value,
        "expires_in": int(token.expires - now),
        "scope": token.scope,
    }


def check_own_access(
    presented: AccessTokenCredential,
    token: ClientToken,
    needed: tuple[OwnScope, ...],
    proof: DpopProof | None,
    certificate: Certificate | None,
    now: float,
) -> None:
    """Validates a service's own token at a resource: expiry, sender constraint, and one of the `needed` scopes.

    Raises EndpointError: 401, or 403 `insufficient_scope` (RFC 6750 3.1).
    """
    if now >= token.expires:
        raise invalid_token("the access token has expired", presented.scheme)
    check_sender(presented, (token.dpop_jkt, token.x5t), proof, certificate)
    if OwnScope.DESK in needed and token.dpop_jkt is None and token.x5t is None:
        raise invalid_token("the tokens of a desk are bound to a key (FAPI 2.0, 5.3.2.1)", presented.scheme)
    if set(needed).isdisjoint(token.scope.split(" ")):
        description = "the access token has not the scope for this"
        asks = challenge([presented.scheme], "insufficient_scope", description)
        raise EndpointError("insufficient_scope", description, status=403, challenge=asks)


def own_introspection(caller: Service, token: ClientToken | None, issuer: str, now: float) -> IntrospectionResponse:
    """Introspection response of a service's own token (RFC 7662 2.2): without `sub`, since it names no citizen."""
    if token is None or now >= token.expires:
        return INACTIVE.copy()
    if token.client_id != caller.client_id and not caller.tokens.introspection:
        return INACTIVE.copy()
    answer: IntrospectionResponse = {
        "active": True,
        "iss": issuer,
        "client_id": token.client_id,
        "scope": token.scope,
        "iat": int(token.created),
        "exp": int(token.expires),
        "token_type": (Scheme.BEARER if token.dpop_jkt is None else Scheme.DPOP).value,
        "aud": issuer,
    }
    if token.dpop_jkt is not None:
        answer["cnf"] = {"jkt": token.dpop_jkt}
    elif token.x5t is not None:
        answer["cnf"] = {"x5t#S256": token.x5t}
    return answer

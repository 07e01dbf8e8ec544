"""Introspection endpoint (RFC 7662): the state of a token, as JSON or as a JWT (RFC 9701)."""

from broker.actions.endpoints.context import (
    EndpointContext,
    EndpointRequest,
    authenticate_caller,
    disabled_part,
    require_enabled,
)
from broker.actions.jwt_issuer import JwtFormat, JwtResponse, issue_jwt
from broker.model import handle as handles
from broker.model.kill_switches import KillSwitchKind
from broker.model.service import Service
from broker.oidc.client_authentication import invalid_client
from broker.oidc.client_credentials import is_own, own_introspection
from broker.oidc.introspection import (
    INTROSPECTION,
    INTROSPECTION_TYP,
    IntrospectionResponse,
    accepts_jwt,
    introspection_claims,
    introspection_response,
)
from broker.oidc.token_request import token_parameter


async def introspect(context: EndpointContext, call: EndpointRequest) -> IntrospectionResponse | JwtResponse:
    """Returns the state of a token (RFC 7662 2.2). Raises EndpointError, also for a public client."""
    service = await authenticate_caller(context, call)
    if service.is_public:
        raise invalid_client("an app may not introspect")
    handle = token_parameter(call.parameters)
    now = context.system.now()
    if is_own(handle):
        known = await context.stores.client_tokens.load(handles.sha256_hex(handle))
        await require_enabled(context, service)
        live = known if known is not None and await _is_enabled(context, known.client_id) else None
        response = own_introspection(service, live, context.policy.server.issuer, now)
    else:
        response = await _of_citizen(context, service, handle, now)
    if service.signing.introspection_alg is None and not accepts_jwt(call.accept):
        return response
    alg = service.signing.introspection_alg or service.signing.id_token_alg
    claims = introspection_claims(response, service, context.policy.server.issuer, now)
    wanted = JwtFormat(alg, service.signing.introspection_encryption, INTROSPECTION_TYP)
    token = await issue_jwt(claims, service, wanted, context.crypto.keys, context.registry.encryption_keys)
    return JwtResponse(token, INTROSPECTION)


async def _of_citizen(context: EndpointContext, service: Service, handle: str, now: float) -> IntrospectionResponse:
    """Returns the state of a token of a grant."""
    found = await context.stores.grants.token(handles.sha256_hex(handle))
    await require_enabled(context, service)
    if found is not None and disabled_part(context, await context.stores.kill_switches.current(), found[1]) is not None:
        found = None
    return introspection_response(service, found, context.policy.server.issuer, context.policy.server.ladder, now)


async def _is_enabled(context: EndpointContext, client_id: str) -> bool:
    """Whether a service is registered and not turned off."""
    switches = await context.stores.kill_switches.current()
    return client_id in context.registry.services and not switches.is_off(KillSwitchKind.SERVICE, client_id)

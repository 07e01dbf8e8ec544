"""Userinfo, introspection and revocation: what a presented token gives access to."""

from dataclasses import dataclass, replace
from typing import Final

from broker.actions.endpoints.context import (
    EndpointContext,
    EndpointRequest,
    audit_event,
    authenticate_caller,
    disabled_part,
    require_enabled,
    verify_dpop,
)
from broker.actions.jwt_issuer import JwtFormat, issue_jwt
from broker.model import handle as handles
from broker.model.json_types import JsonObject
from broker.model.service import Service
from broker.oidc.client_authentication import invalid_client
from broker.oidc.introspection import (
    INTROSPECTION,
    INTROSPECTION_TYP,
    IntrospectionResponse,
    accepts_jwt,
    introspection_claims,
    introspection_response,
)
from broker.oidc.resource_request import check_access, invalid_token, parse_access_token
from broker.oidc.token_request import token_parameter
from broker.oidc.userinfo import userinfo_claims

USERINFO: Final = "application/jwt"
"""The media type of signed userinfo (OpenID Connect Core 5.3.2)."""


@dataclass(frozen=True, slots=True)
class JwtResponse:
    """A response that is one JWT: its text and media type."""

    text: str
    content_type: str


async def userinfo(context: EndpointContext, call: EndpointRequest) -> dict[str, object] | JwtResponse:
    """Returns the claims of an access token (OpenID Connect Core 5.3.2). Raises EndpointError with a challenge.

    They are a signed JWT, with issuer and audience, if the service's settings say so.
    """
    presented = parse_access_token(call.authorization)
    found = await context.stores.grants.token(handles.sha256_hex(presented.handle))
    if found is None:
        raise invalid_token("no such token, or it was revoked", presented.scheme)
    record, grant = found
    call.client_ids.append(grant.client_id)
    proof = await verify_dpop(context, call, presented.handle)
    now = context.system.now()
    check_access(presented, record, grant, proof, now, call.certificate)
    if (off := disabled_part(context, await context.stores.kill_switches.current(), grant)) is not None:
        raise invalid_token(f"{off} is turned off", presented.scheme)
    # registered: `disabled_part` checked it, and nothing was awaited since
    service = context.registry.services[grant.client_id]
    claims = userinfo_claims(record, grant, context.policy.server.ladder, now)
    if service.signing.userinfo_alg is None:
        return claims
    claims = {**claims, "iss": context.policy.server.issuer, "aud": service.client_id}
    return JwtResponse(
        await _jwt_response(
            context, claims, service, JwtFormat(service.signing.userinfo_alg, service.signing.userinfo_encryption)
        ),
        USERINFO,
    )


async def introspect(context: EndpointContext, call: EndpointRequest) -> IntrospectionResponse | JwtResponse:
    """Returns the state of a token (RFC 7662 2.2). Raises EndpointError, also for a public client."""
    service = await authenticate_caller(context, call)
    if service.is_public:
        raise invalid_client("an app may not introspect")
    handle = token_parameter(call.parameters)
    found = await context.stores.grants.token(handles.sha256_hex(handle))
    await require_enabled(context, service)
    if found is not None and disabled_part(context, await context.stores.kill_switches.current(), found[1]) is not None:
        found = None
    now = context.system.now()
    response = introspection_response(service, found, context.policy.server.issuer, context.policy.server.ladder, now)
    if service.signing.introspection_alg is None and not accepts_jwt(call.accept):
        return response
    alg = service.signing.introspection_alg or service.signing.id_token_alg
    claims = introspection_claims(response, service, context.policy.server.issuer, now)
    wanted = JwtFormat(alg, service.signing.introspection_encryption, INTROSPECTION_TYP)
    token = await _jwt_response(context, claims, service, wanted)
    return JwtResponse(token, INTROSPECTION)


async def _jwt_response(context: EndpointContext, claims: JsonObject, service: Service, wanted: JwtFormat) -> str:
    return await issue_jwt(claims, service, wanted, context.crypto.keys, context.registry.encryption_keys)


async def revoke(context: EndpointContext, call: EndpointRequest) -> None:
    """Revokes a token of the caller; an unknown token is no error (RFC 7009 2.2). Raises EndpointError."""
    service = await authenticate_caller(context, call)
    digest = handles.sha256_hex(token_parameter(call.parameters))
    found = await context.stores.grants.token(digest)
    await require_enabled(context, service)
    if found is None or found[1].client_id != service.client_id:
        return
    event = replace(audit_event(context, "token_revoked", service, found[1]), details={"kind": found[0].kind})
    await context.stores.grants.revoke(digest, service.client_id, context.system.now(), event)

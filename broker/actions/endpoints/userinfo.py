"""Userinfo endpoint (OpenID Connect Core 5.3): the claims that an access token gives access to."""

from typing import Final

from broker.actions.endpoints.context import EndpointContext, EndpointRequest, disabled_part, verify_dpop
from broker.actions.jwt_issuer import JwtFormat, JwtResponse, issue_jwt
from broker.model import handle as handles
from broker.oidc.resource_request import check_access, invalid_token, parse_access_token
from broker.oidc.userinfo import userinfo_claims
from broker.platform.log_context import bind_ids

USERINFO: Final = "application/jwt"
"""The media type of signed userinfo (OpenID Connect Core 5.3.2)."""


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
    bind_ids(client_id=grant.client_id)
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
    wanted = JwtFormat(service.signing.userinfo_alg, service.signing.userinfo_encryption)
    return JwtResponse(
        await issue_jwt(claims, service, wanted, context.crypto.keys, context.registry.encryption_keys), USERINFO
    )

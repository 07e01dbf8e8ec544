"""Revocation endpoint (RFC 7009)."""

from dataclasses import replace

from broker.actions.endpoints.context import (
    EndpointContext,
    EndpointRequest,
    audit_event,
    authenticate_caller,
    require_enabled,
)
from broker.model import handle as handles
from broker.oidc.client_credentials import KIND, is_own
from broker.oidc.token_request import token_parameter


async def revoke(context: EndpointContext, call: EndpointRequest) -> None:
    """Revokes a token of the caller; an unknown token is no error (RFC 7009 2.2). Raises EndpointError."""
    service = await authenticate_caller(context, call)
    handle = token_parameter(call.parameters)
    digest = handles.sha256_hex(handle)
    if is_own(handle):
        await require_enabled(context, service)
        event = replace(audit_event(context, "token_revoked", service), details={"kind": KIND})
        await context.stores.client_tokens.revoke(digest, service.client_id, context.system.now(), event)
        return
    found = await context.stores.grants.token(digest)
    await require_enabled(context, service)
    if found is None or found[1].client_id != service.client_id:
        return
    event = replace(audit_event(context, "token_revoked", service, found[1]), details={"kind": found[0].kind})
    await context.stores.grants.revoke(digest, service.client_id, context.system.now(), event)

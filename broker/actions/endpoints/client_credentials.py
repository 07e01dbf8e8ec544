"""Tokens of a service's own: issued at the token endpoint, and accepted where a service acts in its own name (RFC 6749
4.4)."""

from dataclasses import replace

from broker.actions.endpoints.context import (
    Caller,
    EndpointContext,
    EndpointRequest,
    audit_event,
    enforce_rate,
    replayed_assertion,
    require_enabled,
    verify_dpop,
)
from broker.model import handle as handles
from broker.model.own_rights import OwnScope
from broker.model.service import Service
from broker.oidc import client_credentials as rules
from broker.oidc.dpop import DpopProof
from broker.oidc.resource_request import invalid_token, parse_access_token
from broker.oidc.token_request import ClientCredentialsRequest, TokenEndpointResponse
from broker.platform.log_context import bind_ids


async def issue_own_token(
    context: EndpointContext,
    caller: Caller,
    request: ClientCredentialsRequest,
    binding: tuple[DpopProof | None, str | None],
) -> TokenEndpointResponse:
    """Issues a token to a service for itself, in one write with the assertion's use and the audit row.

    `binding` are the DPoP proof and the thumbprint of the certificate that the token is bound to. Raises EndpointError.
    """
    service, now = caller.service, context.system.now()
    scope = rules.granted_scope(request.scope, service)
    await require_enabled(context, service)
    handle = handles.new_handle(context.system, rules.KIND)
    token = rules.client_token(handle, service, scope, binding, (now, context.policy.lifetimes.access))
    event = replace(audit_event(context, "own_token_issued", service), details={"scope": token.scope})
    use, caller.assertion = caller.assertion, None
    if not await context.stores.client_tokens.issue(token, use, event):
        raise await replayed_assertion(context, caller)
    return rules.client_token_response(handle, token, now)


async def own_caller(context: EndpointContext, call: EndpointRequest, *needed: OwnScope) -> Service:
    """Returns the service that calls with a token of its own, which must have one of these scopes.

    Raises EndpointError. Kill switches are checked, and the call counts against the rate limit of the service.
    """
    presented = parse_access_token(call.authorization)
    if not rules.is_own(presented.handle):
        raise invalid_token("the access token names a citizen, or is none", presented.scheme)
    token = await context.stores.client_tokens.load(handles.sha256_hex(presented.handle))
    if token is None:
        raise invalid_token("no such token, or it was revoked", presented.scheme)
    call.client_ids.append(token.client_id)
    bind_ids(client_id=token.client_id)
    proof = await verify_dpop(context, call, presented.handle)
    rules.check_own_access(presented, token, needed, proof, call.certificate, context.system.now())
    service = context.registry.services.get(token.client_id)
    if service is None or not set(token.scope.split(" ")) <= set(service.own.scopes):
        raise invalid_token("the service may not act in its own name any more", presented.scheme)
    await require_enabled(context, service)
    await enforce_rate(context.rates.local_limits, f"calls:{service.client_id}", context.rates.requests)
    return service

"""The pushed authorization request endpoint (RFC 9126)."""

from broker.actions.endpoints.context import (
    EndpointContext,
    EndpointRequest,
    authenticated_caller,
    consume_assertion,
    registered,
    require_enabled,
    verify_dpop,
)
from broker.model import handle as handles
from broker.oidc import par
from broker.oidc.authorization_checks import RequestSource
from broker.oidc.authorization_request import authorization_request
from broker.oidc.request_object import RequestVerification


async def push(context: EndpointContext, call: EndpointRequest) -> par.PushedResponse:
    """Checks and stores a request, and returns its `request_uri` (RFC 9126 2.2). Raises EndpointError.

    A DPoP proof binds the code to its key as `dpop_jkt` does; both must agree (RFC 9449 10.1).
    """
    async with authenticated_caller(context, call) as known:
        proof = await verify_dpop(context, call)
        await consume_assertion(context, known)
        asked = {**call.parameters, "client_id": known.service.client_id}
        keys = await context.registry.keys(known.service.client_id, asked.get("request", ""))
        sender = RequestVerification(keys, context.system.now())
        service = registered(context, known.service)
        request = authorization_request(asked, service, RequestSource.PUSHED, context.policy.server, sender)
        request = par.bind_to_dpop(request, proof)
        handle = handles.new_handle(context.system)
        await context.stores.pushed.put(handle, request, context.system.now() + context.policy.lifetimes.request_uri)
        await require_enabled(context, service)
        return par.pushed_response(handle, context.policy.lifetimes.request_uri)

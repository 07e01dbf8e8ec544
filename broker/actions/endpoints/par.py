"""Pushed authorization requests (RFC 9126)."""

from typing import Any

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


async def push(counter: EndpointContext, call: EndpointRequest) -> dict[str, Any]:
    """Keeps a request that passed every check, and names it (RFC 9126 2.2). Raises EndpointError.

    A DPoP proof binds the code to its key just as `dpop_jkt` does; both must agree (RFC 9449 10.1).
    """
    async with authenticated_caller(counter, call) as known:
        proof = await verify_dpop(counter, call)
        await consume_assertion(counter, known)
        asked = {**call.parameters, "client_id": known.service.client_id}
        keys = await counter.registry.keys(known.service.client_id, asked.get("request", ""))
        sender = RequestVerification(keys, counter.system.now())
        service = registered(counter, known.service)
        request = authorization_request(asked, service, RequestSource.PUSHED, counter.server, sender)
        request = par.bind_to_dpop(request, proof)
        handle = handles.new_handle(counter.system)
        await counter.pushed.put(handle, request, counter.system.now() + counter.request_uri)
        await require_enabled(counter, service)
        return par.pushed_response(handle, counter.request_uri)

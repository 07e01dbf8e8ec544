"""Pushed authorization requests (RFC 9126)."""

from typing import Any

from broker.actions.exchange.counter import Call, Counter, authenticated, check_on, held_key, once, registered
from broker.model import handle as handles
from broker.oidc import pushed
from broker.oidc.authorization import authorization_request
from broker.oidc.checks import Arrival
from broker.oidc.request_object import Sender


async def push(counter: Counter, call: Call) -> dict[str, Any]:
    """Keeps a request that passed every check, and names it (RFC 9126 2.2). Raises TokenError.

    A DPoP proof binds the code to its key just as `dpop_jkt` does; both must agree (RFC 9449 10.1).
    """
    async with authenticated(counter, call) as known:
        proof = await held_key(counter, call)
        await once(counter, known)
        asked = {**call.parameters, "client_id": known.service.client_id}
        keys = await counter.clients.keys(known.service.client_id, asked.get("request", ""))
        sender = Sender(keys, counter.ambient.now())
        service = registered(counter, known.service)
        request = authorization_request(asked, service, Arrival.PUSHED, counter.door, sender)
        request = pushed.bound(request, proof)
        handle = handles.fresh(counter.ambient)
        await counter.pushed.put(handle, request, counter.ambient.now() + counter.request_uri)
        await check_on(counter, service)
        return pushed.pushed_response(handle, counter.request_uri)

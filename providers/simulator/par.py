"""Endpoint for pushed authorization requests (RFC 9126 2)."""

from urllib.parse import urlencode

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from broker.platform.system import System
from providers.simulator.client_authentication import authenticate
from providers.simulator.proofs import proven_key
from providers.simulator.requests import BadRequest, RefusedRequest, parse_request
from providers.simulator.responses import NO_STORE, error_response, read_form
from providers.simulator.state import SimulatedIssuer

CREDENTIALS = frozenset({"client_assertion", "client_assertion_type", "client_secret"})


class PushedRequestEndpoint:
    """Stores a request and returns its reference."""

    def __init__(self, simulated: SimulatedIssuer, system: System) -> None:
        """Of one issuer."""
        self._simulated = simulated
        self._system = system

    async def push(self, request: HttpRequest) -> Response:
        """RFC 9126 2.1 and 2.2."""
        simulated, life = self._simulated, self._simulated.issuer.dialect.pushed
        if life is None:
            return error_response("invalid_request", 404)
        try:
            form = await read_form(request)
        except BadRequest:
            return error_response("invalid_request", 400)
        client = authenticate(simulated, form, request.headers.get("authorization"), self._system.now())
        if client is None or form.get("client_id", client.client_id) != client.client_id:
            return error_response("invalid_client", 401)
        given = {name: value for name, value in form.items() if name not in CREDENTIALS}
        if simulated.issuer.dialect.dpop:
            jkt = proven_key(simulated, request, "/par", self._system)
            if jkt is None or given.get("dpop_jkt", jkt) != jkt:
                return error_response("invalid_dpop_proof", 400)
            given["dpop_jkt"] = jkt
        query = urlencode(given)
        try:
            parse_request(query, simulated.issuer)
        except BadRequest:
            return error_response("invalid_request", 400)
        except RefusedRequest as refused:
            return error_response(refused.error, 400)
        reference = simulated.memory.keep_request(query, life)
        return JSONResponse({"request_uri": reference, "expires_in": life}, 201, headers=NO_STORE)

"""Pushed authorization requests (RFC 9126): their `request_uri`, and the authorization request that uses it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, TypedDict

from broker.model.request import AuthorizationRequest
from broker.oidc.dpop import DpopProof
from broker.oidc.errors import DisplayedError, EndpointError

PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
_LONGEST: Final = 128


@dataclass(frozen=True, slots=True)
class PushedReference:
    """Authorization request that refers to a pushed request. Other parameters are ignored."""

    client_id: str
    handle: str


class PushedResponse(TypedDict):
    """Successful response of the pushed authorization request endpoint (RFC 9126 2.2)."""

    request_uri: str
    expires_in: int


def request_uri(handle: str) -> str:
    """`request_uri` of a pushed request (RFC 9126 2.2)."""
    return PREFIX + handle


def pushed_response(handle: str, lifetime: int) -> PushedResponse:
    """JSON response to a pushed request, with status 201. `lifetime` in seconds (RFC 9126 2.2)."""
    return {"request_uri": request_uri(handle), "expires_in": lifetime}


def bind_to_dpop(request: AuthorizationRequest, proof: DpopProof | None) -> AuthorizationRequest:
    """Binds the code of a pushed request to the key of its DPoP proof, if there is one (RFC 9449 10.1).

    Raises EndpointError if `dpop_jkt` names another key.
    """
    if proof is None:
        return request
    if request.dpop_jkt not in (None, proof.jkt):
        raise EndpointError("invalid_dpop_proof", "the proof and dpop_jkt name different keys")
    return replace(request, dpop_jkt=proof.jkt)


def require_client_id(parameters: Mapping[str, str]) -> str:
    """`client_id` of an authorization request. Raises DisplayedError if it is missing (RFC 6749 4.1.1)."""
    client_id = parameters.get("client_id")
    if client_id is None:
        raise DisplayedError("invalid_request", "the parameter client_id is missing")
    return client_id


def parse_request_uri(parameters: Mapping[str, str]) -> PushedReference | None:
    """Reference to a pushed request in an authorization request, or None if it has none of the broker.

    Raises DisplayedError if `client_id` is missing (RFC 9126 4).
    """
    client_id = require_client_id(parameters)
    handle = parameters.get("request_uri", "")
    if not handle.startswith(PREFIX) or len(handle) > _LONGEST:
        return None
    return PushedReference(client_id, handle.removeprefix(PREFIX))


def unknown_request_uri(client_id: str | None = None) -> DisplayedError:
    """Error for a pushed request that is unknown, expired, used, or of another service (RFC 9126 4).

    `client_id` is the registered service of the request.
    """
    described = "this request_uri is not known here for this client_id, or has expired"
    return DisplayedError("invalid_request_uri", described, client_id=client_id)

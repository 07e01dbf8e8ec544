"""Pushed authorization requests: how they are named, and what may stand beside the name (RFC 9126)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from broker.model.request import AuthorizationRequest
from broker.oidc.dpop import DpopProof
from broker.oidc.errors import DisplayedError, EndpointError

PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
_LONGEST: Final = 128


@dataclass(frozen=True, slots=True)
class PushedReference:
    """The visit of a browser that brings a pushed request by name. All else in the query is left unread."""

    client_id: str
    handle: str


def request_uri(handle: str) -> str:
    """The `request_uri` under which a pushed request is kept (RFC 9126 2.2)."""
    return PREFIX + handle


def pushed_response(handle: str, lifetime: int) -> dict[str, Any]:
    """The JSON object that answers a pushed request, with status 201. `lifetime` in seconds (RFC 9126 2.2)."""
    return {"request_uri": request_uri(handle), "expires_in": lifetime}


def bind_to_dpop(request: AuthorizationRequest, proof: DpopProof | None) -> AuthorizationRequest:
    """A pushed request, its code bound to the key of the DPoP proof that came with it, if one did (RFC 9449 10.1).

    Raises EndpointError where `dpop_jkt` names another key.
    """
    if proof is None:
        return request
    if request.dpop_jkt not in (None, proof.jkt):
        raise EndpointError("invalid_dpop_proof", "the proof and dpop_jkt name different keys")
    return replace(request, dpop_jkt=proof.jkt)


def require_client_id(parameters: Mapping[str, str]) -> str:
    """The `client_id` of a visit to the authorization endpoint. Raises DisplayedError where it is missing (RFC 6749
    4.1.1)."""
    client_id = parameters.get("client_id")
    if client_id is None:
        raise DisplayedError("invalid_request", "the parameter client_id is missing")
    return client_id


def parse_request_uri(parameters: Mapping[str, str]) -> PushedReference | None:
    """The pushed request that a visit to the authorization endpoint names, or None if it names none of ours.

    Raises DisplayedError where `client_id` is missing (RFC 9126 4).
    """
    client_id = require_client_id(parameters)
    handle = parameters.get("request_uri", "")
    if not handle.startswith(PREFIX) or len(handle) > _LONGEST:
        return None
    return PushedReference(client_id, handle.removeprefix(PREFIX))


def unknown_request_uri(client_id: str | None = None) -> DisplayedError:
    """The error for a pushed request that is unknown, expired, used up, or another service's (RFC 9126 4).

    `client_id` is the registered service that the visit names.
    """
    described = "this request_uri is not known here for this client_id, or has expired"
    return DisplayedError("invalid_request_uri", described, client_id=client_id)

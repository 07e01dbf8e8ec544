"""The authorization request: from parameters to a record that passed every check, or an error of the right kind.

The checks and their order are in `checks`. What cannot be trusted to redirect is checked before the rest; only then can
an error travel back to the service (RFC 6749 4.1.2.1).
"""

from collections.abc import Mapping
from typing import Any

from broker.model.request import AuthorizationRequest
from broker.model.service import Service
from broker.oidc.checks import (
    CHECKS,
    Arrival,
    Asking,
    Door,
    check_client_id,
    check_redirect_uri,
    check_reference,
    wanted_mode,
)
from broker.oidc.claim_request import Malformed
from broker.oidc.claims_parameter import read_claims
from broker.oidc.errors import Redirected, Refusal, Shown, TokenError
from broker.oidc.request_object import Sender, opened
from broker.oidc.scopes import asked_by


def authorization_request(
    parameters: Mapping[str, str], service: Service, arrival: Arrival, door: Door, sender: Sender
) -> AuthorizationRequest:
    """A request that passed every check of its service's profile.

    Raises TokenError for a pushed request (RFC 9126 2.3). For a plain one raises Shown where the redirect URI is not
    to be trusted, else Redirected.
    """
    trusted = False
    try:
        check_client_id(parameters, service)
        trusted = service.redirects_to(parameters.get("redirect_uri", ""))
        check_reference(parameters, arrival)
        parameters = opened(parameters, service, sender, door.issuer, door.decryption())
        trusted = False
        check_redirect_uri(parameters, service)
        trusted = True
        return _checked(Asking(parameters, service, arrival, door, _claims(parameters, service)))
    except Refusal as refusal:
        told = (refusal.code, refusal.description, refusal.detail)
        if arrival is Arrival.PUSHED:
            raise TokenError(*told) from None
        if not trusted:
            raise Shown(*told, client_id=service.client_id) from None
        raise Redirected(
            *told,
            client_id=service.client_id,
            redirect_uri=parameters["redirect_uri"],
            state=parameters.get("state"),
            response_mode=wanted_mode(parameters, service, door),
        ) from None


def _checked(asking: Asking) -> AuthorizationRequest:
    fields: dict[str, Any] = {}
    for check in CHECKS:
        fields.update(check(asking))
    return AuthorizationRequest(
        client_id=asking.service.client_id,
        redirect_uri=asking.parameters["redirect_uri"],
        claims=asking.claims,
        asked=asked_by(fields["scope"], asking.claims, asking.service),
        **fields,
    )


def _claims(parameters: Mapping[str, str], service: Service) -> Mapping[str, Any]:
    text = parameters.get("claims")
    try:
        return read_claims(text, service.claims) if text is not None else {}
    except Malformed as problem:
        raise Refusal("invalid_request", "the parameter claims cannot be understood", problem.detail) from None

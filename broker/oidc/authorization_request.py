"""Authorization request: from parameters to a record that passed every check, or to an error of the right kind.

The checks and their order are in `authorization_checks`. `client_id` and `redirect_uri` are checked first: only then
may an error be redirected to the service (RFC 6749 4.1.2.1).
"""

from collections.abc import Mapping

from broker.model.claims import ClaimRequests
from broker.model.request import AuthorizationRequest
from broker.model.service import Service
from broker.oidc.authorization_checks import (
    CHECKS,
    RequestContext,
    RequestFields,
    RequestSource,
    ServerContext,
    check_client_id,
    check_redirect_uri,
    check_request_uri,
    effective_response_mode,
)
from broker.oidc.claim_request import MalformedClaimRequest
from broker.oidc.claims_parameter import read_claims
from broker.oidc.errors import DisplayedError, EndpointError, ProtocolError, RedirectedError, ResponseTarget
from broker.oidc.request_object import RequestVerification, merge_request_object
from broker.oidc.scopes import requested_claims


def authorization_request(
    parameters: Mapping[str, str],
    service: Service,
    arrival: RequestSource,
    server: ServerContext,
    sender: RequestVerification,
) -> AuthorizationRequest:
    """Checks a request against the profile of its service.

    Raises EndpointError for a pushed request (RFC 9126 2.3). For any other, raises DisplayedError if the redirect URI
    cannot be trusted, else RedirectedError.
    """
    trusted = False
    try:
        check_client_id(parameters, service)
        trusted = service.redirects_to(parameters.get("redirect_uri", ""))
        check_request_uri(parameters, arrival)
        parameters = merge_request_object(parameters, service, sender, server.issuer, server.decryption())
        trusted = False
        check_redirect_uri(parameters, service)
        trusted = True
        return _checked(RequestContext(parameters, service, arrival, server, _claims(parameters, service)))
    except ProtocolError as refusal:
        error = (refusal.code, refusal.description, refusal.detail)
        if arrival is RequestSource.PUSHED:
            raise EndpointError(*error) from None
        if not trusted:
            raise DisplayedError(*error, client_id=service.client_id) from None
        raise RedirectedError(
            *error,
            client_id=service.client_id,
            target=ResponseTarget(
                parameters["redirect_uri"],
                parameters.get("state"),
                effective_response_mode(parameters, service, server),
            ),
        ) from None


def _checked(context: RequestContext) -> AuthorizationRequest:
    fields: RequestFields = {}
    for check in CHECKS:
        fields.update(check(context))
    return AuthorizationRequest(
        client_id=context.service.client_id,
        redirect_uri=context.parameters["redirect_uri"],
        claims=context.claims,
        requested_claims=requested_claims(fields["scope"], context.claims, context.service),
        **fields,
    )


def _claims(parameters: Mapping[str, str], service: Service) -> ClaimRequests:
    text = parameters.get("claims")
    try:
        return read_claims(text, service.claims) if text is not None else {}
    except MalformedClaimRequest as problem:
        raise ProtocolError("invalid_request", "the parameter claims cannot be understood", problem.detail) from None

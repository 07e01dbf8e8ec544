"""The authorization response: the redirect to the service, in the response mode of the request."""

from broker.actions.jwt_issuer import JwtFormat, issue_jwt
from broker.actions.sign_in.context import SignInContext
from broker.model.failures import FAILURES, ErrorCode, FailureClass
from broker.model.request import AuthorizationRequest, ClientRedirect
from broker.oidc.authorization_response import AuthorizationResponse, client_redirect, error_response, jwt_claims


async def encode_response(context: SignInContext, response: AuthorizationResponse) -> ClientRedirect:
    """Encodes a response for the browser: plain, or signed, and encrypted if the service wants it (JARM 2)."""
    if not response.mode.signed:
        return client_redirect(response)
    service = context.registry.services.get(response.client_id)
    if service is None:  # a reload removed it: no algorithm is known to sign with
        return ClientRedirect(context.policy.issuer)
    claims = jwt_claims(response, context.system.now())
    wanted = JwtFormat(service.signing.response_alg, service.signing.response_encryption)
    token = await issue_jwt(claims, service, wanted, context.crypto.keys, context.registry.encryption_keys)
    return client_redirect(response, token)


async def error_redirect(
    context: SignInContext, request: AuthorizationRequest, failure: FailureClass, code: ErrorCode | None = None
) -> ClientRedirect:
    """Returns the redirect to the service with an error response.

    It leads to the service's home page if the failure has no error code, or if the redirect URI is no longer
    registered.
    """
    if request.errand is not None:
        return ClientRedirect(context.policy.account.home)
    kind = FAILURES[failure]
    error = code or kind.error
    service = context.registry.services.get(request.client_id)
    if service is None:
        return ClientRedirect(context.policy.issuer)
    if error is None or not service.redirects_to(request.redirect_uri):
        return ClientRedirect(service.presentation.home)
    error_uri = f"{context.policy.issuer}/errors/{failure}"
    return await encode_response(
        context, error_response(request, context.policy.issuer, error, kind.description, error_uri)
    )

"""The way back to a service: what it is answered, written as its request and its file want it."""

from broker.actions.jwt_issuer import issue_jwt
from broker.actions.sign_in.context import SignInContext
from broker.model.failures import FAILURES, ErrorCode, FailureClass
from broker.model.request import AuthorizationRequest, ClientRedirect
from broker.oidc.authorization_response import AuthorizationResponse, client_redirect, error_response, jwt_claims


async def encode_response(context: SignInContext, response: AuthorizationResponse) -> ClientRedirect:
    """An answer as the browser carries it: in the clear, or signed, and encrypted if the service wants it (JARM 2)."""
    if not response.mode.signed:
        return client_redirect(response)
    service = context.registry.services.get(response.client_id)
    if service is None:  # taken out this very moment: there is nobody whose algorithm it could be signed with
        return ClientRedirect(context.policy.issuer)
    claims = jwt_claims(response, context.system.now())
    keys, theirs = context.crypto.keys, context.registry.encryption_keys
    token = await issue_jwt(claims, service, service.response_alg, service.response_encryption, keys, theirs)
    return client_redirect(response, token)


async def error_redirect(
    context: SignInContext, request: AuthorizationRequest, failure: FailureClass, code: ErrorCode | None = None
) -> ClientRedirect:
    """How the citizen goes back to the service without an answer.

    To its home, for a failure nobody is told of, and where the redirect URI is not registered any more.
    """
    kind = FAILURES[failure]
    error = code or kind.error
    service = context.registry.services.get(request.client_id)
    if service is None:
        return ClientRedirect(context.policy.issuer)
    if error is None or not service.redirects_to(request.redirect_uri):
        return ClientRedirect(service.home)
    explained = f"{context.policy.issuer}/errors/{failure}"
    return await encode_response(
        context, error_response(request, context.policy.issuer, error, kind.description, explained)
    )

"""The way back to a service: what it is answered, written as its request and its file want it."""

from broker.actions.letters import letter
from broker.actions.sign_in.desk import Desk
from broker.model.failures import KINDS, ErrorCode, FailureClass
from broker.model.request import AuthorizationRequest, WayBack
from broker.oidc.response import AuthorizationResponse, error_response, jwt_claims, way_back


async def written(desk: Desk, response: AuthorizationResponse) -> WayBack:
    """An answer as the browser carries it: in the clear, or signed, and encrypted if the service wants it (JARM 2)."""
    if not response.mode.signed:
        return way_back(response)
    service = desk.catalogue.services.get(response.client_id)
    if service is None:  # taken out this very moment: there is nobody whose algorithm it could be signed with
        return WayBack(desk.issuer)
    claims = jwt_claims(response, desk.ambient.now())
    keys, theirs = desk.keys, desk.catalogue.encryption_keys
    token = await letter(claims, service, service.response_alg, service.response_encryption, keys, theirs)
    return way_back(response, token)


async def without_answer(
    desk: Desk, request: AuthorizationRequest, failure: FailureClass, code: ErrorCode | None = None
) -> WayBack:
    """How the citizen goes back to the service without an answer.

    To its home, for a failure nobody is told of, and where the redirect URI is not registered any more.
    """
    kind = KINDS[failure]
    error = code or kind.error
    service = desk.catalogue.services.get(request.client_id)
    if service is None:
        return WayBack(desk.issuer)
    if error is None or not service.redirects_to(request.redirect_uri):
        return WayBack(service.home)
    explained = f"{desk.issuer}/errors/{failure}"
    return await written(desk, error_response(request, desk.issuer, error, kind.description, explained))

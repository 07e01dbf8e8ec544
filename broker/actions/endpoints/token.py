"""The token endpoint: codes, refresh tokens, CIBA requests and tokens of a service's own (RFC 6749 4.1.3, 4.4, 6)."""

from dataclasses import dataclass, replace

from broker.actions.endpoints.client_credentials import issue_own_token
from broker.actions.endpoints.context import (
    Caller,
    EndpointContext,
    EndpointRequest,
    audit_event,
    authenticated_caller,
    consume_assertion,
    replayed_assertion,
    require_enabled,
    verify_dpop,
)
from broker.actions.jwt_issuer import JwtFormat, issue_jwt
from broker.model import handle as handles
from broker.model.grant import Grant, StoredToken
from broker.model.service import Service
from broker.model.store_results import RedeemResult, StoredCode
from broker.oidc import ciba
from broker.oidc import token_request as rules
from broker.oidc.dpop import DpopProof
from broker.oidc.id_token import id_token_claims
from broker.oidc.token_request import (
    CibaTokenRequest,
    ClientCredentialsRequest,
    CodeRequest,
    RefreshRequest,
    TokenEndpointResponse,
    invalid_grant,
)

SESSION_ENDED = "the session in which the code was issued has ended"


async def token(context: EndpointContext, call: EndpointRequest) -> TokenEndpointResponse:
    """Answers a token request (RFC 6749 5.1, OpenID Connect Core 3.1.3.3). Raises EndpointError."""
    async with authenticated_caller(context, call) as known:
        request = rules.token_request(call.parameters)
        proof = await verify_dpop(context, call)
        binding = TokenBinding(proof, rules.check_binding(known.service, proof, call.certificate, context.system.now()))
        match request:
            case CodeRequest():
                return await _exchange(context, known, request, binding)
            case RefreshRequest():
                return await _refresh(context, known, request, binding)
            case CibaTokenRequest():
                return await _exchange_ciba(context, known, request, binding)
            case ClientCredentialsRequest():
                return await issue_own_token(context, known, request, (binding.proof, binding.x5t))


@dataclass(frozen=True, slots=True)
class TokenBinding:
    """What new access tokens are binding to: the key of a DPoP proof, or the certificate with the thumbprint `x5t`."""

    proof: DpopProof | None
    x5t: str | None


async def _exchange(
    context: EndpointContext, caller: Caller, request: CodeRequest, binding: TokenBinding
) -> TokenEndpointResponse:
    """Redeems an authorization code of the caller (RFC 6749 4.1.3).

    The caller's authentication is complete before the code is judged: the statement that reads the code also returns
    whether the assertion was used, and a replayed code revokes nothing until the assertion's use is recorded.
    """
    service, digest = caller.service, handles.sha256_hex(request.code)
    stored = await context.stores.grants.code_for(digest, caller.assertion)
    if isinstance(stored, RedeemResult):
        raise await replayed_assertion(context, caller)
    if stored is None:
        raise invalid_grant("no such code")
    now = context.system.now()
    if stored.code.client_id == service.client_id and stored.redeemed:
        await consume_assertion(context, caller)
        await _revoke(context, service, stored)
        raise invalid_grant("the code was redeemed before: everything issued from it is revoked")
    rules.check_code(request, stored.code, service, binding.proof, now)
    return await _issue(context, caller, stored, binding)


async def _exchange_ciba(
    context: EndpointContext, caller: Caller, request: CibaTokenRequest, binding: TokenBinding
) -> TokenEndpointResponse:
    """Issues the tokens of a CIBA request that the citizen confirmed (CIBA Core 1.0, 10.1). Raises EndpointError.

    Each poll records the use of its assertion. A confirmation stored a code whose handle the service already has.
    """
    service, digest, now = caller.service, handles.sha256_hex(request.handle), context.system.now()
    ciba.check_may_ask(service)
    polled = await context.stores.backchannel_requests.poll(digest, service.client_id, now, caller.assertion)
    if isinstance(polled, RedeemResult):
        raise await replayed_assertion(context, caller)
    if polled is not None:
        caller.assertion = None
    await require_enabled(context, service)
    ciba.check_polled(polled, now)
    stored = await context.stores.grants.code(digest)
    if stored is None or stored.redeemed:
        raise invalid_grant("the auth_req_id was used before")
    if now >= stored.code.expires:
        raise ciba.expired()
    return await _issue(context, caller, stored, binding)


async def _issue(
    context: EndpointContext, known: Caller, stored: StoredCode, binding: TokenBinding
) -> TokenEndpointResponse:
    """Redeems a code once, in the transaction that writes grant, tokens, the assertion's use and the audit row."""
    service, digest, now = known.service, stored.code.digest, context.system.now()
    await require_enabled(context, service, stored.code)
    if stored.session_ended:
        raise invalid_grant(SESSION_ENDED)
    lifetimes = context.policy.lifetimes.for_caller(service, bound=binding.proof is not None)
    grant = rules.grant_from_code(
        stored.code, handles.new_handle(context.system, size=16), binding.proof, lifetimes, now
    )
    access, refresh = handles.new_handle(context.system, "access"), handles.new_handle(context.system, "refresh")
    access_record = rules.access_token(access, grant, binding.proof, lifetimes, now, binding.x5t)
    refresh_record = rules.refresh_token(refresh, grant, now)
    id_token = await issue_jwt(
        _claims(context, grant, now),
        service,
        JwtFormat(service.signing.id_token_alg, service.signing.id_token_encryption),
        context.crypto.keys,
        context.registry.encryption_keys,
    )
    outcome = await context.stores.grants.redeem(
        digest,
        grant,
        [access_record] if refresh_record is None else [access_record, refresh_record],
        known.assertion,
        [audit_event(context, "code_redeemed", service, grant, stored.code.transaction)],
    )
    if outcome is RedeemResult.ASSERTION_USED_BEFORE:
        raise await replayed_assertion(context, known)
    if outcome is not RedeemResult.DONE:
        await consume_assertion(context, known)
        now_stored = await context.stores.grants.code(digest) or stored
        if not now_stored.redeemed:
            raise invalid_grant(SESSION_ENDED)
        await _revoke(context, service, now_stored)
        raise invalid_grant("the code was redeemed at the same moment: everything issued from it is revoked")
    given = refresh if refresh_record is not None else None
    return rules.token_response(access, access_record, grant, now, id_token=id_token, refresh=given)


async def _revoke(context: EndpointContext, service: Service, known: StoredCode) -> None:
    """Revokes everything issued from a replayed code; the audit row names the grant."""
    code = known.code
    event = audit_event(context, "code_replayed", service)
    event = replace(event, transaction=code.transaction, account=code.account, grant=known.grant)
    await context.stores.grants.revoke_code(code.digest, event.at, event)


def _claims(context: EndpointContext, grant: Grant, now: float) -> dict[str, object]:
    return id_token_claims(
        grant,
        context.policy.server.issuer,
        context.policy.server.ladder,
        now,
        context.policy.lifetimes.id_token,
    )


async def _refresh(
    context: EndpointContext, known: Caller, request: RefreshRequest, binding: TokenBinding
) -> TokenEndpointResponse:
    service, digest = known.service, handles.sha256_hex(request.token)
    found = await context.stores.grants.token_for(digest, known.assertion)
    if isinstance(found, RedeemResult):
        raise await replayed_assertion(context, known)
    if found is None:
        if service.is_public:
            await _revoke_family(context, service, digest)
        raise invalid_grant("no such refresh token, or it was used or revoked before")
    now, (record, grant) = context.system.now(), found
    rules.check_refresh(request, record, grant, service, binding.proof, now)
    await require_enabled(context, service, grant)
    access = handles.new_handle(context.system, "access")
    lifetimes = context.policy.lifetimes.for_caller(service, bound=binding.proof is not None)
    access_record = rules.access_token(access, grant, binding.proof, lifetimes, now, binding.x5t)
    access_record = rules.narrow_scope(access_record, request, grant)
    events = [audit_event(context, "grant_refreshed", service, grant)]
    if service.is_public:
        refresh = handles.new_handle(context.system, "refresh")
        refresh_record = StoredToken(handles.sha256_hex(refresh), rules.REFRESH, now, grant.expires)
        outcome = await context.stores.grants.rotate(digest, [access_record, refresh_record], now, events)
        if outcome is not RedeemResult.DONE:
            await _revoke_family(context, service, digest)
            raise invalid_grant("the refresh token was used at the same moment: everything issued with it is revoked")
        return rules.token_response(access, access_record, grant, now, refresh=refresh)
    outcome = await context.stores.grants.refresh(grant.id, access_record, known.assertion, events)
    if outcome is RedeemResult.ASSERTION_USED_BEFORE:
        raise await replayed_assertion(context, known)
    if outcome is not RedeemResult.DONE:
        raise invalid_grant("the grant was revoked meanwhile")
    return rules.token_response(access, access_record, grant, now)


async def _revoke_family(context: EndpointContext, service: Service, digest: str) -> None:
    """Revokes the grant of a replayed refresh token of a public client (RFC 9700 4.14.2)."""
    event = audit_event(context, "refresh_token_replayed", service)
    await context.stores.grants.revoke_used(digest, service.client_id, event.at, event)

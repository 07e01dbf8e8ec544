"""The backchannel authentication endpoint (CIBA Core 1.0, 7)."""

from collections.abc import Sequence
from dataclasses import replace

from broker.actions.backchannel_requests import create, notice
from broker.actions.endpoints.context import (
    EndpointContext,
    EndpointRequest,
    audit_event,
    authenticate_caller,
    enforce_rate,
    registered,
    require_enabled,
)
from broker.model import handle as handles
from broker.model.backchannel_request import BackchannelRequest
from broker.model.kill_switches import KillSwitchKind
from broker.model.notification import Notification, Recipient
from broker.model.service import Service
from broker.model.store_results import RedeemResult
from broker.oidc import ciba
from broker.oidc.ciba_request_object import used_before


async def authenticate(context: EndpointContext, call: EndpointRequest) -> ciba.BackchannelAcknowledgement:
    """Stores a request to the citizen whom a hint names, and acknowledges it. Raises EndpointError."""
    policy, questions = context.policy.ciba, context.stores.backchannel_requests
    service, now = await authenticate_caller(context, call), context.system.now()
    keys = await context.registry.keys(service.client_id, call.parameters.get("request", ""))
    service = registered(context, service)
    request = ciba.authentication_request(call.parameters, service, keys, context.policy.server, policy.lifetimes, now)
    account = await questions.account(service.sector, request.subject)
    await require_enabled(context, service)
    if account is None or (await context.stores.kill_switches.current()).is_off(KillSwitchKind.ACCOUNT, account):
        raise ciba.unknown_user()
    await enforce_rate(context.stores.rate_limits, f"questions:{account}", context.rates.backchannel_requests)
    question = BackchannelRequest(
        id=handles.new_handle(context.system, size=16),
        client_id=service.client_id,
        created=now,
        expires=now + request.lifetime,
        code="",
        handle=handles.new_handle(context.system, "ciba"),
        account=account,
        subject=request.subject,
        **request.fields,
    )
    event = audit_event(context, "question_put", service)
    events = [replace(event, account=account, details={"question": question.id})]
    recipient = await _recipient(context, account, now)

    def notices(stored: BackchannelRequest) -> Sequence[Notification]:
        return () if recipient is None else [_notification(context, stored, service, recipient)]

    outcome, question = await create(questions, context.system, question, request.use, notices, events)
    if outcome is not RedeemResult.DONE:
        raise used_before()
    return ciba.acknowledgement(question, policy.lifetimes, policy.confirm_url if recipient is None else None)


async def _recipient(context: EndpointContext, account: str, now: float) -> Recipient | None:
    """Returns how a citizen receives e-mail, if a session has a verified address; else None."""
    identity = (
        await context.stores.backchannel_requests.identity_of(account, now)
        if "email" in context.policy.ciba.contact_methods
        else None
    )
    if identity is None or identity.claims.get("email_verified") is not True:
        return None
    address, locale = identity.claims.get("email"), identity.claims.get("locale")
    if not isinstance(address, str) or "@" not in address:
        return None
    return Recipient("email", address, locale if isinstance(locale, str) else "")


def _notification(
    context: EndpointContext, question: BackchannelRequest, service: Service, recipient: Recipient
) -> Notification:
    name = service.name(recipient.language)
    return notice(context.system, question, name, context.policy.ciba.confirm_url, recipient)

"""A service asks a citizen on a device of their own (CIBA Core 1.0, 7)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

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
from broker.model.notification import Notification
from broker.model.service import Service
from broker.model.store_results import RedeemResult
from broker.oidc import ciba
from broker.oidc.ciba_request_object import used_before


async def authenticate(counter: EndpointContext, call: EndpointRequest) -> dict[str, Any]:
    """Puts a question to the citizen whom a hint names, and says how to fetch the answer. Raises EndpointError."""
    service, now = await authenticate_caller(counter, call), counter.system.now()
    keys = await counter.registry.keys(service.client_id, call.parameters.get("request", ""))
    service = registered(counter, service)
    asked = ciba.authentication_request(call.parameters, service, keys, counter.server, counter.ciba_lifetimes, now)
    account = await counter.backchannel_requests.account(service.sector, asked.subject)
    await require_enabled(counter, service)
    if account is None or (await counter.switches.current()).is_off(KillSwitchKind.ACCOUNT, account):
        raise ciba.unknown_user()
    await enforce_rate(counter.limits, f"questions:{account}", counter.backchannel_rate)
    question = BackchannelRequest(
        id=handles.new_handle(counter.system, size=16),
        client_id=service.client_id,
        created=now,
        expires=now + asked.lifetime,
        code="",
        handle=handles.new_handle(counter.system, "ciba"),
        account=account,
        subject=asked.subject,
        **asked.fields,
    )
    told = audit_event(counter, "question_put", service)
    events = [replace(told, account=account, details={"question": question.id})]
    reach = await _notification_target(counter, account, now)

    def notices(ready: BackchannelRequest) -> Sequence[Notification]:
        return () if reach is None else [_notification(counter, ready, service, *reach)]

    outcome, question = await create(counter.backchannel_requests, counter.system, question, asked.use, notices, events)
    if outcome is not RedeemResult.DONE:
        raise used_before()
    return ciba.acknowledgement(question, counter.ciba_lifetimes, counter.confirm if reach is None else None)


async def _notification_target(counter: EndpointContext, account: str, now: float) -> tuple[str, str] | None:
    """Email address and language of a citizen, if a session of theirs holds a proven address; else None."""
    identity = await counter.backchannel_requests.known_as(account, now) if "email" in counter.ways else None
    if identity is None or identity.claims.get("email_verified") is not True:
        return None
    address, locale = identity.claims.get("email"), identity.claims.get("locale")
    if not isinstance(address, str) or "@" not in address:
        return None
    return address, locale if isinstance(locale, str) else ""


def _notification(
    counter: EndpointContext, question: BackchannelRequest, service: Service, address: str, language: str
) -> Notification:
    name = service.name(language)
    return notice(counter.system, question, name, counter.confirm, "email", address, language)

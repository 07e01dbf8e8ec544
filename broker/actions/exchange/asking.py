"""A service asks a citizen on a device of their own (CIBA Core 1.0, 7)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from broker.actions.exchange.counter import Call, Counter, caller, check_on, event, registered, within
from broker.actions.questions import notice, put
from broker.model import handle as handles
from broker.model.facts import Redemption
from broker.model.notice import Notice
from broker.model.question import Question
from broker.model.service import Service
from broker.model.switches import SwitchKind
from broker.oidc import ciba
from broker.oidc.ciba_object import used_before


async def ask(counter: Counter, call: Call) -> dict[str, Any]:
    """Puts a question to the citizen whom a hint names, and says how to fetch the answer. Raises TokenError."""
    service, now = await caller(counter, call), counter.ambient.now()
    keys = await counter.clients.keys(service.client_id, call.parameters.get("request", ""))
    service = registered(counter, service)
    asked = ciba.authentication_request(call.parameters, service, keys, counter.door, counter.question_times, now)
    account = await counter.questions.account(service.sector, asked.subject)
    await check_on(counter, service)
    if account is None or (await counter.switches.current()).is_off(SwitchKind.ACCOUNT, account):
        raise ciba.unknown_user()
    await within(counter.limits, f"questions:{account}", counter.asked)
    question = Question(
        id=handles.fresh(counter.ambient, size=16),
        client_id=service.client_id,
        created=now,
        expires=now + asked.lifetime,
        code="",
        handle=handles.fresh(counter.ambient, "ciba"),
        account=account,
        subject=asked.subject,
        **asked.fields,
    )
    told = event(counter, "question_put", service)
    events = [replace(told, account=account, details={"question": question.id})]
    reach = await _reach(counter, account, now)

    def notices(ready: Question) -> Sequence[Notice]:
        return () if reach is None else [_notice(counter, ready, service, *reach)]

    outcome, question = await put(counter.questions, counter.ambient, question, asked.use, notices, events)
    if outcome is not Redemption.DONE:
        raise used_before()
    return ciba.acknowledged(question, counter.question_times, counter.confirm if reach is None else None)


async def _reach(counter: Counter, account: str, now: float) -> tuple[str, str] | None:
    """Email address and language of a citizen, if a session of theirs holds a proven address; else None."""
    identity = await counter.questions.known_as(account, now) if "email" in counter.ways else None
    if identity is None or identity.claims.get("email_verified") is not True:
        return None
    address, locale = identity.claims.get("email"), identity.claims.get("locale")
    if not isinstance(address, str) or "@" not in address:
        return None
    return address, locale if isinstance(locale, str) else ""


def _notice(counter: Counter, question: Question, service: Service, address: str, language: str) -> Notice:
    name = service.name(language)
    return notice(counter.ambient, question, name, counter.confirm, "email", address, language)

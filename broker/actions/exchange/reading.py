"""What tokens open: userinfo, introspection, revocation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from broker.actions.exchange.counter import Call, Counter, caller, check_on, event, held_key, turned_off
from broker.actions.letters import letter
from broker.model import handle as handles
from broker.model.service import Encryption, Service
from broker.oidc.access import check_access, invalid_token, presented_token
from broker.oidc.client import invalid_client
from broker.oidc.introspection import (
    INTROSPECTION,
    INTROSPECTION_TYP,
    accepts_jwt,
    introspection_claims,
    introspection_response,
)
from broker.oidc.token import token_parameter
from broker.oidc.userinfo import userinfo_claims

USERINFO: Final = "application/jwt"
"""The kind of content of signed userinfo (OpenID Connect Core 5.3.2)."""


@dataclass(frozen=True, slots=True)
class Jwt:
    """An answer that is one JWT: its text, and the kind of content it is."""

    text: str
    content_type: str


async def userinfo(counter: Counter, call: Call) -> dict[str, Any] | Jwt:
    """The claims an access token opens (OpenID Connect Core 5.3.2). Raises TokenError with a challenge.

    A signed JWT, with issuer and audience, where the service's file says so.
    """
    presented = presented_token(call.authorization)
    found = await counter.grants.token(handles.digest(presented.handle))
    if found is None:
        raise invalid_token("no such token, or it was revoked", presented.scheme)
    record, grant = found
    call.callers.append(grant.client_id)
    proof = await held_key(counter, call, presented.handle)
    now = counter.ambient.now()
    check_access(presented, record, grant, proof, now, call.certificate)
    if (off := turned_off(counter, await counter.switches.current(), grant)) is not None:
        raise invalid_token(f"{off} is turned off", presented.scheme)
    service = counter.clients.services[grant.client_id]  # there, since `turned_off` asked and nothing waited since
    claims = userinfo_claims(record, grant, counter.ladder, now)
    if service.userinfo_alg is None:
        return claims
    whole = {**claims, "iss": counter.issuer, "aud": service.client_id}
    return Jwt(await _written(counter, whole, service, service.userinfo_alg, service.userinfo_encryption), USERINFO)


async def introspect(counter: Counter, call: Call) -> dict[str, Any] | Jwt:
    """What a service is told about a token (RFC 7662 2.2). Raises TokenError, also for an app: it proves nothing."""
    service = await caller(counter, call)
    if service.is_public:
        raise invalid_client("an app may not introspect")
    handle = token_parameter(call.parameters)
    found = await counter.grants.token(handles.digest(handle))
    await check_on(counter, service)
    if found is not None and turned_off(counter, await counter.switches.current(), found[1]) is not None:
        found = None
    now = counter.ambient.now()
    told = introspection_response(service, found, counter.issuer, counter.ladder, now)
    if service.introspection_alg is None and not accepts_jwt(call.accept):
        return told
    alg = service.introspection_alg or service.id_token_alg
    whole = introspection_claims(told, service, counter.issuer, now)
    token = await _written(counter, whole, service, alg, service.introspection_encryption, INTROSPECTION_TYP)
    return Jwt(token, INTROSPECTION)


async def _written(
    counter: Counter,
    claims: Mapping[str, Any],
    service: Service,
    alg: str,
    encryption: Encryption | None,
    typ: str | None = None,
) -> str:
    return await letter(claims, service, alg, encryption, counter.keys, counter.clients.encryption_keys, typ)


async def revoke(counter: Counter, call: Call) -> None:
    """Ends a token of the caller's; a token nobody knows is no error (RFC 7009 2.2). Raises TokenError."""
    service = await caller(counter, call)
    digest = handles.digest(token_parameter(call.parameters))
    found = await counter.grants.token(digest)
    await check_on(counter, service)
    if found is None or found[1].client_id != service.client_id:
        return
    told = replace(event(counter, "token_revoked", service, found[1]), details={"kind": found[0].kind})
    await counter.grants.revoke(digest, service.client_id, counter.ambient.now(), told)

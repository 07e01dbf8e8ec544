"""Tokens of services for themselves, and calls with them."""

import json
from collections.abc import Mapping

from tests.e2e.raw_client import Reply
from tests.e2e.relying_service import Service
from tests.security.endpoint_client import Endpoints


async def request_own_token(endpoints: Endpoints, service: Service, scope: str | None = None) -> Reply:
    """A token request of a service for itself, with a nonce in its proof if it needs one."""
    url = f"{endpoints.issuer}/token"
    for _ in range(2):
        form = {"grant_type": "client_credentials", **service.assertion()}
        reply = await endpoints.post(
            "/token", form if scope is None else {**form, "scope": scope}, *service.proof("POST", url).items()
        )
        if reply.status == 200 or "DPoP-Nonce" not in reply.headers:
            break
        service.nonce = reply.headers["DPoP-Nonce"]
    return reply


async def own_token(endpoints: Endpoints, service: Service, scope: str | None = None) -> str:
    """The token."""
    token: str = (await request_own_token(endpoints, service, scope)).expect().json["access_token"]
    return token


async def call(
    endpoints: Endpoints, method: str, path: str, token: str | None, content: object = None, *, raw: bytes | None = None
) -> Reply:
    """A call with a bearer token, and JSON unless other bytes are given."""
    head: Mapping[str, str] = {} if token is None else {"Authorization": f"Bearer {token}"}
    body = raw if raw is not None else None if content is None else json.dumps(content).encode()
    kind = {} if body is None else {"Content-Type": "application/json"}
    return await endpoints.send(method, path, body, list({**head, **kind}.items()))

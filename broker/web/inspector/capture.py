"""Capture middleware of the inspector, in development only: records requests of services and their responses."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.crypto.jose import unverified_claims
from broker.model.handle import sha256_hex
from broker.model.json_types import JsonObject
from broker.oidc.client_authentication import parse_credentials
from broker.oidc.dropped_values import DroppedValue
from broker.oidc.errors import DisplayedError, EndpointError
from broker.oidc.form_parser import UnreadableForm, parse_legible
from broker.oidc.par import PREFIX
from broker.oidc.parameters import AUTHORIZATION
from broker.web.inspector.exchange_log import Exchange, ExchangeLog, redact
from broker.web.inspector.rules import rule_verdicts, rules
from broker.web.services.error_log import ERROR_LISTENER, ErrorListener

BROWSER_PATHS: Final = frozenset({"/authorize", "/logout"})
PATHS: Final = BROWSER_PATHS | {"/par", "/token", "/userinfo", "/introspect", "/revoke", "/ciba"}

Dropped = Callable[[str, Mapping[str, str]], Sequence[DroppedValue]]
"""Finds what of a request is ignored, by client_id and parameters."""


class CaptureMiddleware:
    """ASGI middleware that records the exchanges with services in an `ExchangeLog`."""

    def __init__(self, app: ASGIApp, log: ExchangeLog, now: Callable[[], float], dropped: Dropped) -> None:
        """`now` returns seconds since 1970 UTC. `dropped` finds, by client_id, what of a request is ignored."""
        self._app, self._log, self._now, self._dropped = app, log, now, dropped

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in PATHS:
            await self._app(scope, receive, send)
            return
        body, answer, status, errors = bytearray(), bytearray(), 500, list[ErrorListener]()

        async def receive_body() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        async def send_answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            answer.extend(message.get("body", b""))
            await send(message)

        scope.setdefault("state", {})[ERROR_LISTENER] = errors.append
        try:
            await self._app(scope, receive_body, send_answer)
        finally:
            sent = bytes(body) if scope["method"] == "POST" else scope["query_string"]
            self._record(scope, sent, status, bytes(answer), errors[0] if errors else None)
            errors.clear()  # breaks the cycle: the error's frames refer to the request, and so to this list

    def _record(self, scope: Scope, sent: bytes, status: int, answer: bytes, error: ErrorListener | None) -> None:
        path = scope["path"]
        parameters = _read(sent)
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        authorization, proof = headers.get(b"authorization"), headers.get(b"dpop")
        client_id = self._client(path, parameters, authorization)
        if not client_id and isinstance(error, DisplayedError):
            client_id = error.client_id or ""
        members = _members(answer) if path not in BROWSER_PATHS else {}
        if isinstance(access := members.get("access_token"), str):
            self._log.add_token(sha256_hex(access), client_id)
        redacted = [(name[:64], redact(name, value)) for name, value in parameters.items()]
        if authorization is not None:
            redacted.append(("Authorization", f"{authorization.partition(' ')[0][:16]}, the rest is not kept"))
        if proof is not None:
            redacted.append(("DPoP", redact("DPoP", proof)))
        self._log.add(
            Exchange(
                at=self._now(),
                method=scope["method"],
                path=path,
                client_id=client_id,
                parameters=tuple(redacted),
                status=status,
                error=error.code if error else "",
                description=error.description if error else "",
                detail=error.detail if error and error.detail != error.description else "",
                answer=tuple(members),
                rules=rule_verdicts(rules(path, parameters, proved=proof is not None), error)
                if error or status < 400
                else (),
                ignored=self._ignored(path, client_id, parameters),
            )
        )

    def _ignored(self, path: str, client_id: str, parameters: Mapping[str, str]) -> tuple[DroppedValue, ...]:
        """What of an authorization request has no effect. That of a pushed request stands where it was pushed."""
        if path not in ("/authorize", "/par") or parameters.get("request_uri", "").startswith(PREFIX):
            return ()
        return tuple(self._dropped(client_id, {**parameters, **_signed(parameters.get("request", ""))}))

    def _client(self, path: str, parameters: Mapping[str, str], authorization: str | None) -> str:
        """The registered service that a request claims to come from, unauthenticated; "" if unknown."""
        if path == "/userinfo":
            return self._log.token_service(sha256_hex((authorization or "").partition(" ")[2].strip()))
        try:
            named = (
                parameters["client_id"]
                if path in BROWSER_PATHS
                else parse_credentials(parameters, authorization).client_id
            )
        except (KeyError, EndpointError):
            named = parameters.get("client_id", "")
        return named if named in self._log.services() else ""


def _read(sent: bytes) -> Mapping[str, str]:
    try:
        return parse_legible(sent)
    except UnreadableForm:
        return {}


def _signed(request: str) -> Mapping[str, str]:
    """The parameters of a request object, without verification: they are shown to the engineers of its service."""
    claims = unverified_claims(request) or {}
    inside = {name: value if isinstance(value, str) else json.dumps(value) for name, value in claims.items()}
    return {name: value for name, value in inside.items() if name in AUTHORIZATION}


def _members(answer: bytes) -> JsonObject:
    try:
        content = json.loads(answer)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}

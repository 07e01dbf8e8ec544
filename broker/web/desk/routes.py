"""Routes of the proofing agent API: authentication, headers, messages and problem details."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.desk.files import receive_file
from broker.actions.desk.messages import DeskCase, SendFile
from broker.actions.desk.once import DeskCall, once
from broker.actions.desk.problems import DeskProblem, file_refused
from broker.actions.desk.visits import DeskContext, read_case
from broker.actions.endpoints.client_credentials import own_caller
from broker.actions.endpoints.context import EndpointContext, EndpointRequest, enforce_rate, request_nonces
from broker.actions.files.context import FileContext
from broker.model.desk import DeskAnswer
from broker.model.evidence_file import FileKind, FileSettings
from broker.model.own_rights import OwnScope
from broker.model.service import Service
from broker.model.store_results import StoreUnavailable
from broker.oidc.discovery import endpoints as urls_of
from broker.oidc.errors import EndpointError
from broker.oidc.mtls import client_certificate
from broker.web.desk.openapi import document
from broker.web.desk.operations import CASE, FILES, OPERATIONS, Operation
from broker.web.desk.reading import (
    LIMIT,
    call_digest,
    file_plan,
    idempotency_key,
    pieces_of,
    read_form,
    read_json,
    to_message,
)
from broker.web.middleware.client_certificates import forwarded_certificate
from broker.web.services.cors import CALLERS
from broker.web.services.json_responses import NO_STORE
from broker.web.shared import request_parsing
from broker.web.shared.upload import UploadRefused

LOG: Final = logging.getLogger("portico.services")

CORRELATION: Final = "X-Correlation-ID"
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)

Answer = Callable[[Service, Request], Awaitable[tuple[int, bytes]]]
"""Answers an authenticated call: the status, and JSON."""


def desk_routes(context: DeskContext, called: EndpointContext, issuer: str, files: FileContext | None) -> list[Route]:
    """The routes of the API, and its OpenAPI document. Without `files` desks send no photographs."""
    largest = None if files is None else file_plan(files.settings, video=files.desk_video).most
    described = msgspec.json.encode(document(issuer, urls_of(issuer).token, limit=LIMIT, largest_file=largest))

    async def openapi(_request: Request) -> Response:
        return Response(described, headers={"Cache-Control": "public, max-age=300"}, media_type="application/json")

    async def read(service: Service, request: Request) -> tuple[int, bytes]:
        found: DeskCase = await read_case(context, service, request.path_params["case"])
        return 200, msgspec.json.encode(found)

    def at(path: str, answer: Answer, method: str) -> Route:
        return Route(path, _endpoint(called, issuer, answer), methods=[method])

    changing = [at(one.path, _changing(context, called, one), "POST") for one in OPERATIONS]
    sending = [] if files is None else [at(FILES, _sending(context, files), "POST")]
    return [Route("/desk/openapi.json", openapi, methods=["GET"]), *changing, *sending, at(CASE, read, "GET")]


def file_limits(settings: FileSettings, *, video: bool) -> Mapping[re.Pattern[str], int]:
    """The largest body of the form with a photograph or a `video`, by its path."""
    return {re.compile(FILES.replace("{case}", "[^/]+")): file_plan(settings, video=video).largest_body}


def _changing(context: DeskContext, called: EndpointContext, operation: Operation) -> Answer:
    """A call that changes something: it has a key, and a message that its table accepts."""

    async def answer(service: Service, request: Request) -> tuple[int, bytes]:
        key = idempotency_key(request)
        (body, content), case = await read_json(request), request.path_params.get("case", "")
        if operation.name == "findCase":
            finds = context.settings.finds
            await enforce_rate(called.rates.local_limits, f"desk finds:{service.client_id}", finds)
        message = to_message(content, operation.message)
        digest = call_digest(request, body)
        call = DeskCall(service, key, digest, case, message.agent_id, message.location_id)

        async def act() -> Any:
            return await operation.act(context, call, case, message)

        done = await once(context.desks, context.cases.stores.audit, context.cases.system, call, act)
        return done.status, done.body

    return answer


def _sending(context: DeskContext, files: FileContext) -> Answer:
    """The call that sends a photograph. What comes after a refusal is read and forgotten, so that the desk reads it."""

    async def answer(service: Service, request: Request) -> tuple[int, bytes]:
        key, case, system = idempotency_key(request), request.path_params["case"], context.cases.system
        upload = await read_form(request, file_plan(files.settings, video=files.desk_video), system.monotonic)
        try:
            message = to_message(dict(upload.fields), SendFile)
            digest = call_digest(request, msgspec.json.encode(message))
            call = DeskCall(service, key, digest, case, message.agent_id, message.location_id)

            async def act() -> DeskAnswer:
                sent = (message, pieces_of(upload, message, files.settings.largest(FileKind(message.kind))))
                return await receive_file(context, files, call, case, sent)

            done = await once(context.desks, context.cases.stores.audit, system, call, act)
        except DeskProblem:
            await upload.discard()
            raise
        await upload.discard()
        return done.status, done.body

    return answer


def _endpoint(called: EndpointContext, issuer: str, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint around an answer: authentication before anything else is read, problems, and the headers."""

    async def reply(request: Request, headers: dict[str, str]) -> Response:
        tokens = request_parsing.header_values(request, b"authorization")
        call = EndpointRequest(
            method=request.method,
            url=f"{issuer}{request_parsing.path(request)}",
            parameters={},
            authorization=tokens[0] if len(tokens) == 1 else None,
            proofs=tuple(request_parsing.header_values(request, b"dpop")),
            address=request_parsing.client_ip(request),
            certificate=client_certificate(forwarded_certificate(request.scope)),
            client_ids=request.scope["state"].get(CALLERS, []),
        )
        try:
            service = await own_caller(called, call, OwnScope.DESK)
            status, body = await answer(service, request)
            kind = "application/json" if status < 400 else "application/problem+json"
        except DeskProblem as problem:
            status, body, kind = _problem(problem, headers)
        except EndpointError as error:
            status, body, kind = _problem(_protocol_problem(error, headers), headers)
        except UploadRefused as refused:
            headers |= {"Connection": "close"} if refused.closes else {}
            status, body, kind = _problem(file_refused(refused.fault), headers)
        if call.proofs:
            headers["DPoP-Nonce"] = (await request_nonces(called, call)).issue(called.system.now())
        return Response(body, status, headers, kind)

    async def handle(request: Request) -> Response:
        headers = dict(NO_STORE) | {CORRELATION: _correlation(request, called)}
        try:
            return await reply(request, headers)
        except StoreUnavailable as unavailable:
            LOG.warning("store_unavailable", extra={"path": request_parsing.path(request), "detail": str(unavailable)})
            later = DeskProblem(503, "temporarily_unavailable", "please try again shortly", retry_after=5)
            status, body, kind = _problem(later, headers)
            return Response(body, status, headers, kind)

    return handle


def _problem(problem: DeskProblem, headers: dict[str, str]) -> tuple[int, bytes, str]:
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    return problem.status, msgspec.json.encode(problem.content), "application/problem+json"


def _protocol_problem(error: EndpointError, headers: dict[str, str]) -> DeskProblem:
    """An error of authentication as problem details, with its challenge."""
    LOG.info("desk_call_refused", extra={"error": error.code, "detail": error.detail})
    if error.challenge is not None:
        headers["WWW-Authenticate"] = error.challenge
    retry = 60 if error.status == 429 else None
    return DeskProblem(error.status, error.code, error.description, retry_after=retry)


def _correlation(request: Request, called: EndpointContext) -> str:
    """The caller's id if it is a UUID, else a random one."""
    given = request_parsing.header(request, CORRELATION.lower().encode())
    if given is not None and _UUID.fullmatch(given):
        return given
    return str(UUID(bytes=called.system.random_bytes(16), version=4))

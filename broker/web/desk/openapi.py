"""OpenAPI 3.1 document of the proofing agent API, made from the tables that check what desks send."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from broker.actions.desk.messages import DeskCase, Problem, SendFile
from broker.actions.desk.problems import FILE_FAULTS
from broker.web.desk.operations import CASE, FILES, OPERATIONS, Operation

VERSION: Final = "3.1.1"
KEY: Final = r"^[\x21-\x7e]{1,255}$"
"""Form of an `Idempotency-Key`: printable ASCII without spaces."""

Schema = dict[str, Any]

_DESCRIPTIONS: Final[Mapping[int, str]] = {
    400: "The request cannot be read, or a header is missing.",
    401: "The access token is missing, invalid, or not bound to the caller's key.",
    403: "The access token has not the scope `desk`, or the desk is turned off.",
    404: "There is no such case for this desk.",
    408: "The file took too long.",
    409: "The case is not in a state for this, or the rules refuse it.",
    413: "The body is too large.",
    415: "The body is not of the media type of this call.",
    422: "The message breaks a rule, or the `Idempotency-Key` belongs to another call.",
    429: "A limit is reached; `Retry-After` says for how long.",
    503: "The broker cannot answer now; `Retry-After` says when to try again.",
}


def document(issuer: str, token_endpoint: str, *, limit: int, largest_file: int | None) -> Schema:
    """The document. `limit` is the most bytes of a message, `largest_file` of a photograph, None if desks send none."""
    sent = [SendFile] if largest_file is not None else []
    types: list[type[msgspec.Struct]] = [*(one.message for one in OPERATIONS), *sent, DeskCase, Problem]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    of: dict[type, Schema] = dict(zip(types, schemas, strict=True))
    paths: dict[str, Schema] = {operation.path: {"post": _operation(operation, of, limit)} for operation in OPERATIONS}
    if largest_file is not None:
        paths[FILES] = {"post": _file_operation(of, components["SendFile"], largest_file)}
    paths[CASE] = {
        "get": {
            "operationId": "readCase",
            "summary": "Read the state of a case that this desk was the last to accept",
            "parameters": [_CASE_ID, _ref("parameters", "CorrelationId")],
            "responses": _responses(200, of, (401, 403, 404, 429, 503)),
        }
    }
    return {
        "openapi": VERSION,
        "info": {
            "title": "Proofing agent API",
            "version": "1",
            "summary": "For partner desks that meet citizens at their counters.",
        },
        "servers": [{"url": issuer}],
        "security": [{"desk": ["desk"]}],
        "paths": paths,
        "components": {
            "schemas": components,
            "parameters": _PARAMETERS,
            "headers": _HEADERS,
            "securitySchemes": {
                "desk": {
                    "type": "oauth2",
                    "description": "Tokens are bound to a key by DPoP (RFC 9449) or mutual TLS (RFC 8705).",
                    "flows": {"clientCredentials": {"tokenUrl": token_endpoint, "scopes": {"desk": "Verify citizens"}}},
                }
            },
        },
    }


def _operation(operation: Operation, of: Mapping[type, Schema], limit: int) -> Schema:
    in_path = [_CASE_ID] if "{case}" in operation.path else []
    statuses = sorted({400, 401, 403, 413, 415, 422, 429, 503, *operation.refusals})
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [*in_path, _ref("parameters", "IdempotencyKey"), _ref("parameters", "CorrelationId")],
        "requestBody": {
            "required": True,
            "description": f"At most {limit} bytes.",
            "content": {"application/json": {"schema": of[operation.message]}},
        },
        "responses": _responses(operation.status, of, tuple(statuses)),
    }


def _file_operation(of: Mapping[type, Schema], fields: Schema, largest: int) -> Schema:
    """The call that sends a photograph: its message is the fields of a form."""
    file = {
        "type": "string",
        "contentMediaType": "application/octet-stream",
        "description": f"At most {largest} bytes.",
    }
    form = {**fields, "properties": {**fields["properties"], "file": file}, "required": [*fields["required"], "file"]}
    refusals = {400, 401, 403, 404, 413, 415, 422, 429, *(status for status, _ in FILE_FAULTS.values())}
    return {
        "operationId": "sendFile",
        "summary": "Send a photograph of the document or of the citizen, or a video of the citizen",
        "parameters": [_CASE_ID, _ref("parameters", "IdempotencyKey"), _ref("parameters", "CorrelationId")],
        "requestBody": {
            "required": True,
            "description": "The fields in any order, then the file: JPEG, PNG or WebP; of kind `video` MP4 or WebM.",
            "content": {"multipart/form-data": {"schema": form}},
        },
        "responses": _responses(200, of, tuple(sorted(refusals))),
    }


def _responses(status: int, of: Mapping[type, Schema], refusals: tuple[int, ...]) -> Schema:
    echoed = {"X-Correlation-ID": _ref("headers", "CorrelationId")}
    later = {"Retry-After": _ref("headers", "RetryAfter")}
    good = {
        "description": "The case as the desk may see it.",
        "headers": echoed,
        "content": {"application/json": {"schema": of[DeskCase]}},
    }
    bad = {
        str(refusal): {
            "description": _DESCRIPTIONS[refusal],
            "headers": echoed | (later if refusal in (429, 503) else {}),
            "content": {"application/problem+json": {"schema": of[Problem]}},
        }
        for refusal in refusals
    }
    return {str(status): good, **bad}


def _ref(kind: str, name: str) -> Schema:
    return {"$ref": f"#/components/{kind}/{name}"}


_CASE_ID: Final = {
    "name": "case",
    "in": "path",
    "required": True,
    "description": "The `id` of the case that was found.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,100}$"},
}
_PARAMETERS: Final = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "One for each call; a repeated call gets the same answer for 24 hours.",
        "schema": {"type": "string", "pattern": KEY},
    },
    "CorrelationId": {
        "name": "X-Correlation-ID",
        "in": "header",
        "required": False,
        "description": "The response repeats it if it is a UUID; else it has one of its own.",
        "schema": {"type": "string"},
    },
}
_HEADERS: Final = {
    "CorrelationId": {"schema": {"type": "string", "format": "uuid"}},
    "RetryAfter": {"schema": {"type": "integer"}},
}

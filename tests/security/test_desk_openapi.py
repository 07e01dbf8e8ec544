"""The OpenAPI document of the proofing agent API, and calls that are made from it: each answer is one that it says."""

import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

import httpx
import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from broker.actions.desk.messages import DECLINE
from broker.web.desk.openapi import document
from broker.web.desk.operations import CASE, FILES, OPERATIONS
from tests.security.desk_stage import DeskStage, desk_stage, passport
from tests.support.examples import scaled

ISSUER: Final = "http://localhost:18000"
DOCUMENT: Final = json.loads(
    msgspec.json.encode(document(ISSUER, f"{ISSUER}/token", limit=32_768, largest_file=12_000_000))
)
CALLS: Final = [found.ok() for found in openapi.from_dict(DOCUMENT).get_all_operations()]
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


@pytest.fixture(scope="module")
async def desks(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DeskStage]:
    """One broker for all examples."""
    async with desk_stage(tmp_path_factory.mktemp("described"), None) as stage:
        yield stage


def parts(drawn: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The parts of a form as httpx sends them: the file last, and what is neither text nor bytes as text."""

    def sendable(value: Any) -> Any:
        if isinstance(value, tuple):
            return (value[0], sendable(value[1]), *value[2:])
        return value if isinstance(value, str | bytes) else str(value)

    return sorted(((name, sendable(value)) for name, value in drawn), key=lambda part: part[0] == "file")


async def send(desks: DeskStage, drawn: Mapping[str, Any]) -> httpx.Response:
    """Sends a drawn call, with the token of the desk."""
    sent = desks.line.build_request(
        drawn["method"],
        drawn["url"],
        params=drawn.get("params"),
        headers=drawn["headers"],
        json=drawn.get("json"),
        content=drawn.get("data"),
        files=parts(drawn.get("files") or ()) or None,
    )
    sent.read()
    sent.headers.update(desks.post.head(drawn["method"], sent.url.path))
    return await desks.line.send(sent)


async def make_known(desks: DeskStage, drawn: Case[Any], *, accepted: bool) -> None:
    """Puts a case, a counter and a new key into a drawn call, so that it comes further than to a look-up."""
    made = await desks.asks()
    if accepted:
        await desks.post.accept(made.id)
    if "case" in drawn.path_parameters:
        drawn.path_parameters["case"] = made.id
    if isinstance(drawn.body, dict):
        drawn.body["location_id"] = desks.post.location
        drawn.headers["Idempotency-Key"] = secrets.token_hex(8)
    if isinstance(drawn.body, dict) and "file" in drawn.body:
        drawn.body["sha256"] = hashlib.sha256(drawn.body["file"].encode()).hexdigest()
    if isinstance(drawn.body, dict) and "reference" in drawn.body:
        drawn.body["reference"] = made.reference


@cache
def calls(call: APIOperation[Any, Any, Any, Any], mode: GenerationMode) -> st.SearchStrategy[Case[Any]]:
    """The strategy of calls, made once: making it for each example takes most of the test's time."""
    return call.as_strategy(generation_mode=mode)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.label)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@settings(max_examples=scaled(15), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_every_answer_is_one_that_the_document_says(
    desks: DeskStage, call: APIOperation[Any, Any, Any, Any], mode: GenerationMode, data: st.DataObject
) -> None:
    drawn = data.draw(calls(call, mode))
    if mode is GenerationMode.POSITIVE:
        await make_known(desks, drawn, accepted=data.draw(st.booleans()))
    answer = await send(desks, drawn.as_transport_kwargs(base_url=ISSUER))
    drawn.validate_response(answer, checks=CHECKS)


async def test_the_document_is_published_and_describes_every_call(desks: DeskStage) -> None:
    published = await desks.line.get("/desk/openapi.json")
    assert published.headers["Content-Type"] == "application/json"
    assert published.json() == DOCUMENT
    assert set(DOCUMENT["paths"]) == {*(one.path for one in OPERATIONS), FILES, CASE}
    assert DOCUMENT["openapi"].startswith("3.1.")


async def test_the_tables_that_check_a_message_are_those_of_the_document(desks: DeskStage) -> None:
    made = await desks.asks()
    assert (await desks.post.accept(made.id)).status_code == 200
    named = {"agent_id": "clerk-7", "location_id": "market-street"}
    good = {**named, "recommendation": "decline", "reasons": [DECLINE[0]]}
    for name, message, valid in (
        ("FindCase", {**named, "reference": made.reference}, True),
        ("FindCase", {**named, "reference": made.reference, "name": "Ada"}, False),
        ("RecordEvidence", {**named, "piece": passport()}, True),
        ("RecordEvidence", {**named, "piece": {**passport(), "kind": 7}}, False),
        ("GiveResult", good, True),
        ("GiveResult", {**good, "recommendation": "bind"}, False),
        ("GiveResult", {**good, "agent_id": "clerk 7"}, False),
    ):
        schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
        assert jsonschema.Draft202012Validator(schema).is_valid(message) is valid, (name, message)

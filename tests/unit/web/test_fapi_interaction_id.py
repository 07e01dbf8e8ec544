"""x-fapi-interaction-id: repeated if it is a UUID, else generated."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.platform.system import System
from broker.web.services.json_responses import json_reply, with_interaction_id

DRAWN = "72727272-7272-4272-b272-727272727272"


async def _id_for(**headers: str) -> list[str]:
    async def refused(_request: Request) -> Response:
        return json_reply({"error": "invalid_token"}, 401)

    system = System(now=lambda: 0.0, random_bytes=lambda size: b"r" * size)
    app = Starlette(routes=[Route("/userinfo", with_interaction_id(refused, system))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://id.test") as service:
        answer = await service.get("/userinfo", headers=headers)
    assert answer.status_code == 401
    return answer.headers.get_list("x-fapi-interaction-id")


@pytest.mark.parametrize("given", ["c88B43f1-Aa39-4E57-8c5C-d78Db2Da69D5", "00000000-0000-0000-0000-000000000000"])
async def test_the_id_that_a_service_sends_comes_back_to_the_letter_with_refusals_too(given: str) -> None:
    assert await _id_for(**{"X-FAPI-Interaction-Id": given}) == [given]


async def test_a_service_that_sends_none_is_given_one() -> None:
    assert await _id_for() == [DRAWN]


@pytest.mark.parametrize("given", ["", "one", "0" * 32, "00000000-0000-0000-0000-000000000000x"])
async def test_what_is_no_uuid_is_not_repeated(given: str) -> None:
    assert await _id_for(**{"x-fapi-interaction-id": given}) == [DRAWN]

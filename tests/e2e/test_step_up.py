"""Step-up authentication: a service asks for a higher level or a more recent sign-in (RFC 9470)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.e2e.app_harness import Ahead, Script, Stage, staged
from tests.e2e.raw_client import EID, NORTHBANK, HttpSender, RawCitizen, http_sender
from tests.e2e.relying_service import RIDES_SERVICE, rides


@pytest.fixture(scope="module")
def ahead() -> Ahead:
    """The clock of this file's stage."""
    return Ahead()


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, ahead: Ahead) -> AsyncIterator[Stage]:
    """The whole product, with a service whose requests are made by hand."""
    script = Script(files={"services/rides.toml": RIDES_SERVICE})
    async with staged(tmp_path_factory.mktemp("steps"), script, ahead.system) as stage:
        yield stage


@pytest.fixture
async def way() -> AsyncIterator[HttpSender]:
    """A way to send."""
    async with http_sender() as opened:
        yield opened


async def begun(
    way: HttpSender, stage: Stage, ahead: Ahead, before: RawCitizen | None = None, **asked: str
) -> RawCitizen:
    """A request of the service, in the browser of the one before."""
    service = rides(stage.folder, stage.issuer)
    service.now = ahead.now
    raw_citizen = RawCitizen(way, service) if before is None else RawCitizen(way, service, before.jar)
    (await raw_citizen.push(**({"prompt": "consent"} | asked))).expect(201)
    (await raw_citizen.authorize()).expect(303)
    return raw_citizen


async def by(raw_citizen: RawCitizen, provider: str) -> dict[str, Any]:
    """The citizen is shown the picker and signs in; what a resource learns by introspection."""
    await raw_citizen.return_(provider)
    (await raw_citizen.share()).expect(303)
    return await learned(raw_citizen)


async def learned(raw_citizen: RawCitizen) -> dict[str, Any]:
    """What a resource learns of the access token that the service is given."""
    tokens = (await raw_citizen.redeem(await raw_citizen.collect())).expect().json
    introspection: dict[str, Any] = (await raw_citizen.introspect(tokens["access_token"])).expect().json
    return introspection


async def test_introspection_returns_acr_and_a_step_up_raises_it(way: HttpSender, stage: Stage, ahead: Ahead) -> None:
    # introspection contains auth_time if the service requested it
    first = await begun(way, stage, ahead, max_age="3600")
    low = await by(first, NORTHBANK)
    assert low["acr"] == "low"

    # a higher level: the session below it answers nothing
    ahead.advance(60)
    second = await begun(way, stage, ahead, first, acr_values="high", max_age="3600")
    high = await by(second, EID)
    assert high["acr"] == "high"
    assert high["auth_time"] >= low["auth_time"] + 60

    # a sign-in more recent than the session is required
    ahead.advance(600)
    third = await begun(way, stage, ahead, second, acr_values="high", max_age="300")
    young = await by(third, EID)
    assert (young["acr"], young["sub"]) == ("high", high["sub"])
    assert young["auth_time"] >= high["auth_time"] + 600

    # the session is enough for a service that requires no more
    ahead.advance(60)
    fourth = await begun(way, stage, ahead, third, acr_values="high", max_age="300", prompt="")
    same = await learned(fourth)
    assert (same["acr"], same["auth_time"]) == ("high", young["auth_time"])


async def test_prompt_none_refuses_a_step_up(way: HttpSender, stage: Stage, ahead: Ahead) -> None:
    first = await begun(way, stage, ahead)
    await by(first, NORTHBANK)
    ahead.advance(60)
    service = first.service
    for asked in ({"acr_values": "high"}, {"max_age": "30"}):
        raw_citizen = RawCitizen(way, service, first.jar)
        (await raw_citizen.push(**({"prompt": "none"} | asked))).expect(201)
        assert "error=login_required" in (await raw_citizen.authorize()).location

"""Redis flushed, hanging or killed: the only effect is that citizens may have to start again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from broker.web.shared import cookies
from tests.e2e.raw_client import SOON, Forms, RawCitizen, eventually
from tests.resilience.cluster import Deployment, refused_at_once
from tests.support.redis import RedisServer

Deed = Callable[[], Any]

BACK = 10.0
"""Seconds after which everything works again, without anybody's doing."""


def restarted(redis: RedisServer) -> None:
    """Killed and started: empty, and another run."""
    redis.kill()
    redis.start()


FAULTS: dict[str, Callable[[RedisServer], None]] = {"flushed": RedisServer.flush, "restarted": restarted}


@pytest.fixture(params=sorted(FAULTS))
def lose(request: pytest.FixtureRequest, broker: Deployment) -> Deed:
    """Makes Redis forget everything."""
    fault = FAULTS[request.param]
    return lambda: asyncio.to_thread(fault, broker.redis)


@pytest.fixture(params=["killed", "hanging"])
def away(request: pytest.FixtureRequest, broker: Deployment) -> Deed:
    """A block during which Redis is away."""

    @asynccontextmanager
    async def block() -> AsyncIterator[None]:
        if request.param == "killed":
            await asyncio.to_thread(broker.redis.kill)
        else:
            broker.redis.freeze()
        try:
            yield
        finally:
            await asyncio.to_thread(broker.redis.start)
            broker.redis.thaw()

    return block


# --- nothing is accepted twice ---


async def test_a_redeemed_code_is_refused_after_redis_lost_its_memory(broker: Deployment, lose: Deed) -> None:
    raw_citizen = broker.raw_citizen()
    code = await raw_citizen.code()
    tokens = (await raw_citizen.redeem(code)).expect().json
    await lose()
    assert (await raw_citizen.redeem(code)).json["error"] == "invalid_grant"
    assert (await raw_citizen.userinfo(tokens["access_token"])).status == 401


async def test_a_code_that_was_issued_before_redis_lost_its_memory_is_good_once(broker: Deployment, lose: Deed) -> None:
    raw_citizen = broker.raw_citizen()
    code = await raw_citizen.code()
    await lose()
    tokens = (await raw_citizen.redeem(code)).expect().json
    assert (await raw_citizen.userinfo(tokens["access_token"])).status == 200
    assert (await raw_citizen.redeem(code)).json["error"] == "invalid_grant"


async def test_a_pushed_request_leads_nowhere_after_redis_lost_its_memory(broker: Deployment, lose: Deed) -> None:
    raw_citizen = broker.raw_citizen()
    (await raw_citizen.push()).expect(201)
    await lose()
    assert (await raw_citizen.authorize()).status == 400
    assert raw_citizen.page == ""


async def test_a_client_assertion_is_accepted_once_despite_redis_data_loss(broker: Deployment, lose: Deed) -> None:
    raw_citizen = broker.raw_citizen()
    code = await raw_citizen.code()
    token = (await raw_citizen.redeem(code)).expect().json["access_token"]
    form = {"token": token, **raw_citizen.service.assertion()}
    assert (await raw_citizen.call("/introspect", form)).expect().json["active"]
    await lose()
    again = await raw_citizen.call("/introspect", form)
    assert (again.status, again.json["error"]) == (401, "invalid_client")


async def test_a_dpop_proof_is_accepted_once_despite_redis_data_loss(broker: Deployment, lose: Deed) -> None:
    raw_citizen = broker.raw_citizen(broker.bound_service)
    token = (await raw_citizen.redeem(await raw_citizen.code())).expect().json["access_token"]
    url = f"{raw_citizen.issuer}/userinfo"
    (await raw_citizen.userinfo(token)).expect()
    headers = {"Authorization": f"DPoP {token}", **raw_citizen.service.proof("GET", url, token)}
    assert (await raw_citizen.http_sender.send("GET", url, headers=headers)).status == 200
    assert (await raw_citizen.http_sender.send("GET", url, headers=headers)).status == 401
    await lose()
    assert (await raw_citizen.http_sender.send("GET", url, headers=headers)).status == 401


def proven(raw_citizen: RawCitizen, token: str) -> dict[str, str]:
    """Headers of a request to userinfo with a new proof."""
    return {
        "Authorization": f"DPoP {token}",
        **raw_citizen.service.proof("GET", f"{raw_citizen.issuer}/userinfo", token),
    }


async def test_a_proof_is_good_once_while_redis_is_away_at_whichever_worker_and_after_it_is_back(
    broker: Deployment, away: Deed
) -> None:
    raw_citizen = broker.raw_citizen(broker.bound_service)
    token = (await raw_citizen.redeem(await raw_citizen.code())).expect().json["access_token"]
    url = f"{raw_citizen.issuer}/userinfo"

    (await raw_citizen.userinfo(token)).expect()
    before = proven(raw_citizen, token)
    assert (await raw_citizen.http_sender.send("GET", url, headers=before)).status == 200
    async with away():
        assert (await raw_citizen.http_sender.send("GET", url, headers=before)).status == 401
        assert (await raw_citizen.userinfo(token)).status == 401, "a nonce of before was taken"
        meanwhile = proven(raw_citizen, token)
        assert (await raw_citizen.http_sender.send("GET", url, headers=meanwhile)).status == 200
        repeated = await asyncio.gather(
            *(raw_citizen.http_sender.send("GET", url, headers=meanwhile) for _ in range(12))
        )
        assert {reply.status for reply in repeated} == {401}
    for used in (before, meanwhile):
        assert (await raw_citizen.http_sender.send("GET", url, headers=used)).status == 401


@pytest.mark.parametrize("setting", ["maxmemory", "min-replicas-to-write"])
async def test_a_proof_is_good_once_though_redis_took_no_writes_when_it_was_used(
    broker: Deployment, setting: str
) -> None:
    raw_citizen = broker.raw_citizen(broker.bound_service)
    token = (await raw_citizen.redeem(await raw_citizen.code())).expect().json["access_token"]
    url = f"{raw_citizen.issuer}/userinfo"

    (await raw_citizen.userinfo(token)).expect()
    before = proven(raw_citizen, token)
    broker.redis.command("CONFIG", "SET", setting, "1")
    try:
        assert (await raw_citizen.http_sender.send("GET", url, headers=before)).status == 401
        assert (await raw_citizen.userinfo(token)).status == 401
        meanwhile = proven(raw_citizen, token)
        assert (await raw_citizen.http_sender.send("GET", url, headers=meanwhile)).status == 200
    finally:
        broker.redis.command("CONFIG", "SET", setting, "0")
    assert (await raw_citizen.http_sender.send("GET", url, headers=meanwhile)).status == 401
    # nothing was lost, and this one was not used yet
    assert [(await raw_citizen.http_sender.send("GET", url, headers=before)).status for _ in range(2)] == [200, 401]


async def test_a_continuation_code_is_accepted_once_despite_redis_data_loss(broker: Deployment, lose: Deed) -> None:
    raw_citizen = broker.raw_citizen()
    await raw_citizen.begin()
    path = f"{raw_citizen.page}/later"
    fields = Forms((await raw_citizen.visit(path)).expect().body).found[path]
    await raw_citizen.submit(path, fields)
    code = raw_citizen.jar.value(cookies.CODE)
    await lose()

    async def continued() -> str:
        other = broker.raw_citizen()
        form = Forms((await other.visit("/continue")).expect().body).found["/continue"]
        return (await other.submit("/continue", {**form, "code": code})).location

    assert (await continued()).startswith("/continue?problem=")
    assert (await continued()).startswith("/continue?problem=")


# --- requests without Redis, readiness, and recovery ---


async def test_issued_tokens_work_during_a_redis_outage(broker: Deployment, away: Deed) -> None:
    raw_citizen, late, bound = broker.raw_citizen(), broker.raw_citizen(), broker.raw_citizen(broker.bound_service)
    tokens = (await raw_citizen.redeem(await raw_citizen.code())).expect().json
    code, bound_code = await late.code(), await bound.code()
    async with away():
        (await late.redeem(code)).expect()
        (await bound.redeem(bound_code)).expect()
        (await raw_citizen.userinfo(tokens["access_token"])).expect()
        assert (await raw_citizen.introspect(tokens["access_token"])).expect().json["active"]
        (await raw_citizen.refresh(tokens["refresh_token"])).expect()
        for path in ("/jwks", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/livez"):
            (await raw_citizen.visit(path)).expect()
        await eventually(SOON, lambda: missing(raw_citizen))
        assert (await late.redeem(code)).json["error"] == "invalid_grant"


async def test_a_new_journey_fails_at_once_during_a_redis_outage_and_works_afterwards(
    broker: Deployment, away: Deed
) -> None:
    raw_citizen, pushed, under_way = broker.raw_citizen(), broker.raw_citizen(), broker.raw_citizen()
    await under_way.begin()
    (await pushed.push()).expect(201)
    plain = "/authorize?client_id=demo-service&response_type=code&scope=openid&redirect_uri=" + (
        f"{broker.running.service}/callback&state=s&code_challenge={'a' * 43}&code_challenge_method=S256"
    )
    async with away():
        for path in (plain, f"/authorize?client_id=rides&request_uri={pushed.request_uri}", under_way.page):
            await refused_at_once(lambda path=path: raw_citizen.http_sender.send("GET", raw_citizen.issuer + path))  # type: ignore[misc]
            page = await raw_citizen.visit(path)
            assert b"is not available right now" in page.body
            assert int(page.headers["Retry-After"]) > 0
        refused = await raw_citizen.push()
        assert (refused.status, refused.json["error"]) == (503, "temporarily_unavailable")

    async def works() -> bool:
        """A journey begins."""
        fresh = broker.raw_citizen()
        return (await fresh.push()).status == 201 and (await fresh.authorize()).status == 303

    assert await eventually(BACK, works) < BACK
    (await broker.raw_citizen().code())


async def test_a_journey_goes_on_after_redis_hung_for_a_moment(broker: Deployment) -> None:
    raw_citizen = broker.raw_citizen()
    await raw_citizen.begin()
    broker.redis.freeze()
    assert (await raw_citizen.visit(raw_citizen.page)).status == 503
    broker.redis.thaw()
    await raw_citizen.return_()
    (await raw_citizen.share()).expect(303)
    (await raw_citizen.redeem(await raw_citizen.collect())).expect()


async def test_a_lost_journey_shows_a_page_and_a_new_one_works(broker: Deployment, lose: Deed) -> None:
    raw_citizen = broker.raw_citizen()
    await raw_citizen.begin()
    (await raw_citizen.choose()).expect(303)
    back = await raw_citizen.away()
    await lose()
    for path in (raw_citizen.page, back):
        page = await raw_citizen.visit(path)
        assert b"lost your place" in page.body, page.body[-3000:]
    (await broker.raw_citizen().code())


async def missing(raw_citizen: RawCitizen) -> bool:
    """Readiness succeeds and names the missing store."""
    ready = await raw_citizen.visit("/readyz")
    assert ready.status == 200
    return list(ready.json["wrong"]) == ["passing"]

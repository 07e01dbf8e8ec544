"""Redis flushed, hanging or killed: the only effect is that citizens may have to start again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from broker.web.shared import cookies
from tests.e2e.raw_client import SOON, Forms, Rider, eventually
from tests.resilience.cluster import Ground, told_at_once
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
def lose(request: pytest.FixtureRequest, broker: Ground) -> Deed:
    """Makes Redis forget everything."""
    fault = FAULTS[request.param]
    return lambda: asyncio.to_thread(fault, broker.redis)


@pytest.fixture(params=["killed", "hanging"])
def away(request: pytest.FixtureRequest, broker: Ground) -> Deed:
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


async def test_a_redeemed_code_is_refused_after_redis_lost_its_memory(broker: Ground, lose: Deed) -> None:
    rider = broker.rider()
    code = await rider.code()
    told = (await rider.redeem(code)).expect().json
    await lose()
    assert (await rider.redeem(code)).json["error"] == "invalid_grant"
    assert (await rider.userinfo(told["access_token"])).status == 401


async def test_a_code_that_was_issued_before_redis_lost_its_memory_is_good_once(broker: Ground, lose: Deed) -> None:
    rider = broker.rider()
    code = await rider.code()
    await lose()
    told = (await rider.redeem(code)).expect().json
    assert (await rider.userinfo(told["access_token"])).status == 200
    assert (await rider.redeem(code)).json["error"] == "invalid_grant"


async def test_a_pushed_request_leads_nowhere_after_redis_lost_its_memory(broker: Ground, lose: Deed) -> None:
    rider = broker.rider()
    (await rider.push()).expect(201)
    await lose()
    assert (await rider.authorize()).status == 400
    assert rider.page == ""


async def test_a_client_assertion_is_good_once_whatever_redis_forgot(broker: Ground, lose: Deed) -> None:
    rider = broker.rider()
    code = await rider.code()
    token = (await rider.redeem(code)).expect().json["access_token"]
    form = {"token": token, **rider.service.assertion()}
    assert (await rider.call("/introspect", form)).expect().json["active"]
    await lose()
    again = await rider.call("/introspect", form)
    assert (again.status, again.json["error"]) == (401, "invalid_client")


async def test_a_proof_is_good_once_whatever_redis_forgot(broker: Ground, lose: Deed) -> None:
    rider = broker.rider(broker.bound_service)
    token = (await rider.redeem(await rider.code())).expect().json["access_token"]
    url = f"{rider.issuer}/userinfo"
    (await rider.userinfo(token)).expect()
    headers = {"Authorization": f"DPoP {token}", **rider.service.proof("GET", url, token)}
    assert (await rider.wire.send("GET", url, headers=headers)).status == 200
    assert (await rider.wire.send("GET", url, headers=headers)).status == 401
    await lose()
    assert (await rider.wire.send("GET", url, headers=headers)).status == 401


async def test_a_proof_is_good_once_while_redis_is_away_at_whichever_worker_and_after_it_is_back(
    broker: Ground, away: Deed
) -> None:
    rider = broker.rider(broker.bound_service)
    token = (await rider.redeem(await rider.code())).expect().json["access_token"]
    url = f"{rider.issuer}/userinfo"

    def proven() -> dict[str, str]:
        return {"Authorization": f"DPoP {token}", **rider.service.proof("GET", url, token)}

    (await rider.userinfo(token)).expect()
    before = proven()
    assert (await rider.wire.send("GET", url, headers=before)).status == 200
    async with away():
        assert (await rider.wire.send("GET", url, headers=before)).status == 401
        assert (await rider.userinfo(token)).status == 401, "a nonce of before was taken"
        meanwhile = proven()
        assert (await rider.wire.send("GET", url, headers=meanwhile)).status == 200
        repeated = await asyncio.gather(*(rider.wire.send("GET", url, headers=meanwhile) for _ in range(12)))
        assert {reply.status for reply in repeated} == {401}
    for used in (before, meanwhile):
        assert (await rider.wire.send("GET", url, headers=used)).status == 401


@pytest.mark.parametrize("setting", ["maxmemory", "min-replicas-to-write"])
async def test_a_proof_is_good_once_though_redis_took_no_writes_when_it_was_used(broker: Ground, setting: str) -> None:
    rider = broker.rider(broker.bound_service)
    token = (await rider.redeem(await rider.code())).expect().json["access_token"]
    url = f"{rider.issuer}/userinfo"

    def proven() -> dict[str, str]:
        return {"Authorization": f"DPoP {token}", **rider.service.proof("GET", url, token)}

    (await rider.userinfo(token)).expect()
    before = proven()
    broker.redis.command("CONFIG", "SET", setting, "1")
    try:
        assert (await rider.wire.send("GET", url, headers=before)).status == 401
        assert (await rider.userinfo(token)).status == 401
        meanwhile = proven()
        assert (await rider.wire.send("GET", url, headers=meanwhile)).status == 200
    finally:
        broker.redis.command("CONFIG", "SET", setting, "0")
    assert (await rider.wire.send("GET", url, headers=meanwhile)).status == 401
    # nothing was lost, and this one was not used yet
    assert [(await rider.wire.send("GET", url, headers=before)).status for _ in range(2)] == [200, 401]


async def test_a_continuation_code_is_good_once_whatever_redis_forgot(broker: Ground, lose: Deed) -> None:
    rider = broker.rider()
    await rider.begin()
    path = f"{rider.page}/later"
    fields = Forms((await rider.visit(path)).expect().body).found[path]
    await rider.submit(path, fields)
    code = rider.jar.value(cookies.CODE)
    await lose()

    async def continued() -> str:
        other = broker.rider()
        form = Forms((await other.visit("/continue")).expect().body).found["/continue"]
        return (await other.submit("/continue", {**form, "code": code})).location

    assert (await continued()).startswith("/continue?problem=")
    assert (await continued()).startswith("/continue?problem=")


# --- requests without Redis, readiness, and recovery ---


async def test_what_was_issued_works_on_while_redis_is_away(broker: Ground, away: Deed) -> None:
    rider, late, bound = broker.rider(), broker.rider(), broker.rider(broker.bound_service)
    told = (await rider.redeem(await rider.code())).expect().json
    code, bound_code = await late.code(), await bound.code()
    async with away():
        (await late.redeem(code)).expect()
        (await bound.redeem(bound_code)).expect()
        (await rider.userinfo(told["access_token"])).expect()
        assert (await rider.introspect(told["access_token"])).expect().json["active"]
        (await rider.refresh(told["refresh_token"])).expect()
        for path in ("/jwks", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/livez"):
            (await rider.visit(path)).expect()
        await eventually(SOON, lambda: missing(rider))
        assert (await late.redeem(code)).json["error"] == "invalid_grant"


async def test_a_new_journey_is_told_at_once_that_redis_is_away_and_goes_when_it_is_back(
    broker: Ground, away: Deed
) -> None:
    rider, pushed, under_way = broker.rider(), broker.rider(), broker.rider()
    await under_way.begin()
    (await pushed.push()).expect(201)
    plain = "/authorize?client_id=demo-service&response_type=code&scope=openid&redirect_uri=" + (
        f"{broker.running.service}/callback&state=s&code_challenge={'a' * 43}&code_challenge_method=S256"
    )
    async with away():
        for path in (plain, f"/authorize?client_id=rides&request_uri={pushed.request_uri}", under_way.page):
            await told_at_once(lambda path=path: rider.wire.send("GET", rider.issuer + path))  # type: ignore[misc]
            page = await rider.visit(path)
            assert b"is not available right now" in page.body
            assert int(page.headers["Retry-After"]) > 0
        refused = await rider.push()
        assert (refused.status, refused.json["error"]) == (503, "temporarily_unavailable")

    async def works() -> bool:
        """A journey begins."""
        fresh = broker.rider()
        return (await fresh.push()).status == 201 and (await fresh.authorize()).status == 303

    assert await eventually(BACK, works) < BACK
    (await broker.rider().code())


async def test_a_journey_goes_on_after_redis_hung_for_a_moment(broker: Ground) -> None:
    rider = broker.rider()
    await rider.begin()
    broker.redis.freeze()
    assert (await rider.visit(rider.page)).status == 503
    broker.redis.thaw()
    await rider.return_()
    (await rider.share()).expect(303)
    (await rider.redeem(await rider.collect())).expect()


async def test_a_journey_whose_record_is_lost_is_told_so_and_a_new_one_works(broker: Ground, lose: Deed) -> None:
    rider = broker.rider()
    await rider.begin()
    (await rider.choose()).expect(303)
    back = await rider.away()
    await lose()
    for path in (rider.page, back):
        page = await rider.visit(path)
        assert b"lost your place" in page.body, page.body[-3000:]
    (await broker.rider().code())


async def missing(rider: Rider) -> bool:
    """Readiness succeeds and names the missing store."""
    ready = await rider.visit("/readyz")
    assert ready.status == 200
    return list(ready.json["wrong"]) == ["passing"]

"""Redis restored from an old state: no used value is accepted again, and a citizen may have to start again."""

import asyncio
import re

from redis.asyncio import Redis

from broker.model.handle import sha256_hex
from broker.web.shared import cookies
from tests.e2e.raw_client import NORTHBANK, SOON, Forms, RawCitizen, eventually
from tests.resilience.cluster import Deployment


async def agree_again(raw_citizen: RawCitizen) -> str:
    """Consents if the page requires it; returns the code, or None."""
    shown = (await raw_citizen.visit(raw_citizen.page)).expect()
    form = Forms(shown.body).found.get(f"{raw_citizen.page}/share")
    if form is not None:
        await raw_citizen.submit(f"{raw_citizen.page}/share", {**form, "agree": "yes"})
        shown = await raw_citizen.visit(raw_citizen.page)
    # a page from which this browser has left before does not leave by itself, but has the link
    found = re.search(r"[?&]code=([\w-]+)", shown.headers.get("Refresh", "") + shown.body.decode())
    return "" if found is None else found[1]


async def test_a_transaction_whose_code_was_redeemed_is_not_answered_again(broker: Deployment) -> None:
    raw_citizen = broker.raw_citizen()
    await raw_citizen.begin()
    await raw_citizen.return_()
    kept = await snapshot(broker)
    (await raw_citizen.share()).expect(303)
    code = await raw_citizen.collect()
    token = (await raw_citizen.redeem(code)).expect().json["access_token"]
    await back(broker, kept)
    assert await agree_again(raw_citizen) == ""
    page = await raw_citizen.visit(raw_citizen.page)
    assert f"{raw_citizen.page}/share" not in Forms(page.body).found, "asked again and again for what cannot be"
    assert (await raw_citizen.userinfo(token)).status == 200
    assert await answers(broker, code) == (1, 1)


async def test_a_transaction_whose_code_was_not_redeemed_leaves_with_the_one_code_that_works_once(
    broker: Deployment,
) -> None:
    raw_citizen = broker.raw_citizen()
    await raw_citizen.begin()
    await raw_citizen.return_()
    kept = await snapshot(broker)
    (await raw_citizen.share()).expect(303)
    code = await raw_citizen.collect()
    await back(broker, kept)
    assert await agree_again(raw_citizen) == code
    assert await answers(broker, code) == (1, 1)
    (await raw_citizen.redeem(code)).expect()
    assert (await raw_citizen.redeem(code)).json["error"] == "invalid_grant"


async def test_a_pushed_request_is_answered_once_even_if_redis_travels_back_in_time(broker: Deployment) -> None:
    first = broker.raw_citizen()
    (await first.push()).expect(201)
    kept = await snapshot(broker)
    (await first.authorize()).expect(303)
    await first.return_()
    (await first.share()).expect(303)
    (await first.redeem(await first.collect())).expect()
    await back(broker, kept)
    second = broker.raw_citizen(first.service)
    second.request_uri, second.state, second.verifier = first.request_uri, first.state, first.verifier
    (await second.authorize()).expect(303)
    await second.return_()
    await second.share()
    page = await second.visit(second.page)
    assert "url=" not in page.headers.get("Refresh", ""), "a second answer to one request"
    assert f"{second.page}/share" not in Forms(page.body).found, "asked again and again for what cannot be"
    issued = await broker.one(
        "SELECT count(*) FROM authorization_codes WHERE par_digest IS NOT NULL AND transaction_id IN (SELECT"
        " transaction_id FROM audit WHERE client_id = 'rides')"
    )
    assert issued == await broker.one(
        "SELECT count(DISTINCT par_digest) FROM authorization_codes WHERE client_id = 'rides'"
    )


async def test_an_answer_of_a_provider_that_was_used_is_not_used_again(broker: Deployment) -> None:
    raw_citizen = broker.raw_citizen()
    await raw_citizen.begin()
    (await raw_citizen.choose(NORTHBANK)).expect(303)
    callback = await raw_citizen.away()
    kept = await snapshot(broker)
    (await raw_citizen.visit(callback)).expect(303)
    (await raw_citizen.share()).expect(303)
    code = await raw_citizen.collect()
    token = (await raw_citizen.redeem(code)).expect().json["access_token"]
    await back(broker, kept)
    (await raw_citizen.visit(callback)).expect(303)
    assert await agree_again(raw_citizen) == ""
    assert (await raw_citizen.userinfo(token)).status == 200
    assert await answers(broker, code) == (1, 1)


async def test_a_continuation_code_replayed_after_data_loss_transfers_no_identity(broker: Deployment) -> None:
    raw_citizen = broker.raw_citizen()
    await raw_citizen.begin()
    path = f"{raw_citizen.page}/later"
    await raw_citizen.submit(path, Forms((await raw_citizen.visit(path)).expect().body).found[path])
    code = raw_citizen.jar.value(cookies.CODE)
    kept = await snapshot(broker)

    async def continued() -> RawCitizen:
        other = broker.raw_citizen()
        form = Forms((await other.visit("/continue")).expect().body).found["/continue"]
        other.page = (await other.submit("/continue", {**form, "code": code})).location
        return other

    first = await continued()
    assert first.page == raw_citizen.page
    await first.return_()
    assert b"Amina" in (await first.visit(first.page)).expect().body
    await back(broker, kept)
    second = await continued()
    assert second.page == raw_citizen.page
    shown = (await second.visit(second.page)).expect()
    assert b"Amina" not in shown.body
    assert f"{second.page}/choose" in Forms(shown.body).found
    for lost in (first, raw_citizen):
        assert b"lost your place" in (await lost.visit(lost.page)).body


async def test_a_proof_is_good_once_when_an_older_copy_is_loaded_by_a_redis_that_starts(broker: Deployment) -> None:
    raw_citizen = broker.raw_citizen(broker.bound_service)
    token = (await raw_citizen.redeem(await raw_citizen.code())).expect().json["access_token"]
    url = f"{raw_citizen.issuer}/userinfo"
    (await raw_citizen.userinfo(token)).expect()
    kept = await snapshot(broker)
    headers = {"Authorization": f"DPoP {token}", **raw_citizen.service.proof("GET", url, token)}
    assert (await raw_citizen.http_sender.send("GET", url, headers=headers)).status == 200
    await asyncio.to_thread(broker.redis.kill)
    await asyncio.to_thread(broker.redis.start)
    await back(broker, kept)
    assert (await raw_citizen.http_sender.send("GET", url, headers=headers)).status == 401
    # a nonce of before leads nowhere, a new one is given with the refusal
    assert (await raw_citizen.userinfo(token)).status == 401
    assert (await raw_citizen.userinfo(token)).status == 200


async def test_a_provider_that_was_turned_off_stays_so(broker: Deployment) -> None:
    raw_citizen = broker.raw_citizen()
    await raw_citizen.begin()
    await raw_citizen.return_()
    kept = await snapshot(broker)
    await broker.command("provider", "disable", NORTHBANK, "--reason", "a test", "--by", "operator")
    try:
        await back(broker, kept)
        assert await agree_again(raw_citizen) == ""
        fresh = broker.raw_citizen()
        await fresh.begin()

        async def gone() -> bool:
            """No worker offers it."""
            looks = [(await fresh.visit(fresh.page)).expect().body for _ in range(8)]
            return all(f'value="{NORTHBANK}"'.encode() not in look for look in looks)

        await eventually(SOON, gone)
    finally:
        await broker.command("provider", "enable", NORTHBANK, "--by", "operator")


async def answers(broker: Deployment, code: str) -> tuple[int, int]:
    """Counts the codes of the transaction of a code, and the audit rows that record its answer."""
    codes = "SELECT count(*) FROM authorization_codes WHERE transaction_id = $1"
    rows = "SELECT count(*) FROM audit WHERE kind = 'service_answered' AND transaction_id = $1"
    [[transaction]] = await broker.rows(
        "SELECT transaction_id FROM authorization_codes WHERE digest = $1", sha256_hex(code)
    )
    [[made]], [[audited]] = await broker.rows(codes, transaction), await broker.rows(rows, transaction)
    return made, audited


async def snapshot(broker: Deployment) -> str:
    """Everything in Redis, for later."""
    script = (
        "local all = {} for _, k in ipairs(redis.call('KEYS', 'portico:*')) do"
        " local d = redis.call('DUMP', k) all[#all + 1] = k"
        " all[#all + 1] = (d:gsub('.', function (c) return string.format('%02x', string.byte(c)) end)) end"
        " return table.concat(all, ' ')"
    )
    return await redis_says(broker, "EVAL", script, "0")


async def back(broker: Deployment, kept: str) -> None:
    """What was kept is what there is, and nothing of what came later."""
    await asyncio.to_thread(broker.redis.flush)
    script = (
        "for i = 1, #ARGV, 2 do redis.call('RESTORE', ARGV[i], 600000, (ARGV[i + 1]:gsub('..', function (h)"
        " return string.char(tonumber(h, 16)) end)), 'REPLACE') end return 'done'"
    )
    await redis_says(broker, "EVAL", script, "0", *kept.split())


async def redis_says(broker: Deployment, *words: str) -> str:
    """One command; its answer as text."""
    async with Redis.from_url(broker.redis.url) as client:
        said = await client.execute_command(*words)
    return said.decode() if isinstance(said, bytes) else str(said)

"""The primary of a Redis group dies while citizens sign in: they finish or see a way on, and no restart is needed."""

import asyncio
import html
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.e2e.app_harness import Script
from tests.e2e.processes import Running, run
from tests.e2e.raw_client import (
    NORTHBANK,
    SOON,
    ConnectionLost,
    Forms,
    HttpSender,
    RawCitizen,
    Reply,
    eventually,
    http_sender,
)
from tests.e2e.relying_service import land_register, rides
from tests.resilience.cluster import WORKERS, workers_on_stores
from tests.support.certificates import Authority
from tests.support.postgres import PostgresServer
from tests.support.redis_groups import ClusterGroup, GroupAccess, SentinelGroup, node_id

Group = SentinelGroup | ClusterGroup

CITIZENS = 6
BEFORE = 2.0
"""Seconds for which citizens sign in before the primary dies."""
AGAIN = 30.0
"""Seconds after a failover within which every sign-in works again, also on a busy machine."""
RIGHTS = ("on", ">sesame", "~portico:*", "+@all", "-@dangerous", "+info")


@dataclass(frozen=True, slots=True)
class Failover:
    """A broker of several workers, and the group that holds its ephemeral state."""

    running: Running
    group: Group
    http_sender: HttpSender

    def raw_citizen(self) -> RawCitizen:
        """A citizen with a fresh browser, at a service with bearer tokens."""
        return RawCitizen(self.http_sender, rides(self.running.folder, self.running.issuer))

    def bound_citizen(self) -> RawCitizen:
        """The same at a service whose tokens are bound to a key."""
        service = land_register(self.running.folder, self.running.issuer, self.running.service)
        return RawCitizen(self.http_sender, service)


@pytest.fixture(scope="module", params=["sentinel", "cluster"])
def group(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Group]:
    """A group with TLS, certificates of clients, and a user."""
    access = GroupAccess({"portico": RIGHTS}, {"portico": ["on", ">open", "+sentinel|masters"]}, authority)
    group = ClusterGroup(access) if request.param == "cluster" else SentinelGroup(access)
    try:
        group.start()
        yield group
    finally:
        group.remove()


@pytest.fixture(scope="module")
async def broker(
    group: Group, authority: Authority, postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Failover]:
    """Two workers, which are never restarted."""
    postgres_server.start()
    folder = tmp_path_factory.mktemp("failover")
    with postgres_server.database() as database:
        async with (
            run(folder, configuration(database, group, authority, folder), "--listener", "public") as running,
            http_sender(single=True) as sender,
        ):
            yield Failover(running, group, sender)


def configuration(database: str, group: Group, authority: Authority, folder: Path) -> Script:
    """The example configuration on PostgreSQL and the group."""
    shown = authority.client("CN=portico")
    secrets = folder / "redis"
    secrets.mkdir()
    for name, text in (("password", "sesame"), ("sentinel", "open")):
        (secrets / name).write_text(text)
        (secrets / name).chmod(0o600)
    lines = {
        "url": group.url("portico@"),
        "password_file": secrets / "password",
        "ca_file": authority.file,
        "cert_file": shown.chain,
        "key_file": shown.key,
    }
    if isinstance(group, SentinelGroup):
        lines |= {"sentinel_user": "portico", "sentinel_password_file": secrets / "sentinel"}
    script = workers_on_stores(database, "")
    edits = {**script.edits["broker.toml"]}
    edits['url = "memory:"'] = "\n".join(f'{name} = "{value}"' for name, value in lines.items())
    return replace(script, edits={**script.edits, "broker.toml": edits})


class LostPlace(Exception):
    """The page that reports a lost transaction and offers to start again."""


class NotNow(Exception):
    """A response that asks the citizen to retry in a moment."""


def require_answer(reply: Reply) -> Reply:
    """An answer that is no failure. Raises NotNow and LostPlace; nothing else may be shown."""
    text = reply.body.decode()
    if reply.status == 503:
        assert int(reply.headers["Retry-After"]) > 0
        assert "is not available right now" in text or "temporarily_unavailable" in text, text[:3000]
        raise NotNow
    if "lost your place" in text:
        assert "<a " in text or "<form" in text, "no way on"
        raise LostPlace
    assert reply.status in (200, 201, 303), f"{reply.status}: {text[:3000]}"
    return reply


async def patiently(step: Callable[[], Awaitable[Reply]]) -> Reply:
    """A step of a citizen who retries while the page asks for it."""
    async with asyncio.timeout(AGAIN + SOON):
        while True:
            try:
                return require_answer(await step())
            except (NotNow, ConnectionLost):
                await asyncio.sleep(0.2)


async def begin(raw_citizen: RawCitizen) -> None:
    """From the service to the transaction's page. A pushed request that was lost is pushed again."""
    async with asyncio.timeout(AGAIN + SOON):
        while not raw_citizen.page:
            raw_citizen.request_uri = ""
            await patiently(raw_citizen.push)
            reply = await raw_citizen.authorize()
            if reply.status not in (303, 400, 503):
                raise AssertionError(f"{reply.status}: {reply.body[:3000]!r}")


async def go_on(raw_citizen: RawCitizen, until: str = "code") -> str:
    """Does what the page offers until the citizen leaves with a code; `until` "share" stops at the consent page.

    Raises LostPlace.
    """
    give_up = time.monotonic() + AGAIN + 2 * SOON
    while time.monotonic() < give_up:
        page = (await patiently(lambda: raw_citizen.visit(raw_citizen.page))).body.decode()
        forms = Forms(page.encode()).found
        if (found := re.search(r"[?&](?:amp;)?code=([\w-]+)", page)) is not None:
            return found[1]
        if (form := forms.get(f"{raw_citizen.page}/share")) is not None:
            if until == "share":
                return ""
            share = {**form, "agree": "yes"}
            await patiently(lambda share=share: raw_citizen.submit(f"{raw_citizen.page}/share", share))  # type: ignore[misc]
        elif (form := forms.get(f"{raw_citizen.page}/choose")) is not None:
            chosen = {**form, "provider": NORTHBANK}
            await patiently(lambda chosen=chosen: raw_citizen.submit(f"{raw_citizen.page}/choose", chosen))  # type: ignore[misc]
        elif (leaving := re.search(r'href="([^"]+/authorize\?[^"]+)"', page)) is not None:
            back = (await raw_citizen.http_sender.send("GET", html.unescape(leaving[1]))).location
            await patiently(lambda back=back: raw_citizen.visit(back))  # type: ignore[misc]
        else:
            # the callback was accepted and its result was lost: the page reports it and reloads
            assert f'href="{raw_citizen.page}"' in page, f"no way on: {page[:3000]}"
            await asyncio.sleep(0.5)
    raise AssertionError(f"never at an end: {page[:3000]}")


async def signs_in(broker: Failover) -> str:
    """A whole sign-in of a patient citizen, who starts again if their place was lost; how it went."""
    raw_citizen = broker.raw_citizen()
    await begin(raw_citizen)
    try:
        code = await go_on(raw_citizen)
    except LostPlace:
        return "lost place"
    assert (await raw_citizen.redeem(code)).status == 200
    return "signed in"


@asynccontextmanager
async def citizens(broker: Failover) -> AsyncIterator[Counter[str]]:
    """Many who sign in one time after the other while the block runs; how it went for them."""
    seen: Counter[str] = Counter()
    enough = False

    async def one() -> None:
        while not enough:
            seen[await signs_in(broker)] += 1

    tasks = [asyncio.create_task(one()) for _ in range(CITIZENS)]
    try:
        yield seen
    finally:
        enough = True
        await asyncio.gather(*tasks)


async def test_sign_ins_finish_or_offer_a_retry_after_a_redis_failover_without_a_restart(
    broker: Failover,
) -> None:
    workers = broker.running.workers()
    assert len(workers) == WORKERS
    under_way = [broker.raw_citizen() for _ in range(3)]
    for raw_citizen in under_way:
        await begin(raw_citizen)
    await go_on(under_way[1], until="share")
    agreed = await go_on(under_way[2])
    async with citizens(broker) as seen:
        await asyncio.sleep(BEFORE)
        lost = broker.group.primary
        lost.kill()
        await asyncio.to_thread(broker.group.wait_for_failover, lost)
        before = seen["signed in"]

        async def goes_on() -> bool:
            """Citizens sign in again."""
            return seen["signed in"] > before + 2 * CITIZENS

        await eventually(AGAIN + SOON, goes_on)
    assert seen["signed in"] > seen["lost place"], seen
    assert (await under_way[2].redeem(agreed)).status == 200
    for raw_citizen in under_way[:2]:
        # the replica had these records before the primary died
        assert (await raw_citizen.redeem(await go_on(raw_citizen))).status == 200
    assert broker.running.workers() == workers
    await asyncio.to_thread(broker.group.rejoin, lost)
    assert await signs_in(broker) == "signed in"


async def test_a_dpop_proof_is_accepted_once_despite_a_failover_that_lost_it(broker: Failover) -> None:
    raw_citizen = broker.bound_citizen()
    await begin(raw_citizen)
    token = (await raw_citizen.redeem(await go_on(raw_citizen))).expect().json["access_token"]
    url = f"{raw_citizen.issuer}/userinfo"
    (await raw_citizen.userinfo(token)).expect()
    headers = {"Authorization": f"DPoP {token}", **raw_citizen.service.proof("GET", url, token)}
    assert (await raw_citizen.http_sender.send("GET", url, headers=headers)).status == 200
    lost = broker.group.primary
    lost.kill()
    # while no primary is there, and afterwards
    assert (await raw_citizen.http_sender.send("GET", url, headers=headers)).status == 401
    primary = await asyncio.to_thread(broker.group.wait_for_failover, lost)
    for name in [name for name in primary.array("KEYS", "portico:*proof:*") if ":proofs:" not in name]:
        primary.command("DEL", name)

    async def works() -> bool:
        """A fresh proof is accepted."""
        return (await raw_citizen.userinfo(token)).status == 200

    await eventually(AGAIN + SOON, works)
    for _ in range(2 * WORKERS):
        assert (await raw_citizen.http_sender.send("GET", url, headers=headers)).status == 401
    await asyncio.to_thread(broker.group.rejoin, lost)


async def test_a_slot_moves_while_citizens_sign_in(broker: Failover) -> None:
    if isinstance(broker.group, SentinelGroup):
        assert await signs_in(broker) == "signed in"
        return
    group = broker.group
    held = node_id(group.primary)
    target = next(one for one in group.servers if one.role == "master" and node_id(one) != held)
    async with citizens(broker) as seen:
        await asyncio.sleep(BEFORE)
        await asyncio.to_thread(group.move_slot, target)
        before = seen["signed in"]

        async def goes_on() -> bool:
            """Citizens sign in again."""
            return seen["signed in"] > before + 2 * CITIZENS

        await eventually(AGAIN + SOON, goes_on)
    assert group.primary is target
    assert seen["lost place"] == 0, seen

"""Many citizens, impatient services, dying workers and a Redis that forgets: what must hold then, held against SQL."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from tests.e2e.raw_client import HARBOUR, NORTHBANK, SOON, ConnectionLost, Forms, RawCitizen, Reply, eventually
from tests.resilience.cluster import Deployment

SEED = int(os.environ.get("PORTICO_SEED", "20261122"))
"""Another seed, another story: whatever a test says was wrong is told again by its seed."""

RIDERS, ACTS, FAULTS = 6, 9, 5

TOKEN_SETS = {
    "a code has one grant": (
        "SELECT grant_id FROM authorization_codes WHERE grant_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
    ),
    "a transaction has one code": "SELECT transaction_id FROM authorization_codes GROUP BY 1 HAVING count(*) > 1",
    "a pushed request has one code": (
        "SELECT par_digest FROM authorization_codes WHERE par_digest IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
    ),
    "a grant comes of a redeemed code": (
        "SELECT id FROM grants WHERE NOT EXISTS"
        " (SELECT 1 FROM authorization_codes WHERE grant_id = grants.id AND redeemed > 0)"
    ),
    "a redeemed code has a grant": (
        "SELECT digest FROM authorization_codes WHERE redeemed IS NOT NULL AND NOT EXISTS"
        " (SELECT 1 FROM grants WHERE grants.id = grant_id)"
    ),
    "a token belongs to a grant": (
        "SELECT digest FROM tokens WHERE NOT EXISTS (SELECT 1 FROM grants WHERE grants.id = grant_id)"
    ),
    "a grant has one refresh token": (
        "SELECT grant_id FROM tokens WHERE kind = 'refresh' GROUP BY 1 HAVING count(*) > 1"
    ),
    "nothing lives under a revoked grant": (
        "SELECT tokens.digest FROM tokens JOIN grants ON grants.id = grant_id"
        " WHERE grants.revoked IS NOT NULL AND tokens.revoked IS NULL"
    ),
    "one identity has one account": "SELECT issuer, digest FROM identities GROUP BY 1, 2 HAVING count(*) > 1",
    "one account has one subject a sector": (
        "SELECT account_id, sector FROM pairwise_subjects GROUP BY 1, 2 HAVING count(*) > 1"
    ),
}

AUDITED = {
    "a redemption has one row, and a row its redemption": (
        "SELECT id FROM (SELECT id, 1 AS n FROM grants UNION ALL"
        " SELECT grant_id, -1 FROM audit WHERE kind = 'code_redeemed') both_sides GROUP BY 1 HAVING sum(n) <> 0"
    ),
    "an access token beyond the first has one row, and a row its token": (
        "SELECT id FROM (SELECT grant_id AS id, 1 AS n FROM tokens WHERE kind = 'access' UNION ALL"
        " SELECT grant_id, -1 FROM audit WHERE kind IN ('code_redeemed', 'grant_refreshed')) both_sides"
        " GROUP BY 1 HAVING sum(n) <> 0"
    ),
    "a revoked grant has one row, and a row its revocation": (
        "SELECT id FROM (SELECT id, 1 AS n FROM grants WHERE revoked IS NOT NULL UNION ALL SELECT grant_id, -1"
        " FROM audit WHERE kind = 'code_replayed' OR kind = 'token_revoked' AND details LIKE '%refresh%') both_sides"
        " GROUP BY 1 HAVING sum(n) <> 0"
    ),
    "a code has its answer in the audit": (
        "SELECT transaction_id FROM authorization_codes WHERE NOT EXISTS"
        " (SELECT 1 FROM audit WHERE kind = 'service_answered'"
        " AND audit.transaction_id = authorization_codes.transaction_id)"
    ),
    "an answer in the audit has its code": (
        "SELECT transaction_id FROM audit WHERE kind = 'service_answered' AND NOT EXISTS"
        " (SELECT 1 FROM authorization_codes WHERE audit.transaction_id = authorization_codes.transaction_id)"
    ),
    "an answer has one row": (
        "SELECT transaction_id FROM audit WHERE kind = 'service_answered' GROUP BY 1 HAVING count(*) > 1"
    ),
    "every row names whose it is": (
        "SELECT id FROM audit WHERE kind IN ('code_redeemed', 'code_replayed', 'grant_refreshed', 'token_revoked')"
        " AND (grant_id IS NULL OR account_id IS NULL OR client_id IS NULL)"
    ),
}


@dataclass(slots=True)
class Story:
    """What one service and one citizen do, and what they were given: tokens by the code they came for."""

    raw_citizen: RawCitizen
    chance: random.Random
    codes: list[str] = field(default_factory=list)
    given: list[tuple[str, str]] = field(default_factory=list)
    refresh: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    async def tell(self, acts: int) -> None:
        """Runs a number of random acts and ignores their results."""
        for _ in range(acts):
            act = self.chance.choice(
                (self.sign_in, self.sign_in, self.fail_and_retry, self.replay, self.race, self.renew, self.revoke)
            )
            try:
                await act()
            except ConnectionLost:
                self.seen["gone"] += 1

    def _fresh(self) -> RawCitizen:
        """The same browser and service with a new request."""
        self.raw_citizen = RawCitizen(self.raw_citizen.http_sender, self.raw_citizen.service, jar=self.raw_citizen.jar)
        return self.raw_citizen

    async def sign_in(self) -> None:
        """Signs in as far as faults let it, presses each button twice, and redeems the code."""
        raw_citizen = self._fresh()
        code = await self._code(raw_citizen, NORTHBANK)
        if code is not None:
            self.codes.append(code)
            await self._redeem(code)

    async def fail_and_retry(self) -> None:
        """One provider fails, another works."""
        raw_citizen = self._fresh()
        if (await raw_citizen.push("outcome:cancelled;persona:amina", prompt="consent login")).status != 201:
            return
        if (await raw_citizen.authorize()).status != 303 or not await self._choose(raw_citizen, HARBOUR):
            return
        self.seen["failed"] += 1
        await self._choose(raw_citizen, NORTHBANK)

    async def _choose(self, raw_citizen: RawCitizen, provider: str) -> bool:
        page = await raw_citizen.visit(raw_citizen.page)
        form = Forms(page.body).found.get(f"{raw_citizen.page}/choose")
        if (
            form is None
            or (await raw_citizen.submit(f"{raw_citizen.page}/choose", {**form, "provider": provider})).status != 303
        ):
            return False
        leaving = (await raw_citizen.visit(raw_citizen.page)).headers.get("Refresh", "").partition("url=")[2]
        if not leaving or raw_citizen.page in leaving:
            return False
        back = (await raw_citizen.http_sender.send("GET", leaving)).location
        replies = await asyncio.gather(raw_citizen.visit(back), raw_citizen.visit(back), return_exceptions=True)
        return any(isinstance(reply, Reply) and reply.status == 303 for reply in replies)

    async def _code(self, raw_citizen: RawCitizen, provider: str) -> str | None:
        if (await raw_citizen.push(prompt="consent login")).status != 201 or (
            await raw_citizen.authorize()
        ).status != 303:
            return None
        if not await self._choose(raw_citizen, provider):
            return None
        form = Forms((await raw_citizen.visit(raw_citizen.page)).body).found.get(f"{raw_citizen.page}/share")
        if form is None:
            return None
        await asyncio.gather(
            *(raw_citizen.submit(f"{raw_citizen.page}/share", {**form, "agree": "yes"}) for _ in range(2)),
            return_exceptions=True,
        )
        leaving = (await raw_citizen.visit(raw_citizen.page)).headers.get("Refresh", "")
        return leaving.partition("code=")[2].partition("&")[0] or None

    async def _redeem(self, code: str) -> None:
        reply = await self.raw_citizen.redeem(code)
        self.seen[f"redeem {reply.status}"] += 1
        if reply.status == 200:
            self.given.append((code, reply.json["access_token"]))
            self.refresh.append(reply.json["refresh_token"])

    async def replay(self) -> None:
        """A code of before, once more."""
        if self.codes:
            await self._redeem(self.chance.choice(self.codes))

    async def race(self) -> None:
        """A fresh code, redeemed many times at once."""
        code = await self._code(self._fresh(), NORTHBANK)
        if code is not None:
            self.codes.append(code)
            await asyncio.gather(*(self._redeem(code) for _ in range(5)), return_exceptions=True)

    async def renew(self) -> None:
        """A refresh token is used."""
        if self.refresh:
            reply = await self.raw_citizen.refresh(self.chance.choice(self.refresh))
            self.seen[f"refresh {reply.status}"] += 1

    async def revoke(self) -> None:
        """A refresh token is given back."""
        if self.refresh:
            form = {"token": self.chance.choice(self.refresh), **self.raw_citizen.service.assertion()}
            reply = await self.raw_citizen.call("/revoke", form)
            self.seen[f"revoke {reply.status}"] += 1


async def troubles(broker: Deployment, chance: random.Random) -> list[str]:
    """Faults, one after the other."""
    done = []
    for _ in range(FAULTS):
        await asyncio.sleep(chance.uniform(0.3, 1.2))
        serving = broker.serving()
        fault = chance.choice(("flush", "hang", "kill", "kill"))
        if fault == "kill" and len(serving) > 1:
            broker.kill(chance.choice(serving))
        elif fault == "hang":
            broker.redis.freeze()
            await asyncio.sleep(0.3)
            broker.redis.thaw()
        else:
            fault = "flush"
            await asyncio.to_thread(broker.redis.flush)
        done.append(fault)
    return done


@pytest.mark.parametrize("seed", [SEED, SEED + 1])
async def test_under_random_faults_nothing_is_issued_twice_and_everything_is_audited_once(
    broker: Deployment, seed: int
) -> None:
    chance = random.Random(seed)
    stories = [Story(broker.raw_citizen(), random.Random(chance.random())) for _ in range(RIDERS)]
    breaking = asyncio.ensure_future(troubles(broker, chance))
    await asyncio.gather(*(story.tell(ACTS) for story in stories))
    faults = await breaking
    await broker.whole()
    seen = sum((story.seen for story in stories), Counter())
    assert seen["redeem 200"] > 0, (seed, seen)
    assert seen["redeem 400"] > 0, (seed, seen)
    # a new sign-in succeeds without an operator's action
    await eventually(30, lambda: succeeds(broker))
    for codes in given_by_code(stories).values():
        assert len(codes) == 1, f"seed {seed}: two token sets for one code, after {faults}"
    for promise, query in {**TOKEN_SETS, **AUDITED}.items():
        assert await broker.rows(query) == [], f"seed {seed}: not so: {promise}; after {faults}, {seen}"
    await eventually(SOON, lambda: sealed(broker))
    # a checkpoint is signed once a minute
    await eventually(70, lambda: vouched(broker))
    assert "the record is whole" in await broker.command("audit", "verify")


def given_by_code(stories: Sequence[Story]) -> dict[str, list[str]]:
    """Every issued token set by its authorization code."""
    found: dict[str, list[str]] = {}
    for story in stories:
        for code, token in story.given:
            found.setdefault(code, []).append(token)
    return found


async def succeeds(broker: Deployment) -> bool:
    """A citizen signs in."""
    raw_citizen = broker.raw_citizen()
    return (await raw_citizen.redeem(await raw_citizen.code())).status == 200


async def vouched(broker: Deployment) -> bool:
    """A signed checkpoint vouches for a part of the chain."""
    return await broker.one("SELECT count(*) FROM checkpoints") > 0


async def sealed(broker: Deployment) -> bool:
    """Every audit row has its place in the chain."""
    return await broker.one("SELECT count(*) FROM audit WHERE number IS NULL") == 0

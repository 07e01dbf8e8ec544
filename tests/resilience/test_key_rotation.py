"""Signing keys change under load: by schedule, by command, in an emergency, and into a token. No verification fails."""

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import jwt
import pytest

from broker.crypto.keys import Pkcs11Tokens, pkcs11_objects
from broker.crypto.keys.index import InToken
from tests.e2e.app_harness import Script
from tests.e2e.processes import PATIENCE, Running, run
from tests.e2e.raw_client import ConnectionLost, HttpSender, RawCitizen, Reply, eventually, http_sender
from tests.e2e.relying_service import rides
from tests.resilience.cluster import BESIDE_KEYS, WORKERS, commanded, workers_on_stores
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer
from tests.support.softhsm import LABEL, SoftHsm, softhsm


def scheduled(database: str, redis: RedisServer) -> Script:
    """Two workers whose keys live for 30 days."""
    script = workers_on_stores(database, redis.url)
    edits = {**script.edits["broker.toml"], "[keys]": f'{BESIDE_KEYS}\nrotate_every = "30 days"'}
    return replace(script, edits={"broker.toml": edits})


PAUSE = 0.2
"""Seconds between two sign-ins of a citizen: enough of them at every moment, and CPU time left for the rotation."""


class Client:
    """Verification as a service does it: PyJWT, which fetches the JWK Set again for an unknown kid."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        # PyJWT would wait for half a minute before it fetches again: in this test whole days pass in less
        self._keys = jwt.PyJWKClient(f"{issuer}/jwks", cache_keys=True, lifespan=300, cooldown_duration=0)

    def verify(self, token: str) -> str:
        """The id of the key that signed it."""
        key = self._keys.get_signing_key_from_jwt(token)
        jwt.decode(token, key, [key.algorithm_name], audience="rides", issuer=self._issuer)
        return str(key.key_id)


class Load:
    """Citizens who sign in all the time, and services that verify each of their ID tokens."""

    def __init__(self, running: Running, sender: HttpSender) -> None:
        self.running, self._sender = running, sender
        self.kids: list[str] = []
        self.failed: list[BaseException] = []

    async def citizen(self, client: Client) -> None:
        """One sign-in after the other."""
        while True:
            raw_citizen = RawCitizen(self._sender, rides(self.running.folder, self.running.issuer))
            try:
                tokens = (await raw_citizen.redeem(await raw_citizen.code())).expect().json
                self.kids.append(await asyncio.to_thread(client.verify, tokens["id_token"]))
            except ConnectionLost:
                continue  # the machine is busy
            except Exception as error:  # no exception may happen here
                self.failed.append(error)
            await asyncio.sleep(PAUSE)

    async def signed_with(self, kid: str) -> None:
        """Waits until tokens come that this key signed, and no others any more."""

        async def seen() -> bool:
            return self.kids[-6:] == [kid] * 6

        await eventually(60, seen)


@asynccontextmanager
async def load(running: Running, sender: HttpSender, citizens: int = 3) -> AsyncIterator[Load]:
    """Runs sign-ins until the block ends; fails if one of them failed."""
    made = Load(running, sender)
    tasks = [asyncio.ensure_future(made.citizen(Client(running.issuer))) for _ in range(citizens)]
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert [repr(error) for error in made.failed[:3]] == []


async def shown(sender: HttpSender, issuer: str, alg: str = "ES256") -> list[str]:
    """The kids that the worker that answers publishes, current first."""
    found = (await sender.send("GET", f"{issuer}/jwks")).expect()
    assert found.headers["Cache-Control"] == "public, max-age=300"
    return [key["kid"] for key in found.json["keys"] if key["alg"] == alg]


async def everywhere(sender: HttpSender, issuer: str, holds: Callable[[list[str]], bool], alg: str = "ES256") -> float:
    """Seconds until every worker shows a key set of which this holds."""

    async def seen() -> bool:
        return all([holds(await shown(sender, issuer, alg)) for _ in range(8 * WORKERS)])

    return await eventually(90, seen)


def a_day_older(folder: Path) -> None:
    """As if every key had come into its state a day earlier."""
    index = folder / ".demo" / "keys" / "keys.toml"
    earlier = timedelta(days=1)
    text = re.sub(
        r"(?<=since = )\S+",
        lambda match: (datetime.fromisoformat(match[0]) - earlier).isoformat(),
        index.read_text(),
    )
    new = index.with_suffix(".new")
    new.write_text(text)
    new.chmod(0o600)
    new.rename(index)


@pytest.mark.timeout(400)
async def test_no_verification_fails_while_keys_change_under_load(
    postgres: PostgresServer, redis: RedisServer, tmp_path: Path
) -> None:
    with postgres.database() as database:
        script = workers_on_stores(database, redis.url)
        async with (
            run(tmp_path, script, "--listener", "public") as running,
            http_sender(single=True) as sender,
            load(running, sender) as citizens,
        ):
            config, issuer = tmp_path / "config", running.issuer
            [first] = await shown(sender, issuer)
            await citizens.signed_with(first)

            # by command: shown, refused for a day, used
            said = await commanded(config, "keys", "rotate", "--alg", "ES256", "--by", "Ana")
            second = re.search(r"signing key shown: ES256 (\S+)", said)
            assert second is not None
            await everywhere(sender, issuer, lambda kids: kids == [first, second[1]])
            with pytest.raises(AssertionError, match="not known to every service before"):
                await commanded(config, "keys", "rotate", "--alg", "ES256")
            a_day_older(tmp_path)
            await commanded(config, "keys", "rotate", "--alg", "ES256")
            await everywhere(sender, issuer, lambda kids: kids == [second[1], first])
            await citizens.signed_with(second[1])
            a_day_older(tmp_path)
            assert f"signing key removed: ES256 {first}" in await commanded(config, "keys", "retire")
            await everywhere(sender, issuer, lambda kids: kids == [second[1]])

            # workers keep running after a reload by signal
            workers = running.workers()
            for worker in workers:
                os.kill(worker, signal.SIGHUP)

            # in an emergency: within a minute, the waiting included
            said = await asyncio.wait_for(
                commanded(config, "keys", "rotate", "--emergency", "--alg", "ES256"), timeout=60
            )
            third = re.search(r"signing key used: ES256 (\S+)", said)
            assert third is not None
            assert f"signing key removed: ES256 {second[1]}" in said
            await everywhere(sender, issuer, lambda kids: kids == [third[1]])
            await citizens.signed_with(third[1])
            assert running.workers() == workers
            assert list(dict.fromkeys(citizens.kids)) == [first, second[1], third[1]]

        rows = await sql(database, "SELECT kind, actor, details FROM audit WHERE kind LIKE 'signing_key_%' ORDER BY id")
        audited = [(row["kind"], json.loads(row["details"])["kid"]) for row in rows if "ES256" in row["details"]]
        assert audited[0] == ("signing_key_shown", second[1])
        assert rows[0]["actor"] == "Ana"
        assert ("signing_key_removed", second[1]) in audited
        assert ("signing_key_used", third[1]) in audited


async def sql(database: str, text: str) -> list[Any]:
    """What a query finds."""
    connection = await asyncpg.connect(database)
    try:
        return list(await connection.fetch(text))
    finally:
        await connection.close()


@pytest.mark.timeout(400)
async def test_of_two_workers_one_rotates_the_keys_on_schedule(
    postgres: PostgresServer, redis: RedisServer, tmp_path: Path
) -> None:
    with postgres.database() as database:
        script = scheduled(database, redis)
        async with run(tmp_path, script, "--listener", "public") as running, http_sender(single=True) as sender:
            index = tmp_path / ".demo" / "keys" / "keys.toml"
            os.utime(index, (index.stat().st_mtime - 40 * 86400,) * 2)
            await everywhere(sender, running.issuer, lambda kids: len(kids) == 2)
            listed = await commanded(tmp_path / "config", "keys", "list")
            assert listed.count("next      ES256") == 1
            assert "signs by itself from" in listed


@pytest.mark.timeout(400)
async def test_a_key_in_a_token_takes_over_and_is_missed_and_found_again_without_a_restart(
    postgres: PostgresServer, redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hsm = softhsm(tmp_path / "hsm")
    monkeypatch.setenv("SOFTHSM2_CONF", str(hsm.conf))
    with postgres.database() as database:
        async with (
            run(tmp_path, workers_on_stores(database, redis.url), "--listener", "public") as running,
            http_sender(single=True) as sender,
        ):
            await asyncio.to_thread(into_token, hsm, tmp_path / ".demo" / "keys")
            await commanded(tmp_path / "config", "keys", "init")
            await everywhere(sender, running.issuer, lambda kids: len(kids) == 2)
            [mine, _] = await shown(sender, running.issuer)
            client = Client(running.issuer)

            async def redeemed() -> Reply:
                raw_citizen = RawCitizen(sender, rides(tmp_path, running.issuer))
                return await raw_citizen.redeem(await raw_citizen.code())

            async def signs() -> bool:
                try:
                    reply = await redeemed()
                except ConnectionLost:
                    return False  # the workers are starting
                return reply.status == 200 and await verified(client, reply) == mine

            await eventually(30, signs)
            raw_citizen = RawCitizen(sender, rides(tmp_path, running.issuer))
            code = await raw_citizen.code()
            hsm.pull()
            for _ in range(2 * WORKERS):
                reply = await raw_citizen.redeem(code)
                assert (reply.status, reply.json["error"]) == (503, "temporarily_unavailable")
            hsm.plug()

            async def redeems() -> bool:
                reply = await raw_citizen.redeem(code)
                return reply.status == 200 and await verified(client, reply) == mine

            await eventually(30, redeems)

            # without the public half the supervisor reads it from the token before it forks
            await asyncio.to_thread(running.program.stop, within=PATIENCE)
            index = tmp_path / ".demo" / "keys" / "keys.toml"
            text = re.sub(r'^public = ".*"\n', "", index.read_text(), flags=re.MULTILINE)
            assert text != index.read_text()
            index.write_text(text)
            await asyncio.to_thread(running.program.start, PATIENCE)
            await eventually(30, signs)


def into_token(hsm: SoftHsm, folder: Path) -> None:
    """Makes an ES256 key in the token, and lets it take over from the one in the folder at once."""
    pkcs11_objects.library(str(hsm.module)).reinitialize()
    tokens = Pkcs11Tokens()
    token = tokens.at(InToken(hsm.module, LABEL, hsm.pin_file))
    token.library.call(lambda: token.generate("ES256", "first", b"1"))
    index = folder / "keys.toml"
    text = index.read_text().replace('alg = "ES256"\nstate = "current"', 'alg = "ES256"\nstate = "retired"')
    entry = f'[[signing]]\npkcs11 = {hsm.entry(label="first")}\nalg = "ES256"\nstate = "current"\n\n'
    new = folder / "keys.new"
    new.write_text(text.replace("[[signing]]", entry + "[[signing]]", 1))
    new.chmod(0o600)
    new.rename(index)


async def verified(client: Client, reply: Reply) -> str:
    """The key that signed the ID token of an answer."""
    return await asyncio.to_thread(client.verify, reply.json["id_token"])

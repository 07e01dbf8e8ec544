"""CIBA ping of a `fapi2` service: a signed request, the ping, and sender-constrained tokens."""

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.conftest import SCRIPT, Newcomer
from tests.e2e.raw_client import RawCitizen, eventually, http_sender
from tests.e2e.relying_service import Service, land_register
from tests.e2e.test_backchannel_authentication import claims_of, takes_code

MESSAGE = "Extract 42 of Quay Row 4"
TOKEN = "notify-" + secrets.token_urlsafe(24)


@dataclass
class ReceivedPings:
    """Requests that the service's notification endpoint received."""

    pings: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One ping."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(re.search(r"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]
        body = json.loads(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n")
        self.pings.append((head, body))
        await writer.drain()
        writer.close()


@asynccontextmanager
async def pinged(folder: Path) -> AsyncIterator[tuple[Stage, ReceivedPings]]:
    """A stage whose land register is pinged on loopback."""
    pings = ReceivedPings()
    server = await asyncio.start_server(pings.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    uri = f'ciba = "ping"\nciba_notification_uri = "http://127.0.0.1:{port}/ciba"'
    edits = {**SCRIPT.edits, "services/land-register.toml": {'ciba = "poll"': uri}}
    async with server, staged(folder, Script(files=SCRIPT.files, edits=edits)) as stage:
        yield stage, pings


@pytest.fixture(scope="module")
async def deployment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Stage, ReceivedPings]]:
    """One stage for the tests of this file."""
    async with pinged(tmp_path_factory.mktemp("pinged")) as running:
        yield running


def signed(service: Service, **claims: Any) -> dict[str, str]:
    """A signed request, and who sends it (CIBA Core 1.0, 7.1.1)."""
    now = int(time.time())
    said = {
        "iss": service.client_id,
        "aud": service.issuer,
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "jti": secrets.token_urlsafe(16),
        "scope": "openid profile",
        "binding_message": MESSAGE,
        "client_notification_token": TOKEN,
        **claims,
    }
    return {
        "request": jwt.encode(said, service.key, "ES256", headers={"kid": service.kid}),
        **service.assertion(),
    }


async def known(raw_citizen: RawCitizen) -> str:
    """A citizen signs in at the service. Returns the `sub`."""
    tokens = (await raw_citizen.redeem(await raw_citizen.code())).expect().json
    return str(claims_of(tokens["id_token"])["sub"])


async def notified(stage: Stage) -> str:
    """The code that was sent, read from the outbox."""
    found: list[str] = []

    async def there() -> bool:
        for file in (stage.folder / ".demo" / "outbox").glob("*.json"):
            said = json.loads(file.read_text())
            if MESSAGE in said["text"] and (code := re.search(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}\b", said["text"])):
                found.append(code[0])
        return bool(found)

    await eventually(20, there)
    return found[-1]


async def test_a_signed_ciba_request_is_pinged_and_gets_bound_tokens(
    deployment: tuple[Stage, ReceivedPings], newcomer: Newcomer
) -> None:
    stage, pings = deployment
    service = land_register(stage.folder, stage.issuer, stage.service)
    async with http_sender() as line:
        raw_citizen = RawCitizen(line, service)
        asking = signed(service, login_hint=await known(raw_citizen), requested_expiry="120")
        asked = (await raw_citizen.call("/ciba", asking)).expect().json
        assert asked["expires_in"] == 120
        assert "user_code" not in asked
        # what was signed once is not accepted twice
        again = {**asking, **service.assertion()}
        assert (await raw_citizen.call("/ciba", again)).expect(400).json["error"] == "invalid_request"

        async def poll() -> Any:
            grant = {"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": asked["auth_req_id"]}
            return await raw_citizen.call("/token", {**grant, **service.assertion()})

        assert (await poll()).expect(400).json["error"] in ("authorization_pending", "slow_down")
        citizen = await newcomer(stage)
        await takes_code(citizen, await notified(stage))
        await citizen.choose("Northbank ID")
        await citizen.play("ok")
        await citizen.press("Confirm")
        await citizen.sees("You are done here")

        async def heard() -> bool:
            return bool(pings.pings)

        await eventually(20, heard)
        [(head, body)] = pings.pings
        assert head.startswith("POST /ciba ")
        assert f"Authorization: Bearer {TOKEN}" in head
        assert body == {"auth_req_id": asked["auth_req_id"]}
        tokens = (await poll()).expect().json
        assert tokens["token_type"] == "DPoP"
        assert claims_of(tokens["id_token"])["aud"] == "land-register"
        assert (await raw_citizen.userinfo(tokens["access_token"])).expect().json["name"] == "Amina Hughes"
        assert (await poll()).expect(400).json["error"] == "invalid_grant"


async def test_an_unsigned_or_foreign_ciba_request_is_refused(deployment: tuple[Stage, ReceivedPings]) -> None:
    stage, _ = deployment
    service = land_register(stage.folder, stage.issuer, stage.service)
    async with http_sender() as line:
        raw_citizen = RawCitizen(line, service)
        plain = {"scope": "openid", "login_hint": "x", "binding_message": MESSAGE, "client_notification_token": TOKEN}
        reply = await raw_citizen.call("/ciba", {**plain, **service.assertion()})
        assert reply.expect(400).json["error"] == "invalid_request"
        reply = await raw_citizen.call("/ciba", signed(service, login_hint="nobody"))
        assert reply.expect(400).json["error"] == "unknown_user_id"
        reply = await raw_citizen.call("/ciba", {"request": signed(service)["request"]})
        assert reply.expect(401).json["error"] == "invalid_client"
        grant = {"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": "ciba_of_somebody_else"}
        reply = await raw_citizen.call("/token", {**grant, **service.assertion()})
        assert reply.expect(400).json["error"] == "invalid_grant"
        reply = await line.send("GET", f"{stage.issuer}/.well-known/openid-configuration")
        assert reply.json["backchannel_token_delivery_modes_supported"] == ["poll", "ping"]

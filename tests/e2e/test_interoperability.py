"""Other people's software on both sides of the broker, unchanged."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from jose import jwt as jose_jwt
from playwright.async_api import Page

from broker.crypto.jose import load_signing_key, public_jwk
from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.citizen_page import NORTHBANK, Citizen
from tests.e2e.relying_service import RIDES_SERVICE
from tests.support.peers import Peer
from tests.support.ports import free_port
from tests.support.program import Program

PEER_PROVIDER = """
kind = "openid"
names = { en = "Peer provider", cy = "Peer provider" }
needs = { en = "Nothing at all", cy = "Dim byd" }
minutes = 1
max_level = "substantial"

[openid]
issuer = "http://localhost:%(port)d"
client_id = "portico"
scopes = ["openid", "profile"]
%(more)s
"""
KEYED = """
authentication = "private_key_jwt"
key_file = "../../.demo/secrets/peer.pem"
levels = { "peer:low" = "low", "peer:substantial" = "substantial" }
acr_values = { low = "peer:low", substantial = "peer:substantial" }
"""
SECRET = """
authentication = "client_secret_basic"
secret_file = "../../.demo/secrets/mock"
levels = {}
acr_missing = "low"
"""


@pytest.fixture
def ports() -> tuple[int, int, int]:
    """Ports of the two peer services and the peer provider, known before anything is configured."""
    return free_port(), free_port(), free_port()


@pytest.fixture
async def stage(tmp_path: Path, ports: tuple[int, int, int]) -> AsyncIterator[Stage]:
    """A stage whose registered services and further provider are other people's programs."""
    service, strict, provider = ports
    script = Script(
        edits={
            "services/demo-service.toml": {
                'redirect_uris = ["http://localhost:8002/callback"]': f'redirect_uris = ["http://localhost:8002/callback",'
                f' "http://localhost:{service}/callback"]'
            },
            "services/land-register.toml": {
                "http://localhost:8002/land-register/callback": f"http://localhost:{strict}/callback"
            },
        },
        files={
            "providers/peer.toml": PEER_PROVIDER % {"port": provider, "more": KEYED},
            "services/rides.toml": RIDES_SERVICE.replace("9/rides/callback", f"{service}/callback"),
        },
    )
    async with staged(tmp_path, script) as stage:
        yield stage


async def relying_service(stage: Stage, peer: Callable[..., Peer], port: int, profile: str) -> Peer:
    """A service written with openid-client, started in a thread, since it fetches the metadata before it is ready."""
    secrets = stage.folder / ".demo" / "secrets"
    env = {"ISSUER": stage.issuer, "PROFILE": profile}
    if profile == "oidc":
        env |= {"CLIENT_ID": "demo-service", "CLIENT_SECRET": (secrets / "demo-service").read_text().strip()}
    else:
        client_id = "land-register" if profile == "fapi2" else "rides"
        env |= {"CLIENT_ID": client_id, "CLIENT_KEY": private_jwk(secrets / f"{client_id}.pem")}
    return await asyncio.to_thread(peer, "service.mjs", port=port, env=env)


def private_jwk(pem: Path) -> str:
    """A private key as openid-client takes it."""
    key = load_signing_key(pem.read_bytes(), "ES256")
    private = jwt.algorithms.ECAlgorithm.to_jwk(key.private, as_dict=True)
    return json.dumps({**private, "kid": key.kid})


async def learnt(page: Page, port: int) -> dict[str, Any]:
    """What the service written with openid-client found out."""
    await page.wait_for_url(f"http://localhost:{port}/callback**")
    answer: dict[str, Any] = json.loads(await page.locator("body").inner_text())
    assert "error" not in answer, answer
    return answer


@pytest.mark.parametrize(("profile", "which"), [("oidc", 0), ("jar", 0), ("fapi2", 1)])
async def test_a_service_written_with_openid_client_signs_a_citizen_in(
    profile: str, which: int, stage: Stage, ports: tuple[int, int, int], peer: Callable[..., Peer], page: Page
) -> None:
    await relying_service(stage, peer, ports[which], profile)
    citizen = Citizen(page, stage)
    await page.goto(f"http://localhost:{ports[which]}/start?acr=substantial")
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.share()
    result = await learnt(page, ports[which])
    assert result["claims"]["acr"] == "substantial"
    assert result["userinfo"]["name"] == "Amina Hughes"
    assert result["userinfo"]["sub"] == result["claims"]["sub"]
    assert result["token_type"] == ("dpop" if profile == "fapi2" else "bearer")


async def test_pyjwt_and_python_jose_read_the_id_token(
    stage: Stage, ports: tuple[int, int, int], peer: Callable[..., Peer], page: Page
) -> None:
    await relying_service(stage, peer, ports[0], "oidc")
    citizen = Citizen(page, stage)
    await page.goto(f"http://localhost:{ports[0]}/start?acr=low")
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.share()
    token = (await learnt(page, ports[0]))["id_token"]
    keys = json.loads(stage.parts.crypto.keys.ring().jwks())["keys"]
    kid = jwt.get_unverified_header(token)["kid"]
    jwk = next(key for key in keys if key["kid"] == kid)
    by_pyjwt = jwt.decode(token, jwt.PyJWK(jwk).key, ["ES256"], audience="demo-service", issuer=stage.issuer)
    by_jose = jose_jwt.decode(token, jwk, ["ES256"], audience="demo-service", issuer=stage.issuer)
    assert by_pyjwt == by_jose
    assert by_pyjwt["acr"] == "low"


async def test_a_citizen_signs_in_at_an_oidc_provider_from_npm(
    stage: Stage, ports: tuple[int, int, int], peer: Callable[..., Peer], page: Page
) -> None:
    key = load_signing_key((stage.folder / ".demo" / "secrets" / "peer.pem").read_bytes(), "ES256")
    env = {
        "CLIENT_ID": "portico",
        "CLIENT_JWKS": json.dumps({"keys": [dict(public_jwk(key))]}),
        "REDIRECT_URIS": json.dumps([f"{stage.issuer}/callback/peer"]),
    }
    await asyncio.to_thread(peer, "provider.mjs", port=ports[2], env=env)
    await stage.parts.monitoring.health_monitor.providers["peer"].check()
    citizen = Citizen(page, stage)
    await citizen.begin("move")
    await citizen.choose("Peer provider")
    await citizen.share()
    await citizen.arrives()


async def test_a_citizen_signs_in_at_the_oidc_provider_mock_from_pypi(tmp_path: Path, page: Page) -> None:
    port = free_port()
    script = Script(files={"providers/mock.toml": PEER_PROVIDER % {"port": port, "more": SECRET}})
    async with staged(tmp_path, script) as stage:
        mock = Program(
            [Path(sys.prefix) / "bin" / "oidc-provider-mock", "--port", str(port)],
            ready=lambda program: "Uvicorn running" in program.output,
        )
        await asyncio.to_thread(mock.start)
        try:
            await stage.parts.monitoring.health_monitor.providers["mock"].check()
            citizen = Citizen(page, stage)
            await citizen.begin("parking")
            await citizen.choose("Peer provider")
            await page.locator("input[name=sub]").fill("amina")
            await page.get_by_role("button", name="Authorize").click()
            await citizen.share()
            await citizen.arrives()
        finally:
            mock.stop()

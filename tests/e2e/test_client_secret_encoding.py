"""Client secrets that libraries spoil on their way, through an unchanged library: Authlib does not form-encode them."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from tests.e2e.app_harness import Script, Stage, staged

SERVICE = """
names = { en = "Parcels", cy = "Parseli" }
home = "https://parcels.example/"
redirect_uris = ["https://parcels.example/callback"]
profile = "oidc"
authentication = "client_secret_basic"
secret_file = "../../.demo/secrets/%(name)s"
sector = "parcels.example"
level = "low"
contact = "Parcels, 01632 960 904"
"""
NAMES = ("spoiled", "made")
SPOILED = "nN2+wG1mPzT0/6j8Qh3Vv5y7Kk9LdR+XcB4FsAeUo0w="


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One service whose secret is in base64, and one whose secret the broker makes."""
    folder: Path = tmp_path_factory.mktemp("parcels")
    secret = folder / ".demo" / "secrets" / "spoiled"
    secret.parent.mkdir(parents=True)
    secret.write_text(f"{SPOILED}\n")
    files = {f"services/{name}.toml": SERVICE % {"name": name} for name in NAMES}
    async with staged(folder, Script(files=files)) as running:
        yield running


async def refused(stage: Stage, client_id: str, secret: str) -> OAuthError:
    """The error that Authlib reports for an authorization code that was never issued."""
    async with AsyncOAuth2Client(client_id, secret, token_endpoint_auth_method="client_secret_basic") as client:
        with pytest.raises(OAuthError) as error:
            await client.fetch_token(
                f"{stage.issuer}/token", code="code_x", redirect_uri="https://parcels.example/callback"
            )
    found: OAuthError = error.value
    return found


async def test_a_secret_in_base64_that_a_library_does_not_encode_is_explained_and_in_the_inspector(
    stage: Stage,
) -> None:
    error = await refused(stage, "spoiled", SPOILED)
    assert error.error == "invalid_client"
    assert "look not form-encoded" in error.description
    async with httpx.AsyncClient(base_url=stage.issuer) as engineer:
        page = (await engineer.get("/inspector", params={"client": "spoiled"})).text
    assert "look not form-encoded" in page
    assert SPOILED not in page
    # the same words for a service that does not exist
    assert (await refused(stage, "nobody", SPOILED)).description == error.description
    assert "form-encoded" not in (await refused(stage, "spoiled", "wrong" * 8)).description


async def test_a_secret_that_the_broker_makes_survives_a_library_that_does_not_encode(stage: Stage) -> None:
    secret = (stage.folder / ".demo" / "secrets" / "made").read_text().strip()
    assert len(secret) == 64
    assert int(secret, 16)
    assert (await refused(stage, "made", secret)).error == "invalid_grant"

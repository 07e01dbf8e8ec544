"""Dynamic client registration, written to files that every process reads: over HTTP and with real settings."""

import asyncio
import base64
import json
import re
import tomllib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from authlib.oauth2.rfc7591 import ClientMetadataClaims
from joserfc.errors import InvalidClaimError

from broker import wiring
from broker.model.store_results import StoreUnavailable
from broker.platform import system
from broker.wiring.client_files import rewrite_renamed
from broker.wiring.container import Container
from tests.support.configuration import Configuration, prepared

pytestmark = pytest.mark.store

ISSUER = "http://localhost:8000"
SETTINGS = {
    "names": {"en": "One", "cy": "Un"},
    "home": "https://one.example/",
    "redirect_uris": ["https://one.example/back"],
    "profile": "oidc",
    "authentication": "client_secret_basic",
    "secret_digest": "0" * 64,
    "sector": "self-1",
}
SERVICE = {"client_name": "Trying out", "redirect_uris": ["https://shop.example/back"]}


@dataclass(frozen=True, slots=True)
class RegistrationHarness:
    """The public door, and the folder of settings behind it."""

    container: Container
    folder: Path
    client: httpx.AsyncClient

    async def register(self, **metadata: Any) -> httpx.Response:
        """Registers a service with this metadata."""
        content = json.dumps({**SERVICE, **metadata})
        return await self.client.post("/register", content=content, headers={"content-type": "application/json"})

    def files(self) -> list[str]:
        """The files of services."""
        return sorted(path.name for path in (self.folder / "services").iterdir())


@pytest.fixture(scope="module")
async def harness(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RegistrationHarness]:
    """A door at which services may register."""
    root = tmp_path_factory.mktemp("registering")
    prepared(root)
    config = Configuration(root / "config")
    config.change("broker.toml", "dynamic_registration", value=True)
    settings = config.settings()
    await wiring.migrate_schema(settings)
    reader = wiring.SettingsReader(config.folder)
    async with wiring.open_container(settings, system.real_system(), reader) as container:
        transport = httpx.ASGITransport(app=wiring.public_app(container))
        async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as client:
            yield RegistrationHarness(container, config.folder, client)


async def test_a_registered_client_is_active_at_once_and_receives_its_metadata(harness: RegistrationHarness) -> None:
    reply = await harness.register(contacts=["me@shop.example"], logo_uri="https://shop.example/logo")
    body = reply.json()
    assert (reply.status_code, reply.headers["cache-control"]) == (201, "no-store")
    assert body["client_secret_expires_at"] == 0
    assert body["redirect_uris"] == SERVICE["redirect_uris"]
    assert body["token_endpoint_auth_method"] == "client_secret_basic"
    assert "logo_uri" not in body
    assert tomllib.loads((harness.folder / "services" / f"{body['client_id']}.toml").read_text())["contact"]
    form = {"grant_type": "authorization_code", "code": "code_none", "redirect_uri": SERVICE["redirect_uris"][0]}
    for secret, error in ((body["client_secret"], "invalid_grant"), ("wrong" * 9, "invalid_client")):
        answer = await harness.client.post("/token", data=form, auth=(body["client_id"], secret))
        assert answer.json()["error"] == error
    asked = {
        "client_id": body["client_id"],
        "redirect_uri": SERVICE["redirect_uris"][0],
        "scope": "openid profile",
        "response_type": "code",
        "code_challenge": "x" * 43,
        "code_challenge_method": "S256",
    }
    begun = await harness.client.get("/authorize", params=asked)
    assert begun.headers["location"].startswith(("/journey/", f"{ISSUER}/journey/"))


async def test_a_registration_is_read_and_ended_by_its_own_token_and_no_other(harness: RegistrationHarness) -> None:
    first, second = [(await harness.register()).json() for _ in range(2)]
    bearer = {"Authorization": f"Bearer {first['registration_access_token']}"}
    read = (await harness.client.get(first["registration_client_uri"], headers=bearer)).json()
    once = {"client_secret", "client_secret_expires_at", "client_id_issued_at"}
    assert read == {name: value for name, value in first.items() if name not in once}
    for headers in ({}, bearer, {"Authorization": "Bearer registration_"}, {"Authorization": "Basic eDp5"}):
        for method in ("GET", "DELETE"):
            refused = await harness.client.request(method, second["registration_client_uri"], headers=headers)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Bearer")
    assert (await harness.client.delete(first["registration_client_uri"], headers=bearer)).status_code == 204
    assert (await harness.client.get(first["registration_client_uri"], headers=bearer)).status_code == 401
    assert second["client_id"] in harness.container.configuration.registry.services
    assert first["client_id"] not in harness.container.configuration.registry.services


async def test_a_client_written_by_the_operator_cannot_be_read_or_deleted(harness: RegistrationHarness) -> None:
    mark = (
        base64.urlsafe_b64encode(harness.container.crypto.sealer.mac("registration", b"demo-service"))
        .decode()
        .rstrip("=")
    )
    headers = {"Authorization": f"Bearer registration_{mark}"}
    for method in ("GET", "DELETE"):
        assert (await harness.client.request(method, "/register/demo-service", headers=headers)).status_code == 401
    assert "demo-service.toml" in harness.files()


async def test_self_registered_clients_of_the_release_before_are_kept_and_their_files_rewritten_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepared(tmp_path)
    config = Configuration(tmp_path / "config")
    config.change("broker.toml", "dynamic_registration", value=True)
    file = "services/self-00ff00ff00ff00ff.toml"
    claims = [{"claim": "name", "reason": {"en": "To greet", "cy": "I gyfarch"}}]
    before = {**SETTINGS, "scopes": ["openid", "profile"], "data": claims, "sector": "self-00ff00ff00ff00ff"}
    config.write(file, before)
    settings = config.settings()
    assert settings.services["self-00ff00ff00ff00ff"].claims == {"name"}
    await wiring.migrate_schema(settings)
    caplog.set_level("INFO", "portico.app")
    for times in (1, 1):
        async with wiring.open_container(
            settings, system.real_system(), wiring.SettingsReader(config.folder)
        ) as container:
            assert "self-00ff00ff00ff00ff" in container.configuration.registry.services
        now = config.table(file)
        assert (now["claims"], now.keys() - {"claims"}) == (claims, before.keys() - {"data"})
        assert [record.message for record in caplog.records].count("client_file_rewritten") == times
    assert config.settings().services == settings.services


async def test_a_self_registered_client_is_read_with_its_old_keys_if_its_file_cannot_be_rewritten(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = Configuration(tmp_path / "config")
    (tmp_path / "config" / "services").mkdir(parents=True)
    file = tmp_path / "config" / "services" / "self-00ff00ff00ff00ff.toml"
    config.write(f"services/{file.name}", {**SETTINGS, "data": [], "seen": date(2026, 1, 2)})
    text = file.read_text()
    rewrite_renamed(config.folder)
    assert [record.message for record in caplog.records] == ["client_file_not_rewritten"]
    assert file.read_text() == text


@pytest.mark.parametrize(
    ("metadata", "error", "said"),
    [
        ({"redirect_uris": ["https://shop.example/#x"]}, "invalid_redirect_uri", "redirect_uris[0]"),
        ({"redirect_uris": []}, "invalid_redirect_uri", "redirect_uris"),
        ({"redirect_uris": "https://shop.example/"}, "invalid_redirect_uri", "redirect_uris"),
        ({"initiate_login_uri": "http://shop.example/go"}, "invalid_client_metadata", "initiate_login_uri"),
        ({"initiate_login_uri": 7}, "invalid_client_metadata", "initiate_login_uri"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "invalid_client_metadata", "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata", "jwks"),
        ({"response_types": ["code", "token"]}, "invalid_client_metadata", "response_types"),
        ({"grant_types": ["implicit"]}, "invalid_client_metadata", "grant_types"),
        ({"id_token_signed_response_alg": "none"}, "invalid_client_metadata", "id_token_signed_response_alg"),
        ({"sector_identifier_uri": "https://shop.example/s"}, "invalid_client_metadata", "sector_identifier_uri"),
        ({"client_name": "\ud800"}, "invalid_client_metadata", ""),
        ({"client_name": 7}, "invalid_client_metadata", "client_name"),
        ({"client_uri": "x"}, "invalid_client_metadata", "client_uri"),
        ({"subject_type": "public"}, "invalid_client_metadata", "subject_type"),
        ({"jwks_uri": "https://shop.example/\n" + "x" * 900}, "invalid_client_metadata", "jwks_uri"),
        ({"jwks": json.loads('{"a":' * 90 + "0" + "}" * 90)}, "invalid_client_metadata", "deep"),
        ({"jwks": {"keys": [None]}}, "invalid_client_metadata", ""),
    ],
)
async def test_metadata_that_a_file_cannot_hold_are_refused_without_a_trace(
    harness: RegistrationHarness, metadata: dict[str, Any], error: str, said: str
) -> None:
    before = harness.files()
    reply = await harness.register(**metadata)
    assert (reply.status_code, reply.json()["error"]) == (400, error)
    description = reply.json()["error_description"]
    assert said in description
    assert re.fullmatch(r"[ !#-\[\]-~]{1,200}", description)
    assert harness.files() == before


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"[]", "application/json"),
        (b"{", "application/json"),
        (b'{"a":1,"a":2}', "application/json"),
        (b"{}", "text/x"),
    ],
)
async def test_what_is_no_json_object_is_refused(harness: RegistrationHarness, content: bytes, kind: str) -> None:
    reply = await harness.client.post("/register", content=content, headers={"content-type": kind})
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_client_metadata")


async def test_while_the_configuration_is_wrong_elsewhere_nothing_is_registered(harness: RegistrationHarness) -> None:
    wrong = harness.folder / "services" / "wrong.toml"
    wrong.write_text("names = 7")
    before = harness.files()
    try:
        reply = await harness.register()
    finally:
        wrong.unlink()
    assert (reply.status_code, reply.json()["error"]) == (503, "temporarily_unavailable")
    assert [*harness.files(), "wrong.toml"] == [*(name for name in before if name != "wrong.toml"), "wrong.toml"]


@pytest.mark.parametrize(
    "fault", [OSError("read-only"), StoreUnavailable("the database is away"), asyncio.CancelledError()]
)
async def test_a_registration_that_cannot_be_announced_is_removed(
    harness: RegistrationHarness, fault: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert harness.container.configuration.client_files is not None
    before = harness.files()

    async def failing(_client_id: str) -> None:
        raise fault

    monkeypatch.setattr(harness.container.configuration.client_files, "_take", failing)
    if isinstance(fault, asyncio.CancelledError):
        with pytest.raises(asyncio.CancelledError):
            await harness.container.configuration.client_files.add("self-1", SETTINGS)
    else:
        assert (await harness.register()).status_code == 503
    assert harness.files() == before


async def test_what_a_reload_did_not_take_is_neither_registered_nor_ended(
    harness: RegistrationHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert harness.container.configuration.client_files is not None
    body = (await harness.register()).json()
    before = harness.files()

    async def refusing(_client_id: str) -> None:
        return None

    monkeypatch.setattr(harness.container.configuration.client_files, "_take", refusing)
    assert (await harness.register()).status_code == 503
    assert harness.files() == before
    bearer = {"Authorization": f"Bearer {body['registration_access_token']}"}
    assert (await harness.client.delete(body["registration_client_uri"], headers=bearer)).status_code == 503
    assert body["client_id"] in harness.container.configuration.registry.services
    monkeypatch.undo()
    assert (await harness.client.delete(body["registration_client_uri"], headers=bearer)).status_code == 204


async def test_a_registered_client_shares_its_subjects_with_no_other(harness: RegistrationHarness) -> None:
    body = (await harness.register(redirect_uris=["https://aberlan.example/a", "https://other.example/b"])).json()
    sectors = [service.sector for service in harness.container.configuration.registry.services.values()]
    mine = harness.container.configuration.registry.services[body["client_id"]].sector
    assert sectors.count(mine) == 1


async def test_many_at_once_are_all_registered(harness: RegistrationHarness) -> None:
    replies = await asyncio.gather(*(harness.register(client_name=f"Number {n}") for n in range(5)))
    client_ids = [reply.json()["client_id"] for reply in replies]
    assert set(client_ids) <= harness.container.configuration.registry.services.keys()
    assert len(set(client_ids)) == 5


async def test_the_metadata_say_where_to_register_and_what_a_new_service_may_use(harness: RegistrationHarness) -> None:
    document = (await harness.client.get("/.well-known/openid-configuration")).json()
    assert document["registration_endpoint"] == f"{ISSUER}/register"
    assert {"client_secret_basic", "client_secret_post", "private_key_jwt"} <= set(
        document["token_endpoint_auth_methods_supported"]
    )
    assert document["require_pushed_authorization_requests"] is False


async def test_registration_is_404_if_it_is_not_configured(harness: RegistrationHarness) -> None:
    configuration = replace(harness.container.configuration, client_files=None)
    closed = wiring.public_app(replace(harness.container, configuration=configuration))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=closed), base_url=ISSUER) as client:
        assert (await client.post("/register", json=SERVICE)).status_code == 404
        assert "registration_endpoint" not in (await client.get("/.well-known/openid-configuration")).json()


# --- Authlib's checks of client metadata, held against ours (decision 0056) ---


@pytest.mark.parametrize(
    ("metadata", "ours", "authlib"),
    [
        ({}, True, True),
        ({"jwks": {"keys": []}, "jwks_uri": "https://shop.example/jwks"}, False, False),
        ({"redirect_uris": "https://shop.example/back"}, False, False),
        ({"redirect_uris": ["https://shop.example/back#there"]}, False, False),
        ({"redirect_uris": ["https://user:password@shop.example/back"]}, False, False),
        # Authlib accepts what may not be registered
        ({"redirect_uris": ["http://shop.example/back"]}, False, True),
        ({"redirect_uris": ["javascript://shop.example/%0aalert(1)"]}, False, True),
        ({"redirect_uris": ["https://*.shop.example/back"]}, False, True),
        ({"redirect_uris": ["https://shop.example/\nback"]}, False, True),
        ({"redirect_uris": []}, False, True),
        ({"token_endpoint_auth_method": "magic"}, False, True),
        ({"grant_types": 7}, False, True),
        ({"scope": 7}, False, True),
        # Authlib rejects what the broker ignores, as RFC 7591 2 requires
        ({"logo_uri": "no URL"}, True, False),
        ({"contacts": "me@shop.example"}, True, False),
    ],
)
async def test_authlib_and_our_checks_of_client_metadata_differ_on_known_inputs_only(
    harness: RegistrationHarness, metadata: dict[str, Any], *, ours: bool, authlib: bool
) -> None:
    reply = await harness.register(**metadata)
    assert (reply.status_code == 201, authlib_accepts({**SERVICE, **metadata})) == (ours, authlib), reply.text


@pytest.mark.parametrize("metadata", [{"redirect_uris": [7]}, {"jwks": "no set"}, {"jwks": {"keys": 7}}])
async def test_client_metadata_that_end_in_a_traceback_in_authlib_are_refused_here(
    harness: RegistrationHarness, metadata: dict[str, Any]
) -> None:
    with pytest.raises((AttributeError, TypeError)):
        authlib_accepts({**SERVICE, **metadata})
    assert (await harness.register(**metadata)).status_code == 400


def authlib_accepts(metadata: dict[str, Any]) -> bool:
    """Whether Authlib finds nothing wrong."""
    try:
        ClientMetadataClaims(dict(metadata), {}).validate()
    except InvalidClaimError:
        return False
    return True

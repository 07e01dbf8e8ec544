"""Attacks on tokens of services for themselves (grant `client_credentials`, RFC 6749 4.4)."""

import pytest

from tests.e2e.app_harness import Stage
from tests.e2e.relying_service import Service, land_register, rides
from tests.security.endpoint_client import Endpoints, Victim, refused
from tests.security.own_tokens import own_token, request_own_token


@pytest.fixture
def service(stage: Stage) -> Service:
    """A service with scopes of its own, and bearer tokens."""
    return rides(stage.folder, stage.issuer)


async def test_a_service_gets_a_token_for_itself_with_the_scopes_of_its_file(
    endpoints: Endpoints, service: Service
) -> None:
    issued = (await request_own_token(endpoints, service)).expect().json
    assert issued.pop("access_token").startswith("own_")
    assert 0 < issued.pop("expires_in") <= 3600
    assert issued == {"token_type": "Bearer", "scope": "ssf.read ssf.manage"}
    narrow = (await request_own_token(endpoints, service, "ssf.read")).expect().json
    assert narrow["scope"] == "ssf.read"
    metadata = (await endpoints.send("GET", "/.well-known/openid-configuration")).expect().json
    assert "client_credentials" in metadata["grant_types_supported"]
    assert {"ssf.read", "ssf.manage"} <= set(metadata["scopes_supported"])


@pytest.mark.parametrize("scope", ["openid", "desk", "ssf.read desk", "ssf.read openid"])
async def test_a_service_gets_no_scope_beyond_its_file(endpoints: Endpoints, service: Service, scope: str) -> None:
    refused(await request_own_token(endpoints, service, scope), "invalid_scope")


async def test_a_service_without_scopes_of_its_own_gets_no_token(endpoints: Endpoints, stage: Stage) -> None:
    other = land_register(stage.folder, stage.issuer, stage.service)
    refused(await request_own_token(endpoints, other), "unauthorized_client")


async def test_an_assertion_gets_one_token(endpoints: Endpoints, service: Service) -> None:
    form = {"grant_type": "client_credentials", **service.assertion()}
    (await endpoints.post("/token", form)).expect()
    refused(await endpoints.post("/token", form), "invalid_client")


async def test_a_token_of_its_own_opens_no_door_of_a_citizen_and_the_other_way_round(
    endpoints: Endpoints, service: Service, held: Victim
) -> None:
    own = await own_token(endpoints, service)
    reply = await endpoints.send("GET", "/userinfo", headers=[("Authorization", f"Bearer {own}")])
    assert refused(reply, "invalid_token").status == 401
    form = {"grant_type": "refresh_token", "refresh_token": own, **service.assertion()}
    refused(await endpoints.post("/token", form), "invalid_grant")
    form = {"grant_type": "authorization_code", "code": own, **service.assertion()}
    refused(await endpoints.post("/token", form), "invalid_grant")
    assert held.access


async def test_a_token_is_introspected_and_revoked_by_its_service_alone(
    endpoints: Endpoints, service: Service, stage: Stage
) -> None:
    other = land_register(stage.folder, stage.issuer, stage.service)
    own = await own_token(endpoints, service, "ssf.read")

    async def state(who: Service) -> dict[str, object]:
        return (await endpoints.post("/introspect", {"token": own, **who.assertion()})).expect().json

    told = await state(service)
    assert (told["active"], told["client_id"], told["scope"]) == (True, "rides", "ssf.read")
    assert "sub" not in told
    assert await state(other) == {"active": False}
    (await endpoints.post("/revoke", {"token": own, **other.assertion()})).expect()
    assert (await state(service))["active"] is True
    (await endpoints.post("/revoke", {"token": own, **service.assertion()})).expect()
    assert await state(service) == {"active": False}
    assert (await endpoints.post("/introspect", {"token": "own_x", **service.assertion()})).json == {"active": False}

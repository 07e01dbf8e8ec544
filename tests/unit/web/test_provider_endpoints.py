"""The broker's public keys for a provider, as the provider fetches them."""

from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.testclient import TestClient

from broker.actions.upstream_logout import UpstreamLogoutContext
from broker.web.services.provider_endpoints import provider_routes

KEYS = {"keys": [{"kty": "EC", "kid": "k", "use": "sig"}]}


@dataclass
class Publishing:
    """A provider at which the broker has keys."""

    jwks: Any


@dataclass
class Registered:
    """A registered provider."""

    provider: Any


def test_keys_are_published_for_registered_providers_alone() -> None:
    providers: Any = {"card": Registered(Publishing(KEYS)), "keyless": Registered(object())}
    nothing: Any = None
    context = UpstreamLogoutContext("https://broker.example", providers, {}, nothing, nothing)
    client = TestClient(Starlette(routes=provider_routes(context)))
    found = client.get("/providers/card/jwks")
    assert found.json() == KEYS
    assert found.headers["cache-control"] == "public, max-age=300"
    for other in ("keyless", "nobody"):
        assert client.get(f"/providers/{other}/jwks").status_code == 404
    assert client.post("/providers/card/jwks").status_code == 405

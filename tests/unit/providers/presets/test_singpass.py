"""The preset `singpass` against the simulator that speaks as Singpass does: contract, and a sign-in call by call."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from broker.crypto.jose import new_signing_key_pem
from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.platform.system import System
from broker.provider import CallbackParameters, ProviderFailure, ProviderFailureReason, UpstreamRequest
from broker.settings.providers import provider
from broker.settings.sources import Source
from providers import KINDS, ProviderDependencies
from providers.openid import OpenIdConfig, OpenIdProvider, build
from providers.simulator import SimulatedClient, SimulatorSettings, create
from providers.simulator.dialects import DIALECTS
from tests.unit.providers.contract import STATE, Counterpart, ProviderContract
from tests.unit.providers.direct import BASE, DirectClients, sign_in_at

CALLBACK = "https://broker.example/callback/singpass"
KEYS = {name: new_signing_key_pem("ES256") for name in ("sig.pem", "enc.pem")}
ASK = UpstreamRequest(Level.SUBSTANTIAL, STATE, CALLBACK, "en")
FILE: dict[str, Any] = {
    "id": "singpass",
    "kind": "openid",
    "preset": "singpass",
    "preset_environment": "test",
    "openid": {
        "client_id": "portico",
        "key_file": "sig.pem",
        "encryption_key_files": ["enc.pem"],
        "simulator": BASE,
    },
}


@dataclass(slots=True)
class Singpass:
    """The provider of the file, and the simulator behind it."""

    clients: DirectClients
    config: OpenIdConfig
    on: ProviderDependencies
    provider: OpenIdProvider

    async def visit(self, url: str, outcome: str = "ok") -> CallbackParameters:
        return await sign_in_at(self.clients.app, url, CALLBACK, persona="meiling", outcome=outcome)


def singpass(system: System) -> Singpass:
    """Wired together, without a socket."""
    entry, problems = provider(Source("x.toml", "", FILE, Path()), KINDS, development=True)
    assert entry is not None, problems
    config = entry.config

    def read(path: Path) -> bytes:
        return KEYS[path.name]

    jwks = build(entry.card, config, ProviderDependencies(DirectClients(None).as_clients, system, read)).jwks  # type: ignore[arg-type]
    issuer = replace(DIALECTS["singpass"], clients=(SimulatedClient("portico", (CALLBACK,), jwks),))
    clients = DirectClients(create(SimulatorSettings(BASE, (issuer,), development=True), system))
    on = ProviderDependencies(clients.as_clients, system, read)
    return Singpass(clients, config, on, build(entry.card, config, on))


class TestSingpass(ProviderContract):
    """PAR, PKCE, DPoP, private_key_jwt, and ID tokens encrypted to the broker."""

    @pytest.fixture
    async def counterpart(self, system: System) -> Counterpart:
        here, nobody = singpass(system), singpass(system)
        nobody.clients.down = True
        modest = build(replace(here.provider.card, max_level=Level.LOW), here.config, here.on)

        async def refuse(url: str) -> CallbackParameters:
            return await here.visit(url, "cancelled")

        async def stop() -> None:
            here.clients.down = True

        return Counterpart(
            here.provider,
            modest,
            nobody.provider,
            ASK,
            here.visit,
            refuse,
            stop,
            pushed=True,
            ends_sessions=False,
            states=(STATE, "a" * 30, "x" * 255),
        )


async def test_a_citizen_is_known_by_name_and_level(system: System) -> None:
    here = singpass(system)
    departure = await here.provider.begin(ASK)
    assert not isinstance(departure, ProviderFailure), departure
    assert departure.url.startswith(f"{BASE}/stg-id.singpass.gov.sg/fapi/authorize?client_id=portico&request_uri=urn")
    identity = await here.provider.complete(departure.provider_state, await here.visit(departure.url))
    assert isinstance(identity, Identity), identity
    assert identity.issuer == "https://stg-id.singpass.gov.sg/fapi"
    assert identity.level is Level.SUBSTANTIAL
    assert identity.claims == {
        "name": "TAN MEI LING",
        "email": "meiling@mail.example",
        "phone_number": "+6591234567",
    }
    assert [f"{call.method} {call.url.path.rpartition('/')[2]}" for call in here.clients.calls] == [
        "GET openid-configuration",
        "POST par",
        "POST token",
        "GET jwks",
    ]


async def test_a_reference_works_once(system: System) -> None:
    here = singpass(system)
    departure = await here.provider.begin(ASK)
    assert not isinstance(departure, ProviderFailure)
    await here.visit(departure.url)
    with pytest.raises(Exception, match="400"):
        await here.visit(departure.url)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"assertion_lifetime": 180}, "par_client"),
        ({"nonce_bytes": 16}, "par_refused"),
        ({"parameters": {}}, "par_refused"),
        ({"dpop": None}, "par_refused"),
    ],
)
async def test_the_simulator_refuses_what_singpass_refuses(system: System, changes: dict[str, Any], fault: str) -> None:
    here = singpass(system)
    failure = await build(here.provider.card, replace(here.config, **changes), here.on).begin(ASK)
    assert isinstance(failure, ProviderFailure)
    assert failure.fault == fault


async def test_another_type_of_subject_is_not_a_proven_identity(system: System) -> None:
    here = singpass(system)
    other = build(here.provider.card, replace(here.config, claim_checks={"sub_type": ("company",)}), here.on)
    departure = await other.begin(ASK)
    assert not isinstance(departure, ProviderFailure)
    failure = await other.complete(departure.provider_state, await here.visit(departure.url))
    assert isinstance(failure, ProviderFailure)
    assert (failure.fault, failure.reason) == ("claim_not_allowed", ProviderFailureReason.NOT_VERIFIED)


@pytest.mark.parametrize("outcome", ["wrong_signature", "other_nonce", "expired", "no_signature", "wrong_audience"])
async def test_encryption_does_not_make_a_token_true(system: System, outcome: str) -> None:
    here = singpass(system)
    departure = await here.provider.begin(ASK)
    assert not isinstance(departure, ProviderFailure)
    failure = await here.provider.complete(departure.provider_state, await here.visit(departure.url, outcome))
    assert isinstance(failure, ProviderFailure)
    assert failure.reason is ProviderFailureReason.UNSAFE

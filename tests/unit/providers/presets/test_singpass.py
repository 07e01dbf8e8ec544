"""The preset `singpass` call by call: PAR, PKCE, DPoP, private_key_jwt, and ID tokens encrypted to the broker."""

from dataclasses import replace
from typing import Any

import pytest

from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.platform.http_client import HttpClients
from broker.platform.system import System
from broker.provider import ProviderFailure, ProviderFailureReason
from providers import ProviderDependencies
from providers.openid import build
from providers.simulator.national import Answer
from tests.unit.providers.citizen import walk
from tests.unit.providers.presets.exchange import Call, exchange, reader, rebuilt, send
from tests.unit.providers.serving import Host


async def test_a_citizen_is_known_by_name_and_level(system: System) -> None:
    here = exchange("singpass", system, "test")
    identity = await here.sign_in(level=Level.SUBSTANTIAL)
    assert isinstance(identity, Identity), identity
    assert identity.issuer == "https://stg-id.singpass.gov.sg/fapi"
    assert identity.level is Level.SUBSTANTIAL
    assert identity.claims == {
        "name": "Amina Hughes",
        "email": "amina.hughes@mail.example",
        "phone_number": "+447700900123",
    }
    assert [f"{call.method} {call.url.rpartition('/')[2]}" for call in here.wire.calls] == [
        "GET openid-configuration",
        "POST par",
        "POST token",
        "GET keys",
    ]


async def test_a_reference_works_once(system: System) -> None:
    here = exchange("singpass", system)
    departure = await here.leave()
    assert departure.expires == system.now() + 55
    await here.visit(departure.url)
    again = await send(here.wire.app, Call("GET", departure.url, {}, {}))
    assert again.status == 400


async def test_a_simulator_stands_in_for_the_published_host(system: System, host: Host) -> None:
    here = exchange("singpass", system)
    host.app = here.wire.app
    config, outgoing = replace(here.entry.config, simulator=host.base), HttpClients(development=True)
    here.provider = build(here.entry.card, config, ProviderDependencies(outgoing, system, reader(config)))
    departure = await here.leave()
    assert departure.url.startswith(f"{host.base}/id.singpass.gov.sg/fapi/authorize?client_id=https%3A%2F%2Fbroker.")
    here.simulated.script.next.append(Answer())
    identity = await here.provider.complete(departure.provider_state, await walk(departure.url, here.ask.callback))
    await outgoing.close()
    assert isinstance(identity, Identity), identity
    assert identity.issuer == "https://id.singpass.gov.sg/fapi"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"assertion_lifetime": 180}, "par_client"),
        ({"parameters": {}}, "par_refused"),
        ({"dpop": None}, "par_refused"),
        ({"scopes": ("openid", "everything")}, "par_refused"),
    ],
)
async def test_the_simulator_refuses_what_singpass_refuses(system: System, changes: dict[str, Any], fault: str) -> None:
    here = exchange("singpass", system)
    failure = await rebuilt(here, **changes).begin(here.ask)
    assert isinstance(failure, ProviderFailure)
    assert failure.fault == fault


async def test_another_type_of_subject_is_not_a_proven_identity(system: System) -> None:
    here = exchange("singpass", system)
    other = rebuilt(here, claim_checks={"sub_type": ("company",)})
    departure = await other.begin(here.ask)
    assert not isinstance(departure, ProviderFailure)
    failure = await other.complete(departure.provider_state, await here.visit(departure.url, Answer()))
    assert isinstance(failure, ProviderFailure)
    assert (failure.fault, failure.reason) == ("claim_not_allowed", ProviderFailureReason.NOT_VERIFIED)

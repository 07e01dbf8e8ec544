"""Refresh tokens of the simulators: rotated, revoked, and answered with every scripted fault."""

import json
from dataclasses import replace

import pytest

from broker.model.identity import Identity
from broker.platform.system import System
from broker.provider import LogoutRedirect, Recheck
from providers.openid import OpenIdProvider
from providers.openid.config_tables import RefreshConfig
from providers.simulator.national import Answer
from tests.unit.providers.presets.exchange import exchange, rebuilt
from tests.unit.providers.stage import Stage

REFRESH = RefreshConfig()
PARTING = LogoutRedirect("s-1", "https://broker.example/signed-out", "en", "amina")


async def signed_in(here: Stage, outcome: str = "ok") -> tuple[OpenIdProvider, Identity]:
    """A citizen at the simulator, and the provider that may ask again."""
    provider = here.another(refresh=REFRESH)
    identity = await replace(here, provider=provider).sign_in(f"outcome:{outcome}")
    assert isinstance(identity, Identity), identity
    return provider, identity


def fault(outcome: Recheck) -> tuple[str, bool]:
    """The fault of a recheck, and whether it ends the session."""
    return ("", False) if outcome.failure is None else (outcome.failure.fault, outcome.failure.ends_session)


async def test_the_simulator_gives_a_new_token_each_time_and_one_that_comes_again_ends_them_all(here: Stage) -> None:
    provider, first = await signed_in(here)
    second = await provider.recheck(first)
    third = await provider.recheck(second.identity)
    assert (fault(second), fault(third)) == (("", False), ("", False))
    assert fault(await provider.recheck(first)) == ("grant_gone", True)
    assert fault(await provider.recheck(third.identity)) == ("grant_gone", True)


async def test_the_simulator_revokes_the_token_of_a_citizen_who_signs_out(here: Stage) -> None:
    provider, identity = await signed_in(here)
    assert await provider.end_session(replace(PARTING, grant=identity.grant)) is not None
    assert fault(await provider.recheck(identity)) == ("grant_gone", True)


async def test_a_test_of_the_simulator_with_refresh_tokens_finds_nothing(here: Stage) -> None:
    assert await here.another(refresh=REFRESH).self_test("https://broker.example/callback/eid") == ()


@pytest.mark.parametrize(
    ("outcome", "found"),
    [
        ("refresh_revoked", ("grant_gone", True)),
        ("refresh_wrong_subject", ("id_token_subject", True)),
        ("refresh_other_issuer", ("id_token_issuer", True)),
        ("refresh_other_nonce", ("id_token_nonce", True)),
        ("refresh_stale_sign_in", ("sign_in_time_wrong", True)),
        ("refresh_wrong_signature", ("id_token_keys", False)),
        ("refresh_no_id_token", ("", False)),
        ("refresh_other_subject", ("userinfo_subject", True)),
        ("refresh_token_500", ("token_status", False)),
        ("refresh_userinfo_500", ("userinfo_status", False)),
        ("refresh_slow", ("token_unreachable", False)),
    ],
)
async def test_the_simulator_breaks_a_refresh_as_its_page_says(
    here: Stage, outcome: str, found: tuple[str, bool]
) -> None:
    provider, identity = await signed_in(here, outcome)
    assert fault(await provider.recheck(identity)) == found


@pytest.mark.parametrize(
    ("outcome", "found"),
    [
        ("ok", ("", False)),
        ("refresh_revoked", ("grant_gone", True)),
        ("refresh_other_issuer", ("id_token_issuer", True)),
        ("refresh_other_subject", ("userinfo_subject", True)),
        ("refresh_token_500", ("token_status", False)),
    ],
)
@pytest.mark.parametrize("name", ["spid", "cie"])
async def test_a_national_provider_refreshes_as_scripted(
    system: System, name: str, outcome: str, found: tuple[str, bool]
) -> None:
    here = exchange(name, system)
    provider = rebuilt(here, refresh=REFRESH)
    identity = await replace(here, provider=provider).sign_in(Answer(outcome))
    assert isinstance(identity, Identity), identity
    outcomes = [await provider.recheck(identity)]
    if outcome == "ok":
        outcomes.append(await provider.recheck(outcomes[0].identity))
        assert fault(await provider.recheck(identity)) == ("grant_gone", True)
    assert {fault(one) for one in outcomes} == {found}


async def test_no_token_is_in_the_page_or_the_address_of_a_citizen(here: Stage) -> None:
    provider, identity = await signed_in(here)
    assert identity.grant is not None
    token = str(identity.grant.note["refresh_token"])
    target = await provider.end_session(replace(PARTING, grant=identity.grant))
    assert target is not None
    assert token not in target.url
    assert token not in repr(identity)
    assert json.loads(json.dumps(dict(identity.grant.note))) == identity.grant.note

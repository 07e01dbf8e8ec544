"""Every fault of a provider, at every preset: the failure that it becomes, and whether it counts as an outage."""

import pytest

from broker.model.identity import Identity
from broker.platform.system import System
from broker.provider import ProviderFailure, ProviderFailureReason
from providers.openid.metadata import COOL_DOWN
from providers.presets import preset_names
from providers.simulator.national import OUTCOMES, Answer
from tests.support.system import FakeClock
from tests.unit.providers.presets.exchange import Exchange, exchange

R = ProviderFailureReason

ENDS: dict[str, tuple[ProviderFailureReason, bool] | None] = {
    "ok": None,
    "lower_level": None,
    "wrong_signature": (R.UNSAFE, True),
    "unknown_key": (R.UNSAFE, True),
    "no_signature": (R.UNSAFE, False),
    "other_nonce": (R.UNSAFE, False),
    "other_issuer": (R.UNSAFE, False),
    "wrong_audience": (R.UNSAFE, False),
    "wrong_party": (R.UNSAFE, False),
    "expired": (R.UNSAFE, False),
    "old_token": (R.UNSAFE, False),
    "missing_subject": (R.UNSAFE, False),
    "unknown_level": (R.TOO_WEAK, False),
    "missing_level": (R.INCOMPLETE, False),
    "other_subject": (R.UNSAFE, False),
    "not_encrypted": (R.UNSAFE, False),
    "wrong_inner_signature": (R.UNSAFE, True),
    "lost_key": (R.UNSAFE, False),
    "downgraded": (R.UNSAFE, False),
    "replayed_code": (R.UNSAFE, False),
    "token_500": (R.UNAVAILABLE, True),
    "userinfo_500": (R.UNAVAILABLE, True),
    "par_500": (R.UNAVAILABLE, True),
    "junk": (R.UNSAFE, False),
    "gone": (R.UNAVAILABLE, True),
    "redirects": (R.UNAVAILABLE, True),
    "huge_answer": (R.UNSAFE, False),
    "mix_up": (R.UNSAFE, False),
    "key_rotated": None,
    "key_replaced": None,
    "identity_missing": (R.NOT_VERIFIED, False),
    "identity_subject": (R.UNSAFE, False),
    "identity_signature": (R.UNSAFE, True),
    "identity_expired": (R.UNSAFE, False),
    "identity_issuer": (R.UNSAFE, False),
    "identity_audience": (R.UNSAFE, False),
    "identity_key": (R.UNSAFE, True),
}
"""The reason, and whether it counts as an outage; None if the sign-in succeeds. A signature that no published key made
counts: keys concern every citizen."""


def concerns(here: Exchange, outcome: str) -> bool:
    """Whether a provider has what the outcome breaks."""
    if outcome.startswith("identity_"):
        return here.entry.config.identity_token is not None
    config, levels = here.entry.config, here.simulated.dialect.levels
    nested = "nested" in (config.id_token.form, config.userinfo_response.form)
    return {
        "other_subject": bool(config.userinfo),
        "userinfo_500": bool(config.userinfo),
        "not_encrypted": nested,
        "lost_key": nested,
        "downgraded": config.dpop is not None,
        "par_500": config.pushed,
        "missing_level": bool(levels),
        "unknown_level": bool(levels),
    }.get(outcome, True)


@pytest.mark.parametrize("name", preset_names())
async def test_every_fault_of_a_provider_ends_as_its_rule_says(system: System, clock: FakeClock, name: str) -> None:
    here, wrong = exchange(name, system), []
    for outcome, ends in ENDS.items():
        clock.advance(COOL_DOWN)  # keys may be fetched again
        if outcome == "par_500":
            here.simulated.script.next.append(Answer(outcome))
            found = await here.provider.begin(here.ask)
            here.simulated.script.next.clear()
            found = found if isinstance(found, ProviderFailure) else None
        else:
            found = await here.sign_in(Answer(outcome))
        if ends is None or not concerns(here, outcome):
            if isinstance(found, ProviderFailure):
                wrong.append(f"{outcome}: {found}")
        elif not isinstance(found, ProviderFailure) or (found.reason, found.outage) != ends:
            wrong.append(f"{outcome}: {found}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", preset_names())
async def test_a_sign_in_after_every_fault_still_works(system: System, name: str) -> None:
    here = exchange(name, system)
    for outcome in ("junk", "wrong_signature", "token_500"):
        assert isinstance(await here.sign_in(Answer(outcome)), ProviderFailure)
        assert isinstance(await here.sign_in(), Identity)


def test_every_outcome_of_the_simulator_has_an_end() -> None:
    assert set(ENDS) == set(OUTCOMES)

"""A provider that is slow, wrong or gone is alone with it."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.raw_client import EID, HARBOUR, NORTHBANK, Forms, RawCitizen, http_sender
from tests.e2e.relying_service import RIDES_SERVICE, rides

RIDES = Script(files={"services/rides.toml": RIDES_SERVICE})


@pytest.fixture
async def stage(tmp_path: Path):  # type: ignore[no-untyped-def]
    """One process with new circuit breakers."""
    async with staged(tmp_path, RIDES) as opened:
        yield opened


async def returning(stage: Stage, sender, provider: str, outcome: str) -> tuple[RawCitizen, str]:  # type: ignore[no-untyped-def]
    """A citizen whose provider has answered: returns the callback URL, which is not visited yet."""
    raw_citizen = RawCitizen(sender, rides(stage.folder, stage.issuer))
    await raw_citizen.begin(f"outcome:{outcome};persona:amina")
    (await raw_citizen.choose(provider)).expect(303)
    return raw_citizen, await raw_citizen.away()


async def test_sign_ins_elsewhere_are_done_while_a_slow_provider_is_waited_for(stage: Stage) -> None:
    async with http_sender() as sender:
        waiting = [await returning(stage, sender, HARBOUR, "slow") for _ in range(12)]
        order: list[str] = []

        async def slow(raw_citizen: RawCitizen, back: str) -> None:
            (await raw_citizen.visit(back)).expect(303)
            order.append(HARBOUR)

        async def quick() -> None:
            raw_citizen = RawCitizen(sender, rides(stage.folder, stage.issuer))
            (await raw_citizen.redeem(await raw_citizen.code(NORTHBANK))).expect()
            order.append(NORTHBANK)

        slow_ones = [asyncio.ensure_future(slow(*one)) for one in waiting]
        await asyncio.sleep(0)
        await quick()
        assert order == [NORTHBANK]
        await asyncio.gather(*slow_ones)
        assert order == [NORTHBANK] + [HARBOUR] * len(waiting)


@pytest.mark.parametrize("outcome", ["gone", "token_500"])
async def test_a_provider_at_which_sign_ins_fail_is_marked_in_the_picker_and_others_are_not(
    stage: Stage, outcome: str
) -> None:
    async with http_sender() as sender:
        choosing = RawCitizen(sender, rides(stage.folder, stage.issuer))
        await choosing.begin()
        before = (await choosing.visit(choosing.page)).expect().body
        assert b"Not working" not in before
        for _ in range(4):
            raw_citizen, back = await returning(stage, sender, HARBOUR, outcome)
            (await raw_citizen.visit(back)).expect(303)
            failed = (await raw_citizen.visit(raw_citizen.page)).expect().body
            assert b"was not working" in failed, failed[-3000:]
        healths = stage.parts.monitoring.health_monitor.healths()
        assert {NORTHBANK, EID} < healths.keys()
        assert [provider_id for provider_id, health in healths.items() if not health.working] == [HARBOUR]
        shown = (await choosing.visit(choosing.page)).expect().body
        assert re.findall(r"<bdi>([^<]+)</bdi></strong> – Not working", shown.decode()) == ["Harbour Post"]
        # the picker does not offer it now
        fields = Forms(shown).found[f"{choosing.page}/choose"]
        await choosing.submit(f"{choosing.page}/choose", {**fields, "provider": HARBOUR})
        assert "Refresh" not in (await choosing.visit(choosing.page)).headers
        await choosing.return_(NORTHBANK)
        (await choosing.share()).expect(303)
        (await choosing.redeem(await choosing.collect())).expect()

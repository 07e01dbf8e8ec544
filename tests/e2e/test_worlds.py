"""Worlds of the demonstration: in each a citizen signs in with a national provider, and the page says what to try."""

import re
from pathlib import Path

import pytest

from broker.cli.demo import EXAMPLES
from broker.demo.run import WORLDS, world_names
from broker.demo.world import read_world
from tests.e2e.app_harness import Script, staged
from tests.e2e.conftest import Newcomer

SIGN_INS = {
    "council": ("move", "GOV.UK One Login", "substantial", "Amina Hughes"),
    "denmark": ("daycare", "MitID", "substantial", "Amina Hughes"),
    "estonia": ("return", "TARA", "high", "Amina Hughes"),
    "france": ("refund", "FranceConnect+", "substantial", "Amina Hughes"),
    "health": ("results", "NHS login", "substantial", "Amina Hughes"),
    "norway": ("card", "Norwegian BankID", "substantial", "Amina Hughes"),
    "singapore": ("flat", "Singpass", "substantial", "Amina Hughes"),
    "united-kingdom": ("refund", "GOV.UK One Login", "substantial", "Amina Hughes"),
}
"""What is asked for in each world, by which provider, the least level that is reached, and the name that is told."""


def test_every_world_is_offered_by_the_command_and_signed_in_to() -> None:
    assert sorted(EXAMPLES) == world_names() == sorted(SIGN_INS)


@pytest.mark.parametrize("name", EXAMPLES)
async def test_a_citizen_signs_in_to_a_world(name: str, tmp_path: Path, newcomer: Newcomer) -> None:
    permit, provider, level, person = SIGN_INS[name]
    world = read_world(WORLDS / name / "world.toml")
    async with staged(tmp_path, Script(world=name)) as stage:
        citizen = await newcomer(stage, script=False)
        await citizen.page.goto(f"{stage.service}/try")
        await citizen.sees("What to try")
        for step in world.steps:
            await citizen.reads(step.text)
        await citizen.begin(permit)
        await citizen.choose(provider)
        await citizen.sees("Sign in to")
        await citizen.page.get_by_role("button").first.click()
        await citizen.share()
        await citizen.arrives()
        wanted = next(one.name for one in world.permits if one.id == permit)
        reached = "high" if level == "high" else "substantial|high"
        said = await citizen.page.locator("main").inner_text()
        assert re.search(rf"{re.escape(wanted)}: assurance ({reached}), {person}", said), said
        if world.cases:
            await citizen.press("Send the request")
            await citizen.reads("Your request is case C-0001")
            await citizen.page.goto(f"{stage.service}/cases")
            await citizen.reads(f"C-0001: {wanted}")
            await citizen.reads(person)


async def test_a_company_is_told_to_a_service_that_asks_for_whom_a_person_acts(
    tmp_path: Path, newcomer: Newcomer
) -> None:
    async with staged(tmp_path, Script(world="singapore")) as stage:
        citizen = await newcomer(stage, script=False)
        await citizen.begin("site")
        await citizen.choose("Corppass")
        await citizen.page.get_by_role("button").first.click()
        await citizen.share()
        await citizen.arrives()
        await citizen.reads("Tender for a building site: assurance")
        await citizen.reads("Acting for")


async def test_the_tax_office_of_the_united_kingdom_speaks_welsh_through_the_whole_sign_in(
    tmp_path: Path, newcomer: Newcomer
) -> None:
    async with staged(tmp_path, Script(world="united-kingdom")) as stage:
        citizen = await newcomer(stage, script=False)
        await citizen.page.goto(f"{stage.service}/")
        await citizen.page.get_by_role("link", name="Cymraeg").click()
        await citizen.sees("Swyddfa Dreth")
        await (
            citizen.page.get_by_role("listitem")
            .filter(has_text="Newid y cyfrif ar gyfer ad-daliadau")
            .get_by_role("link", name="Mewngofnodi")
            .click()
        )
        await citizen.sees("Sut hoffech chi brofi pwy ydych chi?")
        await citizen.page.go_back()
        await citizen.sees("Swyddfa Dreth")

"""A made-up population that signs in at the real broker: each person can use some ways, and some leave after a failure.

Which ways a person can use follows published rates; every action, store and audit row is the broker's own. Nothing is
drawn by chance, so that the result is the same each time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from broker.actions.assisted.citizen import CitizenCases
from broker.actions.assisted.staff_results import EvidenceEntry
from broker.actions.open_data.starts import StartCounter
from broker.actions.results import HelpRequest
from broker.assisted.case_records import Channel, Decision
from broker.journey.figures import Figure, FigureKey, SignInPath, count_all, day_of
from broker.model.assurance import Level
from broker.model.identity import HELP
from broker.provider import ProviderFailureReason
from tests.unit.actions.assisted.case_harness import ANN, DETAILS, GOOD, ME, PASSPORT, SAFE, had
from tests.unit.actions.citizen_driver import CitizenDriver
from tests.unit.actions.page_world import ALDER, BIRCH, World

PEOPLE: Final = 100

BROWSER, APP, PERSON = "browser", "app", "person"
RATES: Final[Mapping[str, int]] = {BROWSER: 63, APP: 49, PERSON: 92}
"""Percent of people who can use a way: the user segmentation survey of the Government Digital Service (2,000 people),
as PublicTechnology reported it on 20 September 2024: by web browser, by the GOV.UK ID Check app, at a Post Office."""

LEAVING: Final = 30
"""Percent of people who leave after a failure. An assumption: nobody publishes it."""

_PROVIDERS: Final = {BROWSER: ALDER, APP: BIRCH}
_STEPS: Final = {BROWSER: 1, APP: 37, PERSON: 61, "leaving 0": 29, "leaving 1": 83}
"""Each sorts the people in another order, so that what one can use says nothing about another way."""


@dataclass(frozen=True, slots=True)
class Citizen:
    """A made-up person: the ways that they can use, and after how many failures they leave (None: never)."""

    can_use: frozenset[str]
    leaves_after: int | None


def people(*, nested: bool) -> tuple[Citizen, ...]:
    """The population. `nested`: who cannot use the easier of two ways cannot use the harder one either."""

    def place(person: int, what: str) -> int:
        return (person * (1 if nested and what in RATES else _STEPS[what])) % PEOPLE

    return tuple(
        Citizen(
            frozenset(way for way, rate in RATES.items() if place(person, way) < rate),
            next((number + 1 for number in range(2) if place(person, f"leaving {number}") < LEAVING), None),
        )
        for person in range(PEOPLE)
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What open data says of a population: how many started, and how many were answered by which way."""

    started: int
    by_way: Mapping[str, int]
    after_failure: int

    @property
    def answered(self) -> int:
        """How many gave the service an identity."""
        return sum(self.by_way.values())


async def sign_in(world: World, citizens: Sequence[Citizen], ways: Sequence[str]) -> Outcome:
    """Lets everybody sign in at the broker by these ways, in their order. Counts the audit record of it."""
    starts = StartCounter(lambda _: None)
    monitoring = replace(world.sign_in.sign_in_context.monitoring, count_start=starts.count)
    context = replace(world.sign_in.sign_in_context, monitoring=monitoring)
    cases = CitizenCases(context, world.stage.context)
    world = replace(world, sign_in=CitizenDriver(context, cases))
    before = len(await world.stage.facts.audit.read(0, 100_000))
    for number, citizen in enumerate(citizens):
        browser = replace(ME, secrets=(f"secret of {len(ways)} {number}",), address=f"198.51.100.{number}")
        await _one(replace(world, browser=browser), citizen, ways, str(number))
    await starts.write(world.stage.facts.audit, world.clock.now())
    rows = [event for _, event in await world.stage.facts.audit.read(0, 100_000)][before:]
    return _outcome(count_all(rows), day_of(world.clock.now()))


async def _one(world: World, citizen: Citizen, ways: Sequence[str], name: str) -> None:
    """One citizen tries one way after the other, until one succeeds or they leave."""
    handle = await world.arrives()
    for failures, way in enumerate(ways):
        if citizen.leaves_after is not None and failures >= citizen.leaves_after:
            return
        if way == PERSON:
            if way in citizen.can_use:
                await _meet(world, handle, name)
            return
        provider = _PROVIDERS[way]
        world.upstream[provider].subject = f"{way} {name}"
        succeeds = way in citizen.can_use
        await world.tries(handle, Level.HIGH if succeeds else ProviderFailureReason.NOT_VERIFIED, provider)
        if succeeds:
            await world.agrees(handle)
            return


async def _meet(world: World, handle: str, name: str) -> None:
    """Asks for a person, meets them with a passport of their own, and takes the identity up."""
    await world.stage.asks(handle, HelpRequest("email", f"{name}@example.org", "in_person"), world.browser)
    who, console = world.stage.present(ANN), world.stage.console
    met = had(await console.next_case(who))
    met = had(await console.start_session(who, met.ref, Channel.IN_PERSON))
    met = had(await console.verify_phrase(who, met.ref))
    passport = EvidenceEntry("passport", {**PASSPORT, "number": f"X{name:0>6}"}, GOOD)
    met = had(await console.record_evidence(who, met.ref, passport))
    met = had(await console.record_checks(who, met.ref, SAFE))
    born = f"19{50 + int(name) % 50}-0{1 + int(name) // 50}-02"
    met = had(await console.record_details(who, met.ref, {**DETAILS, "birthdate": born}))
    met = had(await console.end_session(who, met.ref))
    had(await console.decide(who, met.ref, Decision.APPROVE, ()))
    await world.stage.binds(handle, world.browser)
    await world.sign_in.look(handle, world.browser)
    await world.agrees(handle)


def _outcome(counted: Mapping[FigureKey, int], day: str) -> Outcome:
    by_way: dict[str, int] = {}
    for path in (SignInPath.FIRST_CHOICE, SignInPath.OTHER_CHOICE, SignInPath.AFTER_FAILURE):
        for key, number in counted.items():
            if key.measure == path:
                name = {ALDER: BROWSER, BIRCH: APP, HELP: PERSON}[key.detail]
                by_way[name] = by_way.get(name, 0) + number
    later = counted.get(FigureKey(day, Figure.ANSWERED, SignInPath.AFTER_FAILURE), 0)
    started = sum(number for key, number in counted.items() if key.measure == "started_language")
    return Outcome(started, by_way, later)

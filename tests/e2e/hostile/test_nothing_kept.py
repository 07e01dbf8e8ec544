"""A citizen who did not want to be kept, or ended it later, is nowhere in the database: every column is searched.

Sealed values are opened with the key of the product. At once some of what a service received and of what waits to be
sent may still be there, and is listed with its reason; a sweep after its end leaves nothing at all.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest

from broker.actions.assisted.context import update_case
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel
from broker.assisted.case_states import CaseState
from broker.crypto.seal import Sealer
from broker.wiring.assisted_wiring import case_context
from tests.e2e.assisted_http import AGENT, Centre, HelpedCitizen
from tests.e2e.hostile.acts import location
from tests.e2e.hostile.test_passkeys import answers, makes, prompted
from tests.e2e.raw_client import Forms
from tests.support.authenticator import Authenticator

DAY = 86_400
LONGEST = 100 * DAY
"""Longer than anything lives that the broker has of a citizen who did not choose to be kept."""

FOR_A_WHILE: Mapping[tuple[str, str], str] = {
    ("grants", "sealed"): "what the service received, until its tokens expire",
    ("sessions", "sealed"): "the session of the browser, until the citizen signs out or it expires",
    ("notifications", "sealed"): "a message that was not sent yet",
    ("freeze_links", "sealed"): "the address to which staff write if the identity is stopped, for thirty days",
}
"""Where something of the citizen may stand after the choice, and why. Nothing of it is kept for the next sign-in."""


@dataclass(frozen=True, slots=True)
class Person:
    """The values of one citizen, which no other one has."""

    given_name: str
    family_name: str
    birthdate: str
    number: str

    @property
    def claims(self) -> dict[str, str]:
        """The details that staff record."""
        return {name: getattr(self, name) for name in ("given_name", "family_name", "birthdate")}

    def values(self, case: Case) -> frozenset[str]:
        """What may not be found: details, document, and the address of the request."""
        address = set() if case.contact is None else {case.contact.address}
        return frozenset({*self.claims.values(), self.number, *address})


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> dict[bytes, str]:
    """The place for which each value was sealed during the test."""
    known: dict[bytes, str] = {}
    seal: Callable[[Sealer, bytes, str], bytes] = Sealer.seal

    def recorded(self: Sealer, data: bytes, place: str) -> bytes:
        made = seal(self, data, place)
        known[made] = place
        return made

    monkeypatch.setattr(Sealer, "seal", recorded)
    return known


async def rows(product: Centre) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
    """Every row of every table."""
    database = product.parts.settings.broker.database.url
    if database.startswith("sqlite:"):
        file = sqlite3.connect(database.removeprefix("sqlite:"))
        file.row_factory = sqlite3.Row
        for (table,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in file.execute(f'SELECT * FROM "{table}"').fetchall():
                yield table, dict(row)
        file.close()
        return
    server = await asyncpg.connect(database)
    for (table,) in await server.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        for row in await server.fetch(f'SELECT * FROM "{table}"'):
            yield table, dict(row)
    await server.close()


async def found(product: Centre, places: Mapping[bytes, str], values: frozenset[str]) -> set[tuple[str, str]]:
    """The table and column of each value that is stored, sealed or not."""
    sealer, hits, opened = product.parts.crypto.sealer, set(), 0
    async for table, row in rows(product):
        for column, stored in row.items():
            text = str(stored)
            if isinstance(stored, bytes) and stored in places:
                text, opened = sealer.open(stored, places[stored]).decode("utf-8", "replace"), opened + 1
            elif isinstance(stored, bytes):
                text = stored.decode("latin-1")
            hits |= {(table, column)} if any(value in text for value in values) else set()
    assert opened > 0
    return hits


def people() -> Iterator[Person]:
    """Ever other citizens."""
    number = 0
    while True:
        number += 1
        yield Person(f"Ottilie{number:03}", f"Quarrendon{number:03}", f"19{10 + number}-07-23", f"ZK44{number:05}7")


PEOPLE = people()


async def verified(product: Centre, citizen: HelpedCitizen, person: Person) -> Case:
    """An agent records everything about the citizen, confirms their passkey if they made one, and approves."""
    assert product.met is not None
    case, (passport,) = await product.case(citizen), product.met.evidence
    passkey = case.passkey
    mine = replace(passport, by=AGENT, details={**passport.details, "number": person.number})
    events: list[ev.Event] = [
        ev.Claimed(AGENT),
        ev.SessionStarted(AGENT, Channel.IN_PERSON),
        ev.WordsExchanged(AGENT),
        *([] if passkey is None else [ev.PasskeyConfirmed(AGENT, passkey.digest)]),
        ev.EvidenceRecorded(AGENT, mine),
        ev.ChecksRecorded(AGENT, product.met.checks),
        ev.DetailsRecorded(AGENT, person.claims),
        ev.SessionEnded(AGENT),
    ]
    done = await update_case(case_context(product.parts), case.id, *events)
    assert isinstance(done, Case), done
    agent = await product.colleague(AGENT)
    assert location(await agent.decide(f"/cases/{case.id}", "approve")) == "/done/decided"
    return done


async def finishes(product: Centre, citizen: HelpedCitizen) -> None:
    """The citizen types in code and words, and shares."""
    words, code = await product.words(citizen), await product.code(citizen)
    (await citizen.press("bind", code=code, words=words)).expect(303)
    (await citizen.share()).expect(303)
    (await citizen.redeem(await citizen.collect())).expect()


async def without_passkey(product: Centre, person: Person) -> Case:
    """Finishes with code and words, and has no passkey."""
    citizen = await product.helped()
    case = await verified(product, citizen, person)
    await finishes(product, citizen)
    return case


async def passkey_taken_back(product: Centre, person: Person) -> Case:
    """Makes a passkey while waiting, which staff confirm, and removes it before finishing."""
    citizen = await product.helped()
    await makes(citizen, Authenticator(product.issuer))
    case = await verified(product, citizen, person)
    await citizen.press("passkey", remove="yes")
    assert (await product.case(citizen)).passkey is None
    await finishes(product, citizen)
    return case


async def kept(product: Centre, person: Person) -> tuple[Case, HelpedCitizen]:
    citizen, device = await product.helped(), Authenticator(product.issuer)
    await makes(citizen, device)
    case = await verified(product, citizen, person)
    visitor, address, options = await prompted(product)
    assert "Check what you share" in await answers(visitor, address, device.get(options))
    (await visitor.share()).expect(303)
    (await visitor.redeem(await visitor.collect())).expect()
    return case, visitor


async def deleted_later(product: Centre, person: Person) -> Case:
    """Finishes with the passkey, and deletes what is kept on the page of the account."""
    case, visitor = await kept(product, person)
    page = (await visitor.visit("/account/kept")).expect().body.decode()
    way = page.partition("/account/ways/unlink?way=")[2].partition('"')[0]
    form = Forms((await visitor.visit(f"/account/ways/unlink?way={way}")).expect().body).found["/account/ways/unlink"]
    done = await visitor.submit("/account/ways/unlink", {**form, "last": "yes"})
    assert "done=unlinked" in location(done)
    return case


async def leaves(product: Centre, person: Person) -> Case:
    """Finishes with the passkey, and deletes the whole account."""
    case, visitor = await kept(product, person)
    await deletes_account(visitor)
    return case


async def deletes_account(visitor: HelpedCitizen) -> None:
    """Deletes the account on its page."""
    form = Forms((await visitor.visit("/account/data/delete")).expect().body).found["/account/data/delete"]
    done = await visitor.submit("/account/data/delete", {**form, "last": "yes"})
    assert location(done) == "/account?done=deleted"


async def ended_by_time(product: Centre, person: Person) -> Case:
    """Finishes with the passkey, and never comes again."""
    return (await kept(product, person))[0]


@pytest.mark.parametrize("choice", [without_passkey, passkey_taken_back, deleted_later, leaves, ended_by_time])
async def test_nothing_of_a_citizen_is_found_after_they_chose_not_to_be_kept(
    product: Centre, places: dict[bytes, str], choice: Callable[[Centre, Person], Any]
) -> None:
    person, stores = next(PEOPLE), product.parts.connections.sql_stores
    case = await choice(product, person)
    values = person.values(case)
    assert len(values) == 5
    assert (await product.load(case.id)).state is CaseState.RELEASED
    at_once = await found(product, places, values)
    if choice is leaves:
        assert not at_once & {("grants", "sealed"), ("sessions", "sealed"), ("kept_identities", "sealed")}
    else:
        assert ("grants", "sealed") in at_once, "the search finds what there is"
    if choice is ended_by_time:
        assert ("kept_identities", "sealed") in at_once
    else:
        assert at_once <= set(FOR_A_WHILE)
    product.clock.advance(LONGEST)
    while await stores.sweep(product.clock.now()):
        pass
    assert await found(product, places, values) == set()

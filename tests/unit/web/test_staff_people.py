"""Staff console: roles change by two persons, never by the person themselves, and are in force in every process."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.people.directory import StaffPeople
from broker.actions.people.roles import RoleChanges, RolesRefused
from broker.model.staff import StaffMember, StaffRole, StaffSession
from broker.model.staff_people import StaffChange, working_members
from broker.platform.system import System
from tests.unit.web.staff import ADA, CARYS, FRESH, MEI, RHYS, TOM, R, Ready, StaffClient, Stage, staged

pytestmark = pytest.mark.store

BEA = StaffMember("bea", "staff-bea", "Bea Novak", frozenset({R.ADMIN, R.AGENT}))
NIA = StaffMember("nia", "staff-nia", "Nia Ortiz", frozenset({R.AUDITOR}))
PEOPLE = {one.id: one for one in (CARYS, TOM, MEI, RHYS, ADA, BEA, NIA)}
EVERY_ROLE = frozenset(StaffRole)
REVIEWER = {"role.agent": "yes", "role.reviewer": "yes", "reason": "other_work"}


@pytest.fixture
async def office(console_ready: Ready, tmp_path: Path, system: System) -> AsyncIterator[Stage]:
    """The console with two admins and an auditor."""
    async with staged(console_ready, tmp_path, system, people=PEOPLE) as stage:
        yield stage


async def asked(client: StaffClient, member: str = "carys", **form: str) -> str:
    """Asks for other roles; returns where it leads."""
    sent = await client.send(f"/people/{member}/roles", f"/people/{member}", form or REVIEWER)
    return sent.headers.get("location", str(sent.status_code))


async def change_at(stage: Stage) -> str:
    """The path of the form of the change that waits."""
    [change] = await stage.facts.people.changes(stage.system.now())
    return f"/role-changes/{change.id}"


async def roles_of(stage: Stage, member: str) -> frozenset[StaffRole]:
    """The roles in force, as another process reads them."""
    people = StaffPeople(stage.facts.people, lambda: PEOPLE)
    await people.refresh()
    found = people.members.get(member)
    return frozenset() if found is None else found.roles


async def kinds(stage: Stage) -> list[str]:
    """The audit rows about roles, in their order."""
    return [row.kind for _, row in await stage.facts.audit.read(0, 200) if row.kind.startswith("staff_")]


async def test_a_change_of_roles_waits_for_another_admin_and_then_counts_at_once(office: Stage) -> None:
    ada, bea, carys = [await office.sign_in(one) for one in (ADA, BEA, CARYS)]
    assert await asked(ada) == "/people/carys?told=change_asked"
    assert await roles_of(office, "carys") == CARYS.roles
    at = await change_at(office)
    own = await ada.send(at, "/people", {"do": "approve"})
    assert own.headers["location"] == "/people?problem=same_person"
    assert "Take it back" in (await ada.get("/people")).text
    page = (await bea.get("/people")).text
    assert "Changes that wait for a second person" in page
    assert "agent, second person" in page
    done = await bea.send(at, "/people", {"do": "approve"})
    assert done.headers["location"] == "/people?told=change_approved"
    assert await roles_of(office, "carys") == {R.AGENT, R.REVIEWER}
    assert (await carys.get("/")).headers["location"].startswith("/sign-in")
    again = await office.sign_in(CARYS)
    assert (await again.get("/")).status_code == 200
    assert "Differs from staff.toml" in (await bea.get("/people")).text
    assert await kinds(office) == ["staff_change_asked", "staff_change_approved"]
    once_more = await bea.send(at, "/people", {"do": "approve"})
    assert once_more.headers["location"] == "/people?problem=stale"


async def test_a_refused_or_withdrawn_change_leaves_the_roles_as_they_are(office: Stage) -> None:
    ada, bea = await office.sign_in(ADA), await office.sign_in(BEA)
    for client in (bea, ada):
        await asked(ada)
        assert await asked(ada) == "/people/carys?problem=waiting"
        refused = await client.send(await change_at(office), "/people", {"do": "refuse"})
        assert refused.headers["location"] == "/people?told=change_refused"
        assert await roles_of(office, "carys") == CARYS.roles
    assert not await office.facts.people.changes(office.system.now())


@pytest.mark.parametrize("size", range(len(EVERY_ROLE) + 1))
async def test_no_set_of_roles_lets_one_person_change_their_own_roles_or_approve_what_they_asked(
    console_ready: Ready, tmp_path: Path, system: System, size: int
) -> None:
    sets = [frozenset(chosen) for chosen in combinations(sorted(EVERY_ROLE), size)]
    people = {f"p{n}": StaffMember(f"p{n}", f"sub-{n}", f"P {n}", roles) for n, roles in enumerate(sets)}
    async with staged(console_ready, tmp_path, system, people={**PEOPLE, **people}) as stage:
        ada = await stage.sign_in(ADA)
        for one in people.values():
            client = await stage.sign_in(one)
            other = {"role.admin": "yes", "role.auditor": "yes", "role.lead": "yes", "reason": "joined"}
            wish = other if one.roles != {R.ADMIN, R.AUDITOR, R.LEAD} else {"reason": "left"}
            page = {} if one.roles else {"token": "none"}
            edition = f"0-{'-'.join(sorted(one.roles))}"
            sent = await client.send(f"/people/{one.id}/roles", "/", {**wish, **page}, edition=edition)
            assert "told=" not in sent.headers.get("location", "")
            assert not await stage.facts.people.changes(system.now())
            # asked for by another admin: the person cannot approve it
            if one.roles:
                assert "told=change_asked" in await asked(ada, one.id, **wish)
                at = await change_at(stage)
                sent = await client.send(at, "/", {"do": "approve"})
                assert "told=" not in sent.headers.get("location", "")
                await ada.send(at, "/people", {"do": "refuse"})
            # asked for by the person about another one: they cannot approve it either
            if R.ADMIN in one.roles:
                assert "told=change_asked" in await asked(client)
                at = await change_at(stage)
                sent = await client.send(at, "/people", {"do": "approve"})
                assert sent.headers["location"] == "/people?problem=same_person"
                await client.send(at, "/people", {"do": "refuse"})
        assert "staff_change_approved" not in await kinds(stage)


async def test_only_admins_ask_and_approve_and_a_lead_can_ask_for_less(office: Stage) -> None:
    ada, lead = await office.sign_in(ADA), await office.sign_in(RHYS)
    for one in (CARYS, NIA):
        client = await office.sign_in(one)
        sent = await client.send("/people/tom/roles", "/", REVIEWER, edition="0-agent")
        assert sent.status_code == 403
        taken = await client.send("/people/tom/take-away", "/", edition="0-agent")
        assert taken.status_code == 403
    assert await asked(lead) == "403"
    assert await asked(lead, reason="not_used") == "/people/carys?told=change_asked"
    at = await change_at(office)
    assert (await lead.send(at, "/people", {"do": "approve"})).status_code == 403
    assert (await ada.send(at, "/people", {"do": "approve"})).headers["location"] == "/people?told=change_approved"
    assert await roles_of(office, "carys") == frozenset()
    turned_away = await office.sign_in(CARYS)
    assert (await turned_away.get("/")).headers["location"].startswith("/sign-in")
    assert "Carys Bevan" in (await ada.get("/people")).text


async def test_a_form_of_an_earlier_state_or_with_an_invented_id_changes_nothing(office: Stage) -> None:
    ada, bea = await office.sign_in(ADA), await office.sign_in(BEA)
    stale = {**REVIEWER, "edition": "7-agent"}
    assert await asked(ada, **stale) == "/people/carys?problem=stale"
    assert await asked(ada, **{**REVIEWER, "reason": "because"}) == "/people/carys?problem=reason"
    assert await asked(ada, **{"role.agent": "yes", "reason": "joined"}) == "/people/carys?problem=same_roles"
    unknown = await ada.send("/people/nobody/roles", "/people/carys", REVIEWER)
    assert unknown.headers["location"] == "/people?problem=stale"
    for invented in ("/role-changes/change_AAAA", "/role-changes/%2e%2e"):
        sent = await bea.send(invented, "/people", {"do": "approve"})
        assert sent.headers["location"] == "/people?problem=stale"
    await asked(ada)
    at = await change_at(office)
    await bea.send("/people/carys/take-away", "/people/carys")
    assert not await office.facts.people.changes(office.system.now())
    assert (await bea.send(at, "/people", {"do": "approve"})).headers["location"] == "/people?problem=stale"
    assert await roles_of(office, "carys") == frozenset()


async def test_of_two_admins_who_answer_at_once_one_is_told_that_it_was_decided(office: Stage) -> None:
    ada, bea = await office.sign_in(ADA), await office.sign_in(BEA)
    await asked(ada)
    at = await change_at(office)
    answers = await asyncio.gather(
        bea.send(at, "/people", {"do": "approve"}), ada.send(at, "/people", {"do": "refuse"})
    )
    told = sorted("told=" in one.headers["location"] for one in answers)
    assert told == [False, True]
    assert len([kind for kind in await kinds(office) if kind != "staff_change_asked"]) == 1


async def test_what_an_admin_asked_for_cannot_be_approved_once_they_are_no_admin(office: Stage) -> None:
    ada, bea = await office.sign_in(ADA), await office.sign_in(BEA)
    await asked(ada)
    at = await change_at(office)
    await bea.send("/people/ada/take-away", "/people/ada")
    assert (await ada.get("/people")).headers["location"].startswith("/sign-in")
    assert (await bea.send(at, "/people", {"do": "approve"})).headers["location"] == "/people?problem=stale"
    assert await roles_of(office, "carys") == CARYS.roles


async def test_an_approval_needs_a_recent_sign_in(office: Stage) -> None:
    ada = await office.sign_in(ADA)
    bea = await office.sign_in(BEA, auth_time=office.system.now() - FRESH - 1)
    await asked(ada)
    page = (await bea.get("/people")).text
    assert "/sign-in/go?then=/people" in page
    assert 'value="approve"' not in page
    sent = await bea.send(await change_at(office), "/people", {"do": "approve"})
    assert sent.headers["location"] == "/people?problem=not_fresh"
    assert await roles_of(office, "carys") == CARYS.roles


async def test_a_change_of_staff_toml_decides_over_what_was_approved_before(office: Stage) -> None:
    ada, bea = await office.sign_in(ADA), await office.sign_in(BEA)
    await asked(ada)
    await bea.send(await change_at(office), "/people", {"do": "approve"})
    entries = await office.facts.people.entries()
    assert working_members(PEOPLE, entries)["carys"].roles == {R.AGENT, R.REVIEWER}
    for said in ({R.LEAD}, {R.AGENT, R.REVIEWER}, {R.AGENT, R.LEAD}):
        edited = {**PEOPLE, "carys": replace(CARYS, roles=frozenset(said))}
        assert working_members(edited, entries)["carys"].roles == said
    assert "carys" not in working_members({"ada": ADA}, entries)


# --- the last admin ---


@pytest.fixture
async def alone(console_ready: Ready, tmp_path: Path, system: System) -> AsyncIterator[Stage]:
    """The console with one admin."""
    people = {one.id: one for one in (CARYS, RHYS, MEI, ADA)}
    async with staged(console_ready, tmp_path, system, people=people) as stage:
        yield stage


async def test_nobody_asks_that_the_last_admin_goes(alone: Stage) -> None:
    lead = await alone.sign_in(RHYS)
    assert await asked(lead, "ada", reason="left") == "/people/ada?problem=last_admin"
    assert "Make another person admin first" in (await lead.get("/people/ada?problem=last_admin")).text
    edition = "0-admin"
    sent = await lead.send("/access/ada", "/access", {"do": "remove"}, edition=edition)
    assert sent.headers["location"] == "/access?problem=last_admin"
    assert await alone.facts.people.changes(alone.system.now()) == []


def changes_of(stage: Stage, *members: StaffMember) -> RoleChanges:
    """What admins do in a process of its own."""
    people = {one.id: one for one in members}
    return RoleChanges(StaffPeople(stage.facts.people, lambda: people), stage.system)


def present(stage: Stage, member: StaffMember) -> StaffPrincipal:
    """A member of staff who has just signed in."""
    now = stage.system.now()
    session = StaffSession("d", member.id, member.subject, "", (), int(now), now, now, now + 60)
    return StaffPrincipal(member, session, now + 60)


async def test_an_admin_who_is_the_last_one_meanwhile_keeps_the_role(office: Stage) -> None:
    """The change was asked for while there were two; the approval and the take-away see that there is one."""
    roles = changes_of(office, RHYS, ADA, BEA)
    change = await roles.ask(present(office, RHYS), "ada", "0-admin", frozenset(), "left")
    assert isinstance(change, StaffChange)
    one_left, bea = changes_of(office, RHYS, ADA), present(office, BEA)
    assert await one_left.decide(bea, change.id, approve=True) is RolesRefused.LAST_ADMIN
    assert await one_left.take_away(bea, "ada", "0-admin") is RolesRefused.LAST_ADMIN
    assert await one_left.decide(bea, change.id, approve=False) is not RolesRefused.LAST_ADMIN
    assert await roles_of(office, "ada") == {R.ADMIN}


async def test_of_two_admins_who_take_each_other_away_at_once_one_stays(office: Stage) -> None:
    processes = [changes_of(office, ADA, BEA) for _ in range(2)]
    for one in processes:
        await one.people.refresh()
    ada, bea = present(office, ADA), present(office, BEA)
    done = await asyncio.gather(
        processes[0].take_away(ada, "bea", "0-admin-agent"), processes[1].take_away(bea, "ada", "0-admin")
    )
    assert sum(isinstance(one, RolesRefused) for one in done) == 1
    assert sum([R.ADMIN in await roles_of(office, member) for member in ("ada", "bea")]) == 1
    assert (await kinds(office)).count("staff_roles_taken_away") == 1

"""Staff console: the appointments of a day, who came and who did not, moving and cancelling."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Appointment, Channel, Contact, ContactMethod
from broker.assisted.case_states import CaseState
from broker.assisted.deadlines import CasePolicy
from broker.assisted.intake import Intake, Need
from broker.assisted.opening import WEEK, BusinessHours, ChannelSettings, Office
from broker.platform.system import System
from tests.support.system import FakeClock
from tests.unit.assisted.cases import walked
from tests.unit.web import staff as console
from tests.unit.web.staff import ADA, CARYS, RHYS, Ready, Stage, staged
from tests.unit.web.staff_forms import now

pytestmark = pytest.mark.store

HOURS = BusinessHours(WEEK, "00:00", "23:59")
OFFICES = (
    Office("central", {"en": "Central library"}, "1 High Street", HOURS, 2, 3600),
    Office("north", {"en": "North hall"}, "2 Mill Lane", HOURS, 1, 3600),
)
POLICY = CasePolicy(
    random_review=0.0,
    offices=OFFICES,
    hours=HOURS,
    channels={Channel.VIDEO: ChannelSettings(hours=HOURS, appointments=1, slot=3600)},
)
HOUR = 3600


@pytest.fixture
def clock() -> FakeClock:
    """A clock that the test moves."""
    return FakeClock()


@pytest.fixture
async def stage(
    console_ready: Ready, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    """The console of a centre with two offices."""
    monkeypatch.setattr(console, "TERMS", POLICY)
    drawn = iter(range(10**6))
    system = System(now=clock.now, random_bytes=lambda n: next(drawn).to_bytes(8).rjust(n, b"r")[-n:])
    async with staged(console_ready, tmp_path, system) as opened:
        yield opened


async def booked(stage: Stage, begins: float, place: str = "central", room: int = 0) -> Case:
    """A stored case with an appointment."""
    channel = Channel.IN_PERSON if place in ("central", "north") else Channel.VIDEO
    case = await stage.case()
    asked = ev.Changed(
        Contact(ContactMethod.EMAIL, "ada@example.org"),
        channel,
        case.safety,
        (),
        None,
        Intake(needs=(Need.HEARING,), name="Ada Marchetti"),
    )
    made = Appointment(f"b-{case.id}", place, room, begins, begins + HOUR)
    after = walked(asked, ev.Scheduled(made), case=case, now=stage.system.now())
    after = replace(after, version=2)
    assert await stage.facts.cases.save(after, ())
    return after


async def test_the_list_of_a_day_shows_times_and_needs_and_nobody_s_name(stage: Stage, clock: FakeClock) -> None:
    begins = clock.now() + HOUR
    case = await booked(stage, begins, room=1)
    await booked(stage, begins, "north")
    agent = await stage.sign_in(CARYS)
    page = (await agent.get("/appointments")).text
    assert "Central library" in page
    assert "09:00" in page
    assert "I do not hear well" in page
    for personal in ("Marchetti", "ada@example.org"):
        assert personal not in page
    assert f"/appointments/{case.id}/times" in page
    assert page.count("Has an appointment") == 1
    other = (await agent.get("/appointments?place=north&day=2027-01-15")).text
    assert other.count("Has an appointment") == 1
    assert "No appointment on this day." in (await agent.get("/appointments?place=north&day=2027-01-16")).text


async def test_who_does_not_work_with_cases_sees_no_appointments(stage: Stage, clock: FakeClock) -> None:
    case = await booked(stage, clock.now() + HOUR)
    admin = await stage.sign_in(ADA)
    for path in ("/appointments", f"/appointments/{case.id}/times"):
        assert (await admin.get(path)).status_code == 403
    for path in ("no-show", "cancel", "walk-in", "move", "take"):
        form = {"edition": str(case.edit_version), "time": "central:1"}
        answer = await admin.send(f"/appointments/{case.id}/{path}", "/", form)
        assert (await now(stage, case)).version == case.version, answer.headers


async def test_a_citizen_who_does_not_come_is_recorded_only_once_it_has_begun(stage: Stage, clock: FakeClock) -> None:
    case = await booked(stage, clock.now() + HOUR)
    agent = await stage.sign_in(CARYS)
    assert "Did not come" not in (await agent.get("/appointments")).text
    early = await agent.send(f"/appointments/{case.id}/no-show", "/appointments")
    assert "problem=not_now" in early.headers["location"]
    clock.advance(HOUR + 60)
    agent = await stage.sign_in(CARYS)
    page = (await agent.get("/appointments")).text
    assert "Did not come" in page
    done = await agent.send(f"/appointments/{case.id}/no-show", "/appointments")
    assert "told=no_show" in done.headers["location"]
    after = await now(stage, case)
    assert (after.state, after.missed) == (CaseState.REQUESTED, 1)
    assert after.history[-1].who == CARYS.id
    again = await agent.send(f"/appointments/{case.id}/no-show", "/appointments", {"edition": str(after.edit_version)})
    assert "problem=not_now" in again.headers["location"]


async def test_a_citizen_who_comes_by_waits_in_line(stage: Stage, clock: FakeClock) -> None:
    case = await booked(stage, clock.now() + HOUR)
    agent = await stage.sign_in(CARYS)
    done = await agent.send("/appointments/walk-in", "/appointments", {"reference": case.reference.lower()})
    assert done.headers["location"] == "/appointments?told=in_line"
    assert (await now(stage, case)).state is CaseState.QUEUED
    unknown = await agent.send("/appointments/walk-in", "/appointments", {"reference": "BCDF9999"})
    assert unknown.headers["location"] == "/appointments?problem=reference"
    assert (await agent.send("/next", "/")).headers["location"] == f"/cases/{case.id}"


async def test_an_agent_takes_the_case_whose_time_has_come_and_no_other(stage: Stage, clock: FakeClock) -> None:
    case = await booked(stage, clock.now() + HOUR)
    other = await booked(stage, clock.now() + HOUR, room=1)
    await stage.case()
    agent, lead = await stage.sign_in(CARYS), await stage.sign_in(RHYS)
    path = f"/appointments/{case.id}/take"
    assert "Take this case" not in (await agent.get("/appointments")).text
    early = await agent.send(path, "/appointments", {"edition": str(case.edit_version)})
    assert (await now(stage, case)).version == case.version, early.headers
    clock.advance(HOUR + 1)
    agent, lead = await stage.sign_in(CARYS), await stage.sign_in(RHYS)
    page = (await agent.get("/appointments")).text
    assert page.count("Take this case") == 2
    assert "Take this case" not in (await lead.get("/appointments")).text
    edition = {"edition": str((await now(stage, case)).edit_version)}
    assert (await lead.send(path, "/appointments", edition)).status_code == 403
    taken = await agent.send(path, "/appointments", edition)
    assert taken.headers["location"] == f"/cases/{case.id}"
    assert (await now(stage, case)).agent == CARYS.id
    edition = {"edition": str((await now(stage, other)).edit_version)}
    full = await agent.send(f"/appointments/{other.id}/take", "/appointments", edition)
    assert full.headers["location"] == "/appointments?problem=full"
    assert (await now(stage, other)).state is CaseState.QUEUED


async def test_a_case_without_an_appointment_is_not_taken_out_of_turn(stage: Stage) -> None:
    case = await stage.case()
    agent = await stage.sign_in(CARYS)
    form = {"edition": str(case.edit_version)}
    answer = await agent.send(f"/appointments/{case.id}/take", "/appointments", form)
    assert answer.headers["location"] == "/appointments?problem=not_now"
    assert await now(stage, case) == case


async def test_an_appointment_is_moved_to_a_free_time_and_cancelled(stage: Stage, clock: FakeClock) -> None:
    case = await booked(stage, clock.now() + 5 * HOUR, "north")
    other = await booked(stage, clock.now() + 6 * HOUR, "north")
    lead = await stage.sign_in(RHYS)
    found = await lead.send("/appointments/find", "/appointments", {"reference": case.reference})
    times = f"/appointments/{case.id}/times"
    assert found.headers["location"] == f"{times}?reference={case.reference}"
    free = re.findall(r'value="(north:\d+)"', (await lead.get(times)).text)
    assert f"north:{int(clock.now() + 6 * HOUR)}" not in free
    path = f"/appointments/{case.id}/move"
    taken = await lead.send(path, times, {"time": f"north:{int(clock.now() + 6 * HOUR)}"})
    assert taken.headers["location"] == f"{times}?problem=slot_taken"
    assert (await lead.send(path, times, {"time": "north:x"})).headers["location"] == f"{times}?problem=choice"
    moved = await lead.send(path, times, {"time": free[-1]})
    assert "told=slot_made" in moved.headers["location"]
    after = await now(stage, case)
    assert after.appointment is not None
    assert f"north:{int(after.appointment.begins)}" == free[-1]
    stale = await lead.send(f"/appointments/{other.id}/cancel", "/appointments", {"edition": "1"})
    assert "problem=not_now" in stale.headers["location"]
    done = await lead.send(
        f"/appointments/{other.id}/cancel", "/appointments", {"edition": str(other.edit_version), "place": "north"}
    )
    assert done.headers["location"] == "/appointments?told=slot_cancelled&place=north"
    assert (await now(stage, other)).state is CaseState.REQUESTED


async def test_times_of_a_case_are_shown_to_who_was_told_its_reference_and_not_by_its_id_alone(
    stage: Stage, clock: FakeClock
) -> None:
    case, agent = await stage.case(), await stage.sign_in(CARYS)
    times, path = f"/appointments/{case.id}/times", f"/appointments/{case.id}/move"
    wrong = {"time": f"central:{int(clock.now() + 24 * HOUR)}", "edition": str(case.edit_version)}
    for said in ("", "?reference=BCDF9999"):
        refused = await agent.get(f"{times}{said}")
        assert (refused.status_code, refused.headers["location"]) == (303, "/appointments?problem=reference")
        assert case.reference not in refused.text
    for form in (wrong, wrong | {"reference": "BCDF9999"}):
        answer = await agent.send(path, "/appointments", form)
        assert answer.headers["location"] == "/appointments?problem=not_now"
    assert await now(stage, case) == case
    found = await agent.send("/appointments/find", "/appointments", {"reference": case.reference})
    assert found.headers["location"] == f"{times}?reference={case.reference}"
    page = (await agent.get(found.headers["location"])).text
    assert f'name="reference" value="{case.reference}"' in page
    free = re.findall(r'value="(\w+:\d+)"', page)
    told = {"time": free[0], "edition": str(case.edit_version), "reference": case.reference}
    assert "told=slot_made" in (await agent.send(path, "/appointments", told)).headers["location"]
    assert (await now(stage, case)).state is CaseState.SCHEDULED


async def test_a_form_without_its_token_changes_nothing(stage: Stage, clock: FakeClock) -> None:
    case = await booked(stage, clock.now() + HOUR)
    agent = await stage.sign_in(CARYS)
    for verb in ("no-show", "cancel", "walk-in", "move", "take"):
        answer = await agent.send(f"/appointments/{case.id}/{verb}", "/appointments", token="forged")
        assert "problem=again" in answer.headers["location"]
    for path in ("/appointments/walk-in", "/appointments/find"):
        answer = await agent.send(path, "/appointments", {"reference": case.reference}, token="forged")
        assert answer.headers["location"] == "/appointments?problem=again"
    assert await now(stage, case) == case

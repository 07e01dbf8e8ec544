"""A citizen asks, changes, waits and takes an appointment: pages over the real actions and database."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path

import httpx
import icalendar
import pytest
from starlette.types import ASGIApp

from broker.actions.appointments import staff as desk
from broker.actions.assisted.citizen import CitizenCases
from broker.actions.assisted.expiry import expire_due_cases
from broker.actions.assisted.reports import Reports, count_new
from broker.actions.assisted.staff_results import CaseRef
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Contact, ContactMethod
from broker.assisted.case_states import CaseState
from broker.assisted.deadlines import CasePolicy
from broker.assisted.intake import Intake, Need, Times
from broker.assisted.opening import DAY, BusinessHours, ChannelSettings, Office
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.notification import NotificationKind
from broker.model.own_rights import DeskLocation
from broker.web import citizens, public
from broker.web.middleware import guarded
from broker.web.shared import csrf
from broker.web.shared.fast_router import fast_router
from broker.web.shared.not_found import NotFoundHandler
from broker.web.shared.pages import PageRenderer
from tests.support.system import FakeClock
from tests.unit.actions.assisted.case_harness import ANN, ME, Stage, staged
from tests.unit.web.citizen_pages import ISSUER, marks
from tests.unit.web.staff import Ready

pytestmark = pytest.mark.store

HOURS = BusinessHours(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), time_zone="Europe/London")
POLICY = CasePolicy(
    random_review=0.0,
    hours=HOURS,
    offices=(
        Office("central", {"en": "Central library", "cy": "Llyfrgell ganolog"}, "1 High Street, Ardle", HOURS, 1, 3600),
        Office("north", {"en": "North hall"}, "2 Mill Lane, Ardle", HOURS, 1, 3600),
    ),
    channels={Channel.VIDEO: ChannelSettings(hours=HOURS, appointments=1, slot=1800)},
)
ASK = {"channel": "video", "way": "email", "email": "ada@example.org"}


@dataclass(frozen=True, slots=True)
class Citizen:
    """A citizen at the pages of one transaction."""

    stage: Stage
    cases: CitizenCases
    app: ASGIApp
    handle: str

    @property
    def base(self) -> str:
        """The path of the transaction's page."""
        return f"/journey/{self.handle}"

    async def get(self, path: str = "", **headers: str) -> httpx.Response:
        """Requests a page of the transaction."""
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=ISSUER) as browser:
            return await browser.get(self.base + path, headers={**_cookie(), **headers})

    async def text(self, path: str = "") -> str:
        """The words of a page."""
        html = (await self.get(path)).text.partition("<main")[2]
        return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)))

    async def post(self, path: str, **fields: str) -> httpx.Response:
        """Sends a form of the transaction."""
        fields = {"token": csrf.token(marks(), ME.secrets, self.handle), **fields}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=ISSUER) as browser:
            return await browser.post(self.base + path, data=fields, headers=_cookie())

    async def case(self) -> Case:
        """The case as it is stored."""
        return await self.stage.case(self.handle)

    async def times(self, query: str = "") -> list[str]:
        """The free times that the page of appointments shows."""
        return re.findall(r'name="begins" value="(\d+)"', (await self.get(f"/appointment{query}")).text)


def _cookie() -> Mapping[str, str]:
    return {"cookie": f"__Host-portico-browser={ME.secrets[0]}"}


@pytest.fixture
async def stage(console_ready: Ready, tmp_path: Path) -> AsyncIterator[Stage]:
    """A broker whose only way is help from a person."""
    async with staged(console_ready.database, tmp_path, FakeClock()) as opened:
        context = replace(opened.context, rules=replace(opened.context.rules, policy=POLICY))
        yield replace(opened, context=context, citizen_cases=replace(opened.citizen_cases, context=context))


COUNTER = DeskLocation(
    "quay", {"en": "Harbour post office", "ar": "بريد الميناء"}, "3 Quay, Ardle", {"en": "Every day, 7:00 to 20:00"}
)


HILL = replace(COUNTER, id="hill", names={"en": "Hill post office"}, areas=("Brynmawr", "HL1"))
COUNTERS = [COUNTER, HILL]


async def comes(stage: Stage, written: PageRenderer, level: Level = Level.SUBSTANTIAL) -> Citizen:
    """A citizen who may ask for a person."""
    cases = stage.citizen_cases
    context, system = cases.sign_in_context, stage.context.system
    app = citizens.CitizenApp(context, cases, written, marks(), system, counters=lambda: COUNTERS)
    inner = fast_router(citizens.citizen_routes(app), public.handlers(written), NotFoundHandler(ISSUER, ()))
    return Citizen(stage, cases, guarded(inner, stage.context.system), await stage.arrives(level))


@pytest.fixture
async def citizen(stage: Stage, written: PageRenderer) -> Citizen:
    """A citizen who may ask for a person."""
    return await comes(stage, written)


# --- the ways ---


async def test_each_way_says_what_it_needs_when_it_is_open_where_and_how_long_one_waits(citizen: Citizen) -> None:
    text = await citizen.text("/help")
    assert "By video You need a device with a camera, and a document with your picture." in text
    assert re.search(r"(Open now, until|Closed now\. Opens at) ", text)
    assert "We cannot say yet how long you wait." in text
    assert "Central library , 1 High Street, Ardle . Monday to Sunday, 09:00 to 17:00." in text
    assert "On the telephone we do not see you or your documents, and this service needs that." in text
    assert "Counters where you can go without an appointment" in text
    assert "Harbour post office , 3 Quay, Ardle . Every day, 7:00 to 20:00." in text


async def test_counters_of_the_place_that_a_citizen_types_come_first_and_what_was_typed_stays(citizen: Citizen) -> None:
    def order(text: str) -> list[str]:
        return re.findall(r"(Harbour|Hill) post office", text)

    assert order(await citizen.text("/help")) == ["Harbour", "Hill"]
    typed = {"channel": "video", "way": "email", "address": "", "email": "ada@x.test"}
    for form, said in (
        ({"do": "near", "near": "hl1 2ab"}, "Counters that name this place come first."),
        ({"near": "BRYNMAWR", "near_shown": ""}, "Counters that name this place come first."),
    ):
        answer = await citizen.post("/help", **{**typed, "way": "", **form})
        assert (answer.status_code, "ada@x.test" in answer.text) == (200, True)
        assert order(answer.text) == ["Hill", "Harbour"]
        assert said in answer.text
        assert "Error:" not in answer.text
    nowhere = await citizen.post("/help", **{**typed, "do": "near", "near": "Atlantis"})
    assert order(nowhere.text) == ["Harbour", "Hill"]
    assert "No counter names this place. Here are all of them." in nowhere.text
    shown = {"near": "hl1", "near_shown": "hl1"}
    assert (await citizen.post("/help", **{**typed, "way": "", **shown})).status_code == 422


async def test_a_wait_is_told_once_twenty_cases_were_measured(citizen: Citizen) -> None:
    now, rows = citizen.stage.clock.now(), []
    for number in range(20):
        details = {"reason": "", "channel": "video", "language": "en", "role": "agent"}
        for kind, at, source, target in (
            ("readied", now - 4000, "requested", "queued"),
            ("session_started", now - 3000, "claimed", "in_session"),
        ):
            moved = {**details, "from": source, "to": target}
            rows.append(AuditEvent(f"case_{kind}", at, "x", case=f"past-{number}", details=moved))
    await citizen.stage.facts.audit.write(rows)
    await citizen.stage.facts.audit_chain.seal_once()
    await count_new(Reports(citizen.stage.facts.measures, citizen.stage.context.system))
    assert "Half of the people waited less than 20 minutes, in the last four weeks." in await citizen.text("/help")
    await citizen.post("/help", **ASK)
    text = await citizen.text()
    assert "You are the next in line." in text
    assert "Half of the people who waited as long as you were helped within 20 minutes." in text


# --- asking ---


async def test_everything_that_was_said_is_kept_and_shown_with_masked_addresses(citizen: Citizen) -> None:
    said = {"called": " Ada\u202e ", "helper": "My sister", "speak": "cy", "need_hearing": "1", "time_morning": "1"}
    asked = await citizen.post("/help", **ASK, **said, doc_passport="1", doc_spaceship="1", second="07700 900982")
    assert asked.headers["location"] == citizen.base
    case = await citizen.case()
    assert case.intake == Intake((Times.MORNING,), "cy", (Need.HEARING,), ("passport",), "My sister", "Ada")
    assert case.second_contact == Contact(ContactMethod.PHONE, "+447700900982")
    assert len(case.fingerprints) == 2
    text = await citizen.text()
    for shown in ("a…@example.org", "…982", "Ada", "My sister", "I do not hear well", "In the morning", "By video"):
        assert shown in text
    assert "ada@example.org" not in text


async def test_a_request_is_acknowledged_at_once_unless_that_is_unsafe(stage: Stage, written: PageRenderer) -> None:
    kinds = []
    for unsafe in ({}, {"unsafe": "1"}):
        citizen = await comes(stage, written)
        await citizen.post("/help", **ASK, **unsafe)
        case, now = await citizen.case(), stage.clock.now()
        sent = await stage.facts.notices.lane(ContactMethod.EMAIL).claim(now, now, 100)
        kinds.append([one.kind for one in sent if one.case == case.id])
    assert kinds == [[NotificationKind.ASKED], []]


@pytest.mark.parametrize(
    ("wrong", "at"),
    [
        ({"email": "ada"}, "#email"),
        ({"way": "phone", "phone": "12"}, "#phone"),
        ({"way": ""}, "#way-email"),
        ({"channel": "phone", "second": "nonsense"}, "#second"),
        ({"channel": ""}, "#channel"),
        ({"second": "ada@example.org"}, "#second"),
    ],
)
async def test_nothing_that_was_typed_is_lost_at_an_error(citizen: Citizen, wrong: dict[str, str], at: str) -> None:
    said = {"called": "Ada <b>", "helper": "Ben", "need_interpreter": "1", "doc_passport": "1", "company": "1"}
    answer = await citizen.post("/help", **{**ASK, **said, **wrong})
    assert answer.status_code == 422
    assert f'href="{at}"' in answer.text
    assert 'value="Ada &lt;b&gt;"' in answer.text
    assert 'value="Ben"' in answer.text
    for ticked in ("need_interpreter", "doc_passport", "company"):
        assert re.search(rf'id="{ticked}" name="{ticked}" value="1" checked', answer.text), ticked


async def test_a_language_switch_keeps_what_was_typed(citizen: Citizen) -> None:
    answer = await citizen.post("/help", **ASK, called="Ada", need_hearing="1", language="cy")
    assert answer.status_code == 200
    assert "Beth ddylem eich galw?" in answer.text
    assert 'value="Ada"' in answer.text
    assert 'name="need_hearing" value="1" checked' in answer.text


# --- changing ---


async def test_what_was_asked_for_is_changed_without_losing_the_place_in_line(citizen: Citizen) -> None:
    await citizen.post("/help", **ASK, called="Ada", second="07700 900982")
    before = await citizen.case()
    form = (await citizen.get("/change")).text
    assert 'value="Ada"' in form
    assert "ada@example.org" not in form
    citizen.stage.clock.advance(60)
    changed = await citizen.post("/change", channel="video", way="email", email="", called="Ada M", need_hearing="1")
    assert changed.headers["location"] == citizen.base
    after = await citizen.case()
    assert (after.contact, after.second_contact, after.queued) == (
        before.contact,
        before.second_contact,
        before.queued,
    )
    assert (after.intake.name, after.intake.needs) == ("Ada M", (Need.HEARING,))
    await citizen.post("/change", channel="video", way="phone", phone="07700 900123")
    assert (await citizen.case()).contact == Contact(ContactMethod.PHONE, "+447700900123")
    wrong = await citizen.post("/change", channel="video", way="phone", phone="nonsense", called="Kept")
    assert wrong.status_code == 422
    assert 'value="Kept"' in wrong.text


async def test_nothing_is_changed_once_a_member_of_staff_has_the_case(citizen: Citizen) -> None:
    await citizen.post("/help", **ASK)
    await citizen.stage.console.next_case(citizen.stage.present(ANN))
    before = await citizen.case()
    assert before.state is CaseState.CLAIMED
    assert (await citizen.get("/change")).headers["location"] == f"{citizen.base}?problem=not_now"
    answer = await citizen.post("/change", **ASK, called="Late")
    assert answer.headers["location"] == f"{citizen.base}?problem=not_now"
    assert await citizen.case() == before


async def test_taking_the_request_back_asks_first(citizen: Citizen) -> None:
    await citizen.post("/help", **ASK)
    page = await citizen.text()
    assert "Take it back" in page
    assert 'action="' + citizen.base + '/withdraw"' not in (await citizen.get()).text
    assert "You lose your place in line." in await citizen.text("/withdraw")
    before = await citizen.case()
    assert before.open
    await citizen.post("/withdraw")
    case = await citizen.stage.facts.cases.load(before.id)
    assert case is not None
    assert (case.state, case.erased) == (CaseState.WITHDRAWN, True)
    assert (await citizen.get("/withdraw")).headers["location"] == citizen.base


# --- appointments ---


async def test_a_citizen_takes_moves_and_cancels_an_appointment_at_an_office(citizen: Citizen) -> None:
    await citizen.post("/help", **{**ASK, "channel": "in_person"})
    assert (await citizen.case()).state is CaseState.REQUESTED
    text = await citizen.text()
    assert "Choose when you come" in text
    assert "I am ready to talk to somebody" not in text
    first, second, *_ = await citizen.times("?place=north")
    assert (await citizen.post("/appointment", place="north", begins=first)).headers["location"] == citizen.base
    case = await citizen.case()
    assert case.appointment is not None
    assert (case.state, case.appointment.place, case.appointment.begins) == (
        CaseState.SCHEDULED,
        "north",
        float(first),
    )
    text = await citizen.text()
    assert "You have an appointment" in text
    assert "North hall, 2 Mill Lane, Ardle" in text
    assert "We remind you a day and an hour before." in text
    await citizen.post("/appointment", place="north", begins=second)
    now = citizen.stage.clock.now()
    assert [one.begins for one in await citizen.stage.facts.bookings.live("north", now, now + 30 * DAY)] == [
        float(second)
    ]
    assert "is given to somebody else" in await citizen.text("/withdraw")
    await citizen.post("/appointment/cancel")
    case = await citizen.case()
    assert (case.state, case.appointment) == (CaseState.REQUESTED, None)
    assert first in await citizen.times("?place=north")
    kinds = [one.kind for one in await citizen.stage.sent()]
    assert kinds == [NotificationKind.SCHEDULED] * 2


async def test_of_two_citizens_who_take_the_last_room_one_is_asked_to_choose_again(
    stage: Stage, written: PageRenderer
) -> None:
    two = [await comes(stage, written) for _ in range(2)]
    for citizen in two:
        await citizen.post("/help", **ASK)
    begins = (await two[0].times())[0]
    answers = [await citizen.post("/appointment", place="video", begins=begins) for citizen in two]
    assert [answer.headers["location"] for answer in answers] == [
        two[0].base,
        f"{two[1].base}/appointment?problem=slot_taken",
    ]
    assert begins not in await two[1].times("?problem=slot_taken")
    assert "Somebody else has just taken this time." in await two[1].text("/appointment?problem=slot_taken")
    assert (await two[1].case()).state is CaseState.QUEUED


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "time"),
        ({"begins": "soon"}, "time"),
        ({"begins": "9" * 30}, "time"),
        ({"place": "video", "begins": "1"}, "slot_taken"),
        ({"place": "video", "begins": "99999999999"}, "slot_taken"),
        ({"place": "central"}, "slot_taken"),
        ({"place": "../etc"}, "slot_taken"),
    ],
)
async def test_a_time_that_is_not_offered_is_not_taken(citizen: Citizen, fields: dict[str, str], problem: str) -> None:
    await citizen.post("/help", **ASK)
    begins = (await citizen.times())[0]
    sent = {"begins": begins, **fields} if "place" in fields else fields
    answer = await citizen.post("/appointment", **sent)
    assert answer.headers["location"] == f"{citizen.base}/appointment?problem={problem}"
    assert (await citizen.case()).state is CaseState.QUEUED


async def test_another_browser_sees_and_takes_nothing(citizen: Citizen) -> None:
    await citizen.post("/help", **ASK)
    before = await citizen.case()
    for path in ("/change", "/appointment", "/appointment.ics", "/withdraw"):
        answer = await citizen.get(path, cookie="__Host-portico-browser=another-secret")
        assert answer.headers.get("location", citizen.base).startswith(citizen.base), path
        assert "a…@example.org" not in answer.text
    for path in ("/change", "/appointment", "/appointment/cancel"):
        answer = await citizen.post(path, token="forged", **ASK)
        assert "problem=again" in answer.headers["location"]
    assert await citizen.case() == before


async def test_the_calendar_file_grows_with_each_move(citizen: Citizen) -> None:
    await citizen.post("/help", **ASK)
    assert (await citizen.get("/appointment.ics")).headers["location"] == citizen.base
    entries = []
    for number in (0, 3):
        begins = (await citizen.times())[number]
        await citizen.post("/appointment", place="video", begins=begins)
        answer = await citizen.get("/appointment.ics")
        assert answer.headers["content-type"].startswith("text/calendar")
        [entry] = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
        entries.append(entry)
        assert entry.decoded("dtstart").timestamp() == float(begins)
    assert entries[0]["uid"] == entries[1]["uid"]
    assert [int(entry["sequence"]) for entry in entries] == [1, 2]
    assert "By video" not in str(entries[0]["summary"])


async def test_a_citizen_is_reminded_twice_and_is_in_line_when_it_begins(citizen: Citizen) -> None:
    await citizen.post("/help", **ASK)
    begins = float((await citizen.times("?place=video&day=2027-01-19"))[-1])
    await citizen.post("/appointment", place="video", begins=str(int(begins)))
    seen = {one.id for one in await citizen.stage.sent()}
    await citizen.stage.prolongs(citizen.handle)
    clock, told = citizen.stage.clock, []
    for moment in (begins - DAY - 60, begins - DAY + 60, begins - 3600, begins - 1800, begins):
        clock.advance(moment - clock.now())
        await expire_due_cases(citizen.stage.context)
        new = [one for one in await citizen.stage.sent() if one.id not in seen]
        told.append([(one.kind, one.expires) for one in new])
        seen |= {one.id for one in new}
    reminder = [(NotificationKind.REMINDER, begins)]
    assert told == [[], reminder, reminder, [], []]
    assert (await citizen.case()).state is CaseState.QUEUED


async def test_a_citizen_who_did_not_come_is_told_and_chooses_again(citizen: Citizen) -> None:
    await citizen.post("/help", **ASK)
    begins = (await citizen.times())[0]
    await citizen.post("/appointment", place="video", begins=begins)
    seen = {one.id for one in await citizen.stage.sent()}
    clock = citizen.stage.clock
    clock.advance(float(begins) + 900 - clock.now())
    await expire_due_cases(citizen.stage.context)
    case = await citizen.case()
    await desk.no_show(citizen.stage.context, citizen.stage.present(ANN), CaseRef(case.id, case.edit_version))
    told = [one.kind for one in await citizen.stage.sent() if one.id not in seen]
    assert told == [NotificationKind.MISSED]
    after = await citizen.case()
    assert (after.state, after.missed) == (CaseState.REQUESTED, 1)
